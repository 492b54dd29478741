"""What every check gets to see: the images in use, their labels and the facts about their files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from nas.checks.report import ImageFinding, OnProgress
from nas.data.cache import EXCLUDED, ImageCache, read_index
from nas.data.copies import find_copies
from nas.data.findings import make_problem

Ints = npt.NDArray[np.int64]


class ChecksStopped(Exception):  # noqa: N818 - the end of the work, not an error
    """The caller asked to stop."""


class CheckSkippedError(Exception):
    """A check cannot be done on such a set; the text, if any, says why."""


@dataclass
class Subject:
    """The images of a cache that are in use, as arrays of length N' in row order.

    Attributes:
        cache: The opened cache.
        rows: (N',) their rows.
        labels: (N',) index into `classes`.
        groups: (N',) number shared by copies, -1 for none.
        index: One dict an image in use, as in the index file.
        tell: Called with (stage, done, total).
        should_stop: Asked between blocks.
        seed: Of every draw.
    """

    cache: ImageCache
    rows: Ints
    labels: Ints
    groups: Ints
    index: list[dict[str, Any]]
    tell: OnProgress
    should_stop: Callable[[], bool]
    seed: int = 0
    _units: Ints | None = field(default=None, repr=False)

    @classmethod
    def open(
        cls,
        directory: Path,
        tell: OnProgress | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> Subject:
        """Opens a finished cache.

        Raises:
            DataError: Missing or damaged.
        """
        cache = ImageCache.open(directory)
        index = [entry for entry in read_index(directory) if entry["split"] != EXCLUDED]
        rows = np.flatnonzero(cache.labels >= 0).astype(np.int64)
        if all("group" in entry for entry in index):
            groups = np.array([int(entry["group"]) for entry in index], dtype=np.int64)
        else:  # written before copies were looked for
            found = find_copies(cache.images, [entry["sha256"] for entry in read_index(directory)])
            groups = found.groups[rows].astype(np.int64)
        silent: OnProgress = lambda _stage, _done, _total: None  # noqa: E731
        return cls(
            cache, rows, cache.labels[rows], groups, index, tell or silent, should_stop or (lambda: False)
        )

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.cache.classes

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.cache.classes)

    @property
    def units(self) -> Ints:
        """(N',) a number for each image, the same for copies of one image."""
        if self._units is None:
            alone = np.arange(len(self)) + self.groups.max(initial=-1) + 1
            self._units = np.where(self.groups >= 0, self.groups, alone)
        return self._units

    def fact(self, name: str, missing: Any) -> list[Any]:
        """One fact of all images; `missing` where an old cache does not have it."""
        return [entry.get(name, missing) for entry in self.index]

    def blocks(self, places: Ints, size: int, stage: str) -> Iterator[tuple[slice, npt.NDArray[np.uint8]]]:
        """Yields (slice of `places`, (B, C, C, 3) uint8 pixels), telling the progress and asking to stop.

        Args:
            places: Positions 0..N'-1, ascending.
            size: Images in a block.
            stage: In words.

        Raises:
            ChecksStopped: The caller asked to stop.
        """
        told = -len(places)
        for start in range(0, len(places), size):
            if self.should_stop():
                raise ChecksStopped
            if 100 * (start - told) >= len(places):  # a hundred times are enough for people
                self.tell(stage, start, len(places))
                told = start
            part = slice(start, min(start + size, len(places)))
            yield part, self.cache.images[self.rows[places[part]]]

    def sample(self, per_class: int, total: int, least: int = 1) -> Ints:
        """Seeded positions, the same number of each class as far as there are so many.

        Args:
            per_class: At most so many of a class.
            total: At most about so many in all.
            least: At least so many of each class, even if they are more than `total` in all.
        """
        random = np.random.default_rng(self.seed)
        per_class = max(least, min(per_class, total // max(1, self.n_classes)))
        order = random.permutation(len(self))
        order = order[np.argsort(self.labels[order], kind="stable")]
        starts = np.searchsorted(self.labels[order], np.arange(self.n_classes))
        rank = np.arange(len(order)) - starts[self.labels[order]]
        return np.sort(order[rank < per_class])

    def finding(
        self,
        kind: str,
        place: int,
        words: Mapping[str, object],
        *,
        score: float,
        other: int | None = None,
        suggestion: str = "",
    ) -> ImageFinding:
        """A finding about one image (at position `place`), its sentence filled with `words`."""
        entry = self.index[place]
        problem = make_problem(entry["path"], kind, **words)
        return ImageFinding(
            kind=kind,
            row=int(self.rows[place]),
            other_row=None if other is None else int(self.rows[other]),
            label=entry["label"],
            score=round(float(np.clip(score, 0.0, 1.0)), 6),
            suggestion=suggestion,
            reason=problem.reason,
            remedy=problem.remedy,
            path=problem.path,
        )


def class_finding(kind: str, label: str, score: float, **words: object) -> ImageFinding:
    """A finding about a class as a whole, its sentence filled with the label and `words`."""
    problem = make_problem(label, kind, label=label, **words)
    return ImageFinding(
        kind, None, None, label, round(float(score), 6), "", problem.reason, problem.remedy, label
    )


def grey(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """(B, H, W, 3) uint8 -> (B, H, W) float32 luminance in [0, 255]."""
    wide = pixels.astype(np.uint16)
    return ((2 * wide[..., 0] + 5 * wide[..., 1] + wide[..., 2]) / np.float32(8)).astype(np.float32)


def shrink(images: npt.NDArray[np.float32], side: int) -> npt.NDArray[np.float32]:
    """Averages whole blocks of (B, S, S, ...) so that about `side` x `side` of them are left.

    Less than a block at the right and lower edge is left out.
    """
    factor = round(images.shape[1] / side)
    if factor < 2:
        return images
    whole = images.shape[1] // factor
    kept = images[:, : whole * factor, : whole * factor]
    shape = (len(images), whole, factor, whole, factor, *images.shape[3:])
    mean: npt.NDArray[np.float32] = kept.reshape(shape).mean(axis=(2, 4), dtype=np.float32)
    return mean
