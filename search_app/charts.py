"""Candidates -> plain chart data -> Plotly figure. No database here; the browser adds its theme's colours.

`static/js/lib/chart.js` draws the same picture from the event stream; both take series, names and symbols
from the same short tables, and a browser test compares their fronts.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.utils.translation import gettext, gettext_noop

from datasets_app.words import figures
from datasets_app.words.engine import said
from nas.architecture import CellArchitecture, MBConvArchitecture
from nas.candidate import Candidate, Metrics
from nas.cells import TEMPLATES, cell_text
from nas.costs import COSTS, Cost
from nas.pareto import current_candidates, front_of_candidates

SERIES: dict[str, tuple[str, str, str]] = {
    "base_search": (gettext_noop("Search"), "circle", "#0072b2"),
    "scaled": (gettext_noop("Scaled family"), "diamond", "#c24e00"),
    "baseline": (gettext_noop("Hand-made baseline"), "square", "#5a6472"),
    "first_model": (gettext_noop("First model"), "star", "#a0357c"),
}
"""Source -> name, symbol, colour on a light ground: told apart by colour and by shape."""

AXIS_TITLES = {
    "latency": gettext_noop("Time per photo"),
    "energy": gettext_noop("Energy a photo"),
    "memory": gettext_noop("Memory for activations"),
    "size": gettext_noop("Size"),
}
TRAINED = {
    "frozen": gettext_noop("head only"),
    "short": gettext_noop("short training"),
    "final": gettext_noop("full training"),
}
_FAINT = {"frozen": 0.85, "short": 0.5, "final": 1.0}
_MAX_TEXT = 80


@dataclass(frozen=True)
class ChartPoint:
    """One candidate that counts: finished and not superseded by a further training of itself.

    `cost` is what the chart goes by, in the unit that people read.
    """

    number: int
    source: str
    fidelity: str
    label: str
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    latency_ms: float
    size_bytes: int
    cost: float | None
    on_front: bool
    shape: str


def chart_points(candidates: Sequence[Candidate], cost: Cost = COSTS["latency"]) -> list[ChartPoint]:
    """Returns the points of the chart in the order of their numbers; none if nothing is finished."""
    front = set(front_of_candidates(candidates, cost.name))
    points = []
    for one in current_candidates(candidates):
        metrics = one.metrics
        if metrics is None:
            continue
        points.append(
            ChartPoint(
                number=one.number,
                source=one.source,
                fidelity=one.fidelity,
                label=one.label,
                accuracy=metrics.accuracy,
                accuracy_low=metrics.accuracy_low,
                accuracy_high=metrics.accuracy_high,
                latency_ms=metrics.latency_ms,
                size_bytes=metrics.size_bytes,
                cost=_shown(cost, metrics),
                on_front=one.number in front,
                shape=architecture_text(one),
            )
        )
    return points


def _shown(cost: Cost, metrics: Metrics) -> float | None:
    found = cost.of(metrics) / cost.scale
    return None if math.isnan(found) else found


def architecture_text(candidate: Candidate) -> str:
    """Returns the architecture in one line: input size, blocks, widths; or the name of a known network."""
    architecture = candidate.architecture
    if isinstance(architecture, CellArchitecture):
        cell = cell_text(TEMPLATES[architecture.template], architecture.normal)
        return gettext("%(px)s px, %(n)s channels: %(cell)s") % {
            "px": architecture.resolution,
            "n": architecture.channels,
            "cell": cell,
        }
    if not isinstance(architecture, MBConvArchitecture):
        return f"{architecture.name}, {architecture.resolution} px"
    blocks = sum(stage.depth for stage in architecture.stages)
    stages = " ".join(
        f"{stage.depth}×{stage.channels}k{stage.kernel}e{stage.expansion:g}" for stage in architecture.stages
    )
    return gettext("%(px)s px, %(n)s blocks: %(stages)s") % {
        "px": architecture.resolution,
        "n": blocks,
        "stages": stages,
    }


def figure(points: Sequence[ChartPoint], cost: Cost = COSTS["latency"]) -> dict[str, Any]:
    """Returns a Plotly figure: a trace a source, the front line last; user strings are escaped."""
    traces = [_trace(source, [p for p in points if p.source == source]) for source in SERIES]
    return {
        "data": [trace for trace in traces if trace["x"]] + [_front(points)],
        "layout": {
            "xaxis": {
                "title": {"text": f"{gettext(AXIS_TITLES[cost.name])} ({cost.unit})"},
                "rangemode": "tozero",
            },
            "yaxis": {"title": {"text": gettext("Right on validation photos (%)")}},
            "showlegend": False,
            "hovermode": "closest",
        },
    }


def point_rows(points: Sequence[ChartPoint]) -> list[dict[str, Any]]:
    """Returns the table twin of the chart: the points as plain dicts."""
    return [asdict(point) for point in points]


def _trace(source: str, points: Sequence[ChartPoint]) -> dict[str, Any]:
    name, symbol, colour = SERIES[source]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": gettext(name),
        "meta": source,
        "x": [p.cost for p in points],
        "y": [100 * p.accuracy for p in points],
        "customdata": [p.number for p in points],
        "text": [hover_text(p) for p in points],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {
            "symbol": symbol,
            "color": colour,
            "size": [10 if p.fidelity == "short" else 14 for p in points],
            "opacity": [_FAINT.get(p.fidelity, 1.0) for p in points],
            "line": {"width": 1},
        },
    }


def _front(points: Sequence[ChartPoint]) -> dict[str, Any]:
    line = sorted((p for p in points if p.on_front), key=lambda p: (p.cost or 0.0, p.accuracy))
    return {
        "type": "scatter",
        "mode": "lines",
        "name": gettext("Best trade-offs so far"),
        "meta": "front",
        "x": [p.cost for p in line],
        "y": [100 * p.accuracy for p in line],
        "line": {"shape": "hv", "width": 1.5, "dash": "dot", "color": "#1c2634"},
        "hoverinfo": "skip",
    }


def hover_text(point: ChartPoint) -> str:
    """Returns the lines of a hover box, escaped because Plotly parses some HTML.

    Bold type and the like are not used: Plotly makes inline styles of them, which the page's policy refuses.
    """
    right = gettext("%(share)s right (95%%: %(low)s to %(high)s)") % {
        "share": figures.percent(point.accuracy),
        "low": figures.decimal(100 * point.accuracy_low, 1),
        "high": figures.decimal(100 * point.accuracy_high, 1),
    }
    cost = gettext("%(ms)s ms per photo, %(mb)s MB") % {
        "ms": figures.decimal(point.latency_ms, 2),
        "mb": figures.decimal(point.size_bytes / 1e6, 1),
    }
    trained = TRAINED.get(point.fidelity)
    lines = (
        plotly_text(said(point.label)),
        right,
        cost,
        f"{gettext(SERIES[point.source][0])}, {gettext(trained) if trained else plotly_text(point.fidelity)}",
        plotly_text(point.shape),
    )
    return "<br>".join(lines)


def plotly_text(text: str) -> str:
    """Returns text that Plotly shows literally, cut to a length that keeps a hover box a box."""
    cut = text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"
    return html.escape(cut, quote=False)
