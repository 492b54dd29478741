"""Surrogate-assisted NSGA-II after NSGANetV2 (Lu et al. 2020, "NSGANetV2: Evolutionary Multi-Objective
Surrogate-Assisted Neural Architecture Search", algorithm 1).

Initial networks are random. Then each round fits a surrogate for every metric to all results so far, runs
NSGA-II on the surrogates' predictions, which cost nothing, and evaluates a few networks of its front that
fill the gaps of the known front.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nas.objectives import ACCURACY, LATENCY_MS, Objective
from nas.spaces.base import Choices, SearchSpace
from nas.strategies.base import Observation
from nas.strategies.gaussian_process import DIGITS, GaussianProcess
from nas.strategies.pending import SequentialStrategy
from nas.strategies.selection import Fitness, Goals, fitness, tournament, vary
from nas.strategies.telemetry import FrontWatch, Telemetry, frequencies, option_shares

_REDRAWS = 20


@dataclass(frozen=True)
class SurrogateOptions:
    """Options of surrogate-assisted NSGA-II.

    Attributes:
        first: Random networks before the first surrogate, >= 2.
        batch: Networks evaluated in each round, >= 1.
        population: Size of a generation on the surrogate, >= 2.
        generations: Generations on the surrogate in each round, >= 1.
        crossover: Probability that a child mixes both parents.
        mutation: Probability that a decision of a child changes; None for 1/n of n decisions.
        objectives: What the front is of.
        limits: Metric name -> largest value allowed; networks within the limits dominate all others.
        initial: Choices to propose first; they count among the `first` networks.
    """

    first: int = 100
    batch: int = 8
    population: int = 40
    generations: int = 20
    crossover: float = 0.9
    mutation: float | None = None
    objectives: Sequence[Objective] = (ACCURACY, LATENCY_MS)
    limits: Mapping[str, float] = field(default_factory=dict)
    initial: Sequence[Choices] = ()

    def __post_init__(self) -> None:
        """Checks the numbers.

        Raises:
            ValueError: If a number is out of its range.
        """
        if min(self.first, self.population) < 2 or min(self.batch, self.generations) < 1:
            raise ValueError("the first networks and the population are 2 or more, the others 1 or more")


def sizes_for(evaluations: int | None) -> tuple[int, int]:
    """Returns `first` and `batch` for a budget.

    The paper spends 100 of 340 evaluations on the first networks: 30%. A round evaluates 8, in small
    budgets a tenth of them.
    """
    if evaluations is None:
        return 100, 8
    return min(100, max(4, round(0.3 * evaluations))), min(8, max(1, evaluations // 10))


class SurrogateNsga2(SequentialStrategy):
    """NSGA-II on Gaussian processes; a batch is a round."""

    name = "nsga2_surrogate"

    def __init__(self, space: SearchSpace, seed: int, options: SurrogateOptions | None = None) -> None:
        """Sets up an empty archive; see `SurrogateOptions`."""
        self.options = options or SurrogateOptions()
        self.goals = Goals(tuple(self.options.objectives), dict(self.options.limits))
        super().__init__(space, seed, self.options.initial)
        self._archive: list[Observation] = []
        self._chosen: list[Choices] = []
        self._watch = FrontWatch(self.goals)
        self._rounds = 0
        self._expected: dict[Choices, dict[str, float]] = {}
        self._misses: deque[dict[str, float]] = deque(maxlen=self.options.batch)

    def begin(self, number: int) -> int:
        """Fits the surrogates, searches on them and chooses what this round evaluates."""
        if number < self.options.first:
            return self.options.first - number
        if len(self._archive) < 2:
            return self.options.batch
        self._chosen = self._round(self.rng(number))
        return max(1, len(self._chosen))

    def draw(self, rng: random.Random) -> Choices:
        """Takes the next of the round's choice; a random network while there is none."""
        return self._chosen.pop(0) if self._chosen else self.space.sample(rng)

    def observe(self, observation: Observation) -> None:
        """Adds to the archive; failures teach the surrogates nothing."""
        if not self.goals.complete(observation.values):
            return
        self._archive.append(observation)
        expected = self._expected.get(observation.choices)
        if expected is not None:
            self._misses.append(
                {name: abs(value - observation.values[name]) for name, value in expected.items()}
            )

    def telemetry(self) -> Telemetry:
        """Shows the round, the front of all results, and how wrong the latest predictions were.

        The error is the mean absolute difference of prediction and result over as many networks as a round
        has, in the metric's own unit. The
        shares are those of the latest networks, as many as a generation on the surrogate has.
        """
        values = {
            "generation": float(self._rounds),
            **self._watch.values([one.values for one in self._archive]),
        }
        for name in self.goals.metrics if self._misses else ():
            values[f"error_{name}"] = float(np.mean([miss[name] for miss in self._misses]))
        latest = [one.choices for one in self._archive[-self.options.population :]]
        return Telemetry(values, option_shares(self.space, frequencies(self.space, latest)))

    def _round(self, rng: random.Random) -> list[Choices]:
        known = [one.values for one in self._archive]
        self._watch.settle(known)
        self._rounds += 1
        fit = self._fitness(known)
        models = {
            name: GaussianProcess(
                [one.choices for one in self._archive], [one.values[name] for one in self._archive]
            )
            for name in self.goals.metrics
        }
        best = [self._archive[index].choices for index in fit.best(self.options.population)]
        members, predicted = self._evolve(models, best, rng)
        new = [index for index, member in enumerate(members) if member not in self._seen]
        front = self.goals.costs([known[index] for index in np.flatnonzero(fit.ranks == 0)])
        values = [predicted[index] for index in new]
        picked = fill_gaps(self.goals.costs(values), self.goals.violations(values), front, self.options.batch)
        self._expected = {members[new[index]]: predicted[new[index]] for index in picked}
        return list(self._expected)

    def _evolve(
        self, models: Mapping[str, GaussianProcess], start: list[Choices], rng: random.Random
    ) -> tuple[list[Choices], list[dict[str, float]]]:
        """Runs NSGA-II on the predictions; returns all that survived once and what is expected of it.

        New networks that dropped out of the last population stay on offer: the best of them fill a round
        when the population holds too few new ones.
        """
        members = start
        visited = dict(zip(start, _predict(models, start), strict=True))
        fit = self._fitness([visited[member] for member in members])
        for _ in range(self.options.generations):
            children = self._children(members, fit, rng)
            if not children:
                break
            visited |= zip(children, _predict(models, children), strict=True)
            members = [*members, *children]
            values = [visited[member] for member in members]
            everyone = self._fitness(values)
            best = everyone.best(self.options.population)
            members, fit = [members[index] for index in best], everyone.of(best)
        return list(visited), list(visited.values())

    def _fitness(self, values: Sequence[Mapping[str, float]]) -> Fitness:
        return fitness(self.goals.costs(values), self.goals.violations(values))

    def _children(self, members: list[Choices], fit: Fitness, rng: random.Random) -> list[Choices]:
        """Returns up to a population of children that are in the space and not among the members."""
        children: dict[Choices, None] = {}
        for _ in range(_REDRAWS * self.options.population):
            pair = tuple(members[tournament(len(members), fit, rng)] for _ in range(2))
            child = self.space.canonical(
                vary(self.space, (pair[0], pair[1]), rng, self.options.crossover, self.options.mutation)
            )
            if child not in members and self.space.holds(child):
                children[child] = None
            if len(children) == self.options.population:
                break
        return list(children)


