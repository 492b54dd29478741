"""A finished search as rows and files, without a training: what result pages show."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User

from nas.architecture import TimmArchitecture
from nas.candidate import HERE, Candidate, DeviceFigures
from nas.evaluation.predictions import Predictions, predictions_file, save_predictions
from nas.hardware.analytic import estimate
from nas.hardware.profile import load_profile, profile_names
from nas.pareto import front_of_candidates
from nas.phases.elsewhere import elsewhere
from nas.phases.export import worth_exporting
from nas.report import RunRecord, write_report
from nas.statistics import wilson_interval
from search_app.models import SearchRun
from tests import factories
from tests.photos_with_answers import answers_of, cached_set
from tests.unit.report.records import run_record

CLASSES = 6
NAMES = ("cardboard", "glass", "metal", "paper", "plastic", "trash")
SKILLS = {0: 0.86, 1: 0.93, 9: 0.94, 10: 0.91, 11: 0.88}
"""Exported candidates of `run_record` and about how often they are right."""


def finished(
    owner: User,
    *,
    like: SearchRun | None = None,
    device: str = HERE,
    record: RunRecord | None = None,
    **about: Any,
) -> SearchRun:
    """A finished run with its report; its networks are those of `run_record` that are made of blocks.

    Args:
        owner: Whose it is.
        like: A run of the same version of the photos.
        device: What was searched for; a profile gives the figures of its model.
        record: What its report tells; None for that of `run_record`.
        **about: Further fields of the row.
    """
    version = {} if like is None else {"dataset_version": like.dataset_version}
    run: SearchRun = factories.SearchRunFactory(
        owner=owner,
        state=SearchRun.State.DONE,
        device=device,
        **{"name": f"For {device}", **version, **about},
    )
    run.workdir.mkdir(parents=True)
    record = record or run_record()
    candidates = [
        _on_device(one, device)
        for one in record.candidates
        if not isinstance(one.architecture, TimmArchitecture)
    ]
    found = elsewhere(run.workdir, device, worth_exporting(candidates), n_classes=CLASSES, anchor_ms=0.1)
    front = front_of_candidates(candidates)
    write_report(run.workdir, replace(record, candidates=candidates, front=front, elsewhere=found))
    for one in candidates:
        factories.make_candidate(run, **one.to_json())
    return run


def evaluated(
    owner: User,
    *,
    classes: Sequence[str] = NAMES,
    n_test: int = 360,
    side: int = 64,
    networks: bool = False,
    **about: Any,
) -> SearchRun:
    """A finished run over a real cached data set, with models whose answers on the test photos are kept.

    The best model, of candidate 9, has int8 answers too. Takes about a second for 360 test photos.

    Args:
        owner: Whose it is.
        classes: Names of the classes.
        n_test: Test photos; half as many for training and for validation each.
        side: Of the stored photos in pixels.
        networks: Writes untrained weights and a real `model.onnx` for candidate 9; loads torch.
        **about: Further fields of the run's row.
    """
    version = cached_set(owner, classes, n_test=n_test, side=side)
    record = run_record(classes=tuple(version.classes))
    answers = {
        model["name"]: answers_of(version, n_test, SKILLS[model["candidate"]], int8=model["candidate"] == 9)
        for model in record.models
    }
    tests = [{**test, **_judged(answers[test["name"]])} for test in record.test]
    data = {**record.data, "content_hash": version.content_hash, "counts": version.counts}
    record = replace(record, test=tests, data={**data, "n_images": version.n_images})
    run = finished(owner, record=record, dataset_version=version, **about)
    for model in record.models:
        save_predictions(predictions_file(run.workdir, model["name"]), answers[model["name"]])
        directory = run.workdir / model["directory"]
        directory.mkdir(parents=True)
        (directory / "labels.json").write_text("[]\n", encoding="utf-8")
        if networks and model["candidate"] == 9:
            _write_network(run, directory, version.classes)
        parity = {**model["parity"], "int8": {"offered": answers[model["name"]].has_int8, "tried": True}}
        factories.TrainedModelFactory(
            run=run,
            candidate_number=model["candidate"],
            name=model["name"],
            directory=model["directory"],
            files=[_file(path) for path in sorted(directory.iterdir())],
            parity=parity,
        )
    return run


def _judged(answers: Predictions) -> dict[str, Any]:
    """Returns what the report says of a model's answers."""
    n_classes, right = answers.n_classes, int(answers.correct.sum())
    confusion = [[0] * n_classes for _ in range(n_classes)]
    for label, answer in zip(answers.labels.tolist(), answers.answers.tolist(), strict=True):
        confusion[label][answer] += 1
    low, high = wilson_interval(right, len(answers))
    return {
        "accuracy": right / len(answers),
        "accuracy_low": low,
        "accuracy_high": high,
        "n_images": len(answers),
        "confusion": confusion,
        "correct": answers.correct.tolist(),
    }


def _file(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {"name": path.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _write_network(run: SearchRun, directory: Path, classes: Sequence[str]) -> None:
    """Writes weights that have learnt nothing, where a training and an export would have put them."""
    from nas.export.load import save_state  # these load torch
    from nas.export.onnx_model import export_onnx
    from tests.unit.export.test_graph import settled

    row = run.candidates.get(number=9)
    architecture = row.to_engine().architecture
    module = settled(architecture, len(classes))
    export_onnx(module, architecture, list(classes), directory / "model.onnx", {})
    save_state(module, directory / "model.safetensors")
    (run.workdir / "weights").mkdir()
    save_state(module, run.workdir / "weights" / "9.safetensors")
    row.weights = "weights/9.safetensors"
    row.save(update_fields=["weights"])


def _on_device(one: Candidate, device: str) -> Candidate:
    if one.metrics is None or device not in profile_names():
        return one
    profile = load_profile(device)
    cost = estimate(profile, one.architecture, CLASSES)
    figures = DeviceFigures(
        name=profile.title,
        how="profile",
        here_ms=one.metrics.latency_ms,
        **cost.figures(profile),
    )
    return replace(one, metrics=replace(one.metrics, latency_ms=cost.latency_ms, device=figures))
