"""Draws `front.png` from a search's report.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from automl_site.demo.errors import DemoError

# Told apart by colour and by shape; the colours are those of Okabe and Ito, safe for colour-blind readers.
STYLES: dict[str, tuple[str, str, str]] = {
    "first_model": ("first model", "#E69F00", "*"),
    "baseline": ("baseline", "#D55E00", "s"),
    "base_search": ("base search", "#0072B2", "o"),
    "scaled": ("scaled family", "#009E73", "^"),
}


def measured_candidates(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the candidates of a report that finished and carry measurements."""
    return [c for c in report["candidates"] if c["status"] == "finished" and c.get("metrics")]


def draw_front(report: dict[str, Any], path: Path) -> int:
    """Draws accuracy against latency with the front's line.

    Args:
        report: The parsed report.json.
        path: The PNG to write.

    Returns:
        The number of points drawn.

    Raises:
        DemoError: If the report has no measured candidate.
    """
    candidates = measured_candidates(report)
    if not candidates:
        raise DemoError("The report holds no measured candidate, so there is no front to draw.")
    figure = Figure(figsize=(10, 6), dpi=130, layout="constrained")
    axes = figure.add_subplot()
    for source, (name, colour, marker) in STYLES.items():
        points = [c["metrics"] for c in candidates if c["source"] == source]
        if points:
            axes.scatter(
                [p["latency_ms"] for p in points],
                [100 * p["accuracy"] for p in points],
                c=colour,
                marker=marker,
                s=70,
                alpha=0.85,
                edgecolors="white",
                linewidths=0.6,
                label=f"{name} ({len(points)})",
                zorder=3,
            )
    _draw_line(axes, [c for c in candidates if c["number"] in set(report["front"])])
    axes.set_xscale("log")
    for formatter in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        formatter(StrMethodFormatter("{x:g}"))  # 0.6 instead of powers of ten
    axes.set_xlabel("latency of one image, ms (ONNX Runtime, 1 thread, median; log scale)")
    axes.set_ylabel("accuracy on validation images, %")
    axes.set_title("Accuracy against latency")
    axes.grid(visible=True, which="both", alpha=0.25)
    axes.legend(loc="best")
    figure.savefig(path)
    return len(candidates)


def _draw_line(axes: Any, front: list[dict[str, Any]]) -> None:
    front = sorted(front, key=lambda c: float(c["metrics"]["latency_ms"]))
    axes.plot(
        [c["metrics"]["latency_ms"] for c in front],
        [100 * c["metrics"]["accuracy"] for c in front],
        color="#444444",
        linewidth=1.2,
        label="front",
        zorder=2,
    )
    for candidate in front:
        axes.annotate(
            # "$" would start mathematics in a label that a user chose.
            str(candidate["label"])[:60].replace("$", r"\$"),
            (candidate["metrics"]["latency_ms"], 100 * candidate["metrics"]["accuracy"]),
            textcoords="offset points",
            xytext=(6, 7),
            fontsize=7,
        )
