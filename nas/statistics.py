"""Small statistics that several parts need."""

from __future__ import annotations

import math

_Z95 = 1.959963984540054


def wilson_interval(successes: int, n: int) -> tuple[float, float]:
    """Returns the 95% Wilson score interval of a proportion (Wilson 1927); (0, 1) for n = 0.

    Raises:
        ValueError: If `successes` is not in [0, n].
    """
    if not 0 <= successes <= n:
        raise ValueError(f"successes must be in [0, {n}], got {successes}")
    if n == 0:
        return (0.0, 1.0)
    share, z2 = successes / n, _Z95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return (max(0.0, centre - half), min(1.0, centre + half))


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Returns how often chance alone parts two classifiers at least so far: the exact test of McNemar (1947).

    Under the hypothesis that both are equally often right, each image that only one of them gets right is
    the first one's with probability 1/2; the two-sided p-value is that of a binomial test.

    Args:
        only_first: Images that only the first classifier gets right.
        only_second: Images that only the second one gets right.

    Raises:
        ValueError: If a count is negative.
    """
    if min(only_first, only_second) < 0:
        raise ValueError(f"counts must not be negative, got {only_first} and {only_second}")
    n, fewer = only_first + only_second, min(only_first, only_second)
    term = total = 1
    for k in range(fewer):
        term = term * (n - k) // (k + 1)
        total += term
    return min(1.0, (2 * total) / (1 << n))  # whole numbers: exact up to this division
