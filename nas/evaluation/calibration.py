"""Whether probabilities mean what they say, and what a bar for "I don't know" would do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from nas.evaluation.figures import Share
from nas.evaluation.predictions import Predictions

N_BINS: Final = 10
STEPS: Final = 101
"""Bars of `threshold_curve`: 0, 0.01, ..., 1."""


@dataclass(frozen=True)
class Bin:
    """Answers of about the same confidence.

    Attributes:
        low: Lower edge, included.
        high: Upper edge, excluded but in the last bin.
        confidence: Mean confidence of its answers; None if there are none.
        right: Share of right ones.
    """

    low: float
    high: float
    confidence: float | None
    right: Share


@dataclass(frozen=True)
class Outcome:
    """What a bar would do.

    Attributes:
        threshold: Answers below this confidence become "I don't know".
        right: Photos with a right answer.
        wrong: Photos with a wrong answer.
        unknown: Photos without an answer.
    """

    threshold: float
    right: int
    wrong: int
    unknown: int

    @property
    def coverage(self) -> Share:
        """Photos that get an answer."""
        return Share(self.right + self.wrong, self.right + self.wrong + self.unknown)

    @property
    def accuracy(self) -> Share:
        """Right ones among the photos that get an answer."""
        return Share(self.right, self.right + self.wrong)


def reliability(predictions: Predictions, n_bins: int = N_BINS) -> list[Bin]:
    """Sorts answers by confidence into bins of equal width over [0, 1].

    An answer of confidence c is in bin min(floor(c * n_bins), n_bins - 1).
    """
    top = predictions.confidences.astype(np.float64)
    right = predictions.correct
    place = np.minimum((top * n_bins).astype(int), n_bins - 1)
    bins = []
    for i in range(n_bins):
        inside = place == i
        n = int(inside.sum())
        mean = float(top[inside].mean()) if n else None
        share = Share(int(right[inside].sum()), n)
        bins.append(Bin(i / n_bins, (i + 1) / n_bins, mean, share))
    return bins


def expected_calibration_error(bins: list[Bin]) -> float:
    """Returns the mean gap between confidence and share of right answers, each bin weighted by its photos.

    Naeini et al. 2015. 0 for no photos.
    """
    n = sum(one.right.n for one in bins)
    gaps = [
        one.right.n * abs(one.right.value - one.confidence)
        for one in bins
        if one.right.value is not None and one.confidence is not None
    ]
    return sum(gaps) / n if n else 0.0


def brier_score(predictions: Predictions) -> float:
    """Returns the mean over photos of sum over classes of (probability - [is the true class])^2.

    Brier 1950: 0 is perfect, 2 the worst. 0 for no photos.
    """
    if len(predictions) == 0:
        return 0.0
    each = np.arange(len(predictions))
    squares = np.square(predictions.probabilities, dtype=np.float32).sum(axis=1, dtype=np.float64)
    of_truth = predictions.probabilities[each, predictions.labels].astype(np.float64)
    return float((squares - 2 * of_truth + 1).mean())


def threshold_curve(predictions: Predictions, steps: int = STEPS) -> list[Outcome]:
    """Returns what each of `steps` bars from 0 to 1 would do; a confidence equal to the bar is an answer."""
    bars = [i / (steps - 1) for i in range(steps)]
    return [outcome_at(predictions, bar) for bar in bars]


def outcome_at(predictions: Predictions, threshold: float) -> Outcome:
    """Returns what a bar would do; it is compared as float32, as downloads compare it."""
    given = predictions.confidences >= np.float32(threshold)
    right = int((given & predictions.correct).sum())
    n_given = int(given.sum())
    return Outcome(threshold, right, n_given - right, len(predictions) - n_given)
