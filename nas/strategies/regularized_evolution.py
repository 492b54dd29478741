"""Regularized (aging) evolution: Real et al. 2019, "Regularized Evolution for Image Classifier
Architecture Search", algorithm 1.

A queue of the P latest networks; each step draws S of them, mutates the best of these and lets the
oldest die. Because age kills and not rank, a network that was lucky once must prove itself again through
its children.
"""

from __future__ import annotations

import random
import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from nas.spaces.base import Choices, SearchSpace
from nas.strategies.base import Observation
from nas.strategies.pending import SequentialStrategy
from nas.strategies.telemetry import Telemetry, diversity, frequencies, option_shares


@dataclass(frozen=True)
class RegularizedEvolutionOptions:
    """Options of regularized evolution.

    Attributes:
        population: P, the number of living networks, >= 1. The first P proposals are random samples
            (less the `initial` ones).
        sample: S, the size of a tournament, 1..P; drawn with replacement as in the paper.
        initial: Choices to propose first; they count as members of the first population.
        workers: Evaluations side by side, >= 1; so many children are drawn from one population.
    """

    population: int = 50
    sample: int = 10
    initial: Sequence[Choices] = ()
    workers: int = 1

    def __post_init__(self) -> None:
        """Checks the sizes.

        Raises:
            ValueError: If they are not 1 <= sample <= population.
        """
        if not 1 <= self.sample <= self.population:
            raise ValueError("regularized evolution needs 1 <= sample <= population")

    @classmethod
    def for_evaluations(
        cls, evaluations: int, initial: Sequence[Choices] = (), workers: int = 1
    ) -> RegularizedEvolutionOptions:
        """Scales P and S of the paper down to the evaluations that a budget allows.

        Half of a small budget goes into the first population, and a tournament is a fifth of it, the
        ratio of the defaults, but never fewer than 2: with 20 evaluations P = 10 and S = 2.

        Args:
            evaluations: Number of candidates that the budget is expected to allow, >= 1.
            initial: See the class.
            workers: See the class.
        """
        population = min(50, max(4, evaluations // 2))
        return cls(population=population, sample=max(2, population // 5), initial=initial, workers=workers)


class RegularizedEvolution(SequentialStrategy):
    """Aging evolution with one mutation a child and no crossover.

    A failed network takes its place in the queue, so that age means the same for all, but never wins a
    tournament. Where the paper would evaluate a duplicate again, the mutation is drawn anew.
    """

    name = "regularized_evolution"

    def __init__(
        self, space: SearchSpace, seed: int, options: RegularizedEvolutionOptions | None = None
    ) -> None:
        """Sets up an empty population; see `RegularizedEvolutionOptions`."""
        self.options = options or RegularizedEvolutionOptions()
        super().__init__(space, seed, self.options.initial, self.options.workers)
        self._population: deque[tuple[Choices, float | None]] = deque(maxlen=self.options.population)
        self._born = 0

    def draw(self, rng: random.Random) -> Choices:
        """Draws a random sample while the first population fills, then a tournament's mutated winner."""
        if self._born < self.options.population:
            return self.space.sample(rng)
        tournament = [rng.choice(self._population) for _ in range(self.options.sample)]
        alive = [(choices, reward) for choices, reward in tournament if reward is not None]
        if not alive:
            return self.space.sample(rng)
        winner = max(alive, key=lambda member: member[1])
        return self.space.mutate(winner[0], rng)

    def observe(self, observation: Observation) -> None:
        """Adds the youngest; the full queue drops its oldest."""
        self._population.append((observation.choices, observation.reward))
        self._born += 1

    def telemetry(self) -> Telemetry:
        """Shows the living: their number, best and median reward, diversity, options; and children made.

        Diversity is the number of decisions in which two members differ on average.
        """
        members = [choices for choices, _ in self._population]
        rewards = [reward for _, reward in self._population if reward is not None]
        found = frequencies(self.space, members)
        values = {
            "children": float(max(0, self._born - self.options.population)),
            "population": float(len(members)),
        }
        if rewards:
            values |= {"population_best": max(rewards), "population_median": statistics.median(rewards)}
        if len(members) > 1:
            values["diversity"] = diversity(found, len(members))
        return Telemetry({**values, **self.best_reward()}, option_shares(self.space, found))
