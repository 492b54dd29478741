"""The engine's pipeline on real images: promise kept, slices, a crash in the middle, a stop."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from nas.architecture import MBConvArchitecture
from nas.candidate import PHASES, Candidate
from nas.data.cache import ImageCache
from nas.data.importer import import_archive
from nas.evaluation.heatmap import Looker
from nas.evaluation.learning import make_learning_curve
from nas.evaluation.predictions import load_predictions, predictions_file
from nas.events import Event
from nas.search import SearchConfig, SearchOutcome, run_search
from nas.spaces.lite import LITE0_STAGES
from tests.images import photo_zip

MINUTES = 1.2  # the application allows no less than a minute


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    photo_zip(root / "photos.zip", n_per_class=40)
    report = import_archive(root / "photos.zip", root / "cache", seed=0)
    assert report.blocking is None
    return root / "cache"


class Recorder:
    """Saves events as a caller does; can fail at a chosen candidate like a process that dies."""

    def __init__(self, die_at: int | None = None) -> None:
        self.events: list[Event] = []
        self.die_at = die_at

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        if event.kind == "candidate_finished" and event.payload["candidate"]["number"] == self.die_at:
            raise ConnectionError("the process died here")

    @property
    def candidates(self) -> list[Candidate]:
        return [
            Candidate.from_json(event.payload["candidate"])
            for event in self.events
            if event.kind == "candidate_finished"
        ]


def run(
    data: Path,
    workdir: Path,
    recorder: Recorder,
    *,
    slice_seconds: float | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    **options: Any,
) -> SearchOutcome:
    config = SearchConfig(data=data, workdir=workdir, minutes=MINUTES, seed=3, **options)
    deadline = None if slice_seconds is None else time.monotonic() + slice_seconds
    return run_search(config, recorder.candidates, recorder, should_stop, deadline)


def assert_each_once(candidates: list[Candidate]) -> None:
    assert [candidate.number for candidate in candidates] == list(range(len(candidates)))
    tasks = [candidate.details["task"] for candidate in candidates]
    assert len(tasks) == len(set(tasks))


def test_slices_and_a_crash_end_in_one_whole_run(data: Path, tmp_path: Path):
    recorder = Recorder(die_at=2)
    with pytest.raises(ConnectionError):
        run(data, tmp_path, recorder)
    recorder.die_at = None
    outcome = run(data, tmp_path, recorder, slice_seconds=8.0)
    slices = 1
    while not outcome.finished:
        outcome = run(data, tmp_path, recorder, slice_seconds=8.0)
        slices += 1
    assert slices > 1
    assert_each_once(recorder.candidates)
    ended = [event.payload["phase"] for event in recorder.events if event.kind == "phase_finished"]
    assert ended == list(PHASES)
    assert outcome.spent_seconds <= 1.05 * 60 * MINUTES
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["stopped"] is False
    assert_the_report_is_honest(report)
    assert_no_test_photo_is_in_the_ledger(data, tmp_path, recorder.events, report)
    sources = {candidate.source for candidate in recorder.candidates if candidate.status == "finished"}
    assert sources == {"first_model", "baseline", "base_search", "scaled"}
    assert_the_plan_was_followed(recorder, report, ImageCache.open(data))
    assert_models_work(tmp_path, ImageCache.open(data))
    for model in report["models"]:
        directory = tmp_path / model["directory"]
        int8 = model["parity"]["int8"]
        assert int8["reason"]
        assert (directory / "model_int8.onnx").is_file() is int8["offered"]
        assert len(model["parity"]["rows"]) == (5 if int8["offered"] else 3)
        (tested,) = (result for result in report["test"] if result["name"] == model["name"])
        assert ("int8" in tested) is int8["offered"]
        subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=directory, check=True)
    assert_answers_are_kept(tmp_path, ImageCache.open(data), report)
    assert_it_can_be_evaluated(tmp_path, ImageCache.open(data), report["best"], recorder.candidates)


def assert_the_report_is_honest(report: dict[str, Any]) -> None:
    """Every second is in the books, all were trained alike, the curve shows what was there by then."""
    cost = report["cost"]
    assert cost["booked_seconds"] == pytest.approx(report["spent_seconds"], rel=0.02)
    assert cost["unbooked_share"] <= 0.02 and cost["threads"] and cost["cpu"]
    fairness = report["fairness"]
    assert fairness["equal"] is True and len(fairness["rows"]) >= 2
    curve = report["anytime"]["points"]
    assert [point["seconds"] for point in curve] == sorted(point["seconds"] for point in curve)
    assert curve[0]["seconds"] > 0 and curve[-1]["seconds"] <= report["spent_seconds"]
    finished = [one for one in report["candidates"] if one["status"] == "finished"]
    assert curve[0]["candidate"] == finished[0]["number"]
    scaling = report["scaling"]
    assert scaling["choice"] and sum(row["indistinguishable"] for row in scaling["grid"]) >= 1


def assert_no_test_photo_is_in_the_ledger(
    data: Path, workdir: Path, events: list[Event], report: dict[str, Any]
) -> None:
    """Neither a hash nor the name of a sealed photo stands in what the search wrote down or told."""
    index = [json.loads(line) for line in (data / "index.jsonl").read_text().splitlines()]
    images = ImageCache.open(data).images
    sealed = [line for line in index if line["split"] == "test"]
    assert sealed
    ledger = json.dumps([event.payload for event in events]) + json.dumps(report)
    ledger += "".join(path.read_text() for path in workdir.glob("*.json"))
    for line in sealed:
        pixels = hashlib.sha256(np.ascontiguousarray(images[line["row"]]).tobytes()).hexdigest()
        for secret in (pixels, pixels[:16], line["sha256"], line["sha256"][:16], line["path"]):
            assert secret not in ledger


def assert_answers_are_kept(workdir: Path, cache: ImageCache, report: dict[str, Any]) -> None:
    """What lies beside the models is what the downloaded files answer, asked here without the engine."""
    index = [json.loads(line) for line in (cache.directory / "index.jsonl").read_text().splitlines()]
    rows = [line["row"] for line in index if line["split"] == "test"]
    images = np.ascontiguousarray(cache.images[rows])
    for result in report["test"]:
        kept = load_predictions(predictions_file(workdir, result["name"]))
        assert (kept.part, kept.rows.tolist()) == ("test", rows)
        directory = workdir / "models" / result["name"]
        files = {"model.onnx": (kept, result["accuracy"])}
        if "int8" in result:
            files["model_int8.onnx"] = (kept.of_int8(), result["int8"]["accuracy"])
        for name, (answers, accuracy) in files.items():
            session = onnxruntime.InferenceSession(directory / name)
            [probabilities] = session.run(["probabilities"], {"image": images})
            assert np.abs(answers.probabilities - probabilities).max() < 0.02, name
            right = [
                index[row]["label"] == cache.classes[k] for row, k in zip(rows, answers.answers, strict=True)
            ]
            assert accuracy == pytest.approx(np.mean(right))
            threshold = session.get_modelmeta().custom_metadata_map["threshold"]
            assert answers.threshold == pytest.approx(float(threshold), rel=1e-4)


def assert_it_can_be_evaluated(
    workdir: Path, cache: ImageCache, name: str, candidates: list[Candidate]
) -> None:
    """Heat maps of a trained network are true to it, and the learning curve of real photos rises."""
    number = int(name.rsplit("-", 1)[1])
    architecture = next(one.architecture for one in candidates if one.number == number)
    looker = Looker.open(workdir / "models" / name, architecture)
    drops = []
    for row in cache.indices("val")[::2]:
        image, target = np.asarray(cache.images[row]), int(cache.labels[row])
        figures = looker.figures(image, looker.heat(image, target), target)
        lost = (figures.without_hottest, figures.without_random)
        drops.append([figures.probability - one for one in lost])
    hot, by_chance = np.mean(drops, axis=0)
    assert hot > by_chance, (hot, by_chance)
    curve = make_learning_curve(cache.directory, lambda _stage, _done, _total: None)
    assert curve.network == "EfficientNet-Lite0 (ImageNet)"
    assert curve.accuracy[-1].value >= curve.accuracy[0].value
    assert curve.accuracy[-1].value > 0.9


def assert_models_work(workdir: Path, cache: ImageCache) -> None:
    models = sorted((workdir / "models").glob("*/model.onnx"))
    assert len(models) >= 3
    rows = cache.indices("val")
    best = 0.0
    for path in models:
        session = onnxruntime.InferenceSession(path)
        assert json.loads(session.get_modelmeta().custom_metadata_map["labels"]) == list(cache.classes)
        [probabilities] = session.run(["probabilities"], {"image": np.ascontiguousarray(cache.images[rows])})
        assert probabilities.sum(axis=1) == pytest.approx(1.0, abs=1e-4)
        best = max(best, float((probabilities.argmax(axis=1) == cache.labels[rows]).mean()))
    assert best >= 0.8  # colour and texture tell these crops apart; chance is at most one half


def assert_the_plan_was_followed(recorder: Recorder, report: dict[str, Any], cache: ImageCache) -> None:
    """The set is tiny and the minutes are few: whole Lite0s alone, judged by cross-validation."""
    (told, *_changes) = [event.payload for event in recorder.events if event.kind == "plan"]
    plan = told["plan"]
    assert told["reasons"] and report["config"]["plan"]["plan"]["reasons"][: len(told["reasons"])]
    assert (plan["space"], plan["whole_only"], plan["folds"]) == ("lite-elastic", True, 3)
    assert report["config"]["space"] == "lite-elastic"
    assert "--space auto" in report["reproduce"]["command"]
    finished = [one for one in recorder.candidates if one.status == "finished"]
    whole = {
        one.architecture.resolution
        for one in finished
        if isinstance(one.architecture, MBConvArchitecture) and one.architecture.stages == LITE0_STAGES
    }
    assert whole & set(plan["resolutions"])  # the adapted one, and more as far as the minute went
    n = len(cache.indices("train")) + len(cache.indices("val"))
    assert {one.details["judged_on"] for one in finished if not one.details.get("interrupted")} == {n}


def test_stop_exports_the_best_so_far_within_seconds(data: Path, tmp_path: Path):
    recorder = Recorder()
    stopped_at: list[float] = []

    def should_stop() -> bool:
        wanted = len(recorder.candidates) >= 3
        if wanted and not stopped_at:
            stopped_at.append(time.monotonic())
        return wanted

    outcome = run(data, tmp_path, recorder, should_stop=should_stop)
    assert outcome.finished
    assert outcome.stopped
    assert time.monotonic() - stopped_at[0] < 20
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["stopped"] is True
    assert (tmp_path / "models").is_dir()
    assert report["best"] in {path.name for path in (tmp_path / "models").iterdir()}
    assert recorder.events[-1].kind == "run_finished"


class DiesAtTheEnd(Recorder):
    """A caller whose process dies at a model's export and again once the test part was used."""

    def __init__(self) -> None:
        super().__init__()
        self.deaths = [("model_exported", None), ("phase_finished", "export")]

    def __call__(self, event: Event) -> None:
        ending = len(self.candidates) >= 3
        if ending and self.deaths and self.deaths[0] == (event.kind, event.payload.get("phase")):
            self.deaths.pop(0)
            raise ConnectionError("the process died here")
        super().__call__(event)


