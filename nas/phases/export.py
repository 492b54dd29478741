"""The end of a run: downloads with parity certificate, the single opening of the test part, the report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nas.candidate import Candidate
from nas.costs import COSTS, Cost, CostName
from nas.data.cache import ImageCache, read_manifest
from nas.data.sealed import open_seal, record_result, seal_is_open
from nas.evaluation.photos import SECONDS_A_PHOTO
from nas.export.forms import PROGRAM_SECONDS
from nas.export.int8_bundle import INT8_NAME, has_int8
from nas.pareto import front_of_candidates
from nas.phases import scaling
from nas.phases.bundles import EXPORT_SECONDS, TRUST_IMAGES, export_model
from nas.phases.context import RunContext
from nas.phases.elsewhere import elsewhere
from nas.phases.evaluation import keep_photo_facts, keep_predictions, keep_validation_predictions
from nas.phases.int8 import add_int8_files, can_have_int8, int8_seconds
from nas.phases.speed import busyness
from nas.prediction import validation_rows
from nas.report import RunRecord, write_report
from nas.runtime import machine_facts
from nas.statistics import wilson_interval

_SECONDS_A_MODEL = 6.0  # until the run has shown how long one takes here
_SECONDS_FOR_REPORT = 5.0  # hand-made networks are written once more, to be counted for other devices
_BUSY = 1.3  # latencies are those of a quiet machine
_PREPROCESSING_MS = 1.0
_PYTORCH_SLOWER = 3.0


def run(ctx: RunContext, *, stopped: bool) -> str:
    """Exports the front and every fully trained network, opens the test part once, writes the report.

    Returns:
        Path of report.json relative to the work directory.
    """
    ctx.state.values["ending"] = {"stopped": stopped}
    ctx.enter("export", "Exporting the models and proving that they work")
    if not seal_is_open(ctx.config.workdir):
        _export_all(ctx)
        add_int8_files(
            ctx,
            [candidate.number for candidate in worth_exporting(ctx.candidates, ctx.config.cost)],
            stopped=stopped,
            still_needed=lambda candidate: _test_seconds(ctx, further=candidate),
        )
    _test(ctx)
    ctx.leave()
    write_report(ctx.config.workdir, _run_record(ctx, stopped=stopped))
    ctx.save()
    ctx.emit("run_finished", reason="stopped" if stopped else "done", report="report.json")
    return "report.json"


def has_begun(ctx: RunContext) -> bool:
    """True once a run is ending: nothing may be searched any more, for test figures may be known."""
    return "ending" in ctx.state.values


def ending(ctx: RunContext) -> bool:
    """Returns whether the ending that has begun was asked for by the user."""
    return bool(ctx.state.values["ending"]["stopped"])


def _export_all(ctx: RunContext) -> None:
    """Writes all fp32 bundles; other forms and a browser get time that neither they nor int8 need."""
    exported = {model["candidate"] for model in ctx.state.models}
    ranked = worth_exporting(ctx.candidates, ctx.config.cost)
    pending = [each for each in ranked if each.number not in exported]
    while pending:
        candidate = pending.pop(0)
        needed = _export_seconds(ctx, candidate) + _test_seconds(ctx, candidate)
        if ctx.remaining() > needed or not ctx.state.models:
            room = _room(ctx, candidate, pending, ranked[0])
            forms = room
            if candidate is ranked[0]:  # its program is written even if that is at the cost of others
                forms = max(room, min(ctx.remaining() - needed, PROGRAM_SECONDS))
            room -= PROGRAM_SECONDS if forms >= PROGRAM_SECONDS else 0.0
            ctx.now_doing(f"Exporting {candidate.label}")
            export_model(ctx, candidate, form_seconds=forms, browser_seconds=max(0.0, room))


def _room(ctx: RunContext, candidate: Candidate, pending: Sequence[Candidate], first: Candidate) -> float:
    """Returns the seconds for a candidate's other forms and browser, 0 after a stop: the user is waiting.

    Args:
        ctx: The run.
        candidate: What is exported now.
        pending: What is exported after it.
        first: The most accurate of all, whose int8 file comes before the extras of the others.
    """
    needed = _export_seconds(ctx, candidate) + _test_seconds(ctx, candidate)
    needed += sum(_export_seconds(ctx, each) + _tested_ms(ctx, [each]) / 1000.0 for each in pending)
    if candidate is not first and ctx.config.int8_top and first.metrics and can_have_int8(first):
        needed += int8_seconds(ctx.cache, first.metrics.float_ms)
    return 0.0 if ending(ctx) else max(0.0, ctx.remaining() - needed)


def _export_seconds(ctx: RunContext, candidate: Candidate) -> float:
    shown = _BUSY * ctx.state.values.get(EXPORT_SECONDS, math.inf)
    return float(min(_SECONDS_A_MODEL, shown)) + _trust_seconds(ctx, candidate)


def worth_exporting(candidates: Sequence[Candidate], cost: CostName = "latency") -> list[Candidate]:
    """Returns the front and every fully trained network, the most accurate first; what does not fit, last."""
    front = set(front_of_candidates(candidates, cost))
    chosen = [
        candidate
        for candidate in candidates
        if candidate.metrics is not None and (candidate.number in front or candidate.fidelity == "final")
    ]
    return sorted(chosen, key=lambda candidate: _by_accuracy(candidate, COSTS[cost]))


def _warnings(ctx: RunContext) -> list[str]:
    tested = {result["name"] for result in ctx.state.test}
    late = [model["label"] for model in ctx.state.models if model["name"] not in tested]
    if not tested or not late:
        return []
    return [f"Exported after the test part was opened, so without a test figure: {', '.join(late)}."]


def n_test(cache: ImageCache) -> int:
    """Returns the size of the sealed part; the images themselves stay sealed."""
    return cache.n_used - len(cache.indices("train")) - len(cache.indices("val"))


def _data_facts(cache: ImageCache) -> dict[str, Any]:
    return {
        "classes": list(cache.classes),
        "n_images": cache.n_used,
        "counts": read_manifest(cache.directory)["counts"],
        "cache_size": cache.cache_size,
        "content_hash": cache.content_hash,
    }


def _by_accuracy(candidate: Candidate, cost: Cost) -> tuple[bool, float, float]:
    assert candidate.metrics is not None
    return (not candidate.metrics.fits, -candidate.metrics.accuracy, cost.of(candidate.metrics))


def _trust_seconds(ctx: RunContext, candidate: Candidate) -> float:
    """Returns about how long the validation images of the calibration take in PyTorch."""
    assert candidate.metrics is not None
    rows = min(TRUST_IMAGES, len(validation_rows(ctx.cache)))
    return rows * _PYTORCH_SLOWER * candidate.metrics.float_ms / 1000.0


def _test_seconds(ctx: RunContext, further: Candidate) -> float:
    """Returns about how long the test part takes for all files so far and one more of a candidate."""
    files = [ctx.by_number(model["candidate"]) for model in ctx.state.models]
    files += [ctx.by_number(model["candidate"]) for model in ctx.state.models if has_int8(model)]
    return _tested_ms(ctx, [*files, further]) / 1000.0 + _SECONDS_FOR_REPORT


def _tested_ms(ctx: RunContext, files: Sequence[Candidate]) -> float:
    metrics = [candidate.metrics for candidate in files if candidate.metrics is not None]
    photos = n_test(ctx.cache) or len(
        validation_rows(ctx.cache)
    )  # those stand in where there is no test part
    return photos * busyness(ctx) * sum(_BUSY * each.float_ms + _PREPROCESSING_MS for each in metrics)


def _test(ctx: RunContext) -> None:
    """Opens the sealed part once, for the downloaded files themselves."""
    if ctx.state.test or not ctx.state.models:
        return
    if n_test(ctx.cache) == 0:
        for model in ctx.state.models:
            keep_validation_predictions(ctx.config.workdir, model, ctx.cache)
        return
    ctx.now_doing("Opening the test images, once, for the final figures")
    token = open_seal(ctx.config.workdir, [model["name"] for model in ctx.state.models])
    rows = ctx.cache.open_test(token)
    ctx.state.test = [_test_model(ctx, model, rows) for model in ctx.state.models]
    ctx.save()
    record_result(token, _accuracies(ctx.state.test))
    needed = len(rows) * SECONDS_A_PHOTO + _SECONDS_FOR_REPORT
    if not ending(ctx) and ctx.remaining() > needed:  # else when somebody asks for it
        keep_photo_facts(ctx.config.workdir, ctx.cache, rows, "test")


def _accuracies(results: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Returns what the seal keeps: accuracy by model, and by model and file for int8."""
    found = {result["name"]: result["accuracy"] for result in results}
    return found | {
        f"{each['name']}/{INT8_NAME}": each["int8"]["accuracy"] for each in results if "int8" in each
    }


