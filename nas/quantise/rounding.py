"""AdaRound: weights are rounded up or down so that layers, not weights, come out right (Nagel et al. 2020).

Layer by layer, on the inputs that the already quantised layers before it give, with the float network's
result as the aim: min ||f(W x) - f(V x')||^2 + lambda sum(1 - |2 h(a) - 1|^beta) with
V = s clamp(floor(W/s) + h(a)) and h(a) = clamp(1.2 sigmoid(a) - 0.1, 0, 1). Never
with bias correction or what works like it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from nas.events import ShouldStop
from nas.quantise.images import CalibrationImages
from nas.quantise.layers import Layer
from nas.quantise.network import IMAGE, QuantNetwork, Step

_STRETCH_HIGH, _STRETCH_LOW = 1.1, -0.1
_PIXELS_OF_A_STEP = 16 * 32 * 32
_LARGEST_BATCH = 32
_POLL_EVERY = 20


@dataclass(frozen=True)
class RoundingConfig:
    """How to round.

    Attributes:
        steps: Optimiser steps a layer; the paper takes 10,000 on a GPU.
        learning_rate: Adam's.
        weight: lambda, the price of being undecided.
        beta: First and last exponent; falls by a cosine.
        warm_start: Part of the steps without that price, in [0, 1).
        seconds: For all layers; those that come later get what is left, in equal parts. None for no limit.
        most_bytes: Of activations in memory; more images are not taken.
        seed: Seed of the batches.
    """

    steps: int = 700
    learning_rate: float = 0.02
    weight: float = 0.01
    beta: tuple[float, float] = (20.0, 2.0)
    warm_start: float = 0.2
    seconds: float | None = None
    most_bytes: float = 1.5e9
    seed: int = 0


@dataclass(frozen=True)
class Rounded:
    """What was done.

    Attributes:
        layers: Layers looked at.
        improved: Layers whose result came closer to the float network's than by rounding to the nearest.
        images: Images used.
        steps: Mean optimiser steps a layer.
        interrupted: True if the rest stayed rounded to the nearest.
    """

    layers: int
    improved: int
    images: int
    steps: float
    interrupted: bool


def round_adaptively(
    network: QuantNetwork,
    reference: QuantNetwork,
    images: CalibrationImages,
    config: RoundingConfig | None = None,
    *,
    on_progress: Callable[[float], None] = lambda fraction: None,
    should_stop: ShouldStop | None = None,
) -> Rounded:
    """Rounds all weights of a quantised network, in place; scales, ranges and biases stay.

    Args:
        network: Quantised, weights not rounded yet.
        reference: The float network of the same weights.
        images: Training images.
        config: How.
        on_progress: Takes the fraction done.
        should_stop: Polled between steps; what is left then stays rounded to the nearest.
    """
    return _Rounding(network.eval(), reference.eval(), images, config or RoundingConfig()).run(
        on_progress, should_stop or (lambda: False)
    )


class _Rounding:
    """State of one call: both networks' living tensors for all images, side by side."""

    def __init__(
        self,
        network: QuantNetwork,
        reference: QuantNetwork,
        images: CalibrationImages,
        config: RoundingConfig,
    ) -> None:
        self.network, self.reference, self.config = network, reference, config
        self.generator = torch.Generator().manual_seed(config.seed)
        self.n_images = min(len(images), max(8, int(config.most_bytes / _bytes_alive(network, images))))
        self.batch = images.batch_size
        x = images.first(self.n_images)
        self.float = {IMAGE: x}
        self.rounded = {IMAGE: network.rounded(IMAGE, x)}
        self.started = time.monotonic()
        self.taken: list[int] = []
        self.improved = 0

    def run(self, on_progress: Callable[[float], None], should_stop: ShouldStop) -> Rounded:
        total = len(self.network.layers)
        interrupted = False
        for step in self.network.steps:
            with torch.no_grad():
                wanted = self._all(self.reference, step, self.float)
            if step.layer >= 0 and not interrupted:
                interrupted = self._round_layer(step, wanted, should_stop)
                on_progress(len(self.taken) / total)
            if interrupted:
                break
            with torch.no_grad():
                self.rounded[step.writes] = self._all(self.network, step, self.rounded)
            self.float[step.writes] = wanted
            for tensor in self.network.frees(step):
                del self.float[tensor], self.rounded[tensor]
        mean = sum(self.taken) / max(1, len(self.taken))
        return Rounded(len(self.taken), self.improved, self.n_images, mean, interrupted)

    def _all(self, network: QuantNetwork, step: Step, alive: dict[int, Tensor]) -> Tensor:
        """Returns what a step writes for all images."""
        parts = [
            network.run(step, [alive[tensor][start : start + self.batch] for tensor in step.reads])
            for start in range(0, self.n_images, self.batch)
        ]
        return torch.cat(parts)

    def _round_layer(self, step: Step, wanted: Tensor, should_stop: ShouldStop) -> bool:
        """Rounds one layer; returns True if it was interrupted and left."""
        layer = self.network.layers[step.layer]
        with torch.no_grad():
            bias = self.network.weights_of(step)[1]
        seconds = None
        if self.config.seconds is not None:
            left = self.config.seconds - (time.monotonic() - self.started)
            seconds = max(0.0, left) / (len(self.network.layers) - len(self.taken))
        pairs = self.rounded[step.reads[0]], wanted
        task = _LayerRounding(layer, bias, pairs, self.config, self.generator)
        taken = task.optimise(seconds, should_stop)
        if taken is None:
            return True
        self.taken.append(taken)
        self.improved += task.settle()
        return False


