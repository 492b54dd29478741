"""What the live page starts with: in columns, exact, and no dearer the more candidates there are."""

from __future__ import annotations

import base64
import json
import math
import random
from array import array
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from nas.costs import COSTS
from nas.events import Event
from nas.pareto import front_of_candidates
from search_app.columns import FIDELITIES, SOURCES, brief
from search_app.fronts import earlier_runs, front_points
from search_app.models import SearchRun, twin_key
from search_app.pages import live_snapshot
from search_app.record import record_event
from tests.factories import SearchRunFactory, candidate_json, make_candidate


@pytest.fixture
def run(owner: User) -> SearchRun:
    return SearchRunFactory(owner=owner)


def unpacked(column: dict[str, str]) -> list[float]:
    numbers = array(column["type"])
    numbers.frombytes(base64.b64decode(column["data"]))
    return list(numbers)


def queries_of(run: SearchRun) -> int:
    with CaptureQueriesContext(
        connection,
    ) as asked:
        live_snapshot(run)
    return len(asked)


def test_columns_hold_what_the_candidates_are(run: SearchRun) -> None:
    make_candidate(run, 0, source="first_model", fidelity="frozen")
    make_candidate(run, 1, refines=0, fidelity="final", label="</script><b>")
    make_candidate(run, 2, status="failed", metrics=None, error="x")
    columns = live_snapshot(run)["candidates"]
    assert columns["labels"] == ["Candidate 0", "</script><b>", "Candidate 2"]
    assert [SOURCES[int(place)] for place in columns["sources"]] == [
        "first_model",
        "base_search",
        "base_search",
    ]
    assert [FIDELITIES[int(place)] for place in columns["fidelities"]] == ["frozen", "final", "short"]
    numbers = {name: unpacked(column) for name, column in columns["numbers"].items()}
    assert numbers["accuracy"][:2] == [0.5, 0.51]
    assert math.isnan(numbers["accuracy"][2])
    assert numbers["number"] == [0, 1, 2]
    assert math.isnan(numbers["refines"][0])
    assert numbers["refines"][1] == 0
    assert numbers["macs"][0] == 20_000_000
    data = candidate_json(0, source="first_model")
    assert numbers["twin"][0] == twin_key("first_model", data["architecture"])
    assert columns["device"] is None


def test_columns_and_events_say_the_same(run: SearchRun) -> None:
    data = candidate_json(4, fidelity="final", refines=3)
    record_event(run.pk, Event("candidate_finished", {"candidate": data}))
    numbers = live_snapshot(run)["candidates"]["numbers"]
    told = brief(data)
    assert len(json.dumps(told)) < len(json.dumps(data)) / 1.5
    assert "architecture" not in told
    for name in ("number", "twin", "refines"):
        assert unpacked(numbers[name])[0] == told[name]
    for name in ("accuracy", "latency_ms", "size_bytes", "macs"):
        assert unpacked(numbers[name])[0] == told["metrics"][name]


def test_the_device_has_columns_of_its_own(owner: User) -> None:
    run = SearchRunFactory(owner=owner, device="npu")
    figures = {
        "name": "An NPU", "how": "profile", "here_ms": 1.5, "energy_mj": 2.0, "images_per_joule": 5.0,
        "peak_sram_bytes": 1000, "size_bytes": 2000, "broken_limits": [],
    }  # fmt: skip
    for number, broken in enumerate(([], ["too large"])):
        data = candidate_json(number)
        data["metrics"]["device"] = {**figures, "broken_limits": broken}
        make_candidate(run, number, metrics=data["metrics"])
    make_candidate(run, 2, status="failed", metrics=None)
    device = live_snapshot(run)["candidates"]["device"]
    assert (device["name"], device["how"], device["broken"]) == ("An NPU", "profile", [1])
    energy = unpacked(device["numbers"]["energy_mj"])
    assert energy[:2] == [2.0, 2.0]
    assert math.isnan(energy[2])


def test_the_number_of_queries_does_not_depend_on_the_candidates(run: SearchRun) -> None:
    few = queries_of(run)
    for number in range(30):
        event = Event("candidate_finished", {"candidate": candidate_json(number)})
        record_event(run.pk, event)
    assert queries_of(run) == few <= 8


