"""Marks that give a class away: a watermark, a logo, a date, a frame at the same spot of all its photos.

What sets a mark apart from what a class rightly has in common is that it is the same to the pixel. The mean
of many photos keeps a mark's fine detail and loses that of everything else: no two cats have their whiskers
at the same place. So for each class, part of the image and size of window:

* coherence = squared mean of the fine detail / mean of its square: near 1 for a mark, near 0 otherwise;
* separation = how well a filter matched to the mark, found on one half of the photos, tells the class from
  the others on the other half (area under the ROC curve).

Both must be high, and the coherence clearly higher than in the middle of the class's photos, so that sets of
nearly identical pictures (icons, printed letters) do not ring. The thresholds and what they were measured on
are in docs/decisions/0009.
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

FEWEST_IMAGES: Final = 10
LEAST_AUC: Final = 0.95
LEAST_COHERENCE: Final = 0.45
LEAST_COHERENCE_INSIDE: Final = 0.75  # in the middle, where the subject is
_TIMES_THE_MIDDLE: Final = 2.0
_BORDER: Final = 0.25  # of the side: a window that lies within it is at the border

UNIT: Final = 0.25  # grey levels of one step of the stored fine detail
_BLUR: Final = 1.5  # pixels; what is finer is detail
_NOISE: Final = 4.0  # squared grey levels, so that flat areas have no coherence
_WINDOWS: Final = ((1, 1), (2, 2), (1, 3), (3, 1), (1, 6), (6, 1), (2, 4), (4, 4))
_WINDOW_UNIT: Final = 16  # windows are multiples of a sixteenth of the side


@dataclass(frozen=True)
class Mark:
    """The most telling window of a class.

    Attributes:
        label: Class index.
        auc: Area under the ROC curve on photos that the filter was not found on.
        cases: Share of cases told apart (mean of both classes) at the best threshold.
        coherence: See above.
        middle: Coherence of the middle of the class's photos.
        top: Upper edge of the window, fraction of the height.
        left: Left edge, fraction of the width.
        height: Fraction of the height.
        width: Fraction of the width.
    """

    label: int
    auc: float
    cases: float
    coherence: float
    middle: float
    top: float
    left: float
    height: float
    width: float

    @property
    def at_border(self) -> bool:
        """Whether the window lies within the outer quarter of one side."""
        return (
            self.top + self.height <= _BORDER
            or self.left + self.width <= _BORDER
            or self.top >= 1 - _BORDER
            or self.left >= 1 - _BORDER
        )

    def rings(self) -> bool:
        """Whether it is a shortcut."""
        least = LEAST_COHERENCE if self.at_border else LEAST_COHERENCE_INSIDE
        clear = self.auc >= LEAST_AUC and self.coherence >= least
        return clear and self.coherence >= _TIMES_THE_MIDDLE * self.middle


def fine_detail(pixels: Floats) -> npt.NDArray[np.int8]:
    """(B, S, S, 3) float pixels -> what is finer than a blur, in quarters of a grey level.

    Clipped, because a strong edge that happens to be there says no more than a weak one.
    """
    smooth = gaussian_filter1d(gaussian_filter1d(pixels, _BLUR, axis=1), _BLUR, axis=2)
    detail: npt.NDArray[np.int8] = np.clip((pixels - smooth) / UNIT, -127, 127).astype(np.int8)
    return detail


def find_marks(detail: npt.NDArray[np.int8], labels: Ints, halves: Ints, n_classes: int) -> list[Mark]:
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
    found = []
    for label in range(n_classes):
        rest = counts.sum(axis=0) - counts[label]
        if counts[label].sum() < FEWEST_IMAGES or min(*counts[label], *rest) < 2:
            continue
        maps = _maps(sums, squares, counts, label)
        candidates = [_judge(detail, labels, halves, label, maps, window) for window in _best_windows(maps)]
        if candidates:
            found.append(max(candidates, key=lambda m: (m.rings(), m.auc * min(m.coherence, 0.9), m.auc)))
    return found


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

    @property
    def middle(self) -> float:
        """Coherence of the middle half."""
        side = len(self.energy)
        inside = slice(side // 4, side - side // 4)
        agreed = max(float(self.agreed[inside, inside].mean()), 0.0)
        return agreed / (float(self.energy[inside, inside].mean()) + _NOISE)


def _sums(detail: npt.NDArray[np.int8], labels: Ints, halves: Ints, n_classes: int) -> tuple[Floats, Floats]:
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


def _best_windows(maps: _Maps) -> Iterator[tuple[int, int, int, int, float]]:
    """(top, left, height, width, coherence) of the most separating window of each size, in pixels."""
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
        mean = {
            name: uniform_filter(values, (height, width), mode="constant")[inside]
            for name, values in (("e", evidence), ("a", maps.agreed), ("q", maps.energy))
        }
        coherence = np.maximum(mean["a"], 0) / (mean["q"] + _NOISE)
        total = np.where(coherence > LEAST_COHERENCE / 2, mean["e"], -1)
        top, left = np.unravel_index(int(total.argmax()), total.shape)
        if total[top, left] > 0:
            yield int(top), int(left), height, width, float(coherence[top, left])


def _judge(  # noqa: PLR0917 - arrays of one look
    detail: npt.NDArray[np.int8],
    labels: Ints,
    halves: Ints,
    label: int,
    maps: _Maps,
    window: tuple[int, int, int, int, float],
) -> Mark:
    """Matches each half with the filter of the other one."""
    top, left, height, width, coherence = window
    area = (slice(top, top + height), slice(left, left + width))
    filters = ((maps.means - maps.others) / maps.variance)[(slice(None), *area)]
    answers = np.zeros(len(detail))
    for half in (0, 1):
        chosen = np.flatnonzero(halves != half)
        pixels = detail[(chosen, *area)].reshape(len(chosen), -1).astype(np.float32) * UNIT
        kernel = filters[half].reshape(-1)
        zero, one = (float((m[half][area].reshape(-1) * kernel).sum()) for m in (maps.others, maps.means))
        answers[chosen] = (pixels @ kernel - zero) / max(abs(one - zero), 1e-9)
    is_class = labels == label
    side = len(maps.energy)
    return Mark(
        label,
        auc_of(answers, is_class),
        cases_told_apart(answers, is_class),
        coherence,
        maps.middle,
        top / side,
        left / side,
        height / side,
        width / side,
    )