class _LayerRounding:
    """The rounding of one layer's weights."""

    def __init__(
        self,
        layer: Layer,
        bias: Tensor,
        pairs: tuple[Tensor, Tensor],
        config: RoundingConfig,
        generator: torch.Generator,
    ) -> None:
        self.layer, self.bias = layer, bias
        self.inputs, self.wanted = pairs
        self.config, self.generator = config, generator
        self.scale = layer.scale.view(-1, 1, 1, 1)
        on_grid = (layer.weight.detach() / self.scale).clamp(-layer.levels, layer.levels)
        self.floor = on_grid.floor()
        part = ((on_grid - self.floor) - _STRETCH_LOW) / (_STRETCH_HIGH - _STRETCH_LOW)
        self.alpha = torch.logit(part.clamp(1e-4, 1 - 1e-4)).requires_grad_()
        self.batch = max(
            2, min(_LARGEST_BATCH, _PIXELS_OF_A_STEP // (self.wanted.shape[-1] ** 2), len(self.inputs))
        )

    def optimise(self, seconds: float | None, should_stop: ShouldStop) -> int | None:
        """Returns the steps taken; None if it was told to stop."""
        optimizer = torch.optim.Adam([self.alpha], lr=self.config.learning_rate)
        started, step = time.monotonic(), 0
        while True:
            if step % _POLL_EVERY == 0 and should_stop():
                return None
            done = step / self.config.steps
            if seconds is not None:
                done = max(done, (time.monotonic() - started) / max(seconds, 1e-3))
            if done >= 1.0:
                return step
            rows = torch.randint(len(self.inputs), (self.batch,), generator=self.generator)
            loss = self._error(self.inputs[rows], self.wanted[rows], self._weight(self._up()))
            loss = loss + self._indecision(done)
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            optimizer.step()
            step += 1

    def settle(self) -> bool:
        """Writes the better of both roundings into the layer; returns True if it is the learnt one."""
        with torch.no_grad():
            learnt = self._weight((self._up() >= 0.5).float())
            nearest = self.layer.rounded_weight()
            better = self._total(learnt) < self._total(nearest)
            self.layer.weight.copy_(learnt if better else nearest)
        return better

    def _up(self) -> Tensor:
        stretched = self.alpha.sigmoid() * (_STRETCH_HIGH - _STRETCH_LOW) + _STRETCH_LOW
        return stretched.clamp(0.0, 1.0)

    def _weight(self, up: Tensor) -> Tensor:
        return (self.floor + up).clamp(-self.layer.levels, self.layer.levels) * self.scale

    def _error(self, inputs: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
        found = self.layer.act(self.layer.linear_part(inputs, weight, self.bias))
        return (found - wanted).square().sum(dim=1).mean()

    def _indecision(self, done: float) -> Tensor | float:
        if done < self.config.warm_start:
            return 0.0
        part = (done - self.config.warm_start) / (1.0 - self.config.warm_start)
        first, last = self.config.beta
        beta = last + (first - last) * (1.0 + math.cos(math.pi * part)) / 2.0
        return self.config.weight * (1.0 - (2.0 * self._up() - 1.0).abs().pow(beta)).sum()

    def _total(self, weight: Tensor) -> float:
        parts = [
            self._error(self.inputs[start : start + 64], self.wanted[start : start + 64], weight)
            for start in range(0, len(self.inputs), 64)
        ]
        return float(torch.stack(parts).mean())


def _bytes_alive(network: QuantNetwork, images: CalibrationImages) -> float:
    """Returns the most bytes of tensors of both networks that one image keeps alive at a time."""
    alive, most = {IMAGE: 3 * network.resolution**2}, 0
    with torch.inference_mode():
        for step, _inputs, made in network.walk(images.first(1)):
            alive[step.writes] = made.numel()
            most = max(most, sum(alive.values()))
            for tensor in network.frees(step):
                del alive[tensor]
    return 2 * 4.0 * most
