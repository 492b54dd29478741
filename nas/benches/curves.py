"""Curves of a DARTS comparison as SVG: skips, eigenvalue and validation accuracy over the epochs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

_WIDTH, _HEIGHT, _LEFT, _TOP, _GAP = 300, 190, 46, 58, 64
_COLOURS = {"plain": "#c24e00", "fixed": "#0072b2"}
_PANELS: tuple[tuple[str, Callable[[dict[str, Any]], float | None]], ...] = (
    ("Skips of the cell by largest alpha", lambda epoch: epoch["skips"]),
    ("Largest eigenvalue", lambda epoch: epoch["eigenvalue"]),
    ("Validation accuracy of the mixture, %", lambda epoch: 100 * epoch["val_accuracy"]),
)


def darts_curves(runs: Sequence[dict[str, Any]]) -> str:
    """Returns three panels with one line a run, coloured by form.

    Args:
        runs: Runs of `nas.benches.darts`: `form`, `seed` and `epochs`.
    """
    width = len(_PANELS) * (_WIDTH + _GAP) + 20
    height = _TOP + _HEIGHT + 48
    panels = [
        _panel(runs, title, read, _LEFT + number * (_WIDTH + _GAP))
        for number, (title, read) in enumerate(_PANELS)
    ]
    legend = "".join(
        f'<text x="{_LEFT + 90 * i}" y="20" fill="{colour}" font-weight="bold">{form}</text>'
        for i, (form, colour) in enumerate(_COLOURS.items())
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'aria-label="Skips, eigenvalue and validation accuracy of each search over its epochs" '
        f'font-family="sans-serif" font-size="12"><rect width="{width}" height="{height}" fill="#fff"/>'
        f"{legend}{''.join(panels)}</svg>\n"
    )


def _panel(
    runs: Sequence[dict[str, Any]], title: str, read: Callable[[dict[str, Any]], float | None], left: int
) -> str:
    lines = [(run["form"], [read(epoch) for epoch in run["epochs"]]) for run in runs if run["epochs"]]
    values = [value for _, line in lines for value in line if value is not None]
    low, high = min([0.0, *values]), max([1e-9, *values])
    longest = max([2, *(len(line) for _, line in lines)])

    def point(epoch: int, value: float) -> str:
        x = left + _WIDTH * epoch / (longest - 1)
        y = _TOP + _HEIGHT * (1 - (value - low) / (high - low))
        return f"{x:.1f},{y:.1f}"

    drawn = []
    for form, line in lines:
        points = " ".join(point(i, value) for i, value in enumerate(line) if value is not None)
        drawn.append(
            f'<polyline points="{points}" fill="none" stroke="{_COLOURS[form]}" stroke-width="1.6" '
            'stroke-opacity="0.8"/>'
        )
    return (
        f'<text x="{left}" y="{_TOP - 14}" fill="#1c2126">{title}</text>'
        f'<path d="M{left} {_TOP}V{_TOP + _HEIGHT}H{left + _WIDTH}" fill="none" stroke="#5a6472"/>'
        f'<text x="{left - 6}" y="{_TOP + 8}" text-anchor="end" fill="#5a6472">{high:.3g}</text>'
        f'<text x="{left - 6}" y="{_TOP + _HEIGHT}" text-anchor="end" fill="#5a6472">{low:.3g}</text>'
        f'<text x="{left}" y="{_TOP + _HEIGHT + 18}" fill="#5a6472">epoch 0</text>'
        f'<text x="{left + _WIDTH}" y="{_TOP + _HEIGHT + 18}" text-anchor="end" fill="#5a6472">'
        f"{longest - 1}</text>{''.join(drawn)}"
    )
