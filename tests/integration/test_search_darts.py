"""DARTS through the whole pipeline: put down and gone on, told epoch by epoch, its cells trained like any."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from nas.candidate import Candidate
from nas.data.importer import import_archive
from nas.errors import SpaceError
from nas.events import Event
from nas.search import SearchConfig, run_search
from tests.images import photo_zip


def test_a_darts_search_goes_on_from_slice_to_slice_and_its_cells_are_trained(tmp_path: Path):
    photo_zip(tmp_path / "photos.zip", n_per_class=40, size=32)
    import_archive(tmp_path / "photos.zip", tmp_path / "data", seed=0)
    events: list[Event] = []
    config = SearchConfig(
        data=tmp_path / "data",
        workdir=tmp_path / "run",
        minutes=1.0,
        space="nasbench201",
        strategy="darts",
        baselines=False,
        n_finalists=1,
    )

    def candidates() -> list[Candidate]:
        return [
            Candidate.from_json(event.payload["candidate"])
            for event in events
            if event.kind == "candidate_finished"
        ]

    def found() -> list[Candidate]:
        return [one for one in candidates() if one.phase == "base_search"]

    def told() -> list[int]:
        return [event.payload["step"] for event in events if event.kind == "method"]

    class EpochOver(BaseException):
        """What a worker raises that is told to end."""

    def until_an_epoch_is_over() -> bool:
        if told():
            raise EpochOver
        return False

    with pytest.raises(EpochOver):
        run_search(config, [], events.append, until_an_epoch_is_over, None)
    state = json.loads((config.workdir / "state.json").read_text())
    assert state["values"]["darts"]["derived"] == [] and state["values"]["darts"]["plan"]["epochs"] >= 5
    assert (config.workdir / "checkpoints" / "darts-0.checkpoint").exists()
    before = told()
    state["phase_ends"]["base_search"] = 1e9  # however slow the machine, there is time for the whole search
    (config.workdir / "state.json").write_text(json.dumps(state))
    outcome = run_search(config, candidates(), events.append, lambda: bool(found()), time.monotonic() + 300)
    assert outcome.finished
    first = told()[: state["values"]["darts"]["plan"]["epochs"]]
    assert before and first == list(range(len(first)))  # no epoch was told twice
    [method, *_] = [event.payload for event in events if event.kind == "method"]
    assert method["strategy"] == "darts"
    assert {"skips", "validation", "entropy"} <= set(method["values"])
    assert sum(method["shares"].values()) == pytest.approx(1) and "skip_connect" in method["shares"]
    cell = found()[0]
    assert cell.metrics is not None and cell.choices is not None and cell.architecture.kind == "cell"
    assert cell.label.startswith("DARTS 1") and cell.details["initialisation"] == "from scratch"


def test_a_space_that_darts_cannot_search_is_refused_before_any_work(tmp_path: Path):
    config = SearchConfig(
        data=tmp_path, workdir=tmp_path / "run", minutes=1.0, strategy="darts", space="lite-elastic"
    )
    with pytest.raises(SpaceError, match="Choose one of these spaces"):
        run_search(config, [], [].append, lambda: False, None)
    assert not (tmp_path / "run").exists()
