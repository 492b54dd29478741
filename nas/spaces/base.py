"""The contract of a search space: named categorical decisions that decode to an architecture."""

from __future__ import annotations

import itertools
import random
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from nas.architecture import Architecture
from nas.errors import SpaceError

Choices = tuple[int, ...]
"""One index into `Decision.choices` for each decision, in order."""


@dataclass(frozen=True)
class Decision:
    """One categorical decision.

    Attributes:
        name: Unique within the space, e.g. ``"stage3.depth"``.
        choices: The values to choose from, at least one.
    """

    name: str
    choices: tuple[str | int | float, ...]


class SearchSpace(ABC):
    """A finite product of decisions."""

    name: str
    decisions: tuple[Decision, ...]

    @abstractmethod
    def decode(self, choices: Choices) -> Architecture:
        """Returns the architecture of `choices`.

        Raises:
            SpaceError: If the choices do not fit the decisions.
        """

    def values(self, choices: Choices) -> dict[str, str | int | float]:
        """Returns decision name -> chosen value.

        Raises:
            SpaceError: If the choices do not fit the decisions.
        """
        fits = len(choices) == len(self.decisions) and all(
            0 <= index < len(decision.choices)
            for index, decision in zip(choices, self.decisions, strict=True)
        )
        if not fits:
            raise SpaceError(f"These choices do not fit the {len(self.decisions)} decisions of {self.name}.")
        return {
            decision.name: decision.choices[index]
            for index, decision in zip(choices, self.decisions, strict=True)
        }

    def canonical(self, choices: Choices) -> Choices:
        """Returns the representative of all choices that decode to the same network."""
        return choices

    def holds(self, choices: Choices) -> bool:
        """Tells whether there is a network of these canonical choices; a table may have gaps."""
        return True

    def sample(self, rng: random.Random) -> Choices:
        """Draws uniformly over the decisions."""
        return tuple(rng.randrange(len(decision.choices)) for decision in self.decisions)

    def mutate(self, choices: Choices, rng: random.Random) -> Choices:
        """Changes exactly one decision that has an alternative to another value.

        Raises:
            SpaceError: If no decision has an alternative.
        """
        movable = [i for i, decision in enumerate(self.decisions) if len(decision.choices) > 1]
        if not movable:
            raise SpaceError(f"The space {self.name} holds one network only; there is nothing to search.")
        position = rng.choice(movable)
        others = [i for i in range(len(self.decisions[position].choices)) if i != choices[position]]
        return (*choices[:position], rng.choice(others), *choices[position + 1 :])

    def walk(self) -> Iterator[Choices]:
        """Yields the canonical choices of every different network once; only for small spaces."""
        seen: set[Choices] = set()
        for choices in itertools.product(*(range(len(decision.choices)) for decision in self.decisions)):
            canonical = self.canonical(choices)
            if canonical not in seen and self.holds(canonical):
                seen.add(canonical)
                yield canonical

    def size(self) -> int:
        """Returns the number of different choices."""
        total = 1
        for decision in self.decisions:
            total *= len(decision.choices)
        return total
