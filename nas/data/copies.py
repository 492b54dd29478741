"""Finds images that are in a data set more than once: the same file, or the same picture saved anew."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from nas.data.alignment import GREY, Floats, agreement, align, halve, move, shrink
from nas.data.lookalikes import SMALL, Lookalikes, Thumbnails, find_lookalikes, in_threads, make_thumbnails

OnProgress = Callable[[int, int], None]

# docs/decisions/0008-copies-by-alignment.md says what was measured for these.
_EDGES: Final = 0.93
_TONE: Final = 0.98
_EVIDENCE: Final = 45.0
_HOPEFUL: Final = 0.65
_COLOUR: Final = 12.0
_FINE: Final = 64
_MANY: Final = 20_000
_LARGE_GROUP: Final = 50
_SURE: Final = 0.985
_COARSE_AT_ONCE: Final = 2048
_FINE_AT_ONCE: Final = 64


@dataclass(frozen=True, slots=True)
class CopyPair:
    """Two images that are copies of each other.

    Attributes:
        a: The lower row.
        b: The higher row.
        similarity: 0 to 1; 1 for exact copies.
        exact: True when the files are the same byte for byte.
        mirrored: True when one shows the other as in a mirror.
    """

    a: int
    b: int
    similarity: float
    exact: bool
    mirrored: bool = False


@dataclass(frozen=True)
class Copies:
    """Result of `find_copies`.

    Attributes:
        groups: (N,) int32, a number shared by all copies of one image, -1 for an image without copies.
        pairs: The pairs that were found, by rows ascending. Of a group not every pair is listed, but its
            images hang together by them.
    """

    groups: npt.NDArray[np.int32]
    pairs: list[CopyPair]


def find_copies(
    images: npt.NDArray[np.uint8], sha256: Sequence[str], *, on_progress: OnProgress | None = None
) -> Copies:
    """Finds exact copies by the hash of the file, and near copies by what the images show.

    Near copies were recompressed, resized, cropped by a few percent or mirrored. An image that shows next to
    nothing (a blank wall) is no near copy of anything. On squares of less than 64 pixels crops are not
    recognised.

    Args:
        images: (N, C, C, 3) RGB squares; may be memory-mapped, it is read in blocks.
        sha256: Hash of each image's file.
        on_progress: Called with (done, total) images.
    """
    exact = _exact_pairs(sha256)
    again = {pair.b for pair in exact}
    rows = np.array([row for row in range(len(images)) if row not in again], dtype=np.int64)

    def tell(share: float) -> None:
        if on_progress is not None:
            on_progress(int(share * len(images)), len(images))

    pairs = exact + _near_pairs(images, rows, tell)
    tell(1.0)
    return _grouped(len(images), sorted(pairs, key=lambda pair: (pair.a, pair.b)))


def _exact_pairs(sha256: Sequence[str]) -> list[CopyPair]:
    """Each further copy of a file with the first one."""
    rows: dict[str, list[int]] = defaultdict(list)
    for row, sha in enumerate(sha256):
        rows[sha].append(row)
    return [CopyPair(same[0], b, 1.0, True) for same in rows.values() for b in same[1:]]


def _near_pairs(
    images: npt.NDArray[np.uint8], rows: npt.NDArray[np.int64], tell: Callable[[float], None]
) -> list[CopyPair]:
    """Pairs of different files; `tell` takes the share done."""
    if len(rows) < 2:
        return []
    thumbnails = make_thumbnails(images, rows, lambda done: tell(0.2 * done / len(rows)))
    per_row = 3 if len(rows) > _MANY else 6
    alike = find_lookalikes(thumbnails, per_row, lambda done: tell(0.2 + 0.6 * done / len(rows)))
    hopeful, place = _look_coarsely(thumbnails, alike, aligned=images.shape[1] >= _FINE)
    tell(0.9)

    def look(start: int) -> list[CopyPair]:
        some = slice(start, start + _FINE_AT_ONCE)
        part = Lookalikes(rows[hopeful.a[some]], rows[hopeful.b[some]], hopeful.mirrored[some])
        return _look_closely(images, part, place[some])

    found: dict[tuple[int, int], CopyPair] = {}
    for pairs in in_threads(look, range(0, len(hopeful.a), _FINE_AT_ONCE)):
        for pair in pairs:
            found.setdefault((pair.a, pair.b), pair)
    return list(found.values())


def _look_coarsely(thumbnails: Thumbnails, alike: Lookalikes, *, aligned: bool) -> tuple[Lookalikes, Floats]:
    """The pairs whose small thumbnails agree, and the (P, 4) place at which they do."""

    def look(start: int) -> tuple[npt.NDArray[np.bool_], Floats]:
        some = slice(start, start + _COARSE_AT_ONCE)
        a = thumbnails.small[alike.a[some]].astype(np.float32)
        b = _as_seen(thumbnails.small[alike.b[some]].astype(np.float32), alike.mirrored[some])
        place = np.zeros((len(a), 4), dtype=np.float32)
        if not aligned:
            seen = agreement(a, b)
            return (seen.edges > _EDGES) & (seen.evidence > _EVIDENCE), place
        place = align(a, b, place, steps=2)
        return agreement(a, move(b, place)).edges > _HOPEFUL, place

    parts = list(in_threads(look, range(0, len(alike.a), _COARSE_AT_ONCE)))
    if not parts:
        return alike, np.zeros((0, 4), dtype=np.float32)
    kept = np.concatenate([part[0] for part in parts])
    places = np.concatenate([part[1] for part in parts])
    return Lookalikes(alike.a[kept], alike.b[kept], alike.mirrored[kept]), places[kept]


def _look_closely(images: npt.NDArray[np.uint8], pairs: Lookalikes, place: Floats) -> list[CopyPair]:
    """The pairs that are copies, judged on finer and coloured thumbnails."""
    side = _FINE if images.shape[1] >= _FINE else 2 * SMALL
    rows, where = np.unique(np.concatenate([pairs.a, pairs.b]), return_inverse=True)
    colours = shrink(np.asarray(images[rows]), side)
    a, b = colours[where[: len(pairs.a)]], _as_seen(colours[where[len(pairs.a) :]], pairs.mirrored)
    grey_a, grey_b = a @ GREY, b @ GREY
    if side == _FINE:
        place = align(halve(grey_a), halve(grey_b), place)
        place = align(grey_a, grey_b, place)
    seen = agreement(halve(grey_a), halve(move(grey_b, place)))
    copies = (seen.edges > _EDGES) & (seen.tone > _TONE) & (seen.evidence > _EVIDENCE)
    copies &= _colour_difference(a, b, place) < _COLOUR
    return [
        CopyPair(
            int(pairs.a[i]), int(pairs.b[i]), round(float(seen.edges[i]), 4), False, bool(pairs.mirrored[i])
        )
        for i in np.flatnonzero(copies)
    ]


def _as_seen(pictures: Floats, mirrored: npt.NDArray[np.bool_]) -> Floats:
    """(P, S, S) or (P, S, S, 3) pictures, those marked turned left to right."""
    shape = (len(pictures),) + (1,) * (pictures.ndim - 1)
    return np.where(mirrored.reshape(shape), pictures[:, :, ::-1], pictures)


def _colour_difference(a: Floats, b: Floats, place: Floats) -> Floats:
    """(P,) root mean square of the difference of hue, in levels of 255; brightness does not count."""
    squares = np.zeros(len(a), dtype=np.float32)
    for channel in (0, 2):
        tint_a, tint_b = (halve(halve(x[..., channel] - x @ GREY)) for x in (a, b))
        difference = (tint_a - move(tint_b, place))[:, 1:-1, 1:-1]
        squares += np.square(difference).mean(axis=(1, 2))
    return np.sqrt(squares / 2)


def _grouped(n: int, pairs: list[CopyPair]) -> Copies:
    """Groups of what hangs together; where doubtful pairs chain too much together, only sure ones count."""
    groups = _components(n, pairs)
    sizes = Counter(groups[groups >= 0].tolist())
    kept = [p for p in pairs if sizes[int(groups[p.a])] <= _LARGE_GROUP or p.exact or p.similarity >= _SURE]
    return Copies(_components(n, kept), kept)


def _components(n: int, pairs: Sequence[CopyPair]) -> npt.NDArray[np.int32]:
    """Numbers from 0 for rows that hang together, in the order of their first row."""
    parent = list(range(n))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    for pair in pairs:
        a, b = root(pair.a), root(pair.b)
        parent[max(a, b)] = min(a, b)
    groups = np.full(n, -1, dtype=np.int32)
    number: dict[int, int] = {}
    for row in sorted({row for pair in pairs for row in (pair.a, pair.b)}):
        groups[row] = number.setdefault(root(row), len(number))
    return groups
