"""NSGA-II: Deb et al. 2002, "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II".

The first generation is random. From then on N parents give children (N in the paper) by binary tournaments,
crossover and mutation, and of both together the best N survive: by front, then by crowding distance.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from nas.objectives import ACCURACY, LATENCY_MS, Objective
from nas.spaces.base import Choices, SearchSpace
from nas.strategies.base import Observation
from nas.strategies.pending import SequentialStrategy
from nas.strategies.selection import Fitness, Goals, fitness, tournament, vary
from nas.strategies.telemetry import FrontWatch, Telemetry, frequencies, option_shares


@dataclass(frozen=True)
class Nsga2Options:
    """Options of NSGA-II.

    Attributes:
        population: N, the size of a generation, >= 2. The first generation is random.
        offspring: Children of a generation, >= 1; None for N, as in the paper. Fewer give more generations
            for the same evaluations.
        crossover: Probability that a child mixes both parents.
        mutation: Probability that a decision of a child changes; None for 1/n of n decisions.
        objectives: What the front is of.
        limits: Metric name -> largest value allowed; networks within the limits dominate all others.
        initial: Choices to propose first; they count as members of the first generation.
    """

    population: int = 40
    offspring: int | None = None
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
        if self.population < 2 or (self.offspring is not None and self.offspring < 1):
            raise ValueError("NSGA-II needs a population of 2 or more and offspring of 1 or more")
        if not 0 <= self.crossover <= 1 or not 0 <= (self.mutation or 0) <= 1:
            raise ValueError("crossover and mutation are probabilities")


def sizes_for(evaluations: int | None) -> tuple[int, int | None]:
    """Returns `population` and `offspring` for a budget.

    With hundreds of evaluations instead of the paper's 25,000 a child must be able to become a parent at
    once: one child a generation, which is NSGA-II's steady-state form (Durillo et al. 2009, "On the Effect
    of the Steady-State Selection Scheme in Multi-Objective Genetic Algorithms"), and a tenth of the
    evaluations as the population, 4 to 10 of them, or a twentieth, up to 40.
    """
    if evaluations is None:
        return 40, None
    return min(40, max(4, min(10, evaluations // 10), evaluations // 20)), 1


class Nsga2(SequentialStrategy):
    """Elitist multi-objective evolution; a batch is a generation."""

    name = "nsga2"

    def __init__(self, space: SearchSpace, seed: int, options: Nsga2Options | None = None) -> None:
        """Sets up an empty population; see `Nsga2Options`."""
        self.options = options or Nsga2Options()
        self.goals = Goals(tuple(self.options.objectives), dict(self.options.limits))
        super().__init__(space, seed, self.options.initial)
        self._parents: list[Observation] = []
        self._fitness = Fitness(np.zeros(0, dtype=np.int64), np.zeros(0))
        self._arrived: list[Observation] = []
        self._watch = FrontWatch(self.goals)
        self._generation = 0

    def begin(self, number: int) -> int:
        """Selects the parents of the next generation."""
        if number < self.options.population:
            return self.options.population - number
        self._survive()
        return self.options.offspring or self.options.population

    def draw(self, rng: random.Random) -> Choices:
        """Draws a random network in the first generation, then a child of two tournaments' winners."""
        if len(self._parents) < 2:
            return self.space.sample(rng)
        first, second = (
            self._parents[tournament(len(self._parents), self._fitness, rng)].choices for _ in range(2)
        )
        return vary(self.space, (first, second), rng, self.options.crossover, self.options.mutation)

    def observe(self, observation: Observation) -> None:
        """Adds a member of the generation; failures have no place in it."""
        if self.goals.complete(observation.values):
            self._arrived.append(observation)

    def _survive(self) -> None:
        """Keeps the best N of parents and children."""
        members = [*self._parents, *self._arrived]
        self._arrived = []
        values = [one.values for one in members]
        everyone = fitness(self.goals.costs(values), self.goals.violations(values))
        best = everyone.best(self.options.population)
        self._parents = [members[index] for index in best]
        self._fitness = everyone.of(best)
        self._watch.settle(values)
        self._generation += 1

    def telemetry(self) -> Telemetry:
        """Shows the generation, the front of parents and children, and which options these have."""
        members = [*self._parents, *self._arrived]
        values = {
            "generation": float(self._generation),
            **self._watch.values([one.values for one in members]),
        }
        shares = frequencies(self.space, [one.choices for one in members])
        return Telemetry(values, option_shares(self.space, shares))
