"""The parts of report.html that are not plain tables: verdict, chart, confusion, cost, how to reproduce."""

from __future__ import annotations

from typing import Any

from nas.report.drawing import drawing_of
from nas.report.figure import cost_of
from nas.report.html import Markup, el, join, table
from nas.report.words import (
    FACTS,
    KINDS,
    PHASE_NAMES,
    count,
    duration,
    interval,
    megabytes,
    milliseconds,
    percent,
)

_LARGEST_MATRIX = 20
_TOP_CONFUSIONS = 20
_PHASE_COLORS = ("--first-model", "--baseline", "--base-search", "--scaled", "--final", "--export")


def section(title: str, *children: object, note: str | None = None) -> Markup:
    """Returns a card with a heading."""
    return el("section", el("h2", title), el("p", note, class_="note") if note else None, *children)


def plan(document: dict[str, Any]) -> Markup | None:
    """What the planner chose, and why; nothing for runs without a plan."""
    kept = (document["config"].get("plan") or {}).get("plan")
    if not kept:
        return None
    reasons = [el("li", reason) for reason in kept["reasons"]]
    return section("What the planner chose, and why", el("ul", *reasons))


def chosen(document: dict[str, Any]) -> dict[str, Any] | None:
    """Returns the recommended candidate's record, None if nothing was exported."""
    numbers = {model["name"]: model["candidate"] for model in document["models"]}
    number = numbers.get(document["best"])
    return next((one for one in document["candidates"] if one["number"] == number), None)


def test_of(document: dict[str, Any], number: int | None) -> dict[str, Any] | None:
    """Returns the sealed-test result of a candidate, if there is one."""
    return next((result for result in document["test"] if result["candidate"] == number), None)


def verdict(document: dict[str, Any]) -> Markup:
    """The head of the page: the verdict first, then the four figures that matter, then the warnings."""
    best = chosen(document)
    state = "Stopped early" if document["stopped"] else "Finished"
    spent = duration(document["spent_seconds"])
    meta = f"{state} after {spent} of {document['minutes']:g} min · {document['created_at'][:10]}"
    cards = _cards(document, best) if best is not None and best["metrics"] else []
    warning_list = [el("li", text) for text in document["warnings"]]
    return el(
        "header",
        el("p", el("strong", "Search report"), " · ", meta, class_="eyebrow"),
        el("h1", document["verdict"]["headline"]),
        *[el("p", text, class_="lead") for text in document["verdict"]["sentences"]],
        el("dl", *cards, class_="cards") if cards else None,
        el("aside", el("h2", "Read with care"), el("ul", *warning_list), class_="warnings")
        if warning_list
        else None,
    )


def _cards(document: dict[str, Any], best: dict[str, Any]) -> list[Markup]:
    metrics, tested = best["metrics"], test_of(document, best["number"])
    cards = []
    if tested is not None:
        low, high = tested["accuracy_low"], tested["accuracy_high"]
        note = f"95% interval {interval(low, high)}, {tested['n_images']} images"
        cards.append(_card("Test accuracy", percent(tested["accuracy"]), note))
    else:
        note = f"95% interval {interval(metrics['accuracy_low'], metrics['accuracy_high'])}"
        cards.append(_card("Validation accuracy", percent(metrics["accuracy"]), note))
    cards.append(
        _card(
            "Latency of one image",
            milliseconds(metrics["latency_ms"]),
            _how_timed(metrics),
        )
    )
    cards.append(_card("Download", megabytes(metrics["size_bytes"]), _how_large(metrics)))
    size = best["architecture"]["resolution"]
    cards.append(_card("Input", f"{size} × {size} px", "any photo is resized inside the model"))
    return cards


def _how_large(metrics: dict[str, Any]) -> str:
    before = metrics.get("unquantised")
    in_floats = "" if before is None else f"; int8, {megabytes(before['size_bytes'])} in fp32"
    return f"{count(metrics['n_params'])} parameters{in_floats}"


