"""Every strategy and evaluator in a real search: killed, resumed, and no candidate differs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nas.candidate import Candidate
from nas.data.importer import import_archive
from nas.errors import EvaluationError
from nas.events import Event
from nas.phases import warm_up
from nas.search import SearchConfig, run_search
from nas.spaces import SPACES
from nas.strategies import STRATEGIES
from tests.images import photo_zip

CASES = [(name, SPACES[index % len(SPACES)]) for index, name in enumerate(STRATEGIES)]
CANDIDATES = 2


class HandedOver(BaseException):
    """What a worker raises that is told to end."""


class Recorder:
    """Saves events as a caller does."""

    def __init__(self, events: list[Event]) -> None:
        self.events = list(events)

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    @property
    def candidates(self) -> list[Candidate]:
        finished = (event for event in self.events if event.kind == "candidate_finished")
        return [Candidate.from_json(event.payload["candidate"]) for event in finished]

    @property
    def searched(self) -> list[Candidate]:
        return [candidate for candidate in self.candidates if candidate.phase == "base_search"]


def run_until(config: SearchConfig, recorder: Recorder, enough: Callable[[], bool]) -> None:
    def should_stop() -> bool:
        if enough():
            raise HandedOver
        return False

    with pytest.raises(HandedOver):
        run_search(config, recorder.candidates, recorder, should_stop, None)


def settled(config: SearchConfig) -> dict[str, object]:
    """Returns the trainings that a run has begun so far."""
    values = json.loads((config.workdir / "state.json").read_text())["values"]
    found: dict[str, object] = values.get("settled", {})
    return found


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> tuple[SearchConfig, list[Event]]:
    """A run whose base search is about to begin; every strategy goes on from a copy of it."""
    root = tmp_path_factory.mktemp("begun")
    photo_zip(root / "photos.zip", n_per_class=40)
    import_archive(root / "photos.zip", root / "cache", seed=0)
    chosen = {"space": "lite-elastic", "strategy": "regularized_evolution", "evaluator": "training"}
    config = SearchConfig(data=root / "cache", workdir=root / "run", minutes=0.8, seed=3, **chosen)
    recorder = Recorder([])

    def searching() -> bool:
        phases = [event.payload["phase"] for event in recorder.events if event.kind == "phase_started"]
        return "base_search" in phases

    run_until(config, recorder, searching)
    path = config.workdir / "state.json"
    state = json.loads(path.read_text())
    assert "base_search" in state["phase_ends"]
    state["phase_ends"]["base_search"] = 1e9  # however slow the machine, there is time for the candidates
    del state["values"]["plan"]  # the options of the copies count, not what this run has planned
    state["values"] |= {"short_seconds": 1.0, "settled": {}}
    path.write_text(json.dumps(state))
    shutil.rmtree(config.workdir / "checkpoints")
    return config, recorder.events


@pytest.mark.parametrize(("strategy", "space"), CASES)
def test_killed_and_resumed_search_proposes_what_the_strategy_would_have(
    begun: tuple[SearchConfig, list[Event]], tmp_path: Path, strategy: str, space: str
) -> None:
    first, events = begun
    shutil.copytree(first.workdir, tmp_path / "run")
    config = replace(first, workdir=tmp_path / "run", strategy=strategy, space=space)
    recorder = Recorder(events)
    for n in range(1, CANDIDATES + 1):  # killed while the next training runs; replay refuses other candidates
        run_until(config, recorder, lambda n=n: f"search:{n}" in settled(config))
        assert [one.details["task"] for one in recorder.searched] == [f"search:{i}" for i in range(n)]
    assert len({one.choices for one in recorder.searched}) == CANDIDATES
    assert any(one.status == "finished" for one in recorder.searched)
    shown = [event.payload for event in recorder.events if event.kind == "method"]
    assert [(one["strategy"], one["step"]) for one in shown] == [(strategy, n + 1) for n in range(CANDIDATES)]


def continued(
    first: SearchConfig, workdir: Path, values: dict[str, object], **changes: object
) -> SearchConfig:
    """Returns a copy of the begun run with other settings."""
    shutil.copytree(first.workdir, workdir)
    path = workdir / "state.json"
    state = json.loads(path.read_text())
    state["values"] |= values
    path.write_text(json.dumps(state))
    return replace(first, workdir=workdir, **changes)  # type: ignore[arg-type]


def test_halving_trains_the_best_of_a_killed_round_further(
    begun: tuple[SearchConfig, list[Event]], tmp_path: Path
) -> None:
    first, events = begun
    plan = {"halving": {"size": 3, "seconds": 0.6}}
    config = continued(first, tmp_path / "run", plan, evaluator="halving", space="mbconv")
    recorder = Recorder(events)

    def under_way() -> object:
        return json.loads((config.workdir / "state.json").read_text())["values"].get("round", {}).get("begun")

    run_until(config, recorder, lambda: under_way() == ["search:1", 0])
    assert not recorder.searched
    run_until(config, recorder, lambda: len(recorder.searched) == 3)
    searched = recorder.searched
    assert [one.details["task"] for one in searched] == ["search:0", "search:1", "search:2"]
    assert [one.number for one in recorder.candidates] == list(range(len(recorder.candidates)))
    rungs = [one.details["halving"] for one in searched]
    assert sorted((rung["rung"], rung["seconds"]) for rung in rungs) == [(1, 0.6), (1, 0.6), (2, 2.4)]
    for one in searched:  # a training ends with the step in which its seconds are over
        assert one.details["training_seconds"] > one.details["halving"]["seconds"] - 0.1
        assert one.seconds > one.details["training_seconds"]
    assert all((config.workdir / str(one.weights)).exists() for one in searched)


def test_a_killed_proxy_ranking_goes_on_and_opens_the_search_with_its_best(
    begun: tuple[SearchConfig, list[Event]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, events = begun
    monkeypatch.setattr(warm_up, "POOL", 8)
    config = continued(first, tmp_path / "run", {}, evaluator="proxy", proxy="params", space="mbconv")
    recorder = Recorder(events)

    def said(words: str) -> bool:
        return any(words in event.payload.get("message", "") for event in recorder.events)

    run_until(config, recorder, lambda: said("4 of 8"))
    run_until(config, recorder, lambda: "search:2" in settled(config))
    assert said("8 of 8") and said("8 untrained networks were ranked by params, which is no accuracy.")
    scores = [one.details["proxy"]["score"] for one in recorder.searched]
    assert len(scores) == 2 and scores[0] > scores[1]
    for one in recorder.searched:
        assert (
            one.details["proxy"]["name"] == "params" and "not an accuracy" in one.details["proxy"]["meaning"]
        )
        assert one.metrics is not None and one.metrics.n_params == one.details["proxy"]["score"]


def test_a_proxy_of_networks_that_inherit_weights_is_refused(
    begun: tuple[SearchConfig, list[Event]], tmp_path: Path
) -> None:
    config = replace(begun[0], workdir=tmp_path / "run", evaluator="proxy", space="lite-elastic")
    with pytest.raises(EvaluationError, match="Proxies say nothing about networks that inherit"):
        run_search(config, [], lambda _event: None, lambda: False, None)
    assert not config.workdir.exists()
