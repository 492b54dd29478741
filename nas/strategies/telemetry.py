"""What a strategy shows of itself: a few numbers, and how far it prefers which options."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nas.pareto import hypervolume
from nas.spaces.base import Choices, SearchSpace
from nas.strategies.selection import Goals, fitness

Array = NDArray[np.float64]

_MOST_OPTIONS = 8
"""A kind of decision with more different options than this is left out: nobody reads thirty bars."""

_DIGITS = 6
"""Significant digits of what is told."""


@dataclass(frozen=True)
class Telemetry:
    """What a strategy shows.

    Attributes:
        values: Name -> number; what cannot be said yet is left out.
        shares: Option -> its share in [0, 1]. Options are named ``"kind: value"``, e.g. ``"kernel: 5"``, and
            the shares of a kind sum to 1.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, dict[str, float]]:
        """Returns both with six significant digits, without what is not finite."""
        return {"values": _finite(self.values), "shares": _finite(self.shares)}


def _finite(numbers: Mapping[str, float]) -> dict[str, float]:
    return {name: float(f"{number:.{_DIGITS}g}") for name, number in numbers.items() if math.isfinite(number)}


def kind_of(decision: str) -> str:
    """Returns what a decision is about: ``"kernel"`` of ``"stage3.kernel"``, ``"edge"`` of ``"edge0-1"``."""
    last = decision.rsplit(".", 1)[-1]
    return re.sub(r"[\d_-]+$", "", last) or last


def frequencies(space: SearchSpace, members: Sequence[Choices]) -> list[Array]:
    """Returns for each decision the part of the members that chose each of its values; no member, no list."""
    if not members:
        return []
    columns = np.asarray(members, dtype=np.int64).T
    return [
        np.bincount(column, minlength=len(decision.choices)) / len(members)
        for column, decision in zip(columns, space.decisions, strict=True)
    ]


def option_shares(space: SearchSpace, marginals: Sequence[Array]) -> dict[str, float]:
    """Returns the mean share of each option over all decisions of its kind.

    Args:
        space: Whose decisions.
        marginals: For each decision the probabilities of its values; empty gives an empty result.
    """
    kinds: dict[str, dict[str | int | float, float]] = {}
    numbers: dict[str, int] = {}
    for decision, marginal in zip(space.decisions, marginals, strict=False):
        kind = kind_of(decision.name)
        numbers[kind] = numbers.get(kind, 0) + 1
        options = kinds.setdefault(kind, {})
        for value, share in zip(decision.choices, marginal.tolist(), strict=True):
            options[value] = options.get(value, 0.0) + share
    return {
        f"{kind}: {value}": options[value] / numbers[kind]
        for kind, options in kinds.items()
        if 1 < len(options) <= _MOST_OPTIONS
        for value in sorted(options, key=lambda value: (isinstance(value, str), value))
    }


def diversity(shares: Sequence[Array], members: int) -> float:
    """Returns in how many decisions two different members differ on average.

    Args:
        shares: `frequencies` of the members.
        members: How many there are, >= 2.
    """
    equal = sum(float((share * (share * members - 1)).sum()) for share in shares) / (members - 1)
    return len(shares) - equal


class FrontWatch:
    """Size and hypervolume of a front against a box that stays the same for the whole search.

    The box spans the results of the first generation, from the worst value of each objective to the best;
    the hypervolume is counted in such boxes, so 1 would be one network that is best in everything.
    """

    def __init__(self, goals: Goals) -> None:
        """Takes what is searched; there is no hypervolume but for two objectives."""
        self._goals = goals
        self._box: tuple[Array, Array] | None = None

    def settle(self, results: Sequence[Mapping[str, float]]) -> None:
        """Fixes the box by the first results that span one; later calls change nothing."""
        if self._box is not None or len(self._goals.objectives) != 2 or len(results) < 2:
            return
        costs = self._goals.costs(results)
        best, worst = costs.min(axis=0), costs.max(axis=0)
        if (worst > best).all():
            self._box = best, worst

    def values(self, results: Sequence[Mapping[str, float]]) -> dict[str, float]:
        """Returns ``front``, the size of the first front, and ``hypervolume`` once there is a box."""
        if not results:
            return {"front": 0.0}
        costs = self._goals.costs(results)
        front = costs[fitness(costs, self._goals.violations(results)).ranks == 0]
        found = {"front": float(len(front))}
        if self._box is not None:
            best, worst = self._box
            sign = np.array([-1.0 if one.maximize else 1.0 for one in self._goals.objectives])
            area = hypervolume((sign * front).tolist(), (sign * worst).tolist(), self._goals.objectives)
            found["hypervolume"] = area / float(np.prod(worst - best))
        return found
