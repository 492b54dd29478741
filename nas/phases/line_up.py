"""Who gets a final training, in which order, and whose weights each begins with."""

from __future__ import annotations

from collections.abc import Sequence

from nas.candidate import Candidate
from nas.costs import COSTS, CostName
from nas.objectives import ACCURACY
from nas.pareto import hypervolume
from nas.spaces.lite import is_whole

_ROOM = 1.25  # the reference point lies so many times beyond the dearest network, at no accuracy


def line_up(
    first: Candidate | None, others: Sequence[Candidate], wanted: int, cost: CostName = "latency"
) -> list[Candidate]:
    """Returns who is trained fully, in the order of what they bring.

    A front is as good as the area under it, so the next one is always the network that adds the largest
    area to those chosen before (greedy hypervolume subset selection, Guerreiro et al. 2016). Networks that
    add none, because another one is better and cheaper, are left out, and no architecture comes twice.

    Args:
        first: Is trained in any case; None for nobody.
        others: Briefly trained networks to choose from.
        wanted: How many to return at most, > 0.
        cost: What accuracy is weighed against.
    """
    chosen = [] if first is None else [first]
    left = [one for one in others if one.metrics is not None]
    dearest = max((COSTS[cost].of(one.metrics) for one in (*chosen, *left) if one.metrics), default=0.0)

    def area(networks: Sequence[Candidate]) -> float:
        points = [(one.metrics.accuracy, COSTS[cost].of(one.metrics)) for one in networks if one.metrics]
        return hypervolume(points, (0.0, _ROOM * dearest), (ACCURACY, COSTS[cost].objective))

    while len(chosen) < wanted:
        left = [one for one in left if one.architecture not in {each.architecture for each in chosen}]
        if not left:
            break
        before = area(chosen)
        gains = [area([*chosen, one]) - before for one in left]
        best = max(range(len(left)), key=gains.__getitem__)
        if gains[best] <= 0.0:
            break
        chosen.append(left.pop(best))
    return chosen


def in_order(finalists: Sequence[Candidate]) -> list[Candidate]:
    """Puts whole Lite0s in the order in which they take over; a first pick that is none stays first."""
    ladder = sorted(
        (one for one in finalists if is_whole(one.architecture)),
        key=lambda one: one.architecture.resolution,
        reverse=True,
    )
    others = [one for one in finalists if one not in ladder]
    begin = others[:1] if others and others[0] is finalists[0] else []
    return [*begin, *ladder, *(one for one in others if one not in begin)]


def weights_from(candidate: Candidate, trained: Sequence[Candidate]) -> Candidate:
    """Returns whose weights a final training begins with: a whole Lite0 takes over from the one before it.

    Whole Lite0s differ in their input only. What one has learnt at its resolution serves the next lower one,
    so that the minutes of all of them add up along the ladder, instead of each beginning anew.

    Args:
        candidate: The finalist.
        trained: What has been trained fully so far.
    """
    if not is_whole(candidate.architecture):
        return candidate
    above = [
        one
        for one in trained
        if one.phase == "final_training"
        and is_whole(one.architecture)
        and one.architecture.resolution >= candidate.architecture.resolution
    ]
    return min(above, key=lambda one: one.architecture.resolution, default=candidate)
