"""What every ask/tell strategy shares: proposals under way, the barrier between batches, no duplicates."""

from __future__ import annotations

import math
import random
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import replace

from nas.errors import SpaceError
from nas.spaces.base import Choices, SearchSpace
from nas.strategies.base import Observation, Proposal, Strategy

MAX_ATTEMPTS = 200
"""Redraws before a proposal falls back to walking the space, or gives up."""

MAX_WALK = 100_000
"""Largest space that is walked in full when redrawing finds nothing new."""


class SequentialStrategy(Strategy):
    """Numbers the proposals, takes results in any order and never proposes a network twice.

    Proposals come in batches. All proposals of a batch are drawn from the results of earlier batches, and
    the results of a batch are learnt from together, in the order of their numbers, once all of them are
    there. Subclasses say how large a batch is, how to draw a proposal and what to remember of a result.
    """

    def __init__(
        self, space: SearchSpace, seed: int, initial: Sequence[Choices] = (), workers: int = 1
    ) -> None:
        """Sets up an empty history.

        Args:
            space: What to search.
            seed: Seed of all draws.
            initial: Choices to propose first, e.g. known-good networks; duplicates are dropped.
            workers: Evaluations side by side, >= 1; the size of a batch where the method has none of its
                own. It belongs to the run: a replay needs the same number.

        Raises:
            SpaceError: If an initial proposal does not fit the space.
            ValueError: If `workers` is below 1.
        """
        if workers < 1:
            raise ValueError("a search needs at least one worker")
        for choices in initial:
            space.values(choices)
        super().__init__(space, seed)
        self.workers = workers
        self._under_way: dict[int, Proposal] = {}
        self._lost: list[int] = []
        self._told: dict[int, Observation] = {}
        self._next = 0
        self._barrier = 0
        self._best: float | None = None
        self._seen: set[Choices] = set()
        forms = dict.fromkeys(space.canonical(choices) for choices in initial)
        self._initial = tuple(form for form in forms if space.holds(form))

    def begin(self, number: int) -> int:
        """Starts a batch with proposal `number`; returns how many proposals it may have, >= 1."""
        return self.workers

    @abstractmethod
    def draw(self, rng: random.Random) -> Choices:
        """Draws a proposal from the results of earlier batches; it may repeat an earlier one."""

    @abstractmethod
    def observe(self, observation: Observation) -> None:
        """Remembers a result; its reward is None for a failure, never NaN."""

    def best_reward(self) -> dict[str, float]:
        """Returns the best reward told so far as ``best_reward``, nothing while there is none."""
        return {} if self._best is None else {"best_reward": self._best}

    def ask(self) -> Proposal:
        """Proposes the next candidate; see the base class."""
        if self._under_way:
            oldest = min(self._under_way)
            self._lost = [number for number in self._lost if number != oldest]
            return self._under_way[oldest]
        proposal = self.ask_another()
        assert proposal is not None  # nothing is under way, so no result is missing
        return proposal

    def ask_another(self) -> Proposal | None:
        """Proposes one more candidate; see the base class."""
        if self._lost:
            return self._under_way[self._lost.pop(0)]
        if self._next == self._barrier:
            if self._under_way:
                return None
            self._barrier += self._batch()
        proposal = Proposal(self._next, self._next_choices())
        self._next += 1
        self._under_way[proposal.number] = proposal
        self._seen.add(proposal.choices)
        return proposal

    def tell(self, observation: Observation) -> None:
        """Takes the result of a proposal under way; see the base class."""
        proposal = self._under_way.get(observation.number)
        if proposal is None or proposal.choices != observation.choices:
            raise ValueError(f"result {observation.number} does not belong to a proposal under way")
        if observation.reward is not None and math.isnan(observation.reward):
            observation = replace(observation, reward=None)
        del self._under_way[observation.number]
        self._lost = [number for number in self._lost if number != observation.number]
        self._told[observation.number] = observation
        if observation.reward is not None and (self._best is None or observation.reward > self._best):
            self._best = observation.reward
        if self._next == self._barrier and not self._under_way:
            for number in sorted(self._told):
                self.observe(self._told[number])
            self._told.clear()

    def replay(self, observations: Iterable[Observation]) -> None:
        """Rebuilds the state from finished observations; see the base class."""
        for observation in sorted(observations, key=lambda one: one.number):
            self._ask_up_to(observation.number)
            proposal = self._under_way.get(observation.number)
            if proposal is None or proposal.choices != observation.choices:
                raise ValueError(
                    f"proposal {observation.number} of the ledger does not come from this strategy"
                )
            self.tell(observation)
        self._lost = sorted(self._under_way)

    def _ask_up_to(self, number: int) -> None:
        while self._next <= number and self.ask_another() is not None:
            pass

    def _batch(self) -> int:
        known = len(self._initial) - self._next
        return known if known > 0 else self.begin(self._next)

    def _next_choices(self) -> Choices:
        if self._next < len(self._initial):
            return self._initial[self._next]
        rng = self.rng(self._next)
        for _ in range(MAX_ATTEMPTS):
            choices = self.space.canonical(self.draw(rng))
            if choices not in self._seen and self.space.holds(choices):
                return choices
        return self._unseen(rng)

    def _unseen(self, rng: random.Random) -> Choices:
        """Finds the last new networks of a nearly exhausted space."""
        if self.space.size() <= MAX_WALK:
            left = [choices for choices in self.space.walk() if choices not in self._seen]
            if left:
                return rng.choice(left)
        raise SpaceError(
            f"No new candidate was found in the space {self.space.name} after {self._next} evaluations; "
            "choose a larger space or stop here."
        )
