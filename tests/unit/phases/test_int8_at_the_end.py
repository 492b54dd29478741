"""Int8 at the end of a run: in the time that is left, once, whatever interrupts it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from torch import nn

from nas.architecture import MBConvArchitecture
from nas.candidate import Candidate
from nas.data.cache import ImageCache
from nas.events import Event
from nas.export.browser_check import LEAST_BROWSER_SECONDS
from nas.export.forms import PROGRAM_SECONDS
from nas.export.onnx_model import OnnxClassifier
from nas.phases import bundles, export, int8
from nas.phases.bundles import EXPORT_SECONDS
from nas.phases.context import RunContext, SearchConfig
from nas.phases.state import RunState
from tests.bundles import kept

Trained = tuple[nn.Module, MBConvArchitecture]
Made = tuple[Path, dict[str, Any]]


class Run:
    """A run whose fp32 bundles are written."""

    def __init__(self, workdir: Path, trained: Trained, cache: ImageCache, minutes: float = 60.0) -> None:
        self.events: list[Event] = []
        self.stop: Callable[[], bool] = lambda: False
        module, architecture = trained
        self.candidates = [kept(workdir, module, architecture, number) for number in (0, 1)]
        self.ctx = RunContext(
            config=SearchConfig(cache.directory, workdir, minutes, int8_top="after training"),
            cache=cache,
            evaluator=cast(Any, None),
            state=RunState.load(workdir) or RunState(),
            candidates=self.candidates,
            on_event=self.events.append,
            should_stop=self.should_stop,
            deadline=None,
        )
        self.ctx.enter("export", "Exporting")
        for candidate in self.candidates:
            if not any(model["candidate"] == candidate.number for model in self.ctx.state.models):
                bundles.export_model(self.ctx, candidate, form_seconds=0.0, browser_seconds=0.0)

    def should_stop(self) -> bool:
        return self.stop()

    def add(self, *, stopped: bool = False, needed: float = 1.0) -> list[dict[str, Any]]:
        int8.add_int8_files(self.ctx, [1, 0], stopped=stopped, still_needed=lambda candidate: needed)
        return [model["parity"].get("int8") for model in self.ctx.state.models]

    def completed(self) -> list[str]:
        return [event.payload["model"]["name"] for event in self.events if event.kind == "model_completed"]


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def test_a_run_tries_each_model_once_and_tells_it(
    workdir: Path, trained: Trained, digit_cache: ImageCache
) -> None:
    run = Run(workdir, trained, digit_cache)
    assert all("rung" in found for found in run.add())
    assert run.completed() == ["net-1-1", "net-0-0"]
    run.add()
    assert len(run.completed()) == 2
    again = Run(workdir, trained, digit_cache)  # the process was restarted
    again.add()
    assert again.completed() == []
    for model in again.ctx.state.models:
        subprocess.run(
            ["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=workdir / model["directory"], check=True
        )


def test_without_time_nothing_is_tried(
    workdir: Path, trained: Trained, digit_cache: ImageCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(workdir, trained, digit_cache)
    monkeypatch.setattr(int8, "ladder", None)  # would fail if it were called
    found = run.add(needed=run.ctx.remaining() - 1.0)
    assert [each["reason"] for each in found] == [int8.NO_TIME] * 2
    assert not list(workdir.glob("models/*/model_int8.onnx"))


def test_a_stop_leaves_what_there_is(workdir: Path, trained: Trained, digit_cache: ImageCache) -> None:
    run = Run(workdir, trained, digit_cache)
    assert [each["reason"] for each in run.add(stopped=True)] == [int8.STOPPED] * 2


def test_a_stop_while_it_is_tried_leaves_the_others(
    workdir: Path, trained: Trained, digit_cache: ImageCache
) -> None:
    run = Run(workdir, trained, digit_cache)
    run.stop = lambda: bool(run.completed())
    second, first = run.add()
    assert "rung" in first and second["reason"] == int8.STOPPED


def test_what_takes_the_process_down_is_tried_twice_at_most(
    workdir: Path, trained: Trained, digit_cache: ImageCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(int8, "ladder", dies)
    for _ in range(2):
        with pytest.raises(MemoryError):
            Run(workdir, trained, digit_cache).add()
    monkeypatch.undo()
    second, first = Run(workdir, trained, digit_cache).add()
    assert first["reason"] == int8.BROKE_OFF and "rung" in second


def test_a_crash_before_the_model_was_told_is_made_good(
    workdir: Path, trained: Trained, digit_cache: ImageCache
) -> None:
    run = Run(workdir, trained, digit_cache)

    def dies(event: Event) -> None:
        if event.kind == "model_completed":
            raise ConnectionError

    run.ctx.on_event = dies
    with pytest.raises(ConnectionError):
        run.add()
    again = Run(workdir, trained, digit_cache)
    again.add()
    assert again.completed() == ["net-1-1", "net-0-0"]
    for model in again.ctx.state.models:
        assert [row["file"] for row in model["parity"]["rows"]].count("model_int8.onnx") in (0, 2)


def test_the_sealed_images_judge_both_files(workdir: Path, made: Made, digit_cache: ImageCache) -> None:
    directory, model = made
    ctx = cast(RunContext, type("Ctx", (), {})())
    ctx.cache = digit_cache
    ctx.config = SearchConfig(digit_cache.directory, directory.parent.parent, 1.0)
    rows = digit_cache.indices("val")
    found = export._test_model(ctx, {**model, "source": "base_search"}, rows)
    for name, figures in (("model.onnx", found), ("model_int8.onnx", found["int8"])):
        answers = OnnxClassifier(directory / name).probabilities(digit_cache.images, rows).argmax(axis=1)
        assert figures["accuracy"] == (answers == digit_cache.labels[rows]).mean()
        assert figures["accuracy_low"] < figures["accuracy"] <= figures["accuracy_high"]
    names = export._accuracies([found])
    assert names == {
        model["name"]: found["accuracy"],
        f"{model['name']}/model_int8.onnx": found["int8"]["accuracy"],
    }
    plain = {
        **model,
        "parity": {"n_images": 9, "agreement": 1.0, "max_difference": 0.0},
        "source": "base_search",
    }
    assert "int8" not in export._test_model(ctx, plain, rows)  # an older record


def test_an_export_is_expected_to_take_as_long_as_one_took(
    workdir: Path, trained: Trained, digit_cache: ImageCache
) -> None:
    run = Run(workdir, trained, digit_cache)
    first = run.ctx.candidates[0]
    took = run.ctx.state.values.pop(EXPORT_SECONDS)
    cautious = export._export_seconds(run.ctx, first)
    run.ctx.state.values[EXPORT_SECONDS] = took
    assert 0 < took <= export._export_seconds(run.ctx, first) < cautious
    run.ctx.state.values[EXPORT_SECONDS] = 100.0  # once, on a busy machine
    assert export._export_seconds(run.ctx, first) == cautious


@pytest.mark.parametrize(
    ("seconds", "stopped", "asked"),
    [(3600.0, False, [True, True]), (3600.0, True, [False, False]), (18.0, False, [False, False])],
)
def test_a_browser_gets_time_that_no_file_needs(
    workdir: Path,
    trained: Trained,
    digit_cache: ImageCache,
    monkeypatch: pytest.MonkeyPatch,
    *,
    seconds: float,
    stopped: bool,
    asked: list[bool],
) -> None:
    run = Run(workdir, trained, digit_cache)
    run.ctx.state.models.clear()
    run.ctx.state.values.pop(EXPORT_SECONDS, None)  # nothing has shown yet how long an export takes
    run.ctx.state.values["ending"] = {"stopped": stopped}
    run.ctx._spent_before += run.ctx.remaining() - seconds
    given: list[float] = []

    def note(ctx: RunContext, candidate: Candidate, *, form_seconds: float, browser_seconds: float) -> None:
        given.append(browser_seconds)
        programs.append(form_seconds >= PROGRAM_SECONDS)

    programs: list[bool] = []
    monkeypatch.setattr(export, "export_model", note)
    export._export_all(run.ctx)
    assert [left >= LEAST_BROWSER_SECONDS for left in given] == asked
    assert programs[1] == asked[1]  # that of the best is written in any case
    if all(asked):
        later = [int8.int8_seconds(digit_cache, 1.5), export._export_seconds(run.ctx, run.candidates[1])]
        assert given[0] - given[1] == pytest.approx(
            later[0] - later[1], abs=1.0
        )  # the first int8 comes before
