"""Who is trained fully, in which order, and from whose weights."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from nas.candidate import Candidate
from nas.objectives import ACCURACY, LATENCY_MS
from nas.pareto import hypervolume
from nas.phases.line_up import in_order, line_up, weights_from
from nas.spaces.lite_elastic import LiteElastic
from tests.unit.candidates import candidate

SPACE = LiteElastic()


def cut(number: int) -> Candidate:
    smallest = SPACE.decode(tuple(0 for _ in SPACE.decisions))
    return replace(candidate(number), architecture=smallest)


def trained(one: Candidate, number: int) -> Candidate:
    return replace(one, number=number, phase="final_training", fidelity="final")


def test_the_front_is_covered_instead_of_crowded() -> None:
    ladder = [
        candidate(number, accuracy=accuracy, latency_ms=ms, resolution=64 + 32 * number)
        for number, (accuracy, ms) in enumerate(
            [(0.70, 1.0), (0.80, 2.0), (0.805, 2.1), (0.86, 5.0), (0.88, 9.0)]
        )
    ]
    numbers = {one.number for one in line_up(None, ladder, 4)}
    assert numbers == {0, 1, 3, 4}, "2 is 0.1 ms from its neighbour and adds least"


def test_what_is_worse_and_dearer_is_not_trained() -> None:
    good = candidate(0, accuracy=0.9, latency_ms=2.0, resolution=96)
    bad = candidate(1, accuracy=0.8, latency_ms=3.0, resolution=128)
    again = candidate(3, accuracy=0.95, latency_ms=1.9, resolution=128)
    failed = candidate(2, failed=True)
    assert line_up(None, [bad, good, failed], 3) == [good]
    assert line_up(bad, [good, again], 3) == [bad, good], "the first pick is the goal's own, and comes once"


@given(
    st.lists(
        st.tuples(st.floats(0.0, 1.0, allow_subnormal=False), st.floats(0.1, 50.0)), min_size=1, max_size=8
    ),
    st.integers(1, 4),
)
def test_a_greedy_choice_covers_most_of_what_the_best_one_would(
    points: list[tuple[float, float]], wanted: int
) -> None:
    networks = [
        candidate(number, accuracy=a, latency_ms=ms, resolution=64 + 32 * number)
        for number, (a, ms) in enumerate(points)
    ]
    reference = (0.0, 1.25 * max(ms for _, ms in points))

    def area(numbers: tuple[int, ...]) -> float:
        return hypervolume([points[each] for each in numbers], reference, (ACCURACY, LATENCY_MS))

    chosen = tuple(one.number for one in line_up(None, networks, wanted))
    best = max(area(each) for each in combinations(range(len(points)), min(wanted, len(points))))
    assert len(chosen) <= wanted
    assert area(chosen) >= (1 - 1 / 2.718281828) * best - 1e-9  # Nemhauser et al. 1978: areas are submodular


def test_whole_networks_go_down_the_ladder_and_hand_their_weights_on() -> None:
    small, large, middle = (candidate(n, resolution=side) for n, side in enumerate((96, 224, 160)))
    pick = cut(7)
    assert in_order([pick, small, large, middle]) == [pick, large, middle, small]
    assert in_order([small, pick, large]) == [large, small, pick]
    assert in_order([]) == []
    done = [trained(pick, 10), trained(large, 11), trained(middle, 12)]
    assert weights_from(small, done).number == 12
    assert weights_from(middle, done[:2]).number == 11
    assert weights_from(large, done[:1]) is large
    assert weights_from(pick, done) is pick, "a network that was cut goes on from its own weights"
    assert weights_from(candidate(3, resolution=256), done).number == 3, "nobody has trained above it"
