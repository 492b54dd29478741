"""Spots at the edge that give a class away, although nothing there is the same to the pixel.

A watermark on photos of several proportions, a date stamp with another date on each, a logo that is moved by
a few pixels: their mean over many photos is a smear, and `nas.checks.marks` sees little. But the kinds of
edges found at that spot still tell the class, and those of no other spot do. So each spot predicts the
classes by histograms of oriented gradients (Dalal and Triggs 2005). It rings when the best one at the edge
is far better than the usual spot and than any in the middle: there a subject differs, and that is no
shortcut.

The thresholds and what they were measured on are in docs/decisions/0009.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from nas.checks.marks import FEWEST_IMAGES, UNIT, Details
from nas.checks.probe import out_of_fold_scores
from nas.checks.separation import auc_of, cases_told_apart
from nas.checks.subject import Ints

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

MOST_CLASSES: Final = 100
LEAST_AUC: Final = 0.97
LEAST_CASES: Final = 0.93
MOST_ELSEWHERE: Final = 0.9  # area under the ROC curve of the usual spot
MOST_MIDDLE: Final = 0.95
_TIMES_ELSEWHERE: Final = 10.0  # less wrong than the usual spot
_TIMES_MIDDLE: Final = 4.0

_CELLS: Final = 16
_SPOT: Final = 4  # cells
_STEP: Final = 2
_DIRECTIONS: Final = 6
_LEAST_SPREAD: Final = 0.3  # square roots of grey levels, so that flat cells do not become loud
_GREY: Final = np.array([0.25, 0.625, 0.125], dtype=np.float32)


@dataclass(frozen=True)
class Spot:
    """The most telling spot at the edge for a class.

    Attributes:
        label: Class index.
        auc: Area under the ROC curve on photos that the classifier has not seen.
        cases: Share of cases told apart (mean of both classes) at the best threshold.
        elsewhere: Area under the ROC curve of the usual other spot (median).
        middle: The same of the best spot in the middle.
        top: Upper edge, fraction of the height.
        left: Left edge, fraction of the width.
        height: Fraction of the height.
        width: Fraction of the width.
    """

    label: int
    auc: float
    cases: float
    elsewhere: float
    middle: float
    top: float
    left: float
    height: float = _SPOT / _CELLS
    width: float = _SPOT / _CELLS

    def rings(self) -> bool:
        """Whether it is a shortcut."""
        if self.auc < LEAST_AUC or self.cases < LEAST_CASES:
            return False
        if self.elsewhere > MOST_ELSEWHERE or self.middle > MOST_MIDDLE:
            return False
        wrong = 1 - self.auc
        return 1 - self.elsewhere >= _TIMES_ELSEWHERE * wrong and 1 - self.middle >= _TIMES_MIDDLE * wrong


def describe_cells(pixels: Floats, detail: Details) -> Floats:
    """What each of 16 x 16 cells shows: strength of edges by direction, and light and dark fine detail.

    Args:
        pixels: (B, S, S, 3) grey levels, S at least 32.
        detail: (B, S, S, 3) of `nas.checks.marks.fine_detail`.

    Returns:
        (B, 16, 16, 12) float32.
    """
    luminance = pixels @ _GREY
    across, down = np.zeros_like(luminance), np.zeros_like(luminance)
    across[:, :, 1:-1] = luminance[:, :, 2:] - luminance[:, :, :-2]
    down[:, 1:-1] = luminance[:, 2:] - luminance[:, :-2]
    strength = np.hypot(across, down)
    turn = np.mod(np.arctan2(down, across), np.pi) / np.pi
    direction = (turn * _DIRECTIONS).astype(np.int8) % _DIRECTIONS
    parts = [_cell_means(np.where(direction == i, strength, 0)[..., None]) for i in range(_DIRECTIONS)]
    fine = detail.astype(np.float32) * np.float32(UNIT)
    parts += [_cell_means(np.maximum(fine, 0)), _cell_means(np.maximum(-fine, 0))]
    return np.sqrt(np.concatenate(parts, axis=3)).astype(np.float32)


def find_spots(cells: Floats, labels: Ints, folds: Ints, n_classes: int) -> list[Spot]:
    """The most telling spot at the edge, for each class that has enough photos.

    Args:
        cells: (N, 16, 16, D) of `describe_cells`.
        labels: (N,) class indices.
        folds: (N,) fold of each image, copies of one image in the same one.
        n_classes: K, at most `MOST_CLASSES`.
    """
    counts = np.bincount(labels, minlength=n_classes)
    enough = np.flatnonzero(counts >= FEWEST_IMAGES)
    places = list(_places())
    aucs = np.full((n_classes, len(places)), 0.5)
    cases = np.full((n_classes, len(places)), 0.5)
    for i, (top, left) in enumerate(places):
        with threadpool_limits(limits=1):  # threads would wait for each other at every short product
            odds = _odds(cells[:, top : top + _SPOT, left : left + _SPOT], labels, folds, n_classes)
        for label in enough:
            answers, is_class = odds[:, label], labels == label
            aucs[label, i] = auc_of(answers, is_class)
            if aucs[label, i] >= LEAST_AUC:
                cases[label, i] = cases_told_apart(answers, is_class)
    return [_best(int(label), places, aucs[label], cases[label]) for label in enough]


def _places() -> Iterator[tuple[int, int]]:
    """(top, left) of spots all around the edge, and in the middle, in cells."""
    last = _CELLS - _SPOT
    for top in range(0, last + 1, _STEP):
        for left in range(0, last + 1, _STEP):
            if _at_edge(top, left) or (_SPOT <= top <= last - _SPOT and _SPOT <= left <= last - _SPOT):
                yield top, left


def _at_edge(top: int, left: int) -> bool:
    return top in (0, _CELLS - _SPOT) or left in (0, _CELLS - _SPOT)


def _best(label: int, places: list[tuple[int, int]], aucs: Doubles, cases: Doubles) -> Spot:
    edge = np.array([_at_edge(*place) for place in places])
    best = int(np.where(edge, aucs + cases, 0).argmax())
    top, left = places[best]
    apart = np.array([max(abs(y - top), abs(x - left)) >= _SPOT for y, x in places])
    return Spot(
        label,
        float(aucs[best]),
        float(cases[best]),
        float(np.median(aucs[apart])),
        float(aucs[~edge].max()),
        top / _CELLS,
        left / _CELLS,
    )


def _odds(cells: Floats, labels: Ints, folds: Ints, n_classes: int) -> Doubles:
    """(N, K) out-of-fold log odds of each class against all others."""
    values = cells.reshape(len(cells), -1)
    values = (values - values.mean(axis=0)) / (values.std(axis=0) + np.float32(_LEAST_SPREAD))
    scores = out_of_fold_scores(values, labels, folds, n_classes).astype(np.float64)
    scores -= scores.max(axis=1, keepdims=True)
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    others = np.log(np.maximum(-np.expm1(logs), 1e-300))
    odds: Doubles = logs - others
    return odds


def _cell_means(values: Floats) -> Floats:
    """(B, S, S, D) -> (B, 16, 16, D); what does not fill a cell at the lower and right edge is left out."""
    n, side = values.shape[:2]
    step = side // _CELLS
    whole = values[:, : step * _CELLS, : step * _CELLS]
    means: Floats = whole.reshape(n, _CELLS, step, _CELLS, step, -1).mean(axis=(2, 4), dtype=np.float32)
    return means
