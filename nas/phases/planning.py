"""The plan within a run: made once the speed is known, kept in the state, reviewed phase by phase."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nas.automatic import AUTO
from nas.candidate import Phase
from nas.data.augment import Augmentation
from nas.data.cache import ImageCache
from nas.data.views import sampled
from nas.errors import DeviceError
from nas.evaluators.cross_validation import CrossValidation
from nas.hardware.target import DeviceTarget
from nas.phases.context import RunContext, SearchConfig
from nas.phases.plan import assumed_export_reserve
from nas.phases.speed import FORWARD_TO_TRAINING
from nas.planner import Facts, Plan, Wishes, make_plan, replan
from nas.planner.facts import ASSUMED_AT, ASSUMED_SPEED
from nas.planner.grey import looks_grey, spread_rows
from nas.planner.options import possible_options
from nas.planner.planner import folds_for
from nas.runtime import available_cores
from nas.spaces import SPACES
from nas.strategies import SEARCH_STRATEGIES

STATE = "plan"
"""Key of the plan in `RunState.values`."""


def wishes_of(config: SearchConfig) -> Wishes:
    """Returns what people chose themselves."""
    return Wishes(config.space, config.strategy, config.evaluator, config.n_finalists, config.proxy)


def provisional(config: SearchConfig, target: DeviceTarget | None) -> SearchConfig:
    """Returns the configuration with something possible for what is left to the planner.

    The first model needs none of it, but what cannot be had shall be said before minutes are spent.

    Raises:
        SpaceError: If strategy and space do not go together.
        EvaluationError: If the evaluator or the precision does not go with them.
    """
    device = (target.name, target.weight_bits) if target else ("", None)
    space, strategy, evaluator = possible_options(
        wishes_of(config),
        precision=config.precision,
        spaces=known_spaces(target) if config.space == AUTO else SPACES,
        device=device[0],
        device_bits=device[1],
    )
    return replace(config, space=space, strategy=strategy, evaluator=evaluator)


def known_spaces(target: DeviceTarget | None) -> tuple[str, ...]:
    """Returns the spaces whose networks can be judged for a device."""
    return tuple(space for space in SPACES if target is None or _knows(target, space))


def _knows(target: DeviceTarget, space: str) -> bool:
    try:
        target.check_space(space)
    except DeviceError:
        return False
    return True


def take_up(ctx: RunContext) -> None:
    """Follows the plan of an earlier slice, if there is one."""
    plan = plan_of(ctx)
    if plan is not None:
        _follow(ctx, plan)


def plan_of(ctx: RunContext) -> Plan | None:
    """Returns the plan of the run; None before it is made, and in runs begun before there were plans."""
    kept = ctx.state.values.get(STATE)
    return None if kept is None else Plan.from_json(kept)


def early_folds(ctx: RunContext) -> int:
    """Returns the folds of a tiny set before there is a plan, 0 for a larger one."""
    facts = facts_of_cache(ctx.cache, max(0.0, ctx.remaining() - assumed_export_reserve(ctx.total)))
    return folds_for(replace(facts, precision=ctx.config.precision))


def settle(ctx: RunContext) -> None:
    """Makes the plan after the first model, unless an earlier slice did, and tells it."""
    if STATE in ctx.state.values or "baselines" in ctx.state.phase_ends:
        return
    _keep(ctx, make_plan(facts_of(ctx), ctx.wishes))


def review(ctx: RunContext, phase: Phase) -> None:
    """Plans anew before a phase begins, if the clock differs from the plan; each phase is reviewed once."""
    plan = plan_of(ctx)
    if plan is None or phase in ctx.state.phase_ends:
        return
    changed = replan(plan, facts_of(ctx), phase)
    if changed is not None:
        _keep(ctx, changed)


def use_sample(ctx: RunContext, phase: Phase) -> None:
    """Lets the evaluator see the images that the plan has for a phase."""
    plan = plan_of(ctx)
    if plan is None or plan.folds:  # cross-validation divides the images itself
        return
    searching = phase in ("base_search", "scaling")
    ctx.evaluator.cache = sampled(ctx.cache, plan.train_sample if searching else None, plan.val_sample)


def augmentation(ctx: RunContext) -> Augmentation:
    """Returns the augmentation of the plan for these images: no mirror where it makes another class."""
    plan, usual = plan_of(ctx), ctx.augmentation()
    if plan is None or plan.augmentation == "usual":
        return usual
    if plan.augmentation == "gentle":
        return replace(usual, random_crop=max(usual.random_crop, 0.8), colour=usual.colour / 2)
    return replace(usual, random_crop=min(usual.random_crop, 0.5), colour=1.5 * usual.colour)


def facts_of(ctx: RunContext) -> Facts:
    """Returns what is known now; the first model has measured the speed."""
    values = ctx.state.values
    first = ctx.done("first_model")
    return replace(
        facts_of_cache(ctx.cache),
        seconds=max(0.0, ctx.remaining() - ctx.export_reserve),
        speed=max(1e-3, values["forward_images_per_second"] / FORWARD_TO_TRAINING),
        speed_at=values["first_resolution"],
        speed_measured=True,
        first_accuracy=None if first is None or first.metrics is None else first.metrics.accuracy,
        goal=ctx.config.goal,
        precision=ctx.config.precision,
        spaces=known_spaces(ctx.target) if ctx.wishes.space == AUTO else SPACES,
        limited=bool(ctx.target is not None and ctx.target.limits),
        baselines=ctx.config.baselines,
    )


def facts_of_cache(cache: ImageCache, seconds: float = 0.0) -> Facts:
    """Returns what the images tell; of the machine what is assumed before anything was measured.

    Args:
        cache: The images.
        seconds: Left between the first model and the export.
    """
    train, val = cache.indices("train"), cache.indices("val")
    counts = np.bincount(cache.labels[np.concatenate([train, val])], minlength=cache.n_classes)
    cores = available_cores()
    return Facts(
        n_train=len(train),
        n_val=len(val),
        n_test=cache.n_used - len(train) - len(val),
        n_classes=cache.n_classes,
        smallest_class=int(counts.min()),
        largest_class=int(counts.max()),
        side=cache.cache_size,
        grey=looks_grey(cache.images[train[spread_rows(len(train))]]),
        cores=cores,
        seconds=seconds,
        speed=ASSUMED_SPEED * cores,
        speed_at=ASSUMED_AT,
        speed_measured=False,
        strategies=SEARCH_STRATEGIES,
    )


def _keep(ctx: RunContext, plan: Plan) -> None:
    ctx.state.values[STATE] = plan.to_json()
    ctx.save()
    ctx.emit("plan", plan=plan.to_json(), reasons=list(plan.reasons))
    _follow(ctx, plan)


def _follow(ctx: RunContext, plan: Plan) -> None:
    ctx.config = replace(
        ctx.config,
        space=plan.space,
        strategy=plan.strategy,
        evaluator=plan.evaluator,
        n_finalists=plan.finalists,
    )
    if plan.folds and not isinstance(ctx.evaluator, CrossValidation):
        ctx.evaluator = CrossValidation(ctx.evaluator, plan.folds)
