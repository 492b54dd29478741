"""How fast this machine trains, from what it has shown in this run."""

from __future__ import annotations

from statistics import fmean

from nas.architecture import Architecture, MBConvArchitecture, TimmArchitecture
from nas.cost import macs
from nas.evaluators.cross_validation import FOLDS_PART
from nas.phases.context import RunContext
from nas.phases.plan import PASS_OF_A_LARGE_SET

_PYTORCH_SLOWER, _BUSIEST = 1.5, 10.0
FORWARD_TO_TRAINING = 3.5
"""A training step costs about this many forward passes (backward twice, optimiser, augmentation)."""


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


def busyness(ctx: RunContext) -> float:
    """Returns how many times longer work takes by the clock than latencies say, 1 on a quiet machine.

    Latencies count the time of the thread itself, which stands still while other programs have the core; the
    first model's forward passes were measured by the clock.
    """
    values = ctx.state.values
    if not values.get("forward_images_per_second") or not values.get("first_here_ms"):
        return 1.0
    by_the_clock = 1000.0 / values["forward_images_per_second"]
    return float(min(_BUSIEST, max(1.0, by_the_clock / (_PYTORCH_SLOWER * values["first_here_ms"]))))


def expected_epochs(ctx: RunContext, architecture: Architecture, seconds: float) -> float:
    """Returns about how many passes a training of all layers makes.

    Of a large set a pass counts as one over `PASS_OF_A_LARGE_SET` images: a recipe depends on the steps.
    """
    values = ctx.state.values
    if (values.get("plan") or {}).get("folds"):
        seconds *= 1.0 - FOLDS_PART
    speed = values["forward_images_per_second"] / FORWARD_TO_TRAINING
    speed *= values["first_macs"] / _macs(architecture, values["first_macs"])
    return float(seconds * speed / min(max(1, len(ctx.cache.indices("train"))), PASS_OF_A_LARGE_SET))


def _macs(architecture: Architecture, default: float) -> float:
    return default if isinstance(architecture, TimmArchitecture) else float(macs(architecture))
