"""The first usable model: frozen pretrained features and a linear head, exported within the first minute."""

from __future__ import annotations

import time
from typing import Any

from nas.candidate import Candidate, Metrics
from nas.evaluators.cross_validation import fold_facts, save_out_of_fold
from nas.evaluators.first_model import FirstModel, train_first_model
from nas.export.load import save_state
from nas.phases.bundles import export_model
from nas.phases.context import RunContext
from nas.phases.planning import early_folds
from nas.spaces.lite import lite0_architecture
from nas.spaces.resolutions import useful_resolutions

TASK = "first_model"
_RESOLUTION = 128
_FEATURE_SECONDS = 30.0  # the rest of the minute is for the head, the measuring and the file
_FEATURE_SHARE = 0.15
_BROWSER_SHARE = 0.02  # of the minutes: people wait for this model


def run(ctx: RunContext) -> None:
    """Trains, measures and exports it, and notes the speed of this machine for the plan."""
    ctx.enter("first_model", "Making a first usable model from pretrained features")
    candidate = ctx.done(TASK) or _train(ctx)
    _note(ctx, candidate)
    if not any(model["candidate"] == candidate.number for model in ctx.state.models):
        share = _BROWSER_SHARE * ctx.total
        export_model(ctx, candidate, form_seconds=0.0, browser_seconds=share)  # it shall be there soon
    ctx.leave()


def _train(ctx: RunContext) -> Candidate:
    ctx.check()
    resolution = min(_RESOLUTION, max(useful_resolutions(ctx.cache.cache_size)))
    started = time.monotonic()
    model = train_first_model(
        ctx.cache, resolution, seed=ctx.config.seed, seconds=_feature_seconds(ctx), n_folds=early_folds(ctx)
    )
    metrics = ctx.evaluator.measure(model.module, model.architecture, model.evaluation)
    if not model.details["flip_ok"]:
        ctx.log("Mirrored images look like other classes here, so the training does not mirror them.")
    return ctx.record(_candidate(ctx, model, metrics, time.monotonic() - started))


def _feature_seconds(ctx: RunContext) -> float:
    """Returns the seconds for looking at images: a part of the first minute, and of a short run."""
    return min(_FEATURE_SECONDS, _FEATURE_SHARE * ctx.total)


def _note(ctx: RunContext, candidate: Candidate) -> None:
    """Keeps what later phases plan with; it comes from the record, so that no crash can lose it."""
    assert candidate.metrics is not None
    values = ctx.state.values
    values["first_resolution"] = candidate.architecture.resolution
    values["first_macs"] = candidate.metrics.macs
    values["first_cost"] = ctx.cost.of(candidate.metrics)
    values["first_here_ms"] = candidate.metrics.float_ms
    values["forward_images_per_second"] = candidate.details["images_per_second"]
    values["flip_ok"] = candidate.details["flip_ok"]


def _candidate(ctx: RunContext, model: FirstModel, metrics: Metrics, seconds: float) -> Candidate:
    number = len(ctx.candidates)
    weights = f"weights/{number:05d}.safetensors"
    (ctx.config.workdir / "weights").mkdir(exist_ok=True)
    save_state(model.module, ctx.config.workdir / weights)
    folds: dict[str, Any] = {}
    if model.judged:
        save_out_of_fold(ctx.config.workdir / weights, model.evaluation)
        folds = fold_facts(list(model.judged))
    resolution = model.architecture.resolution
    return Candidate(
        number=number,
        phase="first_model",
        source="first_model",
        fidelity="frozen",
        status="finished",
        label=f"First model: frozen Lite0 features · {resolution} px",
        architecture=lite0_architecture(resolution),
        seconds=round(seconds, 2),
        metrics=metrics,
        weights=weights,
        details={"task": TASK, "initialisation": "ImageNet", **model.details, **folds},
    )
