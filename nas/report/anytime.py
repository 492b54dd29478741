"""What a run had at each moment: the best accuracy and the hypervolume of the front against minutes spent.

The hypervolume's reference point is a constant of this module, so that curves of different runs, machines
and strategies compare; it depends on nothing that a run finds. Costs count by their logarithm: twice as fast
is worth the same anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from nas.candidate import Candidate
from nas.costs import COSTS, CostName
from nas.objectives import ACCURACY, Objective
from nas.pareto import current_candidates, front_of_candidates, hypervolume

REFERENCE_ACCURACY = 0.0
REFERENCE_COSTS: Mapping[CostName, float] = {
    "latency": 100.0,  # milliseconds
    "energy": 1_000.0,  # millijoules
    "memory": 100e6,  # bytes
    "size": 1e9,  # bytes
}
"""Cost at which nothing is gained any more, in the metric's own unit; far beyond what the spaces hold."""

_MOST_POINTS = 400


def anytime(candidates: Sequence[Candidate], cost: CostName = "latency") -> dict[str, Any] | None:
    """Returns the curve, None for candidates that do not tell when they were finished.

    Args:
        candidates: All of a run, in the order in which they were finished.
        cost: What accuracy was weighed against.

    Returns:
        `reference` (accuracy and cost of the fixed point), `points` (`seconds`, `candidate`, `accuracy` of
        the best so far on validation images, `hypervolume`: accuracy times decades of the cost) and
        `baselines` (`label`, `seconds`, `accuracy`, `cost`, `hypervolume` of the network alone).
    """
    if not all("at_seconds" in one.details for one in candidates if one.metrics is not None):
        return None
    points: list[dict[str, Any]] = []
    for end, one in enumerate(candidates, start=1):
        if one.metrics is None:
            continue
        known = candidates[:end]
        best = max(current_candidates(known), key=_accuracy)
        by_number = {each.number: each for each in known}
        front = [by_number[number] for number in front_of_candidates(known, cost)]
        point = {"accuracy": _accuracy(best), "hypervolume": front_volume(front, cost)}
        if not points or any(points[-1][key] != value for key, value in point.items()):
            points.append({"seconds": one.details["at_seconds"], "candidate": one.number, **point})
    if not points:
        return None
    return {
        "cost": cost,
        "reference": {"accuracy": REFERENCE_ACCURACY, "cost": REFERENCE_COSTS[cost]},
        "points": points[-_MOST_POINTS:],
        "baselines": [_baseline(one, cost) for one in _baselines(candidates)],
    }


def front_volume(front: Sequence[Candidate], cost: CostName) -> float:
    """Returns the area between a front and the reference point: accuracy times decades of the cost.

    Args:
        front: Any finished networks; dominated ones add nothing.
        cost: The cost.
    """
    pairs = []
    for one in front:
        assert one.metrics is not None
        value = COSTS[cost].of(one.metrics)
        if value > 0.0:  # NaN is not
            pairs.append((one.metrics.accuracy, math.log10(value)))
    reference = (REFERENCE_ACCURACY, math.log10(REFERENCE_COSTS[cost]))
    return round(hypervolume(pairs, reference, (ACCURACY, Objective("decades", maximize=False))), 5)


def _accuracy(one: Candidate) -> float:
    assert one.metrics is not None
    return one.metrics.accuracy


def _baselines(candidates: Sequence[Candidate]) -> list[Candidate]:
    return [one for one in current_candidates(candidates) if one.source == "baseline"]


def _baseline(one: Candidate, cost: CostName) -> dict[str, Any]:
    assert one.metrics is not None
    return {
        "candidate": one.number,
        "label": one.label,
        "seconds": one.details["at_seconds"],
        "accuracy": one.metrics.accuracy,
        "cost": COSTS[cost].of(one.metrics),
        "hypervolume": front_volume([one], cost),
    }
