"""Search strategies with one ask/tell contract. No torch here."""

from __future__ import annotations

from nas.errors import SpaceError
from nas.spaces.base import SearchSpace
from nas.strategies.base import Strategy
from nas.strategies.random_search import RandomOptions, RandomSearch
from nas.strategies.regularized_evolution import RegularizedEvolution, RegularizedEvolutionOptions

StrategyOptions = RandomOptions | RegularizedEvolutionOptions

STRATEGIES: tuple[str, ...] = (RegularizedEvolution.name, RandomSearch.name)
"""Names for people to choose from, the default first."""


def make_strategy(
    name: str, space: SearchSpace, seed: int, options: StrategyOptions | None = None
) -> Strategy:
    """Builds a strategy by name.

    Args:
        name: One of `STRATEGIES`.
        space: What to search.
        seed: Seed of all draws.
        options: The strategy's own options; None takes its defaults.

    Raises:
        SpaceError: If the name is unknown or the options belong to another strategy.
    """
    if name == RandomSearch.name and (options is None or isinstance(options, RandomOptions)):
        return RandomSearch(space, seed, options)
    if name == RegularizedEvolution.name and (
        options is None or isinstance(options, RegularizedEvolutionOptions)
    ):
        return RegularizedEvolution(space, seed, options)
    if name in STRATEGIES:
        raise SpaceError(f"{type(options).__name__} are not options of the strategy {name!r}.")
    raise SpaceError(f"There is no strategy called {name!r}; choose one of {', '.join(STRATEGIES)}.")
