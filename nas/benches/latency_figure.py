"""The figure of a latency benchmark: predicted against measured milliseconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt


def draw(results: list[dict[str, Any]], path: Path) -> None:
    """Writes one panel a space, the line over MACs beside the predictor.

    Args:
        results: What `run_latency_bench` returned, at least one.
        path: For example ``latency.svg``.
    """
    figure, panels = plt.subplots(1, len(results), figsize=(4.2 * len(results), 4), squeeze=False)
    for result, axes in zip(results, panels[0], strict=True):
        measured = [point["measured_ms"] for point in result["points"]]
        for key, label, marker in (("macs_ms", "line over MACs", "x"), ("predicted_ms", "block table", "o")):
            axes.plot(measured, [point[key] for point in result["points"]], marker, label=label, alpha=0.7)
        low, high = min(measured), max(measured)
        axes.plot([low, high], [low, high], color="black", linewidth=0.8)
        axes.fill_between([low, high], [0.9 * low, 0.9 * high], [1.1 * low, 1.1 * high], alpha=0.15)
        axes.set(xscale="log", yscale="log", xlabel="measured ms", ylabel="predicted ms")
        axes.set_title(result["space"])
        axes.legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)
