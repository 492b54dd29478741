"""Compound scaling in report.html: the grid, the family and EfficientNet's own values."""

from __future__ import annotations

from typing import Any

from nas.report.html import Markup, el, table
from nas.report.sections import section
from nas.report.words import count, factor, interval, milliseconds, percent


def scaling(document: dict[str, Any]) -> Markup | None:
    """The grid of coefficients and the family, predicted against measured."""
    facts = document["scaling"]
    if not facts:
        return None
    chosen = facts.get("coefficients") or {}
    paper = facts.get("efficientnet") or {"alpha": 1.2, "beta": 1.1, "gamma": 1.15}
    base = next((one for one in document["candidates"] if one["number"] == facts.get("base")), None)
    base_text = f" around {base['label']}" if base else ""
    mine, theirs = _triple(chosen), _triple(paper)
    return section(
        "Compound scaling",
        el(
            "p",
            "Chosen: ",
            el("strong", mine),
            f" (depth, width, resolution). EfficientNet's own search found {theirs}.",
        ),
        _grid_table(facts, chosen),
        el("p", facts["choice"]) if facts.get("choice") else None,
        _family_table(facts),
        el("p", facts["losing"]) if facts.get("losing") else None,
        _released_table(paper),
        note=f"Depth grows by α^φ, width by β^φ and resolution by γ^φ{base_text}; with α·β²·γ² near 2 each "
        "step of φ about doubles the work.",
    )


def _triple(values: dict[str, Any]) -> str:
    return " / ".join(f"{values[key]:g}" for key in ("alpha", "beta", "gamma") if key in values) or "–"


def _grid_table(facts: dict[str, Any], chosen: dict[str, Any]) -> Markup:
    grid = facts.get("grid") or []
    rows: list[list[object]] = [
        [
            _kind(row),
            f"{row['alpha']:g}",
            f"{row['beta']:g}",
            f"{row['gamma']:g}",
            f"{row['alpha'] * row['beta'] ** 2 * row['gamma'] ** 2:.2f}",
            percent(row.get("accuracy")),
            interval(row.get("accuracy_low"), row.get("accuracy_high")),
            row.get("seeds", 1),
            milliseconds(row.get("latency_ms")),
            count(row.get("macs")),
            "yes" if row.get("indistinguishable") else "",
        ]
        for row in grid
    ]
    marked = {
        index
        for index, row in enumerate(grid)
        if chosen and all(row[key] == chosen[key] for key in ("alpha", "beta", "gamma"))
    }
    return table(
        "The grid at φ = 1",
        [
            *(
                "Spent on",
                "α depth",
                "β width",
                "γ resolution",
                "α·β²·γ²",
                "Accuracy",
                "95% interval",
                "Seeds",
            ),
            *("Latency", "MACs", "As good as the best"),
        ],
        rows,
        numeric=set(range(1, 10)),
        marked=marked,
    )


def _kind(row: dict[str, Any]) -> str:
    """Returns which dimensions an entry of the grid scales, in words."""
    names = {"alpha": "depth", "beta": "width", "gamma": "resolution"}
    scaled = [name for key, name in names.items() if row[key] > 1]
    return f"{scaled[0]} only" if len(scaled) == 1 else ", ".join(scaled)


def _family_table(facts: dict[str, Any]) -> Markup:
    rows: list[list[object]] = [
        [
            str(row.get("name") or ""),
            f"{row['phi']:g}",
            f"{row['resolution']} px",
            percent(row.get("accuracy")),
            count(row.get("predicted_macs")),
            count(row.get("macs")),
            _ratio(row.get("macs"), row.get("predicted_macs")),
            milliseconds(row.get("predicted_latency_ms")),
            milliseconds(row.get("latency_ms")),
            _ratio(row.get("latency_ms"), row.get("predicted_latency_ms")),
        ]
        for row in facts.get("family") or []
    ]
    head = ["Size", "φ", "Input", "Accuracy", "MACs predicted", "MACs", "MACs ratio"]
    return table(
        "The family: 2^φ times the base, and what came of it",
        [*head, "Latency by 2^φ", "Latency", "Latency ratio"],
        rows,
        numeric=set(range(1, 10)),
    )


def _released_table(paper: dict[str, Any]) -> Markup | None:
    """EfficientNet's own family: the formula beside what was released, which was rounded by hand."""
    rows: list[list[object]] = [
        [
            row["name"],
            f"{row['phi']:.2f}",
            f"{row['depth']:g}",
            f"{row['formula_width']:.2f}",
            f"{row['width']:g}",
            f"{row['formula_resolution']:g} px",
            f"{row['resolution']} px",
        ]
        for row in paper.get("released") or []
    ]
    if not rows:
        return None
    content = table(
        "EfficientNet as released, beside its formula at the φ of the released depth",
        ["Network", "φ", "Depth", "Width by formula", "Width", "Resolution by formula", "Resolution"],
        rows,
        numeric=set(range(1, 7)),
    )
    return el("details", el("summary", "EfficientNet's own family: formula and released values"), content)


def _ratio(value: float | None, predicted: float | None) -> str:
    return factor(value / predicted) if value and predicted else "–"
