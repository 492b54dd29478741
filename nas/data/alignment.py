"""Lays one small picture over another and says how well they agree; for many pairs at once.

A copy that was cropped a little shows the same picture at another place and scale. Both are found by a few
steps of least squares on the differences of brightness (Lucas and Kanade 1981), with the slopes of both
pictures (Malis 2004), first on coarse and then on finer pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_MOST_STEP: Final = 0.05
_MOST_MOVE: Final = 0.12
GREY: Final = np.array([0.299, 0.587, 0.114], dtype=np.float32)


@dataclass(frozen=True)
class Agreement:
    """How well P pairs of pictures agree, each array (P,).

    Attributes:
        tone: Correlation of brightness, -1 to 1.
        edges: Correlation of the differences between neighbouring pixels, -1 to 1. Shadows and a common
            background hardly count in it, so unlike `tone` it tells similar scenes apart.
        evidence: How much detail agrees: half the number of pixels that carry the edges, times
            -ln(1 - edges^2). Two plain strokes agree well by chance, a photo's hundred details do not.
    """

    tone: Floats
    edges: Floats
    evidence: Floats


def shrink(images: npt.NDArray[np.uint8], side: int) -> Floats:
    """(N, C, C, 3) uint8 -> (N, side, side, 3) float32, by averaging areas."""
    n, size = images.shape[:2]
    weights = _areas(size, side)
    rows = weights @ images.reshape(n, size, size * 3).astype(np.float32)
    columns = weights @ rows.reshape(n * side, size, 3)
    return columns.reshape(n, side, side, 3)


def halve(pictures: Floats) -> Floats:
    """(N, S, S) -> (N, S/2, S/2), by averaging two by two."""
    n, side = pictures.shape[:2]
    mean: Floats = pictures.reshape(n, side // 2, 2, side // 2, 2).mean(axis=(2, 4), dtype=np.float32)
    return mean


def align(a: Floats, b: Floats, place: Floats, steps: int = 1) -> Floats:
    """Improves where `b` has to be read so that it shows what `a` shows.

    Args:
        a: (P, S, S) pictures.
        b: (P, S, S) pictures.
        place: (P, 4) shift and stretch along x, then along y, in sides of the picture; zeros to begin with.
        steps: How often to improve it.

    Returns:
        The better place, (P, 4).
    """
    for _ in range(steps):
        place = _compose(place, _step(a, move(b, place)))
    return place


def move(pictures: Floats, place: Floats) -> Floats:
    """Reads (P, S, S) pictures at a (P, 4) place, linearly between pixels."""
    if not place.any():
        return pictures
    side = pictures.shape[1]
    columns = _reading(side, place[:, 0], place[:, 1])
    rows = _reading(side, place[:, 2], place[:, 3])
    moved = rows @ pictures @ columns.transpose(0, 2, 1)
    return moved.astype(np.float32, copy=False)


def agreement(a: Floats, b: Floats) -> Agreement:
    """How well (P, S, S) pictures agree, their rims left out: there a moved picture has nothing to show."""
    rim = max(1, a.shape[1] // 16)
    inner = np.s_[:, rim:-rim, rim:-rim]
    a, b = a[inner], b[inner]
    edges_a, edges_b = _edges(a), _edges(b)
    edges = _correlation(edges_a, edges_b, centred=False)
    detail = np.minimum(_carriers(edges_a), _carriers(edges_b))
    chance = 1 - np.square(np.clip(edges, 0, 0.99999))
    return Agreement(_correlation(a, b, centred=True), edges, -detail / 2 * np.log(chance))


def _areas(size: int, side: int) -> Floats:
    """(side, size) share of each old pixel in each new one."""
    old, new = np.arange(size), np.arange(side)[:, None] * (size / side)
    overlap = np.minimum(old + 1, new + size / side) - np.maximum(old, new)
    shares: Floats = (np.clip(overlap, 0, None) * (side / size)).astype(np.float32)
    return shares


def _step(a: Floats, b: Floats) -> Floats:
    """(P, 4) small move of `b` towards `a`; contrast and brightness may differ and are fitted along."""
    side = a.shape[1]
    middle = (a + b) / 2
    along = ((np.arange(side, dtype=np.float32) + 0.5) / side - 0.5)[None, None, :]
    slope_y, slope_x = (np.gradient(middle, axis=axis) * side for axis in (1, 2))
    terms = [slope_x, slope_x * along, slope_y, slope_y * along.transpose(0, 2, 1), b]
    columns = np.stack([term[:, 1:-1, 1:-1] for term in terms], axis=1).reshape(len(a), 5, -1)
    columns -= columns.mean(axis=2, keepdims=True)
    wanted = a[:, 1:-1, 1:-1].reshape(len(a), -1, 1)
    normal = columns @ columns.transpose(0, 2, 1)
    diagonal = np.einsum("pii->pi", normal)[:, None, :]
    # A little damping: a picture without slopes in one direction tells nothing about it.
    normal = normal + np.eye(5, dtype=np.float32) * (1e-3 * diagonal + 1e-3)
    found = np.linalg.solve(normal, columns @ (wanted - wanted.mean(axis=1, keepdims=True)))[..., 0]
    contrast = np.clip(found[:, 4:], 0.5, 2)
    step: Floats = np.clip(found[:, :4] / contrast, -_MOST_STEP, _MOST_STEP).astype(np.float32)
    return step


def _compose(place: Floats, step: Floats) -> Floats:
    """The place after a further step, within what a small crop can ask for."""
    shift, stretch = place[:, 0::2], place[:, 1::2]
    further = np.empty_like(place)
    further[:, 0::2] = shift + (1 + stretch) * step[:, 0::2]
    further[:, 1::2] = (1 + stretch) * (1 + step[:, 1::2]) - 1
    return np.clip(further, -_MOST_MOVE, _MOST_MOVE)


def _reading(side: int, shift: Floats, stretch: Floats) -> Floats:
    """(P, side, side) weights that read a line of pixels at shifted and stretched places."""
    centre = (np.arange(side, dtype=np.float32) + 0.5) / side - 0.5
    at = (centre * (1 + stretch[:, None]) + shift[:, None] + 0.5) * side - 0.5
    at = np.clip(at, 0, side - 1)
    lower = np.minimum(at.astype(np.int64), side - 2)
    share = at - lower
    weights = np.zeros((len(shift), side, side), dtype=np.float32)
    pair, pixel = np.ogrid[: len(shift), :side]
    weights[pair, pixel, lower] = 1 - share
    weights[pair, pixel, lower + 1] = share
    return weights


def _edges(pictures: Floats) -> Floats:
    """(P, 2, M) differences of neighbours along x and y."""
    across = pictures[:, :-1, 1:] - pictures[:, :-1, :-1]
    down = pictures[:, 1:, :-1] - pictures[:, :-1, :-1]
    return np.stack([across, down], axis=1).reshape(len(pictures), 2, -1)


def _carriers(edges: Floats) -> Floats:
    """(P,) number of pixels over which the strength of the edges is spread."""
    strength = np.square(edges).sum(axis=1)
    carriers: Floats = np.square(strength.sum(axis=1)) / np.maximum(np.square(strength).sum(axis=1), 1e-6)
    return carriers


def _correlation(a: Floats, b: Floats, *, centred: bool) -> Floats:
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    if centred:
        a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    norms = np.sqrt(np.square(a).sum(axis=1) * np.square(b).sum(axis=1))
    correlation: Floats = (a * b).sum(axis=1) / np.maximum(norms, 1e-6)
    return correlation
