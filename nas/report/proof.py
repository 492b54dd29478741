"""What the downloads of a report prove: the int8 files, and the certificate of each model."""

from __future__ import annotations

from typing import Any

from nas.report.html import Markup, el, table
from nas.report.sections import section
from nas.report.words import megabytes, milliseconds, percent


def proof(document: dict[str, Any]) -> Markup | None:
    """Int8 beside fp32, and the certificates; None for runs of versions that had neither."""
    models = document["models"]
    parts = [_int8(models, document["test"]), _reasons(models), *(_certificate(model) for model in models)]
    shown = [part for part in parts if part is not None]
    if not shown:
        return None
    return section(
        "What the downloads prove",
        *shown,
        note="The same validation images go through each runtime, and a file that answers differently is not "
        "offered. int8 was judged on validation images; its test figures come from the one opening of the "
        "test part.",
    )


def _int8(models: list[dict[str, Any]], tests: list[dict[str, Any]]) -> Markup | None:
    tested = {result["name"]: result for result in tests}
    rows: list[list[object]] = []
    for model in models:
        int8 = model["parity"].get("int8") or {}
        if not int8.get("offered"):
            continue
        result = tested.get(model["name"]) or {}
        rows.append(
            [
                model.get("label", model["name"]),
                percent(int8["float_accuracy"]),
                percent(int8["int8_accuracy"]),
                percent(result.get("accuracy")),
                percent((result.get("int8") or {}).get("accuracy")),
                megabytes(int8["float_bytes"]),
                megabytes(int8["int8_bytes"]),
                milliseconds(int8["float_ms"]),
                milliseconds(int8["int8_ms"]),
            ]
        )
    if not rows:
        return None
    head = ["Model", "Validation, fp32", "Validation, int8", "Test, fp32", "Test, int8"]
    return table(
        "The int8 files beside the fp32 ones, measured in turn",
        [*head, "Network, fp32", "Network, int8", "Latency, fp32", "Latency, int8"],
        rows,
        numeric=set(range(1, 9)),
    )


def _reasons(models: list[dict[str, Any]]) -> Markup | None:
    """Why the others have no int8 file."""
    without = [
        el("li", model.get("label", model["name"]), ": ", model["parity"]["int8"]["reason"])
        for model in models
        if model["parity"].get("int8") and not model["parity"]["int8"].get("offered")
    ]
    return el("ul", *without, class_="note") if without else None


def _certificate(model: dict[str, Any]) -> Markup | None:
    rows = model["parity"].get("rows") or []
    if not rows:
        return None
    name = model.get("label", model["name"])
    content = table(
        f"Certificate of {name}",
        ["Runtime", "File", "Compared with", "Images", "Same answer", "Largest difference", "One image"],
        [_line(row) for row in rows],
        numeric={3, 4, 5, 6},
    )
    return el("details", el("summary", f"Certificate of {name}"), content)


def _line(row: dict[str, Any]) -> list[object]:
    checked = row["agreement"] is not None
    unchecked = f"not checked: {row['unchecked']}" if row["unchecked"] else "the reference"
    difference = row["max_difference"]
    return [
        row["runtime"],
        row["file"],
        row["against"] or "–",
        row["n_images"] or "–",
        percent(row["agreement"]) if checked else unchecked,
        "–" if difference is None else f"{difference:.1e}",
        milliseconds(row["latency_ms"]),
    ]
