"""Random search: the honest baseline of every benchmark (Li & Talwalkar 2019; Yang et al. 2020)."""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from nas.spaces.base import Choices, SearchSpace
from nas.strategies.base import Observation
from nas.strategies.pending import SequentialStrategy
from nas.strategies.telemetry import Telemetry


@dataclass(frozen=True)
class RandomOptions:
    """Options of random search.

    Attributes:
        initial: Choices to propose before the first random draw.
    """

    initial: Sequence[Choices] = ()


class RandomSearch(SequentialStrategy):
    """Draws every proposal uniformly over the decisions, without replacement."""

    name = "random"

    def __init__(self, space: SearchSpace, seed: int, options: RandomOptions | None = None) -> None:
        """Sets up the draws; see `RandomOptions`."""
        super().__init__(space, seed, (options or RandomOptions()).initial)

    def begin(self, number: int) -> int:
        """Never waits: no draw depends on a result."""
        return sys.maxsize

    def draw(self, rng: random.Random) -> Choices:
        """Draws uniformly."""
        return self.space.sample(rng)

    def observe(self, observation: Observation) -> None:
        """Learns nothing from a result, on purpose."""

    def telemetry(self) -> Telemetry:
        """Shows the number of proposals, the part of all choices that they are, and the best reward."""
        seen = {"proposals": float(len(self._seen)), "space_seen": len(self._seen) / self.space.size()}
        return Telemetry({**seen, **self.best_reward()})
