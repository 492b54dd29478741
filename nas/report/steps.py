"""A small step chart as SVG: what was reached against time, with levels to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nas.report.drawing import svg, text
from nas.report.html import Markup, el, join

_WIDTH, _HEIGHT = 440.0, 240.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 56.0, 16.0, 18.0, 40.0
_TICKS = 4
_DASHES = ("6 4", "2 4", "8 3 2 3")
_LINE = "#2f86c9"
"""3:1 of contrast and more on white and on the dark theme's background."""
_SMALL = 13


@dataclass(frozen=True)
class Level:
    """A horizontal line.

    Attributes:
        name: Written at its right end.
        value: Where it is.
    """

    name: str
    value: float


def step_chart(
    points: Sequence[tuple[float, float]],
    levels: Sequence[Level],
    *,
    end: float,
    title: str,
    x_name: str,
    percent: bool = False,
) -> Markup:
    """Draws a line that keeps each value until the next one.

    Args:
        points: (x, value) ascending in x, at least one; x >= 0.
        levels: Horizontal lines to compare with; at most three are drawn.
        end: Where the x axis ends.
        title: Read out by screen readers.
        x_name: Written below the x axis.
        percent: True writes values as percentages.
    """
    shown = list(levels)[: len(_DASHES)]
    values = [value for _, value in points] + [level.value for level in shown]
    low, high = min(values), max(values)
    room = 0.1 * (high - low) or 0.05 * abs(high) or 1.0
    top = min(high + room, 1.0) if percent else high + room
    scale = _Scale(max(end, points[-1][0]) or 1.0, low - room, top)
    drawn = [*_axes(scale, x_name, percent=percent)]
    for level, dash in zip(shown, _DASHES, strict=False):
        drawn += _level(scale, level, dash)
    steps = [f"M{scale.x(points[0][0]):.1f} {scale.y(points[0][1]):.1f}"]
    for x, value in points[1:]:
        steps.append(f"H{scale.x(x):.1f}V{scale.y(value):.1f}")
    steps.append(f"H{scale.x(scale.end):.1f}")
    drawn.append(el("path", d="".join(steps), fill="none", stroke=_LINE, stroke_width=2.5))
    return svg(join(*drawn), (_WIDTH, _HEIGHT), title, class_="step-chart")


@dataclass(frozen=True)
class _Scale:
    """Places values on the drawing."""

    end: float
    low: float
    high: float

    def x(self, value: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * value / self.end

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * share


def _axes(scale: _Scale, x_name: str, *, percent: bool) -> list[Markup]:
    faint = {"stroke": "currentColor", "stroke_opacity": 0.2}
    drawn = []
    for tick in range(_TICKS + 1):
        value = scale.low + (scale.high - scale.low) * tick / _TICKS
        y = scale.y(value)
        drawn.append(el("line", x1=_LEFT, x2=_WIDTH - _RIGHT, y1=f"{y:.1f}", y2=f"{y:.1f}", **faint))
        label = f"{100 * value:.1f}%" if percent else f"{value:.2f}"
        drawn.append(text(_LEFT - 6, y + 4, label, text_anchor="end", font_size=_SMALL))
        at = scale.end * tick / _TICKS
        drawn.append(text(scale.x(at), _HEIGHT - 22, f"{at:.3g}", text_anchor="middle", font_size=_SMALL))
    drawn.append(text((_LEFT + _WIDTH) / 2, _HEIGHT - 5, x_name, text_anchor="middle", font_size=_SMALL))
    return drawn


def _level(scale: _Scale, level: Level, dash: str) -> list[Markup]:
    y = scale.y(level.value)
    line = el(
        "line",
        x1=_LEFT,
        x2=_WIDTH - _RIGHT,
        y1=f"{y:.1f}",
        y2=f"{y:.1f}",
        stroke="currentColor",
        stroke_dasharray=dash,
    )
    name = level.name if len(level.name) <= 46 else level.name[:45] + "…"
    return [line, text(_WIDTH - _RIGHT - 2, y - 4, name, text_anchor="end", font_size=_SMALL)]
