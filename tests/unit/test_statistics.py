from __future__ import annotations

import pytest

from nas.statistics import wilson_interval


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
