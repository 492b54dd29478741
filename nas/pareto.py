"""Dominance, ranks, crowding, hypervolume, and the front that a run shows. Pure Python, no numpy.

A point is a sequence of values, one an objective. A point with a NaN value is never on a front, never
dominates and counts nothing.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

from nas.architecture import architecture_key
from nas.candidate import Candidate, Fidelity
from nas.costs import COSTS, CostName
from nas.objectives import ACCURACY, Objective

Point = Sequence[float]


def _costs(point: Point, objectives: Sequence[Objective]) -> tuple[float, ...] | None:
    """Returns the point as values to minimise, or None if one of them is NaN."""
    if len(point) != len(objectives):
        raise ValueError(f"a point has {len(point)} values for {len(objectives)} objectives")
    if any(math.isnan(value) for value in point):
        return None
    return tuple(
        -value if objective.maximize else value for value, objective in zip(point, objectives, strict=True)
    )


def _dominates(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a != b and all(x <= y for x, y in zip(a, b, strict=True))


def dominates(a: Point, b: Point, objectives: Sequence[Objective]) -> bool:
    """Tells whether `a` is nowhere worse than `b` and somewhere better; equal points do not dominate.

    Raises:
        ValueError: If a point does not have one value an objective.
    """
    first, second = _costs(a, objectives), _costs(b, objectives)
    if first is None or second is None:
        return False
    return _dominates(first, second)


def non_dominated(points: Sequence[Point], objectives: Sequence[Objective]) -> list[int]:
    """Returns the indices of the points that no other dominates, in their order.

    Equal points are all kept, an empty input gives an empty front, points with NaN are left out.
    """
    return [index for index, rank in enumerate(ranks(points, objectives)) if rank == 0]


def ranks(points: Sequence[Point], objectives: Sequence[Objective]) -> list[int | None]:
    """Sorts into fronts (Deb et al. 2002, non-dominated sorting).

    Two objectives take n log n steps (efficient sorting of Zhang et al. 2015, with binary search), more of
    them n squared a front.

    Returns:
        For each point 0 for the first front, 1 for the next and so on; None for a point with NaN.
    """
    costs = [_costs(point, objectives) for point in points]
    known = {index: cost for index, cost in enumerate(costs) if cost is not None}
    found = _ranks_of_pairs(known) if len(objectives) == 2 else _ranks_by_comparing(known)
    return [found.get(index) for index in range(len(points))]


def _ranks_of_pairs(costs: Mapping[int, tuple[float, ...]]) -> dict[int, int]:
    """Goes through the points from the left: only the lowest one of a front can dominate the next."""
    lowest: list[float] = []  # of each front; never falls from one front to the next
    found: dict[int, int] = {}
    before: int | None = None
    for index in sorted(costs, key=lambda each: costs[each]):
        if before is not None and costs[before] == costs[index]:
            found[index] = found[before]
        else:
            rank = bisect_right(lowest, costs[index][1])
            lowest[rank : rank + 1] = [costs[index][1]]
            found[index] = rank
        before = index
    return found


def _ranks_by_comparing(costs: Mapping[int, tuple[float, ...]]) -> dict[int, int]:
    found: dict[int, int] = {}
    left = list(costs)
    rank = 0
    while left:
        front = {i for i in left if not any(_dominates(costs[j], costs[i]) for j in left)}
        found |= dict.fromkeys(front, rank)
        left = [index for index in left if index not in front]
        rank += 1
    return found


def crowding(points: Sequence[Point]) -> list[float]:
    """Returns the crowding distance of each point within one front (Deb et al. 2002, section III-B).

    The ends of each objective get infinity; an objective without spread adds nothing beyond that.
    """
    distances = [0.0] * len(points)
    for dimension in range(len(points[0]) if points else 0):
        order = sorted(range(len(points)), key=lambda i: points[i][dimension])
        values = [points[i][dimension] for i in order]
        distances[order[0]] = distances[order[-1]] = math.inf
        spread = values[-1] - values[0]
        if not spread > 0 or math.isinf(spread):
            continue
        for place in range(1, len(order) - 1):
            distances[order[place]] += (values[place + 1] - values[place - 1]) / spread
    return distances


def hypervolume(points: Sequence[Point], reference: Point, objectives: Sequence[Objective]) -> float:
    """Returns the exact area that two-objective points dominate up to a reference point.

    Args:
        points: Any points, dominated ones included; NaN and points beyond the reference add nothing.
        reference: The worst values that count.
        objectives: Exactly two.

    Raises:
        ValueError: If there are not two objectives or the reference has a NaN.
    """
    if len(objectives) != 2:
        raise ValueError("hypervolume is exact for two objectives only")
    limit = _costs(reference, objectives)
    if limit is None:
        raise ValueError("the reference point must not hold NaN")
    inside = [
        cost
        for cost in (_costs(point, objectives) for point in points)
        if cost is not None and cost[0] < limit[0] and cost[1] < limit[1]
    ]
    area, height = 0.0, limit[1]
    for x, y in sorted(inside):
        if y < height:
            area += (limit[0] - x) * (height - y)
            height = y
    return area


_FIDELITIES: Mapping[str, int] = {"frozen": 0, "short": 1, "final": 2}


def current_candidates(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Drops failed records and those that a later, further training of the same network supersedes.

    A record is superseded by a finished one that `refines` it (also over several steps), or that has the
    same architecture and origin at a higher fidelity.
    """
    finished = [one for one in candidates if one.status == "finished" and one.metrics is not None]
    trained = [
        Trained(one.number, (architecture_key(one.architecture), one.source), one.fidelity, one.refines)
        for one in finished
    ]
    current = current_numbers(trained, {one.number: one.refines for one in candidates})
    return [one for one in finished if one.number in current]


