"""The search for the base by DARTS: each search of a mixed network gives one cell to train and measure."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from nas.architecture import CellArchitecture
from nas.cells import TEMPLATES
from nas.errors import EvaluationError
from nas.phases.base_search import training_seconds
from nas.phases.context import RunContext, StopRequested
from nas.phases.speed import expected_epochs, overhead
from nas.phases.work import Job, do
from nas.prediction import validation_rows
from nas.spaces import make_space
from nas.spaces.base import Choices
from nas.spaces.cells import CellSpace
from nas.strategies.darts.learner import Learner
from nas.strategies.darts.options import DartsOptions
from nas.strategies.darts.plan import BATCH_SIZE, FEW_JUDGES, Plan, selection_seconds, size_of
from nas.strategies.darts.records import EpochRecord
from nas.strategies.darts.search import DartsSearch

STATE = "darts"
"""Key of the phase's memory in `RunState.values`: the plan, and what each seed derived."""

_LONG_PHASE = 600.0
_SHORTEST_SEARCH = 5.0
_JUDGES = 512
_FAILURES = 3
_FAILURES_OF_TORCH = (EvaluationError, RuntimeError, MemoryError)
"""torch reports an exhausted memory as RuntimeError; one search must not end the run."""
_EPOCHS_OF_A_SIDE = 10.0


def run(ctx: RunContext) -> None:
    """Searches cells seed by seed, and trains each new one, until the phase's time is used."""
    ctx.enter("base_search", "Searching for the best cell")
    space = make_space(ctx.config.space, max_resolution=ctx.cache.cache_size)
    assert isinstance(space, CellSpace)
    seconds = training_seconds(ctx)
    memory = ctx.state.values.setdefault(STATE, {"derived": []})
    if "plan" not in memory:
        try:
            memory["plan"] = asdict(_plan(ctx, space, seconds))
        except _FAILURES_OF_TORCH as error:
            ctx.log(f"DARTS could not begin: {error}")
            ctx.leave()
            return
        ctx.save()
    _search(ctx, space, Plan(**memory["plan"]), seconds)
    ctx.leave()


def _search(ctx: RunContext, space: CellSpace, plan: Plan, seconds: float) -> None:
    memory, number = ctx.state.values[STATE], 0
    while number < len(memory["derived"]) or _time_for_another(ctx, plan, seconds, memory["derived"]):
        if number == len(memory["derived"]):
            memory["derived"].append(_derive(ctx, space, plan, seconds, number))
            ctx.save()
            _checkpoint(ctx, number).unlink(missing_ok=True)
        choices = memory["derived"][number]
        if choices is not None and choices not in memory["derived"][:number]:
            _train(ctx, space, tuple(choices), seconds, number)
        number += 1


def _plan(ctx: RunContext, space: CellSpace, seconds: float) -> Plan:
    """Returns the size of one search, from this machine's speed at the mixed network's own steps."""
    wanted = 3 if ctx.phase_remaining() >= _LONG_PHASE else 2
    each = ctx.phase_remaining() / wanted - seconds - overhead(ctx, runtime_exporter=True)
    n_train, n_val = len(ctx.cache.indices("train")), min(_JUDGES, len(validation_rows(ctx.cache)))
    probe = Plan(seconds=0.0, cells=1, epochs=1, images=n_train, tune_epochs=1, step_seconds=0.0)
    learner = Learner(ctx.cache, _options(space, probe), ctx.config.seed, ctx.augmentation())
    template, each = TEMPLATES[space.template], max(_SHORTEST_SEARCH, each)
    return size_of(template, each, (n_train, n_val), learner.step_seconds())


def _options(space: CellSpace, plan: Plan) -> DartsOptions:
    short: dict[str, Any] = {
        "selection": "argmax",
        "eigenvalue_stop": False,
        "hessian_images": 0,
        "validation_images": FEW_JUDGES,
    }
    return DartsOptions.limited(
        template=space.template,
        resolution=space.resolutions[0],
        stem_stride=2,
        batch_size=BATCH_SIZE,
        cells=plan.cells,
        epochs=plan.epochs,
        images=plan.images,
        tune_epochs=plan.tune_epochs,
        **({"validation_images": _JUDGES} if plan.perturbs else short),
    )


