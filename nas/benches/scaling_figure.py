"""The figure of the scaling bench: accuracy against measured latency, and latency predicted by phi."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt

_LOOKS = {
    "compound": ("#0072b2", "o"),
    "resolution": ("#c24e00", "s"),
    "width": ("#007a5a", "^"),
    "depth": ("#a0357c", "v"),
    "Lite1, own weights": ("#5a6472", "P"),
    "Lite2, own weights": ("#5a6472", "X"),
}


def draw(document: Mapping[str, Any], path: Path) -> None:
    """Writes two panels.

    Args:
        document: Content of `scaling.json`.
        path: For example ``scaling.svg``.
    """
    networks = document["summary"]["networks"]
    family = [one for one in networks if one["group"] in ("base", "family")]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    _accuracies(left, family, [one for one in networks if one["name"] in _LOOKS])
    places = sorted(family, key=lambda one: one["phi"])
    phis = [one["phi"] for one in places]
    right.plot(phis, [one["predicted_ms"] for one in places], "--", color="#5a6472", label="predicted: 2^phi")
    right.plot(phis, [one["latency_ms"] for one in places], "o-", color="#0072b2", label="measured")
    right.set(xlabel="phi", ylabel="ms per photo, one thread", yscale="log", title="The family's latency")
    right.legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def _accuracies(
    axes: Any, family: Sequence[Mapping[str, Any]], directions: Sequence[Mapping[str, Any]]
) -> None:
    line = sorted((one for one in family if one["accuracy"] is not None), key=lambda one: one["latency_ms"])
    axes.plot(
        [one["latency_ms"] for one in line],
        [100 * one["accuracy"] for one in line],
        "-",
        color="#9aa4ae",
        marker=".",
        label="family, equal work",
    )
    for one in directions:
        if one["accuracy"] is None:
            continue
        colour, marker = _LOOKS[one["name"]]
        below, above = one["accuracy"] - one["accuracy_low"], one["accuracy_high"] - one["accuracy"]
        axes.errorbar(
            [one["latency_ms"]],
            [100 * one["accuracy"]],
            yerr=[[100 * below], [100 * above]],
            color=colour,
            marker=marker,
            label=one["name"],
            capsize=2,
        )
    axes.set(xscale="log", xlabel="ms per photo, one thread", ylabel="right on validation photos (%)")
    axes.set_title("Directions at equal latency")
    axes.legend(fontsize="small")
