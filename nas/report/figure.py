"""The chart of accuracy against the cost of a network as plain data for Plotly.

Colours are names of CSS variables (`meta.color`); the page resolves them, so that light, dark and print
each get their own. Plotly reads some HTML in texts: everything that a person may have typed is escaped.
"""

from __future__ import annotations

import html
import json
import math
from collections.abc import Iterable
from typing import Any

from nas.candidate import Metrics
from nas.costs import COSTS, Cost, CostName
from nas.report.words import FIDELITIES, SOURCES, count, interval, megabytes, milliseconds, percent

SYMBOLS: dict[str, str] = {
    "first_model": "star",
    "baseline": "square",
    "base_search": "circle",
    "scaled": "diamond",
}
_LOG_FROM = 6.0
_LONGEST_LABEL = 60


def build_figure(document: dict[str, Any]) -> dict[str, Any]:
    """Returns `{"data", "layout"}` of the chart from a report document."""
    finished = [one for one in document["candidates"] if one["metrics"] is not None]
    current = set(document["current"])
    cost = cost_of(document)
    traces: list[dict[str, Any]] = []
    for source, title in SOURCES.items():
        own = [one for one in finished if one["source"] == source]
        full = [one for one in own if one["number"] in current and one["fidelity"] != "short"]
        brief = [one for one in own if one["number"] in current and one["fidelity"] == "short"]
        if full:
            traces.append(_points(full, source, title, cost, full_training=True))
        if brief:
            traces.append(_points(brief, source, f"{title} (short training)", cost, full_training=False))
    by_number = {one["number"]: one for one in finished}
    front = [by_number[number] for number in document["front"] if number in by_number]
    if front:
        traces.insert(0, _front_line(front, cost))
    chosen = _chosen(document, by_number)
    if chosen is not None:
        traces.append(_ring(chosen, cost))
    return {"data": traces, "layout": _layout([_x(one, cost) for one in finished], cost)}


def to_script_json(figure: dict[str, Any]) -> str:
    """Returns JSON that cannot end the script element that holds it."""
    text = json.dumps(figure, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def plotly_text(text: str) -> str:
    """Returns a text that Plotly shows as it is, shortened; quotes are no entities that Plotly knows."""
    shown = text if len(text) <= _LONGEST_LABEL else text[: _LONGEST_LABEL - 1] + "…"
    return html.escape(shown, quote=False)


def _points(
    found: list[dict[str, Any]], source: str, name: str, cost: Cost, *, full_training: bool
) -> dict[str, Any]:
    accuracies = [100 * one["metrics"]["accuracy"] for one in found]
    trace: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "meta": {"color": f"--{source.replace('_', '-')}"},
        "x": [_x(one, cost) for one in found],
        "y": accuracies,
        "hoverinfo": "text",
        "hovertext": [_hover(one, cost) for one in found],
        "marker": {
            "symbol": SYMBOLS[source] + ("" if full_training else "-open"),
            "size": 13 if full_training else 9,
            "line": {"width": 1.5},
        },
    }
    if full_training:
        trace["error_y"] = {
            "type": "data",
            "symmetric": False,
            "array": [
                100 * one["metrics"]["accuracy_high"] - y for one, y in zip(found, accuracies, strict=True)
            ],
            "arrayminus": [
                y - 100 * one["metrics"]["accuracy_low"] for one, y in zip(found, accuracies, strict=True)
            ],
            "thickness": 1.2,
            "width": 4,
        }
    return trace


def _hover(one: dict[str, Any], cost: Cost) -> str:
    metrics = one["metrics"]
    lines = [
        f"<b>{plotly_text(one['label'])}</b>",
        f"{SOURCES[one['source']]}, {FIDELITIES[one['fidelity']]}",
        f"validation {percent(metrics['accuracy'])} "
        f"({interval(metrics['accuracy_low'], metrics['accuracy_high'])})",
        f"{milliseconds(metrics['latency_ms'])} · {megabytes(metrics['size_bytes'])}",
        f"{count(metrics['n_params'])} parameters · {count(metrics['macs'])} MACs",
    ]
    if cost.name in ("energy", "memory"):
        lines.append(f"{cost.title}: {cost.shown(Metrics.from_json(metrics))}")
    return "<br>".join(lines)


def _front_line(front: list[dict[str, Any]], cost: Cost) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "Front",
        "meta": {"color": "--front"},
        "x": [_x(one, cost) for one in front],
        "y": [100 * one["metrics"]["accuracy"] for one in front],
        "line": {"shape": "hv", "width": 2, "dash": "dot"},
        "hoverinfo": "skip",
    }


def _chosen(document: dict[str, Any], by_number: dict[int, dict[str, Any]]) -> dict[str, Any] | None:
    numbers = {model["name"]: model["candidate"] for model in document["models"]}
    return by_number.get(numbers.get(document["best"], -1))


def _ring(chosen: dict[str, Any], cost: Cost) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "Recommended",
        "meta": {"color": "--text"},
        "x": [_x(chosen, cost)],
        "y": [100 * chosen["metrics"]["accuracy"]],
        "marker": {"symbol": "circle-open", "size": 24, "line": {"width": 2}},
        "hoverinfo": "skip",
    }


def cost_of(document: dict[str, Any]) -> Cost:
    """Returns what the run weighed accuracy against; latency in reports that do not say."""
    name: CostName = document["config"].get("cost", "latency")
    return COSTS[name]


def _x(one: dict[str, Any], cost: Cost) -> float | None:
    found = cost.of(Metrics.from_json(one["metrics"])) / cost.scale
    return None if math.isnan(found) else found


def _layout(costs: list[float | None], cost: Cost) -> dict[str, Any]:
    known = [value for value in costs if value]
    spread = max(known) / min(known) if known and min(known) > 0 else 1.0
    x_axis: dict[str, Any] = {"title": {"text": f"{cost.title}, {cost.unit}"}, "zeroline": False}
    if spread >= _LOG_FROM:
        x_axis |= {"type": "log", "tickvals": _log_ticks(min(known), max(known))}
    else:
        x_axis |= {"rangemode": "tozero"}
    return {
        "xaxis": x_axis,
        "yaxis": {"title": {"text": "Validation accuracy"}, "ticksuffix": "%", "zeroline": False},
        "margin": {"l": 62, "r": 14, "t": 10, "b": 50},
        "legend": {"orientation": "h", "y": -0.2, "yanchor": "top", "x": 0},
        "hovermode": "closest",
        "hoverlabel": {"align": "left"},
    }


def _log_ticks(low: float, high: float) -> list[float]:
    ticks: Iterable[float] = (digit * 10.0**power for power in range(-3, 6) for digit in (1, 2, 5))
    return [tick for tick in ticks if low / 2.5 <= tick <= high * 2.5]
