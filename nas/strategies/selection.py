"""The operators that NSGA-II and its surrogate-assisted form share (Deb et al. 2002)."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.objectives import Objective
from nas.pareto import crowding
from nas.spaces.base import Choices, SearchSpace

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Goals:
    """What a multi-objective strategy wants.

    Attributes:
        objectives: One or more metrics with their direction.
        limits: Metric name -> largest value allowed, > 0, e.g. latency in milliseconds or size in bytes.
    """

    objectives: tuple[Objective, ...]
    limits: Mapping[str, float]

    def __post_init__(self) -> None:
        """Checks the numbers.

        Raises:
            ValueError: If there is no objective or a limit is not positive.
        """
        if not self.objectives:
            raise ValueError("a multi-objective strategy needs at least one objective")
        if any(not limit > 0 for limit in self.limits.values()):
            raise ValueError("limits must be positive")

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of all metrics that are needed, objectives first."""
        return tuple(dict.fromkeys([*(one.name for one in self.objectives), *self.limits]))

    def complete(self, values: Mapping[str, float]) -> bool:
        """Tells whether a result has a finite value of every metric; others are failures."""
        return all(name in values and np.isfinite(values[name]) for name in self.metrics)

    def costs(self, values: Sequence[Mapping[str, float]]) -> Array:
        """Returns n x m values to minimise, one column an objective."""
        rows = [
            [-one[goal.name] if goal.maximize else one[goal.name] for goal in self.objectives]
            for one in values
        ]
        return np.array(rows, dtype=np.float64).reshape(len(values), len(self.objectives))

    def violations(self, values: Sequence[Mapping[str, float]]) -> Array:
        """Returns n sums of what exceeds the limits, each as a fraction of its limit; 0 if feasible."""
        return np.array(
            [sum(max(0.0, one[name] / limit - 1.0) for name, limit in self.limits.items()) for one in values],
            dtype=np.float64,
        )


@dataclass(frozen=True)
class Fitness:
    """Rank (0 is best) and crowding distance (larger is better) of each member."""

    ranks: NDArray[np.int64]
    crowding: Array

    def best(self, n: int) -> list[int]:
        """Returns the n best members by the crowded comparison, best first; ties in their order."""
        order = np.lexsort((-self.crowding, self.ranks))[:n]
        return [int(index) for index in order]

    def of(self, members: Sequence[int]) -> Fitness:
        """Returns the fitness of some members as it is among all."""
        chosen = np.asarray(members, dtype=np.int64)
        return Fitness(self.ranks[chosen], self.crowding[chosen])


def fitness(costs: Array, violations: Array) -> Fitness:
    """Sorts members into fronts by constraint domination and measures crowding within each.

    A feasible member dominates every infeasible one, and of two infeasible ones the one with the smaller
    violation dominates (Deb et al. 2002, section VI).

    Args:
        costs: n x m values to minimise, finite.
        violations: n sums of violations, >= 0.
    """
    ranks = _ranks(costs, violations)
    distance = np.zeros(len(costs))
    for rank in range(int(ranks.max()) + 1 if len(ranks) else 0):
        front = np.flatnonzero(ranks == rank)
        distance[front] = crowding(costs[front].tolist())
    return Fitness(ranks, distance)


def _ranks(costs: Array, violations: Array) -> NDArray[np.int64]:
    no_worse = np.ones((len(costs), len(costs)), dtype=bool)
    better = np.zeros_like(no_worse)
    for column in costs.T:
        no_worse &= column[:, None] <= column[None, :]
        better |= column[:, None] < column[None, :]
    by_limit = violations[:, None] < violations[None, :]
    feasible = violations == 0
    dominates = np.where(feasible[:, None] & feasible[None, :], no_worse & better, by_limit)
    ranks = np.full(len(costs), -1, dtype=np.int64)
    dominators = dominates.sum(axis=0)
    rank = 0
    while (ranks < 0).any():
        front = (ranks < 0) & (dominators == 0)
        ranks[front] = rank
        dominators = dominators - dominates[front].sum(axis=0)
        rank += 1
    return ranks


def tournament(size: int, fit: Fitness, rng: random.Random) -> int:
    """Returns the better of two random members of `size` by rank, then by crowding, then by chance."""
    first, second = rng.randrange(size), rng.randrange(size)
    if (fit.ranks[second], -fit.crowding[second]) < (fit.ranks[first], -fit.crowding[first]):
        return second
    return first


def vary(
    space: SearchSpace,
    parents: tuple[Choices, Choices],
    rng: random.Random,
    crossover: float,
    mutation: float | None,
) -> Choices:
    """Returns a child by uniform crossover and mutation of single decisions.

    Args:
        space: Says how many values a decision has.
        parents: Two members.
        rng: Source of all draws.
        crossover: Probability that the parents mix at all; each decision then comes from either at 1/2.
        mutation: Probability that a decision takes another value; None for 1/n of n decisions.
    """
    child = list(parents[0])
    if rng.random() < crossover:
        child = [one if rng.random() < 0.5 else other for one, other in zip(*parents, strict=True)]
    rate = 1.0 / len(child) if mutation is None else mutation
    for position, decision in enumerate(space.decisions):
        if rng.random() < rate and len(decision.choices) > 1:
            others = [index for index in range(len(decision.choices)) if index != child[position]]
            child[position] = rng.choice(others)
    return tuple(child)
