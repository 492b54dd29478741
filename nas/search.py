"""One search from prepared images to exported models: the seam between the engine and whoever calls it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nas.automatic import AUTO
from nas.candidate import Candidate, Phase
from nas.costs import cost_refusal
from nas.data.cache import ImageCache
from nas.errors import DeviceError
from nas.evaluators.short_training import ShortTraining
from nas.events import OnEvent, ShouldStop
from nas.hardware.latency import LatencyMeter
from nas.hardware.target import DeviceTarget, ProfileTarget, kept_target, load_target
from nas.phases import (
    base_search,
    baselines,
    darts_search,
    export,
    final_training,
    first_model,
    planning,
    scaling,
)
from nas.phases.context import RunContext, SearchConfig, SliceEnded, StopRequested
from nas.phases.export import n_test
from nas.phases.int8 import export_candidate, int8_seconds
from nas.phases.plan import SHARES, added_seconds, export_reserve
from nas.phases.speed import busyness
from nas.phases.state import RunState
from nas.planner.options import possible_options
from nas.runtime import tune_process
from nas.strategies import DARTS

__all__ = ["SearchConfig", "SearchOutcome", "export_candidate", "run_search"]


@dataclass(frozen=True)
class SearchOutcome:
    """How a slice ended.

    Attributes:
        finished: True if the run is over, False if it goes on in another slice.
        stopped: True if the user ended it early.
        spent_seconds: Working seconds of all slices so far, import included.
        report: report.json relative to the work directory, None while unfinished.
    """

    finished: bool
    stopped: bool
    spent_seconds: float
    report: str | None


def run_search(
    config: SearchConfig,
    completed: Sequence[Candidate],
    on_event: OnEvent,
    should_stop: ShouldStop,
    deadline: float | None,
) -> SearchOutcome:
    """Runs a search, or a slice of it.

    Calling it again with the candidates completed so far goes on exactly there; a training that was cut
    short goes on from its checkpoint. The caller saves each event before `on_event` returns, and an
    exception from `on_event` ends the slice at once.

    Args:
        config: What to search and how long; the same in every slice, but that the minutes may be raised
            until the export begins.
        completed: Finished and failed candidates of earlier slices, in the order of their numbers.
        on_event: Takes every event.
        should_stop: True once the user wants what there is now; polled after every training step.
        deadline: Value of `time.monotonic()` at which this slice ends; None for no slices.

    Raises:
        DataError: If the cache is unusable.
        SpaceError: If the strategy cannot search the space.
        DeviceError: If the device is unknown, or knows nothing about the space.
        EvaluationError: If the evaluator cannot judge the networks of the space, or not at the precision.
    """
    ctx = _open(config, completed, on_event, should_stop, deadline)
    try:
        stopped = export.ending(ctx) if export.has_begun(ctx) else _search(ctx)
    except SliceEnded:
        return SearchOutcome(finished=False, stopped=False, spent_seconds=ctx.spent(), report=None)
    report = export.run(ctx, stopped=stopped)
    return SearchOutcome(finished=True, stopped=stopped, spent_seconds=ctx.spent(), report=report)


def _search(ctx: RunContext) -> bool:
    """Runs the phases before the export; returns whether the user ended them early."""
    if ctx.config.strategy != DARTS:
        base_search.search_space(ctx)  # a device that can hold nothing is said before minutes are spent
    try:
        first_model.run(ctx)
        typical_ms = 1.5 * ctx.state.values["first_here_ms"] * busyness(ctx)
        ctx.export_reserve = export_reserve(
            ctx.total,
            n_test(ctx.cache),
            typical_ms,
            0.0 if ctx.config.int8_top is None else int8_seconds(ctx.cache, typical_ms),
        )
        planning.settle(ctx)
        ctx.evaluator.augmentation = planning.augmentation(ctx)
        _phase(ctx, "baselines", baselines.run)
        _phase(ctx, "base_search", (darts_search if ctx.config.strategy == DARTS else base_search).run)
        _phase(ctx, "scaling", scaling.run)
        _phase(ctx, "final_training", final_training.run)
    except StopRequested:
        return True
    return False


def _phase(ctx: RunContext, phase: Phase, run: Callable[[RunContext], None]) -> None:
    """Runs a phase by the plan, which is reviewed before it."""
    planning.review(ctx, phase)
    planning.use_sample(ctx, phase)
    run(ctx)


def _open(
    config: SearchConfig,
    completed: Sequence[Candidate],
    on_event: OnEvent,
    should_stop: ShouldStop,
    deadline: float | None,
) -> RunContext:
    started = time.monotonic()
    possible_options(planning.wishes_of(config), precision=config.precision)  # refused before any work
    tune_process()
    config.workdir.mkdir(parents=True, exist_ok=True)
    target = _target(config)
    possible = planning.provisional(config, target)
    cache = ImageCache.open(config.data)
    state = RunState.load(config.workdir) or RunState(spent_seconds=config.already_spent_seconds)
    _take_budget(state, config.minutes)
    meter = LatencyMeter(anchor_ms=state.values.get("latency_anchor_ms"))
    state.values["latency_anchor_ms"] = meter.anchor()
    ctx = RunContext(
        config=possible,
        cache=cache,
        evaluator=ShortTraining(cache, meter, target, precision=config.precision),
        state=state,
        candidates=list(completed),
        on_event=on_event,
        should_stop=should_stop,
        deadline=deadline,
        wishes=planning.wishes_of(config),
        _started=started,
    )
    planning.take_up(ctx)
    return ctx


def _take_budget(state: RunState, minutes: float) -> None:
    """Moves the end of the phase at hand if the budget was raised since the last slice.

    Phases to come plan with the new budget when they start. Of the final training, what has not begun is
    planned anew.
    """
    added = 60.0 * (minutes - state.values.setdefault("minutes", minutes))
    state.values["minutes"] = minutes
    if added <= 0.0:
        return
    for phase in SHARES:
        if phase in state.phase_ends and phase not in state.values.get("phases_left", []):
            shares = state.values.get(planning.STATE, {}).get("shares", SHARES)
            state.phase_ends[phase] += added_seconds(phase, added, shares)
    state.values.pop("final_seconds", None)


def _target(config: SearchConfig) -> DeviceTarget | None:
    """Returns the device as it was when the run began: a file edited meanwhile changes no run."""
    target = kept_target(config.workdir)
    if target is None and (target := load_target(config.device)) is not None:
        if config.space != AUTO:
            target.check_space(config.space)
        if target.limits and config.strategy == DARTS:
            raise DeviceError(
                f"{target.name} has hard limits, which darts cannot keep while it trains all networks at "
                "once. Choose another strategy."
            )
        target.keep(config.workdir)
    profiled = isinstance(target, ProfileTarget)
    if words := cost_refusal(config.cost, profiled=profiled, target_latency_ms=config.target_latency_ms):
        raise DeviceError(words)
    return target