def _test_model(ctx: RunContext, model: dict[str, Any], rows: np.ndarray) -> dict[str, Any]:
    answers = keep_predictions(ctx.config.workdir, model, ctx.cache, rows, "test")
    labels, predicted = answers.labels, answers.answers
    confusion = np.zeros((ctx.cache.n_classes, ctx.cache.n_classes), dtype=int)
    np.add.at(confusion, (labels, predicted), 1)
    result = {
        "name": model["name"],
        "candidate": model["candidate"],
        "source": model["source"],
        **_scored(predicted, labels),
        "n_images": len(rows),
        "confusion": confusion.tolist(),
    }
    if answers.int8_answers is not None:
        result["int8"] = _scored(answers.int8_answers, labels)
    return result


def _scored(predicted: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    correct = int((predicted == labels).sum())
    low, high = wilson_interval(correct, len(labels))
    return {"accuracy": correct / len(labels), "accuracy_low": low, "accuracy_high": high}


def _run_record(ctx: RunContext, *, stopped: bool) -> RunRecord:
    config = ctx.config
    exported = {model["candidate"]: model["name"] for model in ctx.state.models}
    ranked = [
        candidate
        for candidate in worth_exporting(ctx.candidates, config.cost)
        if candidate.number in exported
    ]
    begun = ctx.spent()
    found = elsewhere(
        config.workdir,
        config.device,
        worth_exporting(ctx.candidates, config.cost),
        n_classes=ctx.cache.n_classes,
        anchor_ms=ctx.evaluator.meter.anchor(),
    )
    ctx.state.values["report_seconds"] = round(ctx.spent() - begun, 2)
    return RunRecord(
        config={
            "minutes": config.minutes,
            "seed": config.seed,
            "space": config.space,
            "strategy": config.strategy,
            "goal": config.goal,
            "baselines": config.baselines,
            "target_latency_ms": config.target_latency_ms,
            "reward": config.reward,
            "evaluator": config.evaluator,
            "proxy": config.proxy,
            "device": config.device,
            "precision": config.precision,
            "cost": config.cost,
            "import_seconds": config.already_spent_seconds,
            "elastic_weights": None if config.elastic_weights is None else str(config.elastic_weights),
            "plan": ctx.state.values,
        },
        data=_data_facts(ctx.cache),
        machine=machine_facts(),
        phases=[
            {"phase": phase, "seconds": round(seconds, 2)}
            for phase, seconds in ctx.state.phase_seconds.items()
        ],
        candidates=list(ctx.candidates),
        front=front_of_candidates(ctx.candidates, config.cost),
        models=ctx.state.models,
        test=ctx.state.test,
        scaling=scaling.facts(ctx),
        elsewhere=found,
        spent_seconds=ctx.spent(),
        minutes=config.minutes,
        best=exported[ranked[0].number] if ranked else next(iter(exported.values()), None),
        stopped=stopped,
        warnings=_warnings(ctx),
    )
