"""Is a search worth its minutes? Its figures beside those of the hand-made ladder. No torch here."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from nas.objectives import ACCURACY, LATENCY_MS
from nas.pareto import hypervolume

Point = Mapping[str, Any]
ROOM = 1.25
"""The reference point of the hypervolume lies so many times beyond the slowest rung, at no accuracy."""
SAME_LATENCY = 1.02
"""A network counts as within a latency that it exceeds by no more than the noise of measuring."""


def summarise(seeds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns the comparison over all seeds.

    Args:
        seeds: Of each: `ladder` (points), `whole` (a point), `search` and `random` (`points`, `best`).

    Returns:
        Means over the seeds, and each seed's own value in `by_seed`: `best_minus_whole` (points of the
        recommended network's test accuracy less that of Lite0 with all the minutes), `at_rungs` (by rung:
        test accuracy of the search at no more latency, less the ladder's), `over_ladder` and `over_random`
        (ratios of hypervolumes).
    """
    rows = [_of_seed(found) for found in seeds]
    names = list(rows[0]["at_rungs"])
    return {
        "best_minus_whole": _mean([row["best_minus_whole"] for row in rows]),
        "at_rungs": {name: _mean([row["at_rungs"].get(name) for row in rows]) for name in names},
        "over_ladder": _mean([row["over_ladder"] for row in rows]),
        "over_random": _mean([row["over_random"] for row in rows]),
        "by_seed": rows,
    }


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def _of_seed(found: Mapping[str, Any]) -> dict[str, Any]:
    search, ladder = found["search"], found["ladder"]
    best = next(point for point in search["points"] if point["name"] == search["best"])
    reference = (0.0, ROOM * max(point["latency_ms"] for point in ladder))
    areas = {
        "ladder": volume(ladder, reference),
        "search": volume(search["points"], reference),
        "random": volume(found["random"]["points"], reference),
    }
    return {
        "best_minus_whole": 100 * (best["test_accuracy"] - found["whole"]["test_accuracy"]),
        "at_rungs": {rung["name"]: _advantage(search["points"], ladder, rung) for rung in ladder},
        "hypervolume": areas,
        "over_ladder": areas["search"] / areas["ladder"] if areas["ladder"] else None,
        "over_random": areas["search"] / areas["random"] if areas["random"] else None,
    }


def volume(points: Sequence[Point], reference: tuple[float, float]) -> float:
    """Returns the area under the front of test accuracy against latency, up to the reference point.

    Args:
        points: Judged networks.
        reference: (accuracy, milliseconds) at which nothing is gained.
    """
    pairs = [(point["test_accuracy"], point["latency_ms"]) for point in points]
    return hypervolume(pairs, reference, (ACCURACY, LATENCY_MS))


def choice_within(points: Sequence[Point], latency_ms: float) -> Point | None:
    """Returns the network that validation photos prefer among those within a latency; None if none is.

    Args:
        points: Judged networks.
        latency_ms: The limit; `SAME_LATENCY` times it is still within it.
    """
    within = [point for point in points if point["latency_ms"] <= SAME_LATENCY * latency_ms]
    return max(within, key=lambda point: (point["accuracy"], -point["latency_ms"]), default=None)


def _advantage(points: Sequence[Point], ladder: Sequence[Point], rung: Point) -> float | None:
    """Returns percentage points of the search's choice over the ladder's at a rung's latency."""
    mine, theirs = (choice_within(each, rung["latency_ms"]) for each in (points, ladder))
    if mine is None or theirs is None:
        return None
    return float(100 * (mine["test_accuracy"] - theirs["test_accuracy"]))


def verdict_lines(verdict: Mapping[str, Any]) -> list[str]:
    """Returns the comparison in lines for people."""
    lines = [f"recommended network less Lite0 with all the minutes: {_points(verdict['best_minus_whole'])}"]
    lines += [f"at the latency of {name}: {_points(value)}" for name, value in verdict["at_rungs"].items()]
    lines += [
        f"hypervolume over the {name}'s: {_ratio(verdict[f'over_{name}'])}" for name in ("ladder", "random")
    ]
    return lines


def _points(value: float | None) -> str:
    return "nothing to compare" if value is None else f"{value:+.2f} points"


def _ratio(value: float | None) -> str:
    return "nothing to compare" if value is None else f"{value:.3f}"
