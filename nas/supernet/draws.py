"""Which sub-networks a step trains: the sandwich, and when each dimension begins to shrink."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from nas.architecture import MBConvArchitecture
from nas.spaces.lite import lite0_architecture
from nas.spaces.lite_elastic import LiteElastic

Role = Literal["largest", "other"]

STARTS = {"kernel": 0.0, "depth": 0.1, "expansion": 0.2}
"""Part of the training at which a dimension becomes elastic: kernels, then depth, then width, as in
Once-for-All; the resolution is elastic throughout."""


@dataclass(frozen=True)
class Draw:
    """A sub-network that a step trains.

    Attributes:
        architecture: Which one, resolution included.
        role: The largest learns the true labels, too.
    """

    architecture: MBConvArchitecture
    role: Role


class Draws(Protocol):
    """Decides what a step trains."""

    def draw(self, fraction: float, rng: random.Random) -> list[Draw]:
        """Returns the sub-networks of a step at a fraction in [0, 1] of the training."""
        ...


@dataclass(frozen=True)
class Sandwich:
    """Largest, smallest and some random sub-networks (Yu et al. 2020, BigNAS).

    Attributes:
        resolutions: Sides in pixels, ascending.
        n_random: Random sub-networks a step.
        progressive: False makes all dimensions elastic from the first step, for weights that were elastic
            before.
    """

    resolutions: tuple[int, ...]
    n_random: int = 2
    progressive: bool = True

    def draw(self, fraction: float, rng: random.Random) -> list[Draw]:
        """Draws; see the protocol."""
        space = LiteElastic(resolutions=self.resolutions)
        elastic = [name for name, start in STARTS.items() if not self.progressive or fraction >= start]
        smallest = _limited(space.decode((0,) * len(space.decisions)), elastic)
        others = [_limited(space.decode(space.sample(rng)), elastic) for _ in range(self.n_random)]
        largest = lite0_architecture(rng.choice(self.resolutions))
        return [Draw(largest, "largest"), Draw(smallest, "other"), *(Draw(each, "other") for each in others)]


@dataclass(frozen=True)
class Alone:
    """One sub-network that is trained for itself, distilled from the teacher."""

    architecture: MBConvArchitecture

    def draw(self, fraction: float, rng: random.Random) -> list[Draw]:
        """Returns the one; see the protocol."""
        return [Draw(self.architecture, "other")]


def _limited(architecture: MBConvArchitecture, elastic: Sequence[str]) -> MBConvArchitecture:
    """Returns the architecture with every dimension at its full size that is not elastic yet."""
    whole = lite0_architecture(architecture.resolution)
    stages = tuple(
        replace(full, **{name: getattr(stage, name) for name in elastic})
        for stage, full in zip(architecture.stages, whole.stages, strict=True)
    )
    return replace(whole, stages=stages)
