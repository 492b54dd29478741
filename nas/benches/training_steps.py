"""What the faster layers of a training give, step by step in one process: each variant takes its turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from nas.networks import build_network
from nas.runtime import tune_process
from nas.spaces.lite import lite0_architecture
from nas.training import TrainingConfig
from nas.training.fast import fast_layers
from nas.training.parameters import freeze, make_optimizer

_BATCH = 32
_CLASSES = 10
PLAIN = "plain"


@dataclass(frozen=True)
class Variant:
    """How a step is done.

    Attributes:
        fast: With the faster layers.
        freeze_norms: Batch norms keep their statistics.
        first_stage: First stage that is trained.
    """

    fast: bool
    freeze_norms: bool = False
    first_stage: int = 0


VARIANTS: Mapping[str, Variant] = {
    PLAIN: Variant(fast=False),
    "faster layers": Variant(fast=True),
    "kept norms, plain": Variant(fast=False, freeze_norms=True),
    "kept norms, folded": Variant(fast=True, freeze_norms=True),
    "last two stages, plain": Variant(fast=False, freeze_norms=True, first_stage=5),
    "last two stages, folded": Variant(fast=True, freeze_norms=True, first_stage=5),
}


def measure_steps(resolution: int, rounds: int) -> dict[str, Any]:
    """Times training steps of Lite0 on noise, batch 32, one thread.

    Args:
        resolution: Side of the input in pixels.
        rounds: Steps of each variant, after one that compiles kernels.

    Returns:
        `milliseconds`: of the processor, median of each variant; `against_plain`: median of the ratios within
        a round.
    """
    tune_process(1)
    steps = {name: _step(variant, resolution) for name, variant in VARIANTS.items()}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(rounds + 1):
        for name, step in steps.items():
            begun = time.process_time()
            step()
            if number:
                times[name].append(1e3 * (time.process_time() - begun))
    return {
        "milliseconds": {name: round(statistics.median(each), 1) for name, each in times.items()},
        "against_plain": {
            name: round(statistics.median(p / t for p, t in zip(times[PLAIN], each, strict=True)), 3)
            for name, each in times.items()
        },
    }


def _step(variant: Variant, resolution: int) -> Callable[[], None]:
    torch.manual_seed(0)
    config = TrainingConfig(
        resolution, 1.0, freeze_norms=variant.freeze_norms, first_stage=variant.first_stage
    )
    module = build_network(lite0_architecture(resolution), _CLASSES)
    module = module.to(memory_format=torch.channels_last).train()
    freeze(module, config)
    optimizer = make_optimizer(module, config)
    x = torch.randn(_BATCH, 3, resolution, resolution).to(memory_format=torch.channels_last)
    labels = torch.arange(_BATCH) % _CLASSES

    def step() -> None:
        with fast_layers(module) if variant.fast else nullcontext():
            loss = F.cross_entropy(module(x), labels)
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            optimizer.step()

    return step
