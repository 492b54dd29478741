"""Batch-norm re-estimation after quantising, in a network whose batch norms are folded.

Rounded weights shift and stretch what a layer gives; a batch norm with the statistics of the rounded network
would take that back. With the norm folded in, the same is a factor and an offset a channel: the factor goes
into weights and their scales (the integers stay), the offset into the bias. The aim is mean and deviation of
the float network on the same images, which is what its batch norms were for, and holds as well where they
were frozen and have never seen these images.

It also shifts biases, so it must not be joined with AdaRound, which has settled them already.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nas.quantise.images import CalibrationImages
from nas.quantise.network import QuantNetwork, Step

_LARGEST_FACTOR = 2.0
_DEAD = 1e-6
"""A channel with less variance tells nothing about its factor."""


class _Statistics:
    """Mean and variance a channel, averaged over batches."""

    def __init__(self) -> None:
        self.means: dict[int, list[Tensor]] = {}
        self.variances: dict[int, list[Tensor]] = {}

    def add(self, layer: int, values: Tensor) -> tuple[Tensor, Tensor]:
        variance, mean = torch.var_mean(values, dim=(0, 2, 3))
        self.means.setdefault(layer, []).append(mean)
        self.variances.setdefault(layer, []).append(variance)
        return mean, variance

    def of(self, layer: int) -> tuple[Tensor, Tensor]:
        return torch.stack(self.means[layer]).mean(dim=0), torch.stack(self.variances[layer]).mean(dim=0)


@torch.no_grad()
def reestimate_statistics(network: QuantNetwork, reference: QuantNetwork, images: CalibrationImages) -> None:
    """Gives every layer that had a batch norm the mean and deviation of the float network, in place.

    One pass: within a batch every layer already reads what corrected layers before it give, as batch norm
    in training does.

    Args:
        network: Quantised.
        reference: The float network of the same weights.
        images: Training images.
    """
    network.eval()
    wanted, found = _Statistics(), _Statistics()

    def watch(step: Step, inputs: Sequence[Tensor]) -> Tensor:
        values = reference.begin(step, inputs)
        if _is_normed(reference, step):
            wanted.add(step.layer, values)
        return reference.finish(step, values)

    def correct(step: Step, inputs: Sequence[Tensor]) -> Tensor:
        values = network.begin(step, inputs)
        if _is_normed(network, step):
            mean, variance = found.add(step.layer, values)
            target, spread = wanted.means[step.layer][-1], wanted.variances[step.layer][-1]
            factor = _factor(spread, variance)
            values = (values - _wide(mean)) * _wide(factor) + _wide(target)
        return network.rounded(step.writes, network.finish(step, values))

    for x in images.batches():
        for _ in reference.walk(x, watch):
            pass
        for _ in network.walk(x, correct):
            pass
    for number in found.means:
        layer = network.layers[number]
        (mean, variance), (target, spread) = found.of(number), wanted.of(number)
        factor = _factor(spread, variance)
        layer.weight.mul_(factor.view(-1, 1, 1, 1))
        layer.scale.mul_(factor)
        layer.bias.copy_(target + (layer.bias - mean) * factor)
    network.settle()


def _is_normed(network: QuantNetwork, step: Step) -> bool:
    return step.layer >= 0 and network.layers[step.layer].normed


def _factor(wanted: Tensor, found: Tensor) -> Tensor:
    factor = (wanted / found.clamp_min(_DEAD)).sqrt().clamp(1 / _LARGEST_FACTOR, _LARGEST_FACTOR)
    return torch.where((wanted > _DEAD) & (found > _DEAD), factor, torch.ones_like(factor))


def _wide(channels: Tensor) -> Tensor:
    return channels.view(1, -1, 1, 1)