def test_a_crash_while_exporting_ends_the_run_and_loses_no_model(data: Path, tmp_path: Path):
    recorder = DiesAtTheEnd()
    for _ in range(2):
        with pytest.raises(ConnectionError):
            run(data, tmp_path, recorder, should_stop=lambda: len(recorder.candidates) >= 3)
    n_candidates = len(recorder.candidates)
    outcome = run(data, tmp_path, recorder)  # the wish to stop died with the process
    assert outcome.finished
    assert outcome.stopped
    assert len(recorder.candidates) == n_candidates
    report = json.loads((tmp_path / "report.json").read_text())
    told = {event.payload["model"]["name"] for event in recorder.events if event.kind == "model_exported"}
    assert told == {model["name"] for model in report["models"]} == {row["name"] for row in report["test"]}


class HandedOver(BaseException):
    """What a worker raises that is told to end."""


def test_a_training_that_was_put_down_is_finished_though_its_phase_has_no_time_left(
    data: Path, tmp_path: Path
):
    recorder, path = Recorder(), tmp_path / "state.json"

    def hand_over() -> bool:
        if path.exists() and "search:0" in json.loads(path.read_text())["values"].get("settled", {}):
            raise HandedOver
        return False

    with pytest.raises(HandedOver):
        run(data, tmp_path, recorder, should_stop=hand_over, strategy="random", ladder=False)
    assert list((tmp_path / "checkpoints").glob("search-0*.safetensors")), "of a fold: the set is tiny"
    state = json.loads(path.read_text())
    state["phase_ends"]["base_search"] = state["spent_seconds"]
    path.write_text(json.dumps(state))
    tasks: list[str] = []

    def enough() -> bool:
        tasks[:] = [candidate.details["task"] for candidate in recorder.candidates]
        return any(candidate.phase == "scaling" for candidate in recorder.candidates)

    run(data, tmp_path, recorder, should_stop=enough, strategy="random", ladder=False)
    assert "search:0" in tasks
    assert "search:1" not in tasks
