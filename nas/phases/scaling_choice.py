"""Which coefficients of the grid are taken: the cheapest of those that nothing tells apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from nas.candidate import Candidate
from nas.costs import Cost
from nas.paired import paired_difference, unpack
from nas.scaling import Coefficients


@dataclass(frozen=True)
class Judged:
    """A triple of the grid and what its network reached at phi 1.

    Attributes:
        coefficients: The triple.
        trainings: The same network with one seed or more; finished, the first one first.
    """

    coefficients: Coefficients
    trainings: tuple[Candidate, ...]

    @property
    def accuracy(self) -> float:
        """Mean over the seeds, fraction in [0, 1]."""
        return self._mean("accuracy")

    @property
    def accuracy_low(self) -> float:
        """Lower end of the 95% interval; more seeds do not narrow it, for the images are the same."""
        return self._mean("accuracy_low")

    @property
    def accuracy_high(self) -> float:
        """Upper end."""
        return self._mean("accuracy_high")

    def _mean(self, name: str) -> float:
        return fmean(getattr(one.metrics, name) for one in self.trainings)

    def cost(self, cost: Cost) -> float:
        """Returns its cost, infinity where nothing tells."""
        assert self.trainings[0].metrics is not None
        found = cost.of(self.trainings[0].metrics)
        return math.inf if math.isnan(found) else found


@dataclass(frozen=True)
class Choice:
    """What the grid says.

    Attributes:
        grid: All that were trained.
        chosen: What is taken.
        most_accurate: The highest mean.
        alike: All that cannot be told apart from the most accurate one, itself included.
        sentence: The same in words.
    """

    grid: tuple[Judged, ...]
    chosen: Judged
    most_accurate: Judged
    alike: tuple[Judged, ...]
    sentence: str


def choose(grid: Sequence[Judged], cost: Cost) -> Choice | None:
    """Returns the choice, None for an empty grid.

    Args:
        grid: All that were trained.
        cost: What accuracy is weighed against.
    """
    if not grid:
        return None
    most = max(grid, key=lambda one: (one.accuracy, -one.cost(cost)))
    alike = tuple(one for one in grid if one is most or indistinguishable(most, one))
    chosen = min(alike, key=lambda one: (one.cost(cost), -one.accuracy))
    return Choice(tuple(grid), chosen, most, alike, _sentence(len(grid), most, chosen, len(alike)))


def indistinguishable(first: Judged, second: Judged) -> bool:
    """True if validation images do not tell two networks apart.

    They are compared image by image where the answers are at hand (the interval of the difference covers
    0), else by their intervals (they overlap).
    """
    answers = [[one.details.get("right") for one in each.trainings] for each in (first, second)]
    if all(all(some) for some in answers):
        unpacked = [[unpack(text) for text in some if text] for some in answers]
        difference = paired_difference(*unpacked)
        return difference is None or difference.indistinguishable
    return second.accuracy_high >= first.accuracy_low and first.accuracy_high >= second.accuracy_low


def _sentence(n_grid: int, most: Judged, chosen: Judged, n_alike: int) -> str:
    if n_grid == 1:
        return f"The minutes allowed one combination of depth, width and resolution: {words(chosen)}."
    if n_alike == 1:
        return (
            f"Of {n_grid} combinations of depth, width and resolution, {words(chosen)} is the most accurate."
        )
    return (
        f"Of {n_grid} combinations of depth, width and resolution, {n_alike} are indistinguishable on the "
        f"validation images; the cheapest of them is taken: {words(chosen)}."
    )


def words(judged: Judged) -> str:
    """Returns depth, width and resolution factor as one short name, e.g. 1.2 / 1.1 / 1.15."""
    each = judged.coefficients
    return f"{each.alpha:g} / {each.beta:g} / {each.gamma:g}"
