"""Marks that give a class away: a watermark, a logo, a date, a frame at the same spot of all its photos.

What sets a mark apart from what a class rightly has in common is that it is the same to the pixel. The mean
of many photos keeps a mark's fine detail and loses that of everything else: no two cats have their whiskers
at the same place. So for each class, part of the image and size of window:

* coherence = squared mean of the fine detail / mean of its square: near 1 for a mark, near 0 otherwise;
* separation = how well a filter matched to the mark, found on one half of the photos, tells the class from
  the others on the other half (area under the ROC curve).

Both must be high. In sets of pictures that lie alike (digits, printed letters, icons) they are high for good
reasons, too; there a mark must also be much more telling than the middle of the picture. The thresholds and
what they were measured on are in docs/decisions/0009.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d, uniform_filter

from nas.checks.separation import auc_of, cases_told_apart
from nas.checks.subject import Ints

Floats = npt.NDArray[np.float32]
Details = npt.NDArray[np.int8]

FEWEST_IMAGES: Final = 10
LEAST_AUC: Final = 0.95
LEAST_COHERENCE: Final = 0.3
ALIKE: Final = 0.25  # coherence that pictures of other classes have somewhere, if they lie alike
_CLEAR_COHERENCE: Final = 0.6  # for pictures that lie alike, and for few pictures
_FEW_IMAGES: Final = 50
_TIMES_THE_MIDDLE: Final = 1.5
_LESS_WRONG: Final = 4.0  # times, than the middle of a picture, among pictures that lie alike
_LEAST_WRONG: Final = 0.005

UNIT: Final = 0.25  # grey levels of one step of the stored fine detail
_BLUR: Final = 1.5  # pixels; what is finer is detail
_NOISE: Final = 4.0  # squared grey levels, so that flat areas have no coherence
_WINDOWS: Final = ((1, 1), (2, 2), (1, 3), (3, 1), (1, 6), (6, 1), (2, 4), (4, 4))
_AT_ONCE: Final = 128  # pictures
_WINDOW_UNIT: Final = 16  # windows are multiples of a sixteenth of the side


@dataclass(frozen=True)
class Mark:
    """The most telling window of a class.

    Attributes:
        label: Class index.
        n_images: Photos of the class that were looked at.
        auc: Area under the ROC curve on photos that the filter was not found on.
        cases: Share of cases told apart (mean of both classes) at the best threshold.
        coherence: See above.
        middle: Coherence of the middle of the class's photos.
        usual: Highest coherence that the other classes have anywhere (median over them).
        middle_auc: Area under the ROC curve by the middle of the photo.
        top: Upper edge of the window, fraction of the height.
        left: Left edge, fraction of the width.
        height: Fraction of the height.
        width: Fraction of the width.
    """

    label: int
    n_images: int
    auc: float
    cases: float
    coherence: float
    middle: float
    usual: float
    middle_auc: float
    top: float
    left: float
    height: float
    width: float

    def rings(self) -> bool:
        """Whether it is a shortcut."""
        alike = self.usual >= ALIKE
        least = _CLEAR_COHERENCE if alike or self.n_images < _FEW_IMAGES else LEAST_COHERENCE
        if self.auc < LEAST_AUC or self.coherence < least:
            return False
        if self.coherence < _TIMES_THE_MIDDLE * self.middle:
            return False
        return not alike or 1 - self.middle_auc > _LESS_WRONG * (1 - self.auc) + _LEAST_WRONG


def fine_detail(pixels: Floats) -> Details:
    """(B, S, S, 3) float pixels -> what is finer than a blur, in quarters of a grey level.

    Clipped at 31.75 grey levels, because a strong edge that happens to be there says no more than a weak one.
    """
    smooth = gaussian_filter1d(gaussian_filter1d(pixels, _BLUR, axis=1), _BLUR, axis=2)
    detail: Details = np.clip((pixels - smooth) / UNIT, -127, 127).astype(np.int8)
    return detail


def find_marks(detail: Details, labels: Ints, halves: Ints, n_classes: int) -> list[Mark]:
    """The most telling window of each class that has enough photos.

    Args:
        detail: (N, S, S, 3) of `fine_detail`.
        labels: (N,) class indices.
        halves: (N,) 0 or 1; copies of one image in the same half.
        n_classes: K.
    """
    counts = np.zeros((n_classes, 2))
    np.add.at(counts, (labels, halves), 1)
    sums, squares = _sums(detail, labels, halves, n_classes)
    peaks = np.full(n_classes, np.nan)
    best: dict[int, tuple[_Maps, _Window]] = {}
    for label in range(n_classes):
        rest = counts.sum(axis=0) - counts[label]
        if counts[label].sum() < FEWEST_IMAGES or min(*counts[label], *rest) < 2:
            continue
        maps = _maps(sums, squares, counts, label)
        windows = list(_best_windows(maps))
        peaks[label] = max(window.peak for window in windows)
        judged = [
            (_answers(detail, halves, maps, maps.area(window)), window)
            for window in windows
            if window.evidence > 0
        ]
        if judged:
            key = [auc_of(answers, labels == label) * min(w.coherence, 0.9) for answers, w in judged]
            best[label] = maps, judged[int(np.argmax(key))][1]
    return [_judge(detail, labels, halves, label, *best[label], peaks) for label in best]


@dataclass(frozen=True)
class _Window:
    """A part of the picture, in pixels.

    Attributes:
        top: First row.
        left: First column.
        height: Rows.
        width: Columns.
        coherence: There.
        evidence: How well it should separate; 0 if it cannot.
        peak: Highest coherence of any window of its size.
    """

    top: int
    left: int
    height: int
    width: int
    coherence: float
    evidence: float
    peak: float


@dataclass(frozen=True)
class _Maps:
    """Of one class against the others.

    Attributes:
        means: (2, S, S, 3) of each half.
        others: (2, S, S, 3) means of the other classes.
        variance: (S, S, 3) pooled.
        agreed: (S, S) product of the means of both halves: the squared mean without its noise.
        energy: (S, S) mean square.
    """

    means: npt.NDArray[np.float64]
    others: npt.NDArray[np.float64]
    variance: npt.NDArray[np.float64]
    agreed: npt.NDArray[np.float64]
    energy: npt.NDArray[np.float64]

    def area(self, window: _Window) -> npt.NDArray[np.bool_]:
        """(S, S) True inside of a window."""
        inside = np.zeros(self.energy.shape, dtype=bool)
        rows = slice(window.top, window.top + window.height)
        inside[rows, window.left : window.left + window.width] = True
        return inside

    @property
    def middle(self) -> float:
        """Coherence of the middle half."""
        side = len(self.energy)
        inside = slice(side // 4, side - side // 4)
        agreed = max(float(self.agreed[inside, inside].mean()), 0.0)
        return agreed / (float(self.energy[inside, inside].mean()) + _NOISE)


def _sums(detail: Details, labels: Ints, halves: Ints, n_classes: int) -> tuple[Floats, Floats]:
    """(K, 2, S, S, 3) sums and (K, S, S, 3) sums of squares, in grey levels."""
    shape = detail.shape[1:]
    sums = np.zeros((n_classes, 2, *shape), dtype=np.float32)
    squares = np.zeros((n_classes, *shape), dtype=np.float32)
    for label in range(n_classes):
        for half in (0, 1):
            chosen = np.flatnonzero((labels == label) & (halves == half))
            for start in range(0, len(chosen), 64):
                some = detail[chosen[start : start + 64]].astype(np.float32) * np.float32(UNIT)
                sums[label, half] += some.sum(axis=0)
                squares[label] += np.square(some).sum(axis=0)
    return sums, squares


def _maps(sums: Floats, squares: Floats, counts: npt.NDArray[np.float64], label: int) -> _Maps:
    rest = counts.sum(axis=0) - counts[label]
    means = sums[label].astype(np.float64) / counts[label][:, None, None, None]
    others = (sums.sum(axis=0) - sums[label]).astype(np.float64) / rest[:, None, None, None]
    energy = squares[label].astype(np.float64) / counts[label].sum()
    others_energy = (squares.sum(axis=0) - squares[label]) / rest.sum()
    own_variance = np.maximum(energy - np.square(means.mean(axis=0)), 0)
    others_variance = np.maximum(others_energy - np.square(others.mean(axis=0)), 0)
    return _Maps(
        means,
        others,
        (own_variance + others_variance) / 2 + _NOISE,
        (means[0] * means[1]).sum(axis=2),
        energy.sum(axis=2),
    )


def _best_windows(maps: _Maps) -> Iterator[_Window]:
    """The most separating window of each size."""
    side = len(maps.energy)
    unit = max(2, side // _WINDOW_UNIT)
    difference = maps.means - maps.others
    evidence = (difference[0] * difference[1] / maps.variance).sum(axis=2)
    for rows, columns in _WINDOWS:
        height, width = rows * unit, columns * unit
        if height > side or width > side:
            continue
        inside = (
            slice(height // 2, side - (height - 1) // 2),
            slice(width // 2, side - (width - 1) // 2),
        )
        separating, agreed, energy = (
            uniform_filter(values, (height, width), mode="constant")[inside]
            for values in (evidence, maps.agreed, maps.energy)
        )
        coherence = np.maximum(agreed, 0) / (energy + _NOISE)
        total = np.where(coherence > LEAST_COHERENCE / 1.5, separating, 0)
        top, left = np.unravel_index(int(total.argmax()), total.shape)
        yield _Window(
            int(top),
            int(left),
            height,
            width,
            float(coherence[top, left]),
            float(total[top, left]),
            float(coherence.max()),
        )


def _answers(
    detail: Details, halves: Ints, maps: _Maps, area: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """(N,) answers of a filter matched on the other half: about 0 for the others, 1 for the class."""
    filters = ((maps.means - maps.others) / maps.variance)[:, area]
    answers = np.zeros(len(detail))
    for half in (0, 1):
        kernel = filters[half].reshape(-1)
        zero, one = (float(means[half][area].reshape(-1) @ kernel) for means in (maps.others, maps.means))
        chosen = np.flatnonzero(halves != half)
        for start in range(0, len(chosen), _AT_ONCE):
            some = chosen[start : start + _AT_ONCE]
            pixels = detail[some][:, area].reshape(len(some), -1).astype(np.float32)
            answers[some] = (UNIT * (pixels @ kernel) - zero) / max(abs(one - zero), 1e-9)
    return answers


def _judge(  # noqa: PLR0917 - arrays of one look
    detail: Details,
    labels: Ints,
    halves: Ints,
    label: int,
    maps: _Maps,
    window: _Window,
    peaks: npt.NDArray[np.float64],
) -> Mark:
    is_class = labels == label
    answers = _answers(detail, halves, maps, maps.area(window))
    auc = auc_of(answers, is_class)
    side = len(maps.energy)
    others = np.delete(peaks, label)
    middle_auc = 0.5
    if auc >= LEAST_AUC:  # else it does not matter
        middle = np.zeros(maps.energy.shape, dtype=bool)
        middle[side // 4 : side - side // 4, side // 4 : side - side // 4] = True
        middle_auc = auc_of(_answers(detail, halves, maps, middle), is_class)
    return Mark(
        label,
        int(is_class.sum()),
        auc,
        cases_told_apart(answers, is_class),
        window.coherence,
        maps.middle,
        float(np.nanmedian(others)) if np.isfinite(others).any() else 0.0,
        middle_auc,
        window.top / side,
        window.left / side,
        window.height / side,
        window.width / side,
    )
