"""The figure of the ladder bench: test accuracy against latency, the search beside what is made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt

_LOOKS = {"search": ("#0072b2", "o"), "random": ("#5a6472", "x"), "ladder": ("#c24e00", "s")}


def draw(seeds: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Writes one panel a seed.

    Args:
        seeds: `seeds` of `ladder.json`, at least one.
        path: For example ``ladder.svg``.
    """
    figure, panels = plt.subplots(1, len(seeds), figsize=(4.4 * len(seeds), 4), squeeze=False, sharey=True)
    for found, axes in zip(seeds, panels[0], strict=True):
        groups = {"search": found["search"]["points"], "random": found["random"]["points"]}
        for name, points in {**groups, "ladder": found["ladder"]}.items():
            colour, marker = _LOOKS[name]
            axes.scatter(*_places(points), color=colour, marker=marker, label=name)
        axes.scatter(*_places([found["whole"]]), color="#a0357c", marker="*", s=120, label="all the minutes")
        axes.set(xscale="log", xlabel="ms per photo, one thread", title=f"seed {found['seed']}")
    panels[0][0].set_ylabel("right on sealed test photos (%)")
    panels[0][0].legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def _places(points: Sequence[Mapping[str, Any]]) -> tuple[list[float], list[float]]:
    return [one["latency_ms"] for one in points], [100 * one["test_accuracy"] for one in points]
