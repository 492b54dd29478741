"""What every ask/tell strategy shares: one pending proposal and no duplicates."""

from __future__ import annotations

import math
import random
from abc import abstractmethod
from collections.abc import Sequence

from nas.errors import SpaceError
from nas.spaces.base import Choices, SearchSpace
from nas.strategies.base import Observation, Proposal, Strategy

MAX_ATTEMPTS = 200
"""Redraws before a proposal falls back to walking the space, or gives up."""

MAX_WALK = 100_000
"""Largest space that is walked in full when redrawing finds nothing new."""


class SequentialStrategy(Strategy):
    """Keeps the pending proposal, refuses foreign results and never proposes a network twice.

    Subclasses say how to draw a proposal and what to remember of a result.
    """

    def __init__(self, space: SearchSpace, seed: int, initial: Sequence[Choices] = ()) -> None:
        """Sets up an empty history.

        Args:
            space: What to search.
            seed: Seed of all draws.
            initial: Choices to propose first, e.g. known-good networks; duplicates are dropped.

        Raises:
            SpaceError: If an initial proposal does not fit the space.
        """
        for choices in initial:
            space.values(choices)
        super().__init__(space, seed)
        self._pending: Proposal | None = None
        self._told = 0
        self._seen: set[Choices] = set()
        self._initial = tuple(dict.fromkeys(space.canonical(choices) for choices in initial))

    @abstractmethod
    def draw(self, rng: random.Random) -> Choices:
        """Draws a proposal from what was observed so far; it may repeat an earlier one."""

    @abstractmethod
    def observe(self, choices: Choices, reward: float | None) -> None:
        """Remembers the result of a proposal; `reward` is None for a failure, never NaN."""

    def ask(self) -> Proposal:
        """Proposes the next candidate; see the base class."""
        if self._pending is None:
            self._pending = Proposal(self._told, self._next_choices())
        return self._pending

    def tell(self, observation: Observation) -> None:
        """Takes the pending proposal's result; see the base class."""
        pending = self._pending
        if pending is None or (observation.number, observation.choices) != (pending.number, pending.choices):
            raise ValueError(f"result {observation.number} does not belong to the pending proposal")
        reward = observation.reward
        if reward is not None and math.isnan(reward):
            reward = None
        self._pending = None
        self._told += 1
        self._seen.add(pending.choices)
        self.observe(pending.choices, reward)

    def _next_choices(self) -> Choices:
        if self._told < len(self._initial):
            return self._initial[self._told]
        rng = self.rng(self._told)
        for _ in range(MAX_ATTEMPTS):
            choices = self.space.canonical(self.draw(rng))
            if choices not in self._seen:
                return choices
        return self._unseen(rng)

    def _unseen(self, rng: random.Random) -> Choices:
        """Finds the last new networks of a nearly exhausted space."""
        if self.space.size() <= MAX_WALK:
            left = [choices for choices in self.space.walk() if choices not in self._seen]
            if left:
                return rng.choice(left)
        raise SpaceError(
            f"No new candidate was found in the space {self.space.name} after {self._told} evaluations; "
            "choose a larger space or stop here."
        )
