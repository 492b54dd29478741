"""Small charts as numbers for SVG templates. Coordinates are text: no language puts commas into them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from django.utils.formats import number_format

from datasets_app.words.figures import percent
from nas.evaluation.calibration import Bin, Outcome
from nas.evaluation.learning_file import LearningCurve

LEFT: Final = 40.0
TOP: Final = 10.0
WIDTH: Final = 306.0
HEIGHT: Final = 176.0
"""Plotting area within a view box of 372 x 220; below and left of it stand the figures of the axes."""
_FEWEST: Final = 5


def place(x: float, y: float) -> tuple[str, str]:
    """Returns the coordinates of a point of the unit square."""
    return f"{LEFT + WIDTH * x:.1f}", f"{TOP + HEIGHT * (1 - y):.1f}"


def reliability_chart(bins: Sequence[Bin]) -> dict[str, Any]:
    """Returns bars (right answers of each bin) with whiskers (95% intervals) and the points of ideal ones.

    Bins of fewer than five photos are drawn faint: their height is chance.
    """
    bars = []
    for one in bins:
        if one.right.value is None or one.confidence is None:
            continue
        x, y = place(one.low + 0.01, one.right.value)
        middle, low = place((one.low + one.high) / 2, one.right.low)
        bars.append(
            {
                "x": x,
                "y": y,
                "width": f"{WIDTH * (one.high - one.low - 0.02):.1f}",
                "height": f"{HEIGHT * one.right.value:.1f}",
                "middle": middle,
                "low": low,
                "high": place(0, one.right.high)[1],
                "ideal": place(one.confidence, one.confidence),
                "faint": one.right.n < _FEWEST,
            }
        )
    return {"bars": bars, "ticks_x": ticks_x(_FIFTHS), "ticks_y": ticks_y(_FIFTHS)}


def outcome_chart(curve: Sequence[Outcome]) -> dict[str, Any]:
    """Returns the lines of coverage and accuracy over the bar; accuracy ends where nothing is answered."""
    given = [(one.threshold, one.coverage.value) for one in curve]
    right = [(one.threshold, one.accuracy.value) for one in curve]
    return {
        "coverage": _line([(x, y) for x, y in given if y is not None]),
        "accuracy": _line([(x, y) for x, y in right if y is not None]),
        "ticks_x": ticks_x(_FIFTHS),
        "ticks_y": ticks_y(_FIFTHS),
    }


def learning_chart(curve: LearningCurve) -> dict[str, Any]:
    """Returns measured points with whiskers and what is foretold, over a logarithmic number of photos."""
    ahead = curve.ahead
    estimates = [*curve.accuracy, *(one for _, one in ahead)]
    floor = math.floor(10 * min(one.low for one in estimates)) / 10
    first, last = math.log(curve.sizes[0]), math.log(ahead[-1][0])

    def at(n: int, share: float) -> tuple[str, str]:
        return place((math.log(n) - first) / (last - first), (share - floor) / (1 - floor))

    def whisker(n: int, one: Any) -> dict[str, str]:
        x, y = at(n, one.value)
        return {"x": x, "y": y, "low": at(n, one.low)[1], "high": at(n, one.high)[1]}

    band = [at(n, one.high) for n, one in ahead] + [at(n, one.low) for n, one in reversed(ahead)]
    shown = {curve.sizes[0], curve.sizes[len(curve.sizes) // 2], *(n for n, _ in ahead)}
    return {
        "points": [whisker(n, one) for n, one in zip(curve.sizes, curve.accuracy, strict=True)],
        "ahead": " ".join(",".join(at(n, one.value)) for n, one in ahead),
        "band": " ".join(",".join(point) for point in band),
        "ticks_x": [(at(n, floor)[0], number_format(n, force_grouping=True)) for n in sorted(shown)],
        "ticks_y": [
            (place(0, (share - floor) / (1 - floor))[1], percent(share, 0)) for share in _steps(floor)
        ],
    }


_FIFTHS: Final = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def ticks_x(shares: Sequence[float]) -> list[tuple[str, str]]:
    """Returns place and text of shares along the lower axis."""
    return [(place(share, 0)[0], percent(share, 0)) for share in shares]


def ticks_y(shares: Sequence[float]) -> list[tuple[str, str]]:
    """Returns place and text of shares along the left axis."""
    return [(place(0, share)[1], percent(share, 0)) for share in shares]


def _steps(floor: float) -> list[float]:
    step = 0.1 if floor >= 0.5 else 0.2
    steps = [1 - i * step for i in range(round((1 - floor) / step) + 1)]
    return [round(share, 1) for share in steps if share > floor - 1e-9]


def _line(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(",".join(place(x, y)) for x, y in points)
