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
        pairs = int((allowed & (self._everyone)).sum())
        return Tau(_tau_b(signs, self._results, allowed), low, high, pairs)

    def difference(self, scores: Sequence[float | None], others: Sequence[float | None]) -> Tau:
        """Returns tau of `scores` less tau of `others`, over all pairs, with its 95% interval."""
        first, second, allowed = _signs(scores), _signs(others), self._allowed(None)
        drawn = self._resampled(first, allowed) - self._resampled(second, allowed)
        low, high = _interval(drawn)
        values = _tau_b(first, self._results, allowed), _tau_b(second, self._results, allowed)
        value = None if values[0] is None or values[1] is None else values[0] - values[1]
        return Tau(value, low, high, int(allowed.sum()))

    def _allowed(self, band: float | None) -> np.ndarray:
        if band is None:
            return self._everyone
        return self._everyone & (self._distance <= math.log(1.0 + band) + 1e-12)

    def _resampled(self, signs: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        """Returns (resamples,) taus, NaN where a resample has nothing to compare."""
        taus = []
        for draw in self._draws:
            grid = np.ix_(draw, draw)
            taus.append(_tau_b(signs[grid], self._results[grid], allowed[grid]))
        return np.array([math.nan if tau is None else tau for tau in taus])


def best_of(names: Sequence[str], taus: Mapping[str, Tau]) -> str:
    """Returns the name with the largest tau; the first one where none has any."""
    return max(names, key=lambda name: -math.inf if (value := taus[name].value) is None else value)


def _signs(values: Sequence[float | None]) -> np.ndarray:
    """Returns (n, n) signs of the differences."""
    ranks = rankdata([-math.inf if value is None else value for value in values])
    return np.sign(ranks[:, None] - ranks[None, :])


def _tau_b(first: np.ndarray, second: np.ndarray, allowed: np.ndarray) -> float | None:
    """Kendall's tau-b over the allowed pairs: (concordant - discordant) / sqrt(untied * untied)."""
    untied = float((first[allowed] ** 2).sum() * (second[allowed] ** 2).sum())
    return float((first[allowed] * second[allowed]).sum() / math.sqrt(untied)) if untied else None


def _interval(values: np.ndarray) -> tuple[float | None, float | None]:
    known = values[np.isfinite(values)]
    if not len(known):
        return None, None
    low, high = np.percentile(known, [_TAIL, 100.0 - _TAIL])
    return float(low), float(high)