def test_a_recorded_candidate_costs_the_same_whatever_came_before(run: SearchRun) -> None:
    def cost(number: int) -> int:
        with CaptureQueriesContext(connection) as asked:
            record_event(run.pk, Event("candidate_finished", {"candidate": candidate_json(number)}))
        assert "COUNT(" not in str(asked.captured_queries).upper()
        return len(asked)

    counts = [cost(number) for number in range(6)]
    assert len(set(counts)) <= 2  # one more if it is the best so far
    run.refresh_from_db()
    assert (run.n_candidates, run.best_accuracy) == (6, 0.55)
    record_event(run.pk, Event("candidate_finished", {"candidate": candidate_json(5)}))
    run.refresh_from_db()
    assert run.n_candidates == 6, "a candidate that is told twice counts once"


def test_the_best_is_of_those_that_fit_once_one_does(run: SearchRun) -> None:
    def told(number: int, accuracy: float, broken: list[str] | None) -> float | None:
        data = candidate_json(number)
        data["metrics"]["accuracy"] = accuracy
        if broken is not None:
            data["metrics"]["device"] = {
                "name": "A",
                "how": "profile",
                "here_ms": 1.0,
                "broken_limits": broken,
            }
        record_event(run.pk, Event("candidate_finished", {"candidate": data}))
        run.refresh_from_db()
        return run.best_accuracy

    assert [told(0, 0.8, ["big"]), told(1, 0.9, ["big"]), told(2, 0.85, ["big"])] == [0.8, 0.9, 0.9]
    assert [told(3, 0.5, []), told(4, 0.95, ["big"]), told(5, 0.4, []), told(6, 0.6, [])] == [
        0.5,
        0.5,
        0.5,
        0.6,
    ]


def test_the_best_stays_when_a_worse_one_comes(run: SearchRun) -> None:
    for number in (5, 1):  # accuracies of 0.55 and 0.51
        record_event(run.pk, Event("candidate_finished", {"candidate": candidate_json(number)}))
    run.refresh_from_db()
    assert run.best_accuracy == 0.55


def drawn(run: SearchRun, seed: int, device: bool) -> None:
    """Candidates with equal points, refinements, failures, and networks that do not fit."""
    draw = random.Random(seed)
    for number in range(40):
        data = candidate_json(number, source=draw.choice(["base_search", "scaled"]))
        data["architecture"]["resolution"] = draw.choice([32, 64, 96])
        data["fidelity"] = draw.choice(["short", "short", "final"])
        data["refines"] = draw.choice([None, None, draw.randrange(number) if number else None])
        metrics = data["metrics"]
        metrics["accuracy"] = draw.randint(0, 9) / 10
        metrics["latency_ms"] = float(draw.randint(1, 9))
        if device:
            metrics["device"] = {
                "name": "A", "how": "profile", "here_ms": 1.0, "images_per_joule": 1.0, "size_bytes": 9,
                "energy_mj": float(draw.randint(1, 9)), "peak_sram_bytes": 5,
                "broken_limits": draw.choice([[], ["too large"]]),
            }  # fmt: skip
        if draw.random() < 0.1:
            data |= {"metrics": None, "status": "failed"}
        make_candidate(run, number, **{k: v for k, v in data.items() if k != "number"})


@pytest.mark.parametrize("seed", range(4))
def test_fronts_are_those_of_the_engine(run: SearchRun, seed: int) -> None:
    drawn(run, seed, device=seed % 2 == 1)
    engine = [one.to_engine() for one in run.candidates.all()]
    for cost in COSTS:
        found = sorted(point["number"] for point in front_points(run, cost))
        assert found == sorted(front_of_candidates(engine, cost)), cost


def test_earlier_runs_are_mine_and_of_the_same_photos(run: SearchRun, owner: User, stranger: User) -> None:
    same: dict[str, Any] = {"dataset_version": run.dataset_version, "n_candidates": 1}
    before = SearchRunFactory(owner=owner, **same)
    SearchRunFactory(owner=stranger, **same)
    SearchRunFactory(owner=owner, n_candidates=1)
    later = SearchRunFactory(owner=owner, **same)
    later.refresh_from_db()
    assert list(earlier_runs(later, later.owner)) == [before]
