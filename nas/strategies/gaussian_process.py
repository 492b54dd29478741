"""A Gaussian process over choices: the surrogate of surrogate-assisted search.

Rasmussen & Williams 2006, "Gaussian Processes for Machine Learning", chapters 2 and 5. The kernel is
exp(-h / length) with h the number of decisions in which two choices differ: a product of one factor a
decision, which holds the effects of single decisions and of their interactions. A long `length` is nearly
additive. It asks nothing of the decisions but that their values are different.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nas.spaces.base import Choices

Array = NDArray[np.float64]

_LENGTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Candidates for `length`, as multiples of the number of decisions."""

_NOISES = (1e-4, 1e-3, 1e-2, 1e-1)
"""Candidates for the variance of the noise, as a fraction of the signal's."""

DIGITS = 9
"""Digits of a standardised prediction: the last bits of a matrix product must not decide a search."""


class GaussianProcess:
    """Predicts a metric from choices; length and noise by the largest marginal likelihood."""

    def __init__(self, choices: Sequence[Choices], values: Sequence[float]) -> None:
        """Fits n observations.

        Args:
            choices: n choices of d decisions, n >= 1.
            values: n finite values.
        """
        from scipy.linalg import cho_factor, cho_solve  # the web process lists strategies and fits nothing

        self._choices = np.asarray(choices, dtype=np.int64)
        targets = np.asarray(values, dtype=np.float64)
        self._mean, self._scale = float(targets.mean()), float(targets.std()) or 1.0
        targets = (targets - self._mean) / self._scale
        distance = _distance(self._choices, self._choices)
        best = -np.inf
        for length in _LENGTHS:
            kernel = np.exp(-distance / (length * self._choices.shape[1]))
            for noise in _NOISES:
                factor = cho_factor(kernel + noise * np.eye(len(targets)), lower=True)
                weights = cho_solve(factor, targets)
                likelihood = _log_likelihood(targets, weights, factor[0])
                if likelihood > best:
                    best, self._weights = likelihood, weights
                    self._length = length * self._choices.shape[1]

    def predict(self, choices: Sequence[Choices]) -> Array:
        """Returns the posterior means, shape (len(choices),)."""
        distance = _distance(np.asarray(choices, dtype=np.int64), self._choices)
        standardised = np.round(np.exp(-distance / self._length) @ self._weights, DIGITS)
        result: Array = self._mean + self._scale * standardised
        return result


def _log_likelihood(targets: Array, weights: Array, factor: Array) -> float:
    """Returns the log marginal likelihood up to constants, at the signal variance that is best for it."""
    n = len(targets)
    variance = max(float(targets @ weights) / n, 1e-12)
    return -0.5 * n * float(np.log(variance)) - float(np.log(np.diag(factor)).sum())


def _distance(first: NDArray[np.int64], second: NDArray[np.int64]) -> Array:
    different: Array = np.zeros((len(first), len(second)))
    for one, other in zip(first.T, second.T, strict=True):
        different += one[:, None] != other[None, :]
    return different