def _derive(ctx: RunContext, space: CellSpace, plan: Plan, seconds: float, number: int) -> list[int] | None:
    """Searches with one seed; returns the choices of the cell, None if the search failed.

    Raises:
        SliceEnded: The slice is over; the search has a checkpoint and goes on in the next one.
        StopRequested: The user wants what there is now.
    """
    ctx.check()
    ctx.now_doing(f"DARTS, search {number + 1}")
    reserve = seconds + selection_seconds(TEMPLATES[space.template], plan)

    def on_epoch(record: EpochRecord) -> None:
        ctx.now_doing(f"DARTS, search {number + 1}: epoch {record.epoch + 1} of up to {plan.epochs}")
        shares = record.shares(TEMPLATES[space.template].operations)
        ctx.emit("method", strategy="darts", step=record.epoch, values=_values(record), shares=shares)

    try:
        search = DartsSearch(
            ctx.cache,
            _options(space, plan),
            ctx.config.seed * 1_009 + number,
            checkpoint=_checkpoint(ctx, number),
            augmentation=ctx.augmentation(),
        )

        def put_down() -> bool:
            # an epoch or edge longer than a slice must come to its end, or the run would not get on
            return ctx.interrupted() and (ctx.should_stop() or search.saves > 0)

        result = search.run(on_epoch, put_down, enough=lambda: ctx.phase_remaining() < reserve)
    except _FAILURES_OF_TORCH as error:
        ctx.log(f"DARTS, search {number + 1} failed: {error} The search goes on.")
        return None
    if result is None:
        ctx.check()
        raise StopRequested
    architecture = replace(result.architecture, resolution=_side(ctx, space, result.architecture, seconds))
    choices = list(space.encode(architecture))
    again = " It was found before." if choices in ctx.state.values[STATE]["derived"] else ""
    ctx.log(f"DARTS derived a cell with {result.skips} skips after {len(result.epochs)} epochs.{again}")
    return choices


def _values(record: EpochRecord) -> dict[str, float]:
    values = {"skips": record.skips, "validation": record.val_accuracy, "entropy": record.entropy}
    return values if record.eigenvalue is None else {**values, "eigenvalue": record.eigenvalue}


def _train(ctx: RunContext, space: CellSpace, choices: Choices, seconds: float, number: int) -> None:
    architecture = space.decode(choices)
    do(
        ctx,
        Job(
            task=f"search:{number}",
            phase="base_search",
            source="base_search",
            fidelity="short",
            label=f"DARTS {number + 1} · {architecture.resolution} px",
            architecture=architecture,
            seconds=seconds,
            choices=choices,
            details={"initialisation": "from scratch"},
        ),
    )


def _side(ctx: RunContext, space: CellSpace, cell: CellArchitecture, seconds: float) -> int:
    """Returns the largest side at which the short training sees the images often, else the smallest."""
    cell = replace(cell, channels=space.channels, cells=space.cells)
    every = [replace(cell, resolution=side) for side in space.resolutions]
    often = [one.resolution for one in every if expected_epochs(ctx, one, seconds) >= _EPOCHS_OF_A_SIDE]
    return max(often, default=space.resolutions[0])


def _time_for_another(ctx: RunContext, plan: Plan, seconds: float, derived: list[list[int] | None]) -> bool:
    if len(derived) >= _FAILURES and not any(derived[-_FAILURES:]):
        return False
    return not derived or ctx.phase_remaining() >= 0.7 * (plan.seconds + seconds)


def _checkpoint(ctx: RunContext, number: int) -> Path:
    return ctx.config.workdir / "checkpoints" / f"darts-{number}.checkpoint"
