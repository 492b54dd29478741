"""How accuracy grows with the number of training photos: a power law with intervals by bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from nas.evaluation.estimates import ClassGain, Estimate
from nas.evaluation.predictions import Ints

Floats = npt.NDArray[np.float64]
Wrong = npt.NDArray[np.bool_]

N_BOOTSTRAPS: Final = 600
FEWEST_OF_CLASS: Final = 10
"""Validation photos without which nothing is said of a class."""
_POWERS: Final = np.linspace(0.05, 2.0, 40)
_LEVEL: Final = 0.05


@dataclass(frozen=True)
class Fit:
    """Errors by the number of training photos: c + a * n ** -b, with a and c not negative.

    Attributes:
        a: (B,) scale, one for each of B curves.
        b: (B,) power, from 0.05 to 2.
        c: (B,) what no number of photos would mend.
    """

    a: Floats
    b: Floats
    c: Floats

    def error(self, n: float) -> Floats:
        """Returns the (B,) shares of wrong answers with n training photos, at most 1."""
        share: Floats = np.minimum(1.0, self.c + self.a * n ** (-self.b))
        return share


def fit_power_law(sizes: Sequence[int], errors: Floats) -> Fit:
    """Fits curves by least squares: the best power of a grid, with the best a, c >= 0 for it.

    Hestness et al. 2017 found this shape of learning curves across tasks.

    Args:
        sizes: S numbers of training photos, at least 3.
        errors: (S, B) shares of wrong answers of B curves.
    """
    best = np.full(errors.shape[1], np.inf)
    a, b, c = (np.zeros(errors.shape[1]) for _ in range(3))
    for power in _POWERS:
        x = np.asarray(sizes, dtype=np.float64) ** -power
        scale, offset = _non_negative_line(x, errors)
        loss = ((x[:, None] * scale + offset - errors) ** 2).sum(axis=0)
        better = loss < best
        best = np.where(better, loss, best)
        a, b, c = np.where(better, scale, a), np.where(better, power, b), np.where(better, offset, c)
    return Fit(a, b, c)


def _non_negative_line(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Least squares of y = scale * x + offset, neither negative; y is (S, B)."""
    centred = x - x.mean()
    scale = centred @ y / (centred @ centred)
    offset = y.mean(axis=0) - scale * x.mean()
    through_zero = np.maximum(0.0, x @ y / (x @ x))
    scale, offset = np.where(offset < 0, through_zero, scale), np.maximum(0.0, offset)
    return np.where(scale < 0, 0.0, scale), np.where(scale < 0, y.mean(axis=0), offset)


def bootstrapped(wrong: Sequence[Wrong], seed: int = 0) -> Floats:
    """Returns (S, 1 + B) shares of wrong answers: as measured, then of B resamplings.

    A resampling draws validation photos with replacement, the same for all sizes, and for each size draws
    among its repeats with replacement.

    Args:
        wrong: For each of S sizes (R_s, V): whether repeat r was wrong on validation photo v.
        seed: Of the drawing.
    """
    rng = np.random.default_rng(seed)
    n = wrong[0].shape[1]
    weights = rng.multinomial(n, np.full(n, 1 / n), size=N_BOOTSTRAPS).T.astype(np.float64) / n  # (V, B)
    rows = []
    for repeats in wrong:
        drawn = repeats @ weights  # (R, B)
        chosen = rng.integers(0, len(repeats), (len(repeats), N_BOOTSTRAPS))
        resampled = np.take_along_axis(drawn, chosen, axis=0).mean(axis=0)
        rows.append(np.concatenate([[repeats.mean()], resampled]))
    return np.array(rows)


def estimate(values: Floats) -> Estimate:
    """Returns the first value (as measured) with the 2.5% and 97.5% quantiles of the others."""
    low, high = np.quantile(values[1:], [_LEVEL / 2, 1 - _LEVEL / 2])
    return Estimate(float(values[0]), float(low), float(high))


def class_gains(half: Wrong, full: Wrong, labels: Ints) -> list[ClassGain]:
    """Returns the classes that surely gained, the largest gain first.

    For each class with at least 10 validation photos: the mean over its photos of (share of repeats wrong
    with half of the training photos) - (the same with all), with a normal interval whose level is divided by
    the number of classes looked at (Bonferroni). Those whose interval is above zero are returned.

    Args:
        half: (R, V) wrong answers with about half of the training photos.
        full: (R', V) the same with all.
        labels: (V,) true classes of the validation photos.
    """
    gained = half.mean(axis=0) - full.mean(axis=0)
    counts = np.bincount(labels)
    looked_at = [int(number) for number in np.flatnonzero(counts >= FEWEST_OF_CLASS)]
    found = []
    for number in looked_at:
        z = NormalDist().inv_cdf(1 - _LEVEL / 2 / len(looked_at))
        own: Any = gained[labels == number]
        mean, half_width = float(own.mean()), z * float(own.std(ddof=1)) / len(own) ** 0.5
        if mean - half_width > 0:
            found.append(ClassGain(number, Estimate(mean, mean - half_width, mean + half_width), len(own)))
    return sorted(found, key=lambda one: -one.gain.value)
