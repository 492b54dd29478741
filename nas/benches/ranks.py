"""Rank correlation of scores with what came of them, with bootstrap intervals. No torch here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

_RESAMPLES = 2_000
_TAIL = 2.5


@dataclass(frozen=True)
class Tau:
    """A rank correlation.

    Attributes:
        value: Kendall's tau-b in [-1, 1]; None if one side is constant.
        low: Lower end of the 95% bootstrap interval (percentiles) over the networks; None likewise.
        high: Upper end.
        pairs: Pairs of networks that were compared.
    """

    value: float | None
    low: float | None
    high: float | None
    pairs: int


class RankJudge:
    """Compares scores with results; all scores see the same resamples of the networks.

    Args:
        results: (n,) what the scores should rank, e.g. validation accuracies.
        sizes: (n,) MACs; `band` compares pairs of about equal ones only.
        seed: Seed of the resamples.
    """

    def __init__(self, results: Sequence[float], sizes: Sequence[float], *, seed: int = 0) -> None:
        n = len(results)
        self._results = _signs(results)
        self._everyone = np.triu(np.ones((n, n), dtype=bool), 1)
        logs = np.log(np.asarray(sizes, dtype=float))
        self._distance = np.abs(logs[:, None] - logs[None, :])
        draws = np.random.default_rng(seed).integers(0, n, (_RESAMPLES, n))
        self._draws = np.sort(draws, axis=1)  # a pair stays above the diagonal

    def tau(self, scores: Sequence[float | None], *, band: float | None = None) -> Tau:
        """Returns tau of some scores; a missing one counts as the lowest.

        Args:
            scores: (n,) one a network, in the order of the results.
            band: Compare only networks of which the larger has at most so much more MACs, e.g. 0.1.
        """
        signs, allowed = _signs(scores), self._allowed(band)
        drawn = self._resampled(signs, allowed)
        low, high = _interval(drawn)
        pairs = int(allowed.sum())
        return Tau(_number(_tau_b(signs, self._results, allowed)), low, high, pairs)

    def difference(self, scores: Sequence[float | None], others: Sequence[float | None]) -> Tau:
        """Returns tau of `scores` less tau of `others`, over all pairs, with its 95% interval."""
        first, second, allowed = _signs(scores), _signs(others), self._allowed(None)
        drawn = self._resampled(first, allowed) - self._resampled(second, allowed)
        low, high = _interval(drawn)
        value = _tau_b(first, self._results, allowed) - _tau_b(second, self._results, allowed)
        return Tau(_number(value), low, high, int(allowed.sum()))

    def _allowed(self, band: float | None) -> np.ndarray:
        if band is None:
            return self._everyone
        near: np.ndarray = self._everyone & (self._distance <= math.log(1.0 + band) + 1e-12)
        return near

    def _resampled(self, signs: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        """Returns (resamples,) taus, NaN where a resample has nothing to compare."""
        grid = self._draws[:, :, None], self._draws[:, None, :]
        return _tau_b(signs[grid], self._results[grid], allowed[grid])


def best_of(names: Sequence[str], taus: Mapping[str, Tau]) -> str:
    """Returns the name with the largest tau; the first one where none has any."""
    return max(names, key=lambda name: -math.inf if (value := taus[name].value) is None else value)


def _signs(values: Sequence[float | None]) -> np.ndarray:
    """Returns (n, n) int8 signs of the differences."""
    ranks = rankdata([-math.inf if value is None else value for value in values])
    signs: np.ndarray = np.sign(ranks[:, None] - ranks[None, :]).astype(np.int8)
    return signs


def _tau_b(first: np.ndarray, second: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Kendall's tau-b over the allowed pairs: (concordant - discordant) / sqrt(untied * untied).

    Takes (..., n, n) and returns (...), NaN where a side is constant.
    """
    agreement = (first * second * allowed).sum(axis=(-2, -1))
    untied = [np.count_nonzero(signs * allowed, axis=(-2, -1)) for signs in (first, second)]
    with np.errstate(invalid="ignore"):
        tau: np.ndarray = agreement / np.sqrt(np.asarray(untied[0], dtype=float) * untied[1])
    return tau


def _number(tau: np.ndarray) -> float | None:
    return float(tau) if np.isfinite(tau) else None


def _interval(values: np.ndarray) -> tuple[float | None, float | None]:
    known = values[np.isfinite(values)]
    if not len(known):
        return None, None
    low, high = np.percentile(known, [_TAIL, 100.0 - _TAIL])
    return float(low), float(high)