def _predict(models: Mapping[str, GaussianProcess], choices: list[Choices]) -> list[dict[str, float]]:
    columns = {name: model.predict(choices).tolist() for name, model in models.items()}
    return [{name: column[index] for name, column in columns.items()} for index in range(len(choices))]


def fill_gaps(
    costs: NDArray[np.float64], violations: NDArray[np.float64], front: NDArray[np.float64], n: int
) -> list[int]:
    """Chooses up to n members by front: the ends of the first, then those farthest from what is there.

    Args:
        costs: Predicted costs of the new members, k x m.
        violations: Their predicted violations, k.
        front: Costs of the evaluated front, f x m.
        n: How many to choose.

    Returns:
        Indices into the members.
    """
    if not len(costs):
        return []
    everything = np.concatenate([front, costs])
    spread = np.ptp(everything, axis=0)
    scaled = (everything - everything.min(axis=0)) / np.where(spread > 0, spread, 1.0)
    taken, offered = list(scaled[: len(front)]), scaled[len(front) :]
    ranks = fitness(costs, violations).ranks
    picked: list[int] = []
    first = np.flatnonzero(ranks == 0)
    for column in offered.T:
        index = int(first[np.argmin(column[first])])
        if index not in picked and len(picked) < n:
            picked.append(index)
            taken.append(offered[index])
    for rank in range(int(ranks.max()) + 1):
        left = [index for index in np.flatnonzero(ranks == rank).tolist() if index not in picked]
        while left and len(picked) < n:
            nearest = [min(float(np.abs(offered[i] - other).sum()) for other in taken) for i in left]
            index = left.pop(int(np.argmax(np.round(nearest, DIGITS))))
            picked.append(index)
            taken.append(offered[index])
    return picked
