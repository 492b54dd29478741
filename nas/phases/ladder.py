"""Whole Lite0s at several resolutions, in every run: cheap, because all inherit the adapted one's weights.

A whole Lite0 at another resolution keeps nearly all it knows (docs/decisions/0007), so a short training is
enough to place it on the front. Where the strategy searches Lite0's own space, it proposes them first and
goes on from them; elsewhere they are trained beside its proposals.
"""

from __future__ import annotations

import math
from dataclasses import replace

from nas.architecture import Architecture, MBConvArchitecture
from nas.evaluators.base import Recipe
from nas.phases.baselines import PARENT_TASK
from nas.phases.context import RunContext
from nas.phases.plan import PASS_OF_A_LARGE_SET, short_training_seconds
from nas.phases.planning import plan_of
from nas.phases.recipes import inherited_recipe
from nas.phases.speed import expected_epochs, overhead
from nas.phases.work import Job, begun, do
from nas.spaces.base import Choices, SearchSpace
from nas.spaces.limited import LimitedSpace
from nas.spaces.lite import LITE0_STAGES, lite0_architecture
from nas.spaces.lite_elastic import LiteElastic

_SEEDS = 2  # of runs begun before there were plans
_FEWEST_IMAGES = 1_000  # some thirty steps
_BORROWED = 0.25  # of what is left of the run, for one
_PART = 0.5  # of what is left of the phase, at most


def proposals(ctx: RunContext, space: SearchSpace) -> list[Choices]:
    """Returns the whole Lite0s that a strategy proposes first: none in a space that does not hold them."""
    full = _lite(space)
    if full is None or not ctx.config.ladder:
        return []
    parent = ctx.state.values["parent_resolution"]
    if plan_of(ctx) is None:
        below = [side for side in full.resolutions if side <= parent]
        return [full.full(side) for side in below[-1 - _SEEDS : -1] or below]
    return [full.full(side) for side in _sides(ctx) if side in full.resolutions]


def most_proposals(ctx: RunContext, space: SearchSpace) -> float:
    """Returns how many networks the strategy may propose: only the whole ones, if the plan says so."""
    plan = plan_of(ctx)
    whole_only = plan is not None and plan.whole_only and ctx.config.ladder
    return len(proposals(ctx, space)) if whole_only else math.inf


def may_borrow(ctx: RunContext, space: SearchSpace, proposed: int) -> bool:
    """Tells whether a whole Lite0 may take time of later phases, for they shall be in short runs as well.

    Args:
        ctx: The run.
        space: Where the strategy searches.
        proposed: Networks that it has proposed so far.
    """
    if plan_of(ctx) is None or proposed >= len(proposals(ctx, space)):
        return False
    return _BORROWED * (ctx.remaining() - ctx.export_reserve) >= overhead(ctx)


def run(ctx: RunContext, space: SearchSpace) -> None:
    """Trains those whole Lite0s that no strategy proposes, as far as half the phase goes."""
    parent, full = ctx.done(PARENT_TASK), _lite(space)
    if plan_of(ctx) is None or not ctx.config.ladder or parent is None or parent.metrics is None:
        return
    sides = [side for side in _sides(ctx) if full is None or side not in full.resolutions]
    until = ctx.state.values.setdefault("ladder_until", ctx.spent() + _PART * ctx.phase_remaining())
    room = max(0.0, until - ctx.spent())
    each = short_training_seconds(room, overhead(ctx), max(1, len(sides)))
    for side in sides:
        architecture, task = lite0_architecture(side), f"ladder:{side}"
        waits = ctx.done(task) is None and not begun(ctx, task)
        if not ctx.allowed(architecture) or (waits and ctx.spent() >= until):
            continue
        seconds, recipe = training_of(ctx, architecture, each)
        do(
            ctx,
            Job(
                task=task,
                phase="base_search",
                source="base_search",
                fidelity="short",
                label=f"Whole Lite0 · {side} px",
                architecture=architecture,
                seconds=seconds,
                recipe=recipe,
                parent=parent,
                details={"initialisation": "inherited"},
            ),
        )


def training_of(ctx: RunContext, architecture: Architecture, seconds: float) -> tuple[float, Recipe]:
    """Returns seconds and recipe of a short training that goes on from the parent.

    A whole Lite0 is left as it is where the seconds are worth a few steps only: the first steps of an
    optimiser that knows no curvature yet shake weights that fit.
    """
    recipe = inherited_recipe(ctx, architecture, seconds, final=False)
    whole = isinstance(architecture, MBConvArchitecture) and architecture.stages == LITE0_STAGES
    seen = expected_epochs(ctx, architecture, seconds) * min(
        len(ctx.cache.indices("train")), PASS_OF_A_LARGE_SET
    )
    if plan_of(ctx) is None or not whole or seen >= _FEWEST_IMAGES:
        return seconds, recipe
    return 0.0, replace(recipe, learning_rate=0.0)


def _sides(ctx: RunContext) -> list[int]:
    """Returns the resolutions of the plan but that of the baseline, nearest to it first."""
    plan, parent = plan_of(ctx), ctx.state.values["parent_resolution"]
    assert plan is not None
    return sorted(set(plan.resolutions) - {parent}, key=lambda side: (abs(side - parent), side))


def _lite(space: SearchSpace) -> LiteElastic | None:
    full = space.inner if isinstance(space, LimitedSpace) else space
    return full if isinstance(full, LiteElastic) else None
