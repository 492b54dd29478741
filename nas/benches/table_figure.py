"""The figure of a table benchmark: regret and hypervolume over evaluations, one line a strategy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt

from nas.benches.table import Row


def draw(rows: Sequence[Row], path: Path) -> None:
    """Writes the figure; the file's ending says the format.

    Args:
        rows: What `bench` yielded, at least one.
        path: For example ``regret.svg`` or ``regret.png``.
    """
    both = any(row.hypervolume_ratio is not None for row in rows)
    figure, axes = plt.subplots(1, 2 if both else 1, figsize=(10 if both else 5.5, 4), squeeze=False)
    for name in dict.fromkeys(row.strategy for row in rows):
        mine = sorted((row for row in rows if row.strategy == name), key=lambda row: row.evaluations)
        budgets = [row.evaluations for row in mine]
        low = [row.mean_regret - row.ci95[0] for row in mine]
        high = [row.ci95[1] - row.mean_regret for row in mine]
        regrets = [row.mean_regret for row in mine]
        axes[0, 0].errorbar(budgets, regrets, yerr=[low, high], label=name, marker="o", capsize=3)
        if both:
            ratios = [
                float("nan") if row.hypervolume_ratio is None else row.hypervolume_ratio for row in mine
            ]
            axes[0, 1].plot(budgets, ratios, label=name, marker="o")
    axes[0, 0].set(xlabel="evaluations", ylabel="mean regret, 95% interval")
    axes[0, 0].legend(fontsize="small")
    if both:
        axes[0, 1].set(xlabel="evaluations", ylabel="hypervolume / that of the true front")
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)
