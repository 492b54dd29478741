"""A one-shot search through the whole pipeline: put down inside elastic training, gone on from there."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from nas.candidate import Candidate
from nas.data.importer import import_archive
from nas.errors import EvaluationError, SpaceError
from nas.events import Event
from nas.export.load import load_network
from nas.search import SearchConfig, run_search
from nas.supernet.files import load_elastic
from tests.images import photo_zip


def test_a_one_shot_search_goes_on_inside_elastic_training_and_finalists_start_from_it(tmp_path: Path):
    photo_zip(tmp_path / "photos.zip", n_per_class=40, size=64)
    import_archive(tmp_path / "photos.zip", tmp_path / "data", seed=0)
    events: list[Event] = []
    config = SearchConfig(
        data=tmp_path / "data",
        workdir=tmp_path / "run",
        minutes=1.0,
        strategy="one_shot",
        baselines=False,
        n_finalists=1,
    )

    def candidates() -> list[Candidate]:
        return [
            Candidate.from_json(event.payload["candidate"])
            for event in events
            if event.kind == "candidate_finished"
        ]

    def scored() -> list[Candidate]:
        return [one for one in candidates() if one.phase == "base_search" and one.choices is not None]

    class WorkerEnds(BaseException):
        """What a worker raises that is told to end."""

    def inside_elastic_training() -> bool:
        message = next((e.payload["message"] for e in reversed(events) if e.kind == "progress"), "")
        if message.startswith("Supernet"):
            raise WorkerEnds
        return False

    with pytest.raises(WorkerEnds):
        run_search(config, [], events.append, inside_elastic_training, None)
    state = json.loads((config.workdir / "state.json").read_text())
    assert state["values"]["elastic_seconds"] >= 1 and not scored()
    [checkpoint] = (config.workdir / "checkpoints").iterdir()
    assert checkpoint.stem == "supernet"
    state["phase_ends"]["base_search"] = 1e9  # however slow the machine, there is time to score
    (config.workdir / "state.json").write_text(json.dumps(state))
    stop = time.monotonic() + 300
    outcome = run_search(config, candidates(), events.append, lambda: len(scored()) >= 2, stop)
    assert outcome.finished and not checkpoint.exists()
    [supernet] = [one for one in candidates() if one.details.get("task") == "supernet"]
    assert supernet.details["evaluator"] == "supernet" and supernet.details["steps"] >= 1
    assert supernet.seconds >= supernet.details["training_seconds"] > 0
    for one in scored()[:2]:
        assert one.metrics is not None and one.weights is not None
        assert one.fidelity == "short" and one.details["evaluator"] == "supernet"
        assert one.inherited_from == supernet.number and "training_seconds" not in one.details
    one = scored()[0]
    weights = load_network(config.workdir / one.weights, one.architecture, 4).state_dict()
    shared = load_elastic(config.workdir / "supernet" / "elastic.safetensors").extract(one.architecture)
    assert all(weights[name].equal(value) for name, value in shared.named_parameters())
    assert json.loads((config.workdir / "report.json").read_text())["candidates"]


def test_what_a_supernet_cannot_do_is_refused_before_any_work(tmp_path: Path):
    config = SearchConfig(
        data=tmp_path, workdir=tmp_path / "run", minutes=1.0, strategy="one_shot", space="mbconv"
    )
    with pytest.raises(SpaceError, match="it searches lite-elastic, not mbconv"):
        run_search(config, [], [].append, lambda: False, None)
    config = SearchConfig(
        data=tmp_path, workdir=tmp_path / "run", minutes=1.0, evaluator="supernet", space="cell"
    )
    with pytest.raises(EvaluationError, match="not those of cell"):
        run_search(config, [], [].append, lambda: False, None)
    assert not (tmp_path / "run").exists()
