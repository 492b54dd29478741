"""What the search for mixed precision is told and what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from nas.architecture import Architecture
from nas.hardware.profile import Profile
from nas.quantise.costs import CostName, Costs
from nas.spaces.base import Choices, Decision, SearchSpace

WIDTHS: Mapping[int, int] = {4: 8, 6: 8, 8: 8, 16: 16}
"""Width of a group's weights -> width of its activations."""

EDGE_WIDTH = 8

Plan = tuple[int, ...]
"""Width of the weights of each free group, in order."""

Origin = Literal["sensitivity", "greedy", "uniform", "evolution"]


@dataclass(frozen=True)
class MixedConfig:
    """How to search.

    Attributes:
        cost: What is to be saved.
        profile: Device, for energy.
        evaluations: Networks of the evolution, beyond sensitivity and greedy path.
        population: Of the evolution.
        seconds: For everything but scoring the front; None for no limit.
        n_images: Calibration images of the divergence.
        seed: Seed of everything random.
    """

    cost: CostName = "size_bytes"
    profile: Profile | None = None
    evaluations: int = 60
    population: int = 16
    seconds: float | None = None
    n_images: int = 128
    seed: int = 0


@dataclass(frozen=True)
class MixedPoint:
    """One mixture on the front.

    Attributes:
        widths: Group -> width of its weights, first and last layer included.
        costs: Size, bit operations, energy.
        divergence: Mean KL divergence from the float network's answers on calibration images.
        accuracy: On validation images, fraction; None if the search was stopped before.
        origin: Which step found it.
        simulated: True if no runtime here computes it with integers: its speed cannot be measured.
    """

    widths: Mapping[str, int]
    costs: Costs
    divergence: float
    accuracy: float | None
    origin: Origin
    simulated: bool


@dataclass(frozen=True)
class MixedFront:
    """What came of the search.

    Attributes:
        cost: What was saved.
        points: The front of cost against divergence, the cheapest first.
        sensitivity: Group -> width -> divergence with this group alone at this width, the others widest.
        uniform: Width -> divergence with all groups at this width; without those that were not looked at.
        evaluated: Different mixtures looked at.
        seconds: Wall clock.
        interrupted: True if it was stopped, or its time ended it.
    """

    cost: CostName
    points: tuple[MixedPoint, ...]
    sensitivity: Mapping[str, Mapping[int, float]]
    uniform: Mapping[int, float]
    evaluated: int
    seconds: float
    interrupted: bool


class WidthSpace(SearchSpace):
    """A width for each group; the architecture stays the same."""

    name = "widths"

    def __init__(self, groups: tuple[str, ...], architecture: Architecture) -> None:
        """Takes the groups that may be narrowed."""
        self.decisions = tuple(Decision(group, tuple(WIDTHS)) for group in groups)
        self._architecture = architecture

    def decode(self, choices: Choices) -> Architecture:
        """Returns the architecture; `values` has the widths."""
        self.values(choices)
        return self._architecture
