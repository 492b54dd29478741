"""The leaderboard: order, ties by name, recommendation by validation."""

from __future__ import annotations

from typing import Any

from search_app.results import leaderboard, scale_floor
from tests.unit.pages.test_charts import candidate


def judged(number: int, low: float, accuracy: float, high: float) -> dict[str, Any]:
    return {"candidate": number, "accuracy": accuracy, "accuracy_low": low, "accuracy_high": high}


def test_judged_networks_come_first_best_first() -> None:
    candidates = [candidate(0, 0.8, 1.0), candidate(1, 0.9, 2.0), candidate(2, 0.95, 3.0)]
    rows = leaderboard(candidates, {}, [judged(0, 0.7, 0.8, 0.85), judged(1, 0.86, 0.9, 0.93)])
    assert [row.candidate.number for row in rows] == [1, 0, 2]
    assert [row.tested for row in rows] == [True, True, False]


def test_overlapping_intervals_are_a_tie_and_others_are_not() -> None:
    candidates = [candidate(0, 0.8, 1.0), candidate(1, 0.9, 2.0), candidate(2, 0.95, 3.0)]
    tests = [judged(0, 0.5, 0.6, 0.7), judged(1, 0.85, 0.9, 0.93), judged(2, 0.88, 0.92, 0.95)]
    ties = {row.candidate.number: row.tie for row in leaderboard(candidates, {}, tests)}
    assert ties == {2: False, 1: True, 0: False}


def test_validation_figures_are_never_tied_with_test_figures() -> None:
    candidates = [candidate(0, 0.9, 1.0), candidate(1, 0.91, 2.0)]
    rows = leaderboard(candidates, {}, [judged(0, 0.85, 0.9, 0.93)])
    assert [row.tie for row in rows] == [False, False]


def test_recommended_is_the_given_one_even_if_another_did_better_on_test() -> None:
    candidates = [candidate(0, 0.8, 1.0), candidate(1, 0.9, 2.0)]
    tests = [judged(0, 0.9, 0.95, 0.97), judged(1, 0.85, 0.9, 0.93)]
    rows = leaderboard(candidates, {}, tests, recommended=1)
    assert [row.recommended for row in rows] == [False, True]


def test_exported_networks_off_the_front_are_listed_with_their_model() -> None:
    model = object()
    rows = leaderboard([candidate(0, 0.9, 1.0), candidate(1, 0.5, 9.0)], {1: model}, [])
    assert {row.candidate.number: row.model for row in rows} == {0: None, 1: model}
    assert {row.candidate.number: row.on_front for row in rows} == {0: True, 1: False}


def test_no_network_gives_no_rows() -> None:
    assert leaderboard([candidate(0, status="failed", metrics=None)], {}, []) == []
    assert scale_floor([]) == 0.0
