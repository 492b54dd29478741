"""How fast this machine trains, from what it has shown in this run, and what follows for the recipe."""

from __future__ import annotations

from statistics import fmean

from nas.architecture import Architecture, MBConvArchitecture
from nas.cost import macs
from nas.phases.context import RunContext

FORWARD_TO_TRAINING = 3.5
"""A training step costs about this many forward passes (backward twice, optimiser, augmentation)."""

_EPOCHS_FOR_FULL_RATE = 3.0
_LEAST_FACTOR = 0.4


def overhead(ctx: RunContext, *, runtime_exporter: bool = False) -> float:
    """Returns the seconds that a candidate costs beside its training: building, evaluating, measuring.

    Args:
        ctx: The run.
        runtime_exporter: True for networks that PyTorch's exporter must write, which takes far longer.
    """
    extra = [
        candidate.seconds - candidate.details["training_seconds"]
        for candidate in ctx.finished()
        if "training_seconds" in candidate.details
        and isinstance(candidate.architecture, MBConvArchitecture) != runtime_exporter
    ]
    return fmean(extra[-4:]) if extra else (8.0 if runtime_exporter else 3.0)


def expected_epochs(ctx: RunContext, architecture: Architecture, seconds: float) -> float:
    """Returns about how often a training sees each training image."""
    measured = [
        candidate
        for candidate in ctx.finished()
        if "images_per_second" in candidate.details and candidate.fidelity != "frozen"
    ]
    same = [candidate for candidate in measured if candidate.architecture == architecture]
    if same:
        speed = float(same[-1].details["images_per_second"])
    else:
        values = ctx.state.values
        speed = values["forward_images_per_second"] / FORWARD_TO_TRAINING
        speed *= values["first_macs"] / _macs(architecture, values["first_macs"])
    return seconds * speed / max(1, len(ctx.cache.indices("train")))


def gentle_rate(rate: float, epochs: float) -> float:
    """Returns a peak learning rate that a short training survives.

    Inherited weights are good already; a few steps at the full rate only shake them. Below three epochs
    the rate falls in proportion, but stays high enough for a pruned network to recover.
    """
    return rate * min(1.0, max(_LEAST_FACTOR, epochs / _EPOCHS_FOR_FULL_RATE))


def _macs(architecture: Architecture, default: float) -> float:
    return float(macs(architecture)) if isinstance(architecture, MBConvArchitecture) else default
