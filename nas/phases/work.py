"""One piece of work: train and measure a network, keep its weights, record it. The same for all sources."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nas.architecture import Architecture
from nas.candidate import Candidate, Fidelity, Phase, Source
from nas.errors import EvaluationError, ExportError
from nas.evaluators.base import Evaluated, Evaluator, ParentWeights, Recipe
from nas.evaluators.cross_validation import load_out_of_fold, save_out_of_fold
from nas.export.load import load_state, save_state
from nas.phases.context import RunContext, StopRequested


@dataclass(frozen=True)
class Job:
    """A network to train and measure.

    Attributes:
        task: Unique key of this piece of work within the run; a finished key is never worked on twice.
        seconds: Training seconds.
        recipe: How to train; None takes the evaluator's own for the initialisation.
        parent: Candidate whose weights are inherited; None for ImageNet weights or none at all.
        refines: The candidate that is trained further.
        evaluator: Who trains and judges it; None for the run's own.
        start: The candidate with whose very network the training begins. If the training makes it worse on
            validation images, its weights are kept: early stopping with one look back.
    """

    task: str
    phase: Phase
    source: Source
    fidelity: Fidelity
    label: str
    architecture: Architecture
    seconds: float
    recipe: Recipe | None = None
    parent: Candidate | None = None
    pretrained: bool = False
    choices: tuple[int, ...] | None = None
    refines: Candidate | None = None
    start: Candidate | None = None
    evaluator: Evaluator | None = None
    details: dict[str, Any] = field(default_factory=dict)


def do(ctx: RunContext, job: Job) -> Candidate:
    """Does a piece of work, or returns what came of it earlier.

    Raises:
        SliceEnded: The slice is over; the training has a checkpoint and goes on in the next one.
        StopRequested: The user wants what there is now; a training begun is recorded as far as it went.
    """
    earlier = ctx.done(job.task)
    if earlier is not None:
        return earlier
    ctx.check()
    ctx.now_doing(job.label)
    seconds, recipe = _settled(ctx, job)
    candidate = ctx.record(judge(ctx, replace(job, seconds=seconds, recipe=recipe), len(ctx.candidates)))
    checkpoint_path(ctx, job.task).unlink(missing_ok=True)
    return candidate


def judge(ctx: RunContext, job: Job, number: int, *, keep_checkpoint: bool = False) -> Candidate:
    """Trains and measures a network, saves its weights and returns it, unrecorded, under a number.

    Args:
        ctx: The run.
        job: What to train; it goes on from the checkpoint of its task, if there is one.
        number: Number of the candidate; the seed follows from it.
        keep_checkpoint: True keeps the checkpoint for a call with more seconds.

    Raises:
        SliceEnded: The slice is over; the training has a checkpoint and goes on in the next one.
        StopRequested: The user wants what there is now.
    """
    checkpoint = checkpoint_path(ctx, job.task)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    try:
        evaluated = (job.evaluator or ctx.evaluator).evaluate(
            job.architecture,
            seconds=job.seconds,
            seed=ctx.config.seed * 10_007 + number,
            parent=_parent_weights(ctx, job.parent),
            pretrained=job.pretrained,
            recipe=job.recipe,
            checkpoint=checkpoint,
            should_stop=ctx.interrupted,
            keep_interrupted=ctx.should_stop,
            keep_checkpoint=keep_checkpoint,
        )
    except (EvaluationError, ExportError, RuntimeError, MemoryError) as error:
        # torch reports an exhausted memory as RuntimeError; one network must not end the run
        return _failed(ctx, job, number, str(error), time.monotonic() - started)
    if evaluated is None:  # put down for the next slice
        ctx.check()
        raise StopRequested
    return _finished(ctx, job, number, evaluated)


def checkpoint_path(ctx: RunContext, task: str) -> Path:
    """Returns where the checkpoint of a piece of work lies while it is under way."""
    return ctx.config.workdir / "checkpoints" / f"{task.replace(':', '-')}.safetensors"


def begun(ctx: RunContext, task: str) -> bool:
    """True if a piece of work was put down at a slice's end: it is finished, for its seconds are spent."""
    return task in ctx.state.values.get("settled", {}) and ctx.done(task) is None


def weights_path(ctx: RunContext, candidate: Candidate) -> Path:
    """Returns where the weights of a candidate lie."""
    assert candidate.weights is not None
    return ctx.config.workdir / candidate.weights


def _settled(ctx: RunContext, job: Job) -> tuple[float, Recipe | None]:
    """Returns seconds and recipe as they were when the job first began: its checkpoint is for these only."""
    settled = ctx.state.values.setdefault("settled", {})
    if job.task not in settled:
        recipe = None if job.recipe is None else dict(vars(job.recipe))
        settled[job.task] = {"seconds": round(job.seconds, 3), "recipe": recipe}
        ctx.save()
    first = settled[job.task]
    return first["seconds"], None if first["recipe"] is None else Recipe(**first["recipe"])


def _parent_weights(ctx: RunContext, parent: Candidate | None) -> ParentWeights | None:
    if parent is None or parent.weights is None:
        return None
    return ParentWeights(parent.architecture, load_state(weights_path(ctx, parent)))


def _finished(ctx: RunContext, job: Job, number: int, evaluated: Evaluated) -> Candidate:
    weights = f"weights/{number:05d}.safetensors"
    (ctx.config.workdir / "weights").mkdir(exist_ok=True)
    metrics, kept = evaluated.metrics, {}
    compared = {"right": evaluated.right} if job.phase == "scaling" and evaluated.right else {}
    start = job.start.metrics if job.start is not None else None
    if job.start is not None and start is not None and start.accuracy > metrics.accuracy:
        shutil.copyfile(weights_path(ctx, job.start), ctx.config.workdir / weights)
        save_out_of_fold(ctx.config.workdir / weights, load_out_of_fold(weights_path(ctx, job.start)))
        kept = {"kept_start": True, "accuracy_after_training": metrics.accuracy}
        metrics = start
    else:
        save_state(evaluated.module, ctx.config.workdir / weights)
        save_out_of_fold(ctx.config.workdir / weights, evaluated.out_of_fold)
    return Candidate(
        number=number,
        phase=job.phase,
        source=job.source,
        fidelity=job.fidelity,
        status="finished",
        label=job.label,
        architecture=job.architecture,
        seconds=round(evaluated.seconds, 2),
        choices=job.choices,
        metrics=metrics,
        refines=None if job.refines is None else job.refines.number,
        inherited_from=None if job.parent is None else job.parent.number,
        weights=weights,
        details={"task": job.task, **evaluated.details, **job.details, **kept, **compared},
    )


def _failed(ctx: RunContext, job: Job, number: int, error: str, seconds: float) -> Candidate:
    ctx.log(f"{job.label} failed: {error} The search goes on.")
    return Candidate(
        number=number,
        phase=job.phase,
        source=job.source,
        fidelity=job.fidelity,
        status="failed",
        label=job.label,
        architecture=job.architecture,
        seconds=round(seconds, 2),
        choices=job.choices,
        refines=None if job.refines is None else job.refines.number,
        error=error,
        details={"task": job.task, **job.details},
    )
