"""Search strategies with one ask/tell contract. No torch here."""

from __future__ import annotations

from collections.abc import Sequence

from nas.errors import SpaceError
from nas.objectives import ACCURACY, LATENCY_MS, Objective
from nas.spaces.base import Choices, SearchSpace
from nas.strategies.base import Strategy
from nas.strategies.random_search import RandomOptions, RandomSearch
from nas.strategies.regularized_evolution import RegularizedEvolution, RegularizedEvolutionOptions

StrategyOptions = RandomOptions | RegularizedEvolutionOptions

STRATEGIES: tuple[str, ...] = (RegularizedEvolution.name, RandomSearch.name)
"""Names for people to choose from, the default first."""


def make_strategy(
    name: str,
    space: SearchSpace,
    seed: int,
    options: StrategyOptions | None = None,
    *,
    initial: Sequence[Choices] = (),
    evaluations: int | None = None,
    objectives: Sequence[Objective] = (ACCURACY, LATENCY_MS),
) -> Strategy:
    """Builds a strategy by name, either from its own options or from what every strategy understands.

    Args:
        name: One of `STRATEGIES`.
        space: What to search.
        seed: Seed of all draws.
        options: The strategy's own options; they replace the arguments below.
        initial: Choices to propose first.
        evaluations: Candidates that the budget is expected to allow; scales populations down to it. The
            same number must be given when a run is rebuilt by replay.
        objectives: What multi-objective strategies search the front of; the others go by the reward.

    Raises:
        SpaceError: If the name is unknown or the options belong to another strategy.
    """
    if name not in STRATEGIES:
        raise SpaceError(f"There is no strategy called {name!r}; choose one of {', '.join(STRATEGIES)}.")
    if options is None:
        options = _options(name, initial, evaluations)
    if name == RandomSearch.name and isinstance(options, RandomOptions):
        return RandomSearch(space, seed, options)
    if name == RegularizedEvolution.name and isinstance(options, RegularizedEvolutionOptions):
        return RegularizedEvolution(space, seed, options)
    raise SpaceError(f"{type(options).__name__} are not options of the strategy {name!r}.")


def _options(name: str, initial: Sequence[Choices], evaluations: int | None) -> StrategyOptions:
    if name == RandomSearch.name:
        return RandomOptions(initial=initial)
    if evaluations is None:
        return RegularizedEvolutionOptions(initial=initial)
    return RegularizedEvolutionOptions.for_evaluations(evaluations, initial)
