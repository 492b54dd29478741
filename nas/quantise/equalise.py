"""Cross-layer equalisation: channels of neighbouring layers share their ranges (Nagel et al. 2019, DFQ).

Dividing what a layer gives by s and multiplying the weights that read it by s changes nothing, where what
lies between is positively homogeneous: f(s x) = s f(x) for s > 0. ReLU is, an average is. ReLU6 is not, and
becomes ReLU where two layers are equalised across it: DFQ does so everywhere. Networks that were trained to
lean on the 6 lose by that, so here a layer that is clipped often keeps its ReLU6 and is left alone. Swish and
gates are not homogeneous either, and no pair is made there.

With r the largest weights of a channel, s = sqrt(r1 r2) / r2; for a layer, a depthwise one and a third, of
which the middle one is both, s12 = r1 / cbrt(r1 r2 r3) and s23 = cbrt(r1 r2 r3) / r3.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from nas.quantise.calibrate import Histograms
from nas.quantise.layers import Layer
from nas.quantise.network import QuantNetwork, Step

_SWEEPS = 5
"""Pairs overlap, so that one changes the ranges of the next; DFQ goes on until nothing changes."""

_LARGEST_FACTOR = 100.0

MOST_CLIPPED = 1e-3
"""Share of values at 6 up to which a ReLU6 may become a ReLU."""


@dataclass(frozen=True)
class Equalised:
    """What was done.

    Attributes:
        pairs: Neighbouring layers equalised.
        triples: The same with a depthwise layer between.
        relu6_replaced: Layers whose ReLU6 became ReLU.
        skipped: Why others were left, a sentence each; the same sentence once.
    """

    pairs: int
    triples: int
    relu6_replaced: int
    skipped: tuple[str, ...]


@torch.no_grad()
def equalise(
    network: QuantNetwork, histograms: Histograms | None = None, most_clipped: float = MOST_CLIPPED
) -> Equalised:
    """Equalises a float network in place; ranges and scales have to be chosen anew.

    Args:
        network: A folded network that is not simulated yet.
        histograms: Of the network; they tell where ReLU6 clips. None takes every ReLU6, as DFQ.
        most_clipped: Share of a layer's values at 6 up to which its ReLU6 is given up.
    """
    kept = set() if histograms is None else _often_clipped(network, histograms, most_clipped)
    chains, skipped = _chains(network, kept)
    replaced = {
        number for chain in chains for number in chain[:-1] if network.layers[number].activation == "relu6"
    }
    for number in replaced:
        network.layers[number].activation = "relu"
    for _ in range(_SWEEPS if chains else 0):
        for chain in chains:
            layers = [network.layers[number] for number in chain]
            if len(layers) == 2:
                _equalise_pair(layers[0], layers[1])
            else:
                _equalise_triple(layers[0], layers[1], layers[2])
    triples = sum(len(chain) == 3 for chain in chains)
    return Equalised(len(chains) - triples, triples, len(replaced), tuple(dict.fromkeys(skipped)))


def _often_clipped(network: QuantNetwork, histograms: Histograms, most: float) -> set[int]:
    """Returns the layers with a ReLU6 that clips more than this share of their values."""
    return {
        step.layer
        for step, layer in network.layer_steps()
        if layer.activation == "relu6" and histograms.share_at_top(step.writes, 6.0) > most
    }


def _chains(network: QuantNetwork, kept: set[int]) -> tuple[list[tuple[int, ...]], list[str]]:
    """Returns pairs and triples of positions in `network.layers`, and why others were skipped."""
    follower: dict[int, int] = {}
    skipped: list[str] = []
    for step, _layer in network.layer_steps():
        if step.layer in kept:
            skipped.append("Layers whose ReLU6 clips often were left: with ReLU they say something else.")
            continue
        found = _follower(network, step)
        if isinstance(found, int):
            follower[step.layer] = found
        elif found:
            skipped.append(found)
    chains: list[tuple[int, ...]] = []
    within: set[tuple[int, int]] = set()
    for first, second in follower.items():
        if network.layers[second].is_depthwise and second in follower:
            chains.append((first, second, follower[second]))
            within |= {(first, second), (second, follower[second])}
    chains += [pair for pair in follower.items() if pair not in within]
    return sorted(chains), skipped


def _follower(network: QuantNetwork, step: Step) -> int | str:
    """Returns the layer that alone reads what a layer gives, or why there is none; empty for the last."""
    readers = [other for other in network.steps if step.writes in other.reads]
    if len(readers) == 1 and readers[0].op == "pool":  # an average is homogeneous
        return _follower(network, readers[0])
    if not readers:
        return ""
    kinds = {reader.op for reader in readers}
    if "sigmoid" in kinds or "mul" in kinds:
        return (
            "Layers before a swish or a gate were left: a sigmoid is not positively homogeneous, "
            "so that its input cannot be scaled."
        )
    if len(readers) > 1 or "add" in kinds:
        return "Layers that end in a sum were left: all layers of the sum would need one scale."
    return readers[0].layer


def _equalise_pair(first: Layer, second: Layer) -> None:
    r1, r2 = _output_range(first), _input_range(second)
    _scale(first, second, torch.sqrt(r1 * r2) / r2)


def _equalise_triple(first: Layer, middle: Layer, last: Layer) -> None:
    r1, r2, r3 = _output_range(first), _output_range(middle), _input_range(last)
    root = (r1 * r2 * r3).pow(1 / 3)
    _scale(first, middle, r1 / root)
    _scale(middle, last, root / r3)


def _scale(first: Layer, second: Layer, s: Tensor) -> None:
    """Divides the outputs of `first` and multiplies the inputs of `second`."""
    usable = torch.isfinite(s) & (s > 0)  # a channel without weights stays
    s = torch.where(usable, s, torch.ones_like(s)).clamp(1 / _LARGEST_FACTOR, _LARGEST_FACTOR)
    first.weight.div_(s.view(-1, 1, 1, 1))
    first.bias.div_(s)
    second.weight.mul_(s.view(-1, 1, 1, 1) if second.is_depthwise else s.view(1, -1, 1, 1))


def _output_range(layer: Layer) -> Tensor:
    return layer.weight.flatten(1).abs().amax(dim=1)


def _input_range(layer: Layer) -> Tensor:
    if layer.is_depthwise:
        return _output_range(layer)
    return layer.weight.abs().amax(dim=(0, 2, 3))
