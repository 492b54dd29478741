"""What the outside of the photos looks like: ground, frame, and how much there is to see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from nas.checks.subject import Ints, Subject, shrink

Bools = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]

_GRID: Final = 16
_RIM: Final = 1 / 64  # of the side
_MOST: Final = 0.9  # of the photos of a class
_AWAY: Final = 0.45  # of the pixels just inside have another colour than the rim
# Grey levels: spread within a plain ground or frame, its least difference from what lies inside, its most
# spread over the photos of a class.
_PLAIN: Final = 10.0
_DIFFERENT: Final = 12.0
_CONSTANT: Final = 16.0


@dataclass(frozen=True)
class Look:
    """What N photos look like, coarsely.

    Attributes:
        busyness: (N, 2) mean step between neighbours, and mean spread within cells.
        ground: (N, 3) median colour of the outer cells, which what reaches into them does not change.
        on_ground: (N,) whether the border is a plain ground that differs from the middle.
        rim: (N, 4) median colour of the outermost pixels, and their spread.
        framed: (N,) whether the rim is plain and differs from what lies just inside.
    """

    busyness: Doubles
    ground: Doubles
    on_ground: Bools
    rim: Doubles
    framed: Bools

    def own_ground(self, is_class: Bools) -> bool:
        """Whether a class stands before a plain ground, always of one colour and not that of the subject.

        A class that fills the frame (grass, walls) rightly has a border of its own.
        """
        return bool(_constant(self.ground[is_class]) and self.on_ground[is_class].mean() > _MOST)

    def own_frame(self, is_class: Bools) -> bool:
        """Whether the photos of a class are framed by one colour."""
        return bool(_constant(self.rim[is_class, :3]) and self.framed[is_class].mean() > _MOST)


def look_at_borders(subject: Subject, places: Ints, stage: str) -> Look:
    """Measures the photos at some positions, in blocks."""
    parts = [_look(pixels.astype(np.float32)) for _, pixels in subject.blocks(places, 64, stage)]
    return Look(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _look(values: Floats) -> tuple[Floats, Floats, Bools, Floats, Bools]:
    """The columns of `Look` for (B, S, S, 3) grey levels."""
    ring = _ring(_GRID, 0, 2)
    cells = shrink(values, _GRID)
    squares = shrink(np.square(values), _GRID)
    spread = np.sqrt(np.maximum(squares - np.square(cells), 0))
    outer, inner = cells[:, ring].mean(axis=1), cells[:, 4:-4, 4:-4].mean(axis=(1, 2))
    steps = np.abs(np.diff(values, axis=1)).mean(axis=(1, 2, 3))
    busyness = np.stack([steps, spread.mean(axis=(1, 2, 3))], axis=1)
    plain = np.median(spread[:, ring].max(axis=2), axis=1) < _PLAIN
    on_ground = plain & _differ(outer, inner)
    side = values.shape[1]
    width = max(1, round(_RIM * side))
    rim = values[:, _ring(side, 0, width)]
    inside = values[:, _ring(side, side // 8, side // 8 + width)]
    colour, rim_spread = np.median(rim, axis=1), rim.std(axis=1).max(axis=1)
    # The photo just inside is seldom plain itself, so its pixels are counted.
    away = (np.abs(inside - colour[:, None]).max(axis=2) > _DIFFERENT).mean(axis=1)
    framed = (rim_spread < _PLAIN) & (away > _AWAY)
    return busyness, np.median(cells[:, ring], axis=1), on_ground, np.c_[colour, rim_spread], framed


def _ring(side: int, start: int, stop: int) -> Bools:
    """(side, side) True from `start` to `stop` pixels away from the nearest edge."""
    away = np.minimum(np.arange(side), np.arange(side)[::-1])
    nearest = np.minimum(away[:, None], away[None, :])
    ring: Bools = (nearest >= start) & (nearest < stop)
    return ring


def _differ(a: Floats, b: Floats) -> Bools:
    differ: Bools = np.abs(a - b).max(axis=1) > _DIFFERENT
    return differ


def _constant(colours: Doubles) -> bool:
    return float(colours.std(axis=0).max()) < _CONSTANT