class Trained(NamedTuple):
    """What decides whether a finished training counts.

    Attributes:
        number: Of the candidate.
        network: Equal for trainings of the same network from the same origin.
        fidelity: How far it was trained.
        refines: Number of the candidate that it trained further.
    """

    number: int
    network: Hashable
    fidelity: Fidelity
    refines: int | None


def current_numbers(trained: Sequence[Trained], parents: Mapping[int, int | None]) -> set[int]:
    """Returns the numbers that no later, further training of the same network supersedes.

    Args:
        trained: The finished trainings.
        parents: What each candidate refines, failed ones included; without an entry, nothing.
    """
    superseded: set[int] = set()
    furthest: dict[Hashable, int] = {}
    for one in trained:
        parent = one.refines
        while parent is not None and parent not in superseded:
            superseded.add(parent)
            parent = parents.get(parent)
        furthest[one.network] = max(furthest.get(one.network, 0), _FIDELITIES[one.fidelity])
    return {
        one.number
        for one in trained
        if one.number not in superseded and _FIDELITIES[one.fidelity] == furthest[one.network]
    }


def front_of_candidates(candidates: Sequence[Candidate], cost: CostName = "latency") -> list[int]:
    """Returns the numbers on the front of validation accuracy against a cost where the model will run.

    Failed records and superseded trainings do not count (see `current_candidates`), nor do networks that the
    device cannot hold, unless it can hold none.

    Returns:
        Candidate numbers, cheapest first.
    """
    current = current_candidates(candidates)
    current = [one for one in current if one.metrics is not None and one.metrics.fits] or current
    by = COSTS[cost]
    points = [(one.metrics.accuracy, by.of(one.metrics)) for one in current if one.metrics is not None]
    chosen = [current[index] for index in non_dominated(points, (ACCURACY, by.objective))]

    def price(one: Candidate) -> tuple[float, int]:
        assert one.metrics is not None
        return (by.of(one.metrics), one.number)

    return [one.number for one in sorted(chosen, key=price)]
