from __future__ import annotations

import pytest
from scipy.stats import binomtest

from nas.statistics import mcnemar_exact, wilson_interval


def test_known_value():
    # Newcombe 1998, table I: 81 of 263 gives 0.2553 to 0.3662.
    low, high = wilson_interval(81, 263)
    assert (low, high) == (pytest.approx(0.2553, abs=1e-4), pytest.approx(0.3662, abs=1e-4))


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (10, 10)])
def test_stays_inside_zero_and_one(successes: int, n: int):
    low, high = wilson_interval(successes, n)
    assert 0.0 <= low < high <= 1.0


def test_nothing_seen_says_nothing():
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_impossible_counts_are_refused():
    with pytest.raises(ValueError, match="successes"):
        wilson_interval(3, 2)


@pytest.mark.parametrize(("b", "c"), [(0, 0), (1, 0), (3, 12), (12, 3), (10, 10), (40, 71), (500, 620)])
def test_mcnemar_is_the_binomial_test_of_the_photos_that_only_one_gets_right(b: int, c: int) -> None:
    expected = binomtest(b, b + c, 0.5).pvalue if b + c else 1.0
    assert mcnemar_exact(b, c) == pytest.approx(expected, rel=1e-9)


def test_mcnemar_by_hand_and_for_many() -> None:
    assert mcnemar_exact(0, 5) == 2 / 32
    assert mcnemar_exact(1, 5) == 2 * (1 + 6) / 64
    assert mcnemar_exact(0, 5000) == 0.0 or mcnemar_exact(0, 5000) < 1e-300
    with pytest.raises(ValueError, match="negative"):
        mcnemar_exact(-1, 3)