def _how_timed(metrics: dict[str, Any]) -> str:
    device = metrics.get("device")
    if device is not None:
        return f"{device['name']}; predicted. {milliseconds(device['here_ms'])} measured on this machine"
    return f"median in ONNX Runtime, 1 thread; 95% under {milliseconds(metrics['latency_p95_ms'])}"


def _card(name: str, value: str, note: str) -> Markup:
    return el("div", el("dt", name), el("dd", el("span", value, class_="value"), el("span", note)))


def chart(document: dict[str, Any]) -> Markup:
    """The frame of the chart; the script draws into it."""
    return section(
        f"Accuracy against {cost_of(document).name}",
        el(
            "figure",
            el(
                "div",
                id="chart",
                role="img",
                aria_label="Chart of validation accuracy against cost; the tables below hold its numbers.",
            ),
            el(
                "figcaption",
                "Up and to the left is better. Filled marks are fully trained (bars: 95% interval), hollow "
                "ones had a short training only; the dotted line is the front. The ring is the recommended "
                "model. All accuracies here are of validation images.",
            ),
        ),
    )


def network(document: dict[str, Any]) -> Markup | None:
    """The recommended network as a drawing and as a table."""
    best = chosen(document)
    if best is None:
        return None
    drawing = drawing_of(best["architecture"], best["label"])
    if drawing is None:
        return None
    note = "Each block is as wide as its share of the work and as high as its channels, from photo to answer."
    return section("The recommended network", drawing, note=note)


def confusion(document: dict[str, Any]) -> Markup | None:
    """Confusions of the recommended model on the test part: a matrix, or the most frequent pairs."""
    best = chosen(document)
    result = test_of(document, best["number"]) if best is not None else None
    if result is None or not result.get("confusion"):
        return None
    matrix: list[list[int]] = result["confusion"]
    names = [str(name) for name in document["data"].get("classes", [])]
    names += [f"class {index}" for index in range(len(names), len(matrix))]
    title = "Where the recommended model errs"
    if len(matrix) > _LARGEST_MATRIX:
        return section(title, _top_confusions(matrix, names))
    return section(
        title,
        _matrix(matrix, names),
        note="Test images: rows are the true classes, columns the answers. Recall is the share found.",
    )


def _matrix(matrix: list[list[int]], names: list[str]) -> Markup:
    head = [el("th", el("span", name), scope="col", title=name) for name in names]
    rows = []
    for index, (row, name) in enumerate(zip(matrix, names, strict=False)):
        total = sum(row)
        cells = [
            el(
                "td",
                value if value else "·",
                class_="hit" if index == column else ("miss" if value else "none"),
                style=f"--share:{100 * value / total if total else 0:.0f}%",
            )
            for column, value in enumerate(row)
        ]
        recall = el("td", percent(row[index] / total) if total else "–", class_="recall")
        rows.append(el("tr", el("th", name, scope="row", title=name), *cells, recall))
    content = el(
        "table",
        el("caption", "Confusion matrix on the test images"),
        el("thead", el("tr", el("th", "True class", scope="col"), *head, el("th", "Recall", scope="col"))),
        el("tbody", *rows),
        class_="confusion",
    )
    return el("div", content, class_="scroll", role="region", aria_label="Confusion matrix", tabindex=0)


def _top_confusions(matrix: list[list[int]], names: list[str]) -> Markup:
    pairs = sorted(
        (
            (value, true, answer)
            for true, row in enumerate(matrix)
            for answer, value in enumerate(row)
            if value and true != answer
        ),
        reverse=True,
    )
    rows: list[list[object]] = [
        [names[true], names[answer], value, percent(value / sum(matrix[true]))]
        for value, true, answer in pairs[:_TOP_CONFUSIONS]
    ]
    return table(
        f"The most frequent confusions of {len(matrix)} classes on the test images",
        ["True class", "Answer", "Images", "Share of the class"],
        rows,
        numeric={2, 3},
    )


