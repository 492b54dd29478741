"""Picks, failures, hand-made networks and the ledger: who is chosen, what is said of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from nas.candidate import Candidate, DeviceFigures
from search_app.failures import failures_of
from search_app.handmade import baseline_sentences
from search_app.ladder import ladder_of
from search_app.picks import picks_of
from search_app.results import leaderboard
from search_app.run_costs import run_costs
from search_app.shown import Tried
from tests.unit.pages.test_charts import candidate
from tests.unit.report.records import run_record


def network(
    number: int, accuracy: float, latency_ms: float, size: int = 4_000_000, **about: Any
) -> Candidate:
    """A fully trained network with an interval of two points on either side."""
    found = candidate(number, accuracy, latency_ms, fidelity="final", label=f"Net {number}", **about)
    assert found.metrics is not None
    interval = {"accuracy_low": accuracy - 0.02, "accuracy_high": accuracy + 0.02}
    return replace(found, metrics=replace(found.metrics, size_bytes=size, **interval))


def beyond(one: Candidate) -> Candidate:
    """The same network, too large for its device."""
    assert one.metrics is not None
    device = DeviceFigures("A board", "profile", 1.0, broken_limits=("Too large.",))
    return replace(one, metrics=replace(one.metrics, device=device))


def picked(*candidates: Candidate, **options: Any) -> dict[str, Any]:
    """The picks by kind; what was trained to the end is exported, as at the end of a search."""
    models = {one.number: object() for one in candidates if one.fidelity == "final"}
    return {pick.kind: pick for pick in picks_of(leaderboard(candidates, models, [], **options))}


def test_best_fastest_within_a_point_and_smallest() -> None:
    found = picked(
        network(0, 0.90, 6.0),
        network(1, 0.891, 2.0),
        network(2, 0.88, 1.0),
        network(3, 0.70, 0.9, size=1_000_000),
    )
    assert {kind: pick.row.candidate.number for kind, pick in found.items()} == {
        "best": 0,
        "fastest": 1,
        "smallest": 3,
    }
    assert "2.00 ms against 6.00 ms" in found["fastest"].why
    assert "0.9 of 100" in found["fastest"].costs and "cannot tell the two apart" in found["fastest"].costs
    assert "20.0 of 100" in found["smallest"].costs and "cannot tell" not in found["smallest"].costs


def test_exactly_one_point_is_within_it_and_a_hair_more_is_not() -> None:
    assert picked(network(0, 0.90, 6.0), network(1, 0.89, 2.0))["fastest"].row.candidate.number == 1
    assert picked(network(0, 0.90, 6.0), network(1, 0.8899, 2.0))["fastest"].row.candidate.number == 0


def test_the_recommended_one_is_the_best_even_if_another_has_more_right() -> None:
    candidates = [network(0, 0.90, 6.0), network(1, 0.91, 7.0)]
    assert picked(*candidates, recommended=0)["best"].row.candidate.number == 0
    assert picked(*candidates)["best"].row.candidate.number == 1


def test_what_the_device_cannot_hold_is_not_picked_unless_nothing_fits() -> None:
    small, large = network(0, 0.80, 2.0), network(1, 0.95, 1.0)
    assert {pick.row.candidate.number for pick in picked(small, beyond(large)).values()} == {0}
    none_fits = picked(beyond(small), beyond(large))
    assert none_fits["best"].row.candidate.number == 1 and "No network fits" in none_fits["best"].why


def test_ties_are_named_and_the_same_network_is_told_once() -> None:
    found = picked(network(0, 0.90, 1.0), network(1, 0.88, 6.0), network(2, 0.70, 9.0))
    assert "cannot tell it from Net 1." in found["best"].costs  # Net 2 is clearly worse
    assert found["best"].same_as == "" and found["fastest"].same_as == found["best"].title
    clear = picked(network(0, 0.90, 1.0), network(1, 0.50, 0.5))
    assert "No other network" in clear["best"].costs


def test_equal_speed_and_equal_size_are_named() -> None:
    found = picked(network(0, 0.90, 6.0), network(1, 0.895, 2.0), network(2, 0.896, 2.05))
    assert found["fastest"].row.candidate.number == 1 and "About as fast: Net 2" in found["fastest"].why
    assert found["smallest"].row.candidate.number == 0 and "Net 1" in found["smallest"].why


def test_short_trainings_are_picked_only_without_others() -> None:
    brief = candidate(0, 0.99, 0.1, fidelity="short")
    assert picked(brief, network(1, 0.9, 2.0))["best"].row.candidate.number == 1
    assert picked(brief)["best"].row.candidate.number == 0
    assert picks_of([]) == []


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory", "memory"),
        ("The training diverged: its loss is no longer a number.", "went astray"),
        ("Blocks of type Strange cannot be exported yet.", "runs elsewhere"),
        ("ONNX Runtime cannot run this network: Shape mismatch", "runs elsewhere"),
        ("The gremlins came.", "Something else"),
        ("", "Something else"),
    ],
)
def test_a_failure_has_a_reason_and_a_next_step(error: str, reason: str) -> None:
    (group,) = failures_of([candidate(0, status="failed", metrics=None, error=error)])
    assert reason in str(group.reason) and str(group.step)


def test_failures_are_grouped_the_most_frequent_first() -> None:
    errors = ["out of memory", "odd", "diverged", "diverged", None]
    failed = [candidate(n, status="failed", metrics=None, error=error) for n, error in enumerate(errors)]
    groups = failures_of([*failed, candidate(9)])
    assert [[one.number for one in group.candidates] for group in groups] == [[2, 3], [1, 4], [0]]
    assert groups[0].seconds == pytest.approx(9.0)
    assert failures_of([candidate(0)]) == []


def test_hand_made_networks_are_named_where_they_win() -> None:
    handmade = candidate(0, 0.90, 3.0, source="baseline", fidelity="final", label="Lite0")
    slower = candidate(1, 0.95, 4.0, label="Slow")
    (wins,) = baseline_sentences([handmade, slower])
    assert wins.startswith("Lite0 wins at its place: 90.0% in 3.00 ms")
    (beaten,) = baseline_sentences([handmade, slower, candidate(2, 0.90, 3.0, label="Equal")])
    assert "is beaten by Equal" in beaten
    assert baseline_sentences([slower]) == []


def test_the_ledger_counts_every_second_once_and_says_how_energy_is_known() -> None:
    record = run_record()
    report = {"spent_seconds": 720.0, "phases": record.phases, "config": {"plan": {}}}
    counted = Tried(Counter(one.phase for one in record.candidates), n_failed=1, failed_seconds=12.5)
    costs = run_costs(report, counted, spent_seconds=1.0, minutes=12.0, watts=50)
    assert costs.seconds == 720 and sum(one.seconds for one in costs.phases) == pytest.approx(686.8)
    assert sum(one.share for one in costs.phases) == pytest.approx(686.8 / 720)
    assert costs.n_trainings == len(record.candidates) and costs.n_failed == 1
    assert {one.n_candidates for one in costs.phases} <= {*counted.by_phase.values(), 0}
    assert not costs.measured and costs.kwh == pytest.approx(50 * 720 / 3.6e6)  # 50 W for 12 min: 0.01 kWh
    assert costs.kwh == pytest.approx(0.01)
    report["config"] = {"plan": {"cpu_joules": 7200.0}}
    told = run_costs(report, counted, spent_seconds=1.0, minutes=12.0, watts=50)
    assert told.measured and told.kwh == pytest.approx(0.002)
    empty = run_costs({}, Tried({}, 0, 0.0), spent_seconds=30.0, minutes=1.0, watts=60)
    assert empty.seconds == 30 and empty.phases == ()


def test_the_ladder_tells_where_the_prediction_misses() -> None:
    scaling = run_record().scaling
    assert scaling is not None
    ladder = ladder_of({"scaling": scaling})
    assert ladder is not None
    assert [rung.name for rung in ladder.rungs] == ["S", "M", "L"] and ladder.coefficients == "1 / 1 / 1.41"
    assert "about the time" in ladder.sentence
    assert [(step.factors, step.chosen, step.alike) for step in ladder.grid] == [
        ("1.2 / 1.1 / 1.15", False, True),
        ("1 / 1 / 1.41", True, True),
        ("1.4 / 1.1 / 1.1", False, False),
    ]
    earlier = {**scaling, "choice": None, "efficientnet": {}, "grid": [{"alpha": 1, "beta": 1, "gamma": 2}]}
    plain = ladder_of({"scaling": earlier})
    assert plain is not None and plain.grid[0].alike is None and plain.choice == "" and plain.released == ()
    scaling["family"][2]["latency_ms"] = 13.2
    missed = ladder_of({"scaling": scaling})
    assert missed is not None and "size L: 6.60 ms predicted, 13.2 ms measured" in missed.sentence
    assert ladder_of({"scaling": None}) is None and ladder_of({}) is None
