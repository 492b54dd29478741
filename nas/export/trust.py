"""How far a network's probabilities can be trusted: a temperature, and the bar of "I don't know"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

_FEWEST_IMAGES = 30
_FEWEST_ERRORS = 5
"""With fewer wrong answers nothing speaks for probabilities that are bolder than the network's own."""

_COLDEST, _HOTTEST = 0.05, 20.0
_BINS = 10
_ERRORS_LEFT = 0.5
"""Share of the wrong answers that may remain among those given."""


@dataclass(frozen=True)
class Trust:
    """What validation images say about a network's probabilities.

    Attributes:
        temperature: Divides the logits before the softmax, > 0 (Guo et al. 2017); 1 leaves them alone.
        threshold: Below this top probability the honest answer is "I don't know", in [0, 1].
        coverage: Share of validation images with an answer, in [0, 1].
        accuracy: Share of right ones among the answers given.
        error_before: Expected calibration error without the temperature (Naeini et al. 2015, 10 bins); None
            if nothing was fitted.
        error_after: The same with it.
        n_images: Validation images behind these figures.
    """

    temperature: float = 1.0
    threshold: float = 0.0
    coverage: float = 1.0
    accuracy: float = 0.0
    error_before: float | None = None
    error_after: float | None = None
    n_images: int = 0

    @property
    def fitted(self) -> bool:
        """False if there were too few images to fit anything."""
        return self.error_after is not None


def fit_trust(logits: np.ndarray, labels: np.ndarray) -> Trust:
    """Fits temperature and threshold.

    The threshold is the lowest at which at most half of the wrong answers' share remains among the answers
    given. With fewer than 30 images nothing is fitted: temperature 1, threshold 0. With fewer than 5 errors
    the temperature is at least 1: without errors the likelihood asks for boundless confidence.

    Args:
        logits: (N, K) of validation images.
        labels: (N,) true classes.
    """
    if len(labels) < _FEWEST_IMAGES:
        right = float((logits.argmax(axis=1) == labels).mean()) if len(labels) else 0.0
        return Trust(accuracy=right, n_images=len(labels))
    wrong = int((logits.argmax(axis=1) != labels).sum())
    temperature = _temperature(logits, labels, lowest=_COLDEST if wrong >= _FEWEST_ERRORS else 1.0)
    before, after = softmax(logits, axis=1), softmax(logits / temperature, axis=1)
    right = after.argmax(axis=1) == labels
    top = after.max(axis=1)
    threshold = _threshold(top, right)
    given = top >= threshold
    return Trust(
        temperature=temperature,
        threshold=threshold,
        coverage=float(given.mean()),
        accuracy=float(right[given].mean()),
        error_before=calibration_error(before, labels),
        error_after=calibration_error(after, labels),
        n_images=len(labels),
    )


def calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Returns the mean gap between confidence and accuracy over ten bins of equal width, weighted by size.

    Args:
        probabilities: (N, K), N >= 1.
        labels: (N,) true classes.
    """
    top, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    bins = np.minimum((top * _BINS).astype(int), _BINS - 1)
    gaps = [abs(float(top[bins == one].mean() - right[bins == one].mean())) for one in np.unique(bins)]
    sizes = [float((bins == one).mean()) for one in np.unique(bins)]
    return float(np.dot(gaps, sizes))


def _temperature(logits: np.ndarray, labels: np.ndarray, lowest: float) -> float:
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        return float(-log_softmax(logits / np.exp(log_temperature), axis=1)[rows, labels].mean())

    bounds = (float(np.log(lowest)), float(np.log(_HOTTEST)))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def _threshold(top: np.ndarray, right: np.ndarray) -> float:
    """Returns the lowest top probability from which on the answers are good enough."""
    order = np.argsort(-top, kind="stable")
    wrong = np.cumsum(~right[order]) / np.arange(1, len(top) + 1)
    allowed = _ERRORS_LEFT * float((~right).mean())
    good = np.flatnonzero(wrong <= allowed)
    if len(good) == 0:
        return float(top.max())
    return 0.0 if good[-1] == len(top) - 1 else float(top[order[good[-1]]])
