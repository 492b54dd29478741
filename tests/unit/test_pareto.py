from __future__ import annotations

import math
import random
import time

import pytest

from nas.objectives import ACCURACY, LATENCY_MS
from nas.pareto import (
    crowding,
    dominates,
    front_of_candidates,
    hypervolume,
    non_dominated,
    ranks,
)
from tests.unit.candidates import candidate

BOTH = (ACCURACY, LATENCY_MS)


def test_dominance_needs_one_better_and_none_worse() -> None:
    assert dominates((0.9, 2.0), (0.8, 2.0), BOTH)
    assert dominates((0.9, 1.0), (0.9, 2.0), BOTH)
    assert not dominates((0.9, 2.0), (0.9, 2.0), BOTH)
    assert not dominates((0.95, 3.0), (0.9, 2.0), BOTH)


def test_nan_neither_dominates_nor_stands_on_the_front() -> None:
    points = [(math.nan, 0.1), (0.5, 1.0), (0.9, math.nan)]
    assert non_dominated(points, BOTH) == [1]
    assert ranks(points, BOTH) == [None, 0, None]
    assert not dominates((math.nan, 0.1), (0.5, 1.0), BOTH)


def test_ties_stay_together_and_empty_stays_empty() -> None:
    assert non_dominated([(0.9, 1.0), (0.9, 1.0), (0.8, 1.0)], BOTH) == [0, 1]
    assert non_dominated([], BOTH) == []
    assert crowding([]) == []
    assert hypervolume([], (0.0, 10.0), BOTH) == 0.0


def test_infinite_latency_is_an_ordinary_bad_value() -> None:
    assert non_dominated([(0.9, math.inf), (0.8, 1.0)], BOTH) == [0, 1]


def test_ranks_peel_front_after_front() -> None:
    assert ranks([(0.9, 1.0), (0.8, 2.0), (0.7, 3.0), (0.95, 5.0)], BOTH) == [0, 1, 2, 0]


def _ranks_by_definition(points: list[tuple[float, float]]) -> list[int]:
    """A point's rank is one more than the largest rank of what dominates it."""
    found: dict[tuple[float, float], int] = {}
    for point in sorted(points, key=lambda each: (each[1], -each[0])):
        above = [found[other] for other in found if dominates(other, point, BOTH)]
        found[point] = 1 + max(above, default=-1)
    return [found[point] for point in points]


def test_ranks_of_many_points_are_those_of_the_definition() -> None:
    draw = random.Random(3)
    for spread in (3, 8, 1000):  # few values: many ties
        points = [(draw.randrange(spread) / spread, float(draw.randrange(spread))) for _ in range(150)]
        assert ranks(points, BOTH) == _ranks_by_definition(points)


def test_the_front_of_tens_of_thousands_of_points_comes_at_once() -> None:
    draw = random.Random(5)
    points = [(draw.random(), draw.random()) for _ in range(50_000)]
    started = time.process_time()
    front = non_dominated(points, BOTH)
    assert time.process_time() - started < 5.0  # by comparing each with each it is hours
    assert len(front) < 100


def test_wrong_dimensions_are_refused() -> None:
    with pytest.raises(ValueError, match="2 objectives"):
        non_dominated([(0.9,)], BOTH)
    with pytest.raises(ValueError, match="two objectives"):
        hypervolume([(0.9,)], (0.0,), (ACCURACY,))
    with pytest.raises(ValueError, match="NaN"):
        hypervolume([(0.9, 1.0)], (math.nan, 1.0), BOTH)


def test_crowding_of_ends_middle_and_flat_fronts() -> None:
    assert crowding([(0.0, 4.0), (1.0, 3.0), (4.0, 0.0)]) == [math.inf, pytest.approx(2.0), math.inf]
    assert crowding([(1.0, 1.0)] * 3)[1] == 0.0


def test_hypervolume_of_known_areas() -> None:
    reference = (0.0, 10.0)
    assert hypervolume([(0.5, 4.0)], reference, BOTH) == pytest.approx(3.0)
    assert hypervolume([(0.5, 4.0), (0.5, 4.0), (0.4, 6.0)], reference, BOTH) == pytest.approx(3.0)
    assert hypervolume([(0.5, 4.0), (1.0, 8.0)], reference, BOTH) == pytest.approx(4.0)
    assert hypervolume([(0.5, 12.0), (-0.1, 1.0), (math.nan, 1.0)], reference, BOTH) == 0.0


def test_hypervolume_equals_a_monte_carlo_count() -> None:
    rng = random.Random(0)
    points = [(rng.random(), rng.random()) for _ in range(15)]
    darts = [(rng.random(), rng.random()) for _ in range(20_000)]
    hits = sum(any(a >= x and t <= y for a, t in points) for x, y in darts)
    assert hypervolume(points, (0.0, 1.0), BOTH) == pytest.approx(hits / len(darts), abs=0.015)


def test_front_counts_only_the_furthest_training_of_a_network() -> None:
    short = candidate(0, accuracy=0.95, latency_ms=3.0)
    final = candidate(1, accuracy=0.90, latency_ms=3.0, refines=0, fidelity="final")
    fast = candidate(2, accuracy=0.80, latency_ms=1.0, resolution=64)
    beaten = candidate(3, accuracy=0.79, latency_ms=1.5, resolution=96)
    assert front_of_candidates([short, final, fast, beaten]) == [2, 1]


def test_failed_refinement_supersedes_nothing() -> None:
    short = candidate(0, accuracy=0.9, latency_ms=3.0)
    failed = candidate(1, refines=0, fidelity="final", failed=True)
    assert front_of_candidates([short, failed]) == [0]
    assert front_of_candidates([failed]) == []


def test_chain_of_refinements_leaves_its_last_link() -> None:
    chain = [
        candidate(n, accuracy=0.9 - n / 10, latency_ms=3.0, refines=n - 1 if n else None) for n in range(3)
    ]
    chain[2] = candidate(2, accuracy=0.7, latency_ms=3.0, refines=1, fidelity="final")
    assert front_of_candidates(chain) == [2]


def test_equal_network_trained_further_elsewhere_also_supersedes() -> None:
    short = candidate(0, accuracy=0.95, latency_ms=3.0)
    final = candidate(1, accuracy=0.9, latency_ms=3.1, fidelity="final")
    assert front_of_candidates([short, final]) == [1]
    other_source = candidate(1, accuracy=0.9, latency_ms=2.9, fidelity="final", source="baseline")
    assert front_of_candidates([short, other_source]) == [1, 0]