def cost(document: dict[str, Any]) -> Markup:
    """Where the time went: a bar over the phases and the ledger."""
    ledger = document["cost"]
    total = max(ledger["total_seconds"], 1e-9)
    bar = [
        el(
            "span",
            style=f"flex-grow:{max(row['seconds'], 0.001):.3f};background:var({color})",
            title=f"{PHASE_NAMES.get(row['phase'], row['phase'])}: {duration(row['seconds'])}",
        )
        for row, color in zip(ledger["by_phase"], _PHASE_COLORS, strict=False)
    ]
    rows: list[list[object]] = [
        [
            join(
                el("i", class_="dot", style=f"background:var({color})"),
                PHASE_NAMES.get(row["phase"], row["phase"]),
            ),
            duration(row["seconds"]),
            percent(row["seconds"] / total, 0),
            row["candidates"],
            row["failed"],
            duration(row["candidate_seconds"]),
        ]
        for row, color in zip(ledger["by_phase"], _PHASE_COLORS, strict=False)
    ]
    before = ledger["before_phases_seconds"]
    rows.append(["Import, set-up, report", duration(before), percent(before / total, 0), "", "", ""])
    failed = duration(ledger["failed_seconds"])
    note = (
        f"{duration(ledger['total_seconds'])} of {duration(ledger['promised_seconds'])} promised, on "
        f"{ledger['cpu'] or 'an unknown processor'} with {ledger['threads'] or '?'} threads. Failed networks "
        f"are paid too ({failed})."
    )
    head = ["Phase", "Time", "Share", "Networks", "Failed", "Spent on networks"]
    ledger_table = table("Cost ledger", head, rows, numeric={1, 2, 3, 4, 5})
    kinds = _kinds(ledger, total)
    return section(
        "What it cost", el("div", *bar, class_="phases", aria_hidden="true"), ledger_table, kinds, note=note
    )


def _kinds(ledger: dict[str, Any], total: float) -> Markup | None:
    """The same seconds by kind of work; they sum to what the run spent."""
    rows: list[list[object]] = [
        [KINDS.get(row["kind"], row["kind"]), duration(row["seconds"]), percent(row["seconds"] / total, 0)]
        for row in ledger.get("by_kind") or []
        if row["seconds"] > 0
    ]
    if not rows:
        return None
    rows.append(["Sum", duration(ledger["booked_seconds"]), percent(ledger["booked_seconds"] / total, 0)])
    return table("The same time by kind of work", ["Kind", "Time", "Share"], rows, numeric={1, 2})


def reproduce(document: dict[str, Any]) -> Markup:
    """The command, the data's hash, the machine and what can differ."""
    facts = [
        ("Data hash", document["reproduce"]["data_hash"] or "–"),
        ("Images", _parts(document["data"])),
        ("Classes", len(document["data"].get("classes", []))),
        ("Seed", document["config"].get("seed", "–")),
        ("Engine", document["engine_version"]),
        *((FACTS.get(key, key.capitalize()), value) for key, value in document["machine"].items()),
    ]
    return section(
        "How to reproduce",
        el("pre", el("code", document["reproduce"]["command"]), tabindex=0),
        el("dl", *[el("div", el("dt", name), el("dd", value)) for name, value in facts], class_="facts"),
        _limits(document),
        note="Proposals and the split repeat exactly with the same seed. Trainings are given seconds, so "
        "another machine trains them for more or fewer steps: expect figures within their intervals.",
    )


def _parts(data: dict[str, Any]) -> str:
    """Returns e.g. ``"2,527 (train 1,769, val 379, test 379)"``."""
    counts: dict[str, dict[str, int]] = data.get("counts") or {}
    parts = ", ".join(f"{part} {sum(classes.values()):,}" for part, classes in counts.items() if classes)
    total = f"{data['n_images']:,}" if "n_images" in data else "–"
    return f"{total} ({parts})" if parts else total


def _limits(document: dict[str, Any]) -> Markup | None:
    """Says what the method favours, where weights were inherited."""
    starts = {one["details"].get("initialisation") for one in document["candidates"]}
    if "inherited" not in starts:
        return None
    return el(
        "p",
        "Limits: searched networks start from the weights of the Lite0 that was adapted at the beginning of "
        "this run, so the search favours its relatives; networks trained from scratch have a harder start in "
        "so few minutes, and their place here says little about what they reach in days.",
        class_="note limits",
    )
