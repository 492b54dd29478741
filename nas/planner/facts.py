"""What the planner knows, and what people have chosen themselves."""

from __future__ import annotations

from dataclasses import dataclass

from nas.automatic import AUTO
from nas.candidate import Precision
from nas.phases.plan import Goal
from nas.spaces import SPACES
from nas.spaces.resolutions import useful_resolutions

ASSUMED_SPEED, ASSUMED_AT = 34.0, 128
"""Training images a second of a whole Lite0 on one core, at a resolution in pixels, until it is measured
(docs/decisions/0054)."""

_FEWEST, _SMALLER = 3, (48, 32)


@dataclass(frozen=True)
class Facts:
    """About photos, machine and minutes.

    Attributes:
        n_train: Images to train on, >= 0.
        n_val: Images to validate on, >= 0.
        n_test: Images of the sealed part, >= 0.
        n_classes: Classes, >= 1.
        smallest_class: Images of the smallest class in training and validation, >= 0.
        largest_class: Images of the largest one.
        side: Side of the prepared squares in pixels, which is the images' typical short side, > 0.
        grey: True if (nearly) all images are without colour.
        cores: Cores of this machine, >= 1.
        seconds: Left for everything between the first model and the export, >= 0.
        speed: Training images a second of a whole Lite0, measured, > 0; an assumption before that.
        speed_at: Resolution in pixels of `speed`.
        speed_measured: False while `speed` is an assumption.
        first_accuracy: Of frozen ImageNet features on validation photos, in [0, 1]; None before it is known.
        goal: What matters more.
        precision: What networks are judged as.
        spaces: Spaces that the device knows.
        limited: True if the device has hard limits that not every network keeps.
        baselines: Whether other well-known networks are trained for comparison.
        strategies: Names of the strategies that this engine has.
    """

    n_train: int
    n_val: int
    n_test: int
    n_classes: int
    smallest_class: int
    largest_class: int
    side: int
    grey: bool
    cores: int
    seconds: float
    speed: float
    speed_at: int
    speed_measured: bool = True
    first_accuracy: float | None = None
    goal: Goal = "balanced"
    precision: Precision = "fp32"
    spaces: tuple[str, ...] = SPACES
    limited: bool = False
    baselines: bool = True
    strategies: tuple[str, ...] = ()

    @property
    def n_images(self) -> int:
        """All images, the sealed ones included."""
        return self.n_train + self.n_val + self.n_test

    @property
    def resolutions(self) -> tuple[int, ...]:
        """Resolutions in pixels that the images allow, ascending; of tiny images down to their own size."""
        sides = useful_resolutions(self.side)
        return tuple(sorted((*_SMALLER[: max(0, _FEWEST - len(sides))], *sides)))

    def speed_of(self, resolution: int) -> float:
        """Returns training images a second of a whole Lite0 at a resolution in pixels."""
        return self.speed * (self.speed_at / resolution) ** 2


@dataclass(frozen=True)
class Wishes:
    """What people chose themselves; it always wins.

    Attributes:
        space: A space, or `AUTO`.
        strategy: A strategy, or `AUTO`.
        evaluator: An evaluator, or `AUTO`.
        finalists: Networks to train fully, None for the planner's choice.
        proxy: What the evaluator `proxy` ranks by.
    """

    space: str = AUTO
    strategy: str = AUTO
    evaluator: str = AUTO
    finalists: int | None = None
    proxy: str = "synflow"
