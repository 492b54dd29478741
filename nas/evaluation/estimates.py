"""Figures with intervals."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95% interval, as a fraction."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ClassGain:
    """How much more often a class was recognised with all training photos than with about half of them.

    Attributes:
        number: The class.
        gain: Share of its validation photos, with an interval that holds for all classes together.
        n: Its validation photos.
    """

    number: int
    gain: Estimate
    n: int
