"""What lets a reader of report.html doubt: anytime curve, rank correlations, ratios, equal training."""

from __future__ import annotations

from typing import Any

from nas.costs import COSTS
from nas.report.html import Markup, el, table
from nas.report.sections import section
from nas.report.steps import Level, step_chart
from nas.report.words import duration, factor, percent

SCORES = {
    "short_training": "Short training",
    "supernet": "Supernet",
    "proxy": "Zero-cost proxy",
    "surrogate": "Surrogate",
    "params": "Parameters (trivial)",
    "macs": "MACs (trivial)",
}
TARGETS = {"final": "against the final trainings", "short": "against the short trainings"}


def anytime(document: dict[str, Any]) -> Markup | None:
    """What the run had at each moment, hand-made networks as lines."""
    found = document.get("anytime")
    if not found:
        return None
    end = document["spent_seconds"] / 60.0
    charts = []
    for key, title, in_percent in (
        ("accuracy", "Best validation accuracy against minutes spent", True),
        ("hypervolume", "Hypervolume of the front against minutes spent", False),
    ):
        points = [(point["seconds"] / 60.0, point[key]) for point in found["points"]]
        levels = [Level(one["label"], one[key]) for one in found["baselines"]]
        chart = step_chart(points, levels, end=end, title=title, x_name="minutes", percent=in_percent)
        charts.append(el("figure", chart, el("figcaption", title)))
    cost, reference = COSTS[found["cost"]], found["reference"]
    beyond = f"{reference['cost'] / cost.scale:g} {cost.unit}"
    return section(
        "What the run had at each moment",
        *charts,
        note="Hypervolume is accuracy times decades of the cost, up to a reference point that no result can "
        f"move: accuracy {reference['accuracy']:g}, {beyond}. The dashed lines are the hand-made networks.",
    )


def ranking(document: dict[str, Any]) -> Markup | None:
    """Kendall's tau of each judgement beside that of mere size."""
    found = document.get("ranking") or []
    if not found:
        return None
    tables: list[Markup] = []
    for target in found:
        rows: list[list[object]] = [
            [
                SCORES.get(row["score"], row["score"]),
                _tau(row["tau"]),
                f"{_tau(row['low'])} to {_tau(row['high'])}",
                _tau(row["in_band"]),
                row["band_pairs"],
            ]
            for row in target["rows"]
        ]
        head = ["Judged by", "Kendall's tau", "95% interval", "Tau within 10% of MACs", "Pairs in it"]
        caption = f"{target['networks']} networks, {TARGETS[target['target']]}"
        tables.append(table(caption, head, rows, numeric={1, 2, 3, 4}))
    return section(
        "Do cheap judgements rank the networks?",
        *tables,
        note="1 is the same order, 0 none, -1 the reverse. A judgement that ranks no better than the number "
        "of parameters or MACs is worth nothing by itself. These networks were chosen, not drawn at random: "
        "among the best, orders are hard to tell.",
    )


def resnet50(document: dict[str, Any]) -> Markup | None:
    """The recommended network beside ResNet-50 of the same run."""
    found = document.get("resnet50")
    if not found:
        return None
    headline = found["headline"]
    rows: list[list[object]] = [
        ["Faster than ResNet-50", factor(found["latency_ratio"]), f"{headline['latency']:g} ×"],
        ["Smaller than ResNet-50", factor(found["size_ratio"]), f"{headline['size']:g} ×"],
        [
            f"Right on {found['part']} images",
            f"{percent(found['best_accuracy'])} against {percent(found['accuracy'])}",
            "–",
        ],
    ]
    return section(
        "Beside ResNet-50",
        table(
            "The recommended network and ResNet-50 of this run",
            ["", "Here", "EfficientNet's headline"],
            rows,
            numeric={1, 2},
        ),
        note=f"{found['note']} EfficientNet's headline is that of B7 against the best network of its time on "
        "ImageNet, not against ResNet-50.",
    )


def fairness(document: dict[str, Any]) -> Markup | None:
    """By which configuration the winner and the hand-made networks were trained; optimism of the winner."""
    rows: list[list[object]] = [
        [
            row["label"],
            row["config_hash"] or "–",
            row["initialisation"] or "–",
            duration(row["training_seconds"]),
        ]
        for row in (document.get("fairness") or {}).get("rows", [])
    ]
    if not rows:
        return None
    return section(
        "Equal training",
        table(
            "Hash of the training configuration, architecture and initialisation left out",
            ["Network", "Configuration", "Start", "Last training"],
            rows,
            numeric={3},
        ),
        note=_optimism(document.get("optimism")),
    )


def _optimism(found: dict[str, Any] | None) -> str | None:
    if found is None:
        return None
    beyond = "beyond" if found["flagged"] else "within"
    return (
        f"Optimism: the recommended model reached {percent(found['validation'])} of the validation images, "
        f"which chose it, and {percent(found['test'])} of the test images. The difference of "
        f"{100 * found['difference']:+.1f} points is {beyond} two standard errors "
        f"({200 * found['standard_error']:.1f} points)."
    )


def _tau(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
