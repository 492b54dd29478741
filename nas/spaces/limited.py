"""A search space without the networks that a device cannot hold."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from nas.architecture import Architecture
from nas.errors import SpaceError
from nas.spaces.base import Choices, SearchSpace

Excess = Callable[[Architecture], float]
"""By how much a network exceeds hard limits; 0 if it fits."""

_MUTATIONS = 50
_MOST_STEPS = 60
_DRAWS = 8  # one repair may end where no single change helps


class LimitedSpace(SearchSpace):
    """The networks of a space that fit.

    Choices that do not fit stand for a network nearby that does: as long as anything is exceeded, the change
    of one decision that helps, in an order drawn from the choices themselves, is made. HAQ treats a policy's
    overspending so (Wang et al. 2019, section 3.1), and it lets every strategy search inside the limits,
    however few networks there are: rejection alone finds none where one of a thousand fits.

    Raises:
        SpaceError: If no network of the space was found that fits.
    """

    def __init__(self, space: SearchSpace, excess: Excess) -> None:
        """Takes a space and what its networks exceed."""
        self.inner = space
        self.name = space.name
        self.decisions = space.decisions
        self._measure = excess
        self._excess: dict[Choices, float] = {}
        rng = random.Random("fit")
        if not any(self.holds(self.canonical(self.inner.sample(rng))) for _ in range(_DRAWS)):
            raise SpaceError(
                f"No network of the space {space.name} was found within this device's limits. Choose another "
                "space, fewer pixels, or a larger device."
            )

    def decode(self, choices: Choices) -> Architecture:
        """Returns the network; see the base class."""
        return self.inner.decode(choices)

    def holds(self, choices: Choices) -> bool:
        """True if the network exceeds nothing."""
        return self.inner.holds(choices) and self._exceeds(choices) == 0

    def canonical(self, choices: Choices) -> Choices:
        """Returns the network nearby that fits; the choices themselves if they fit or nothing helps."""
        choices = self.inner.canonical(choices)
        rng = random.Random(f"{choices}")
        for _ in range(_MOST_STEPS):
            if self._exceeds(choices) == 0:
                break
            better = self._better(choices, rng)
            if better is None:
                break
            choices = better
        return choices

    def mutate(self, choices: Choices, rng: random.Random) -> Choices:
        """Changes one decision so that the network still fits, if some tries find such a change."""
        for _ in range(_MUTATIONS):
            changed = self.inner.canonical(self.inner.mutate(choices, rng))
            if self.holds(changed):
                break
        return changed

    def walk(self) -> Iterator[Choices]:
        """Yields the networks that fit; see the base class."""
        return (choices for choices in self.inner.walk() if self.holds(choices))

    def _better(self, choices: Choices, rng: random.Random) -> Choices | None:
        """Returns choices that exceed less and differ in one decision."""
        now = self._exceeds(choices)
        positions = list(range(len(self.decisions)))
        rng.shuffle(positions)
        for position in positions:
            values = list(range(len(self.decisions[position].choices)))
            rng.shuffle(values)
            for value in values:
                changed = self.inner.canonical((*choices[:position], value, *choices[position + 1 :]))
                if self._exceeds(changed) < now:
                    return changed
        return None

    def _exceeds(self, choices: Choices) -> float:
        if choices not in self._excess:
            self._excess[choices] = self._measure(self.inner.decode(choices))
        return self._excess[choices]
