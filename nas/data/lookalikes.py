"""Which images resemble each other enough to be looked at closely: nearest neighbours of tiny thumbnails."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from nas.data.alignment import GREY, Floats, halve, shrink

SMALL: Final = 16
_TINY: Final = 8
_PIXELS_AT_ONCE: Final = 8_000_000
_SEGMENTS: Final = 64
_MOST_ROWS: Final = 1200  # so that a block of products stays in the processor's cache
_ALIKE: Final = 0.9
_FLAT: Final = 2.0

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Thumbnails:
    """What is kept of N images to find those that look alike.

    Attributes:
        small: (N, 16, 16) float16 brightness.
        even: (N, 32) float32; together with `odd` the 8 x 8 thumbnail of mean 0 and length 1, split into the
            part that a mirror leaves as it is and the part whose sign it turns.
        odd: (N, 32) float32.
        flat: (N,) bool, True for images that show next to nothing.
    """

    small: npt.NDArray[np.float16]
    even: Floats
    odd: Floats
    flat: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Lookalikes:
    """Pairs worth a closer look: rows `a` and `b`, and whether `b` is meant mirrored; each (P,)."""

    a: npt.NDArray[np.int64]
    b: npt.NDArray[np.int64]
    mirrored: npt.NDArray[np.bool_]


def make_thumbnails(
    images: npt.NDArray[np.uint8], rows: npt.NDArray[np.int64], on_progress: Callable[[int], None]
) -> Thumbnails:
    """Reads some rows of (N, C, C, 3) images once, in blocks; `on_progress` takes the rows read so far."""
    small = np.empty((len(rows), SMALL, SMALL), dtype=np.float16)
    for start, block in _blocks(images, rows):
        small[start : start + len(block)] = shrink(block, SMALL) @ GREY
        on_progress(start + len(block))
    tiny = halve(small.astype(np.float32))
    flat = tiny.std(axis=(1, 2)) < _FLAT
    tiny -= tiny.mean(axis=(1, 2), keepdims=True)
    tiny /= np.maximum(np.sqrt(np.square(tiny).sum(axis=(1, 2), keepdims=True)), 1e-6)
    left, right = tiny[:, :, : _TINY // 2], tiny[:, :, : _TINY // 2 - 1 : -1]
    half = np.float32(np.sqrt(0.5))
    even, odd = ((part * half).reshape(len(rows), -1) for part in (left + right, left - right))
    return Thumbnails(small, even, odd, flat)


def find_lookalikes(thumbnails: Thumbnails, per_row: int, on_progress: Callable[[int], None]) -> Lookalikes:
    """The images most like each one, in plain view and in the mirror.

    The rows are shuffled and cut into segments; of each segment only the image most alike counts. So an
    image with many copies, which lie in many segments, is paired with several of them, and nothing has to be
    sorted but one number a segment.

    Args:
        thumbnails: Of all images.
        per_row: At most so many for each image, and half as many mirrored ones.
        on_progress: Takes the number of rows done.
    """
    rows = np.random.default_rng(0).permutation(np.flatnonzero(~thumbnails.flat))
    if len(rows) < 2:
        none = np.zeros(0, dtype=np.int64)
        return Lookalikes(none, none, none.astype(np.bool_))
    length = min(_MOST_ROWS, -(-len(rows) // _SEGMENTS))
    segments = [rows[start : start + length] for start in range(0, len(rows), length)]
    found = []
    work = in_threads(lambda i: _best_of_segments(thumbnails, segments[i:], per_row), range(len(segments)))
    for i, pairs in enumerate(work):
        found += pairs
        on_progress(min(len(rows), (i + 1) * length))
    a, b, mirrored = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Lookalikes(np.minimum(a, b), np.maximum(a, b), mirrored)


def in_threads(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Results in order, worked out on all cores; each thread multiplies matrices alone.

    OpenBLAS's own threads wait for each other at every product: with other programs on the cores these
    short products took ten times as long.
    """
    with threadpool_limits(limits=1), ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        yield from threads.map(function, items)


def _best_of_segments(
    thumbnails: Thumbnails, segments: Sequence[npt.NDArray[np.int64]], per_row: int
) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]]]:
    """Pairs of the first segment's rows with rows of it and of the following ones."""
    rows = segments[0]
    even, odd = thumbnails.even[rows], thumbnails.odd[rows]
    likeness = np.empty((2, len(rows), len(segments)), dtype=np.float32)
    partner = np.empty((2, len(rows), len(segments)), dtype=np.int64)
    each = np.arange(len(rows))
    for i, segment in enumerate(segments):
        same = even @ thumbnails.even[segment].T
        turned = odd @ thumbnails.odd[segment].T
        for mirror, products in enumerate((same + turned, same - turned)):
            if i == 0:
                products[each, each] = -1  # itself
            best = products.argmax(axis=1)
            likeness[mirror, :, i] = products[each, best]
            partner[mirror, :, i] = segment[best]
    pairs = []
    for mirror, most in ((0, per_row), (1, max(1, per_row // 2))):
        chosen = np.argsort(-likeness[mirror], axis=1)[:, :most]
        alike = np.take_along_axis(likeness[mirror], chosen, axis=1) > _ALIKE
        b = np.take_along_axis(partner[mirror], chosen, axis=1)[alike]
        a = np.broadcast_to(rows[:, None], alike.shape)[alike]
        pairs.append((a, b, np.full(len(a), bool(mirror))))
    return pairs


def _blocks(
    images: npt.NDArray[np.uint8], rows: npt.NDArray[np.int64]
) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """(position, pixels) of some rows, a bounded number of pixels at a time."""
    n = max(1, _PIXELS_AT_ONCE // int(np.prod(images.shape[1:])))
    for start in range(0, len(rows), n):
        yield start, np.asarray(images[rows[start : start + n]])
