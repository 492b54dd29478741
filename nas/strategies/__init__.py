"""Search strategies with one ask/tell contract. No torch here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nas.errors import SpaceError
from nas.objectives import ACCURACY, LATENCY_MS, Objective
from nas.spaces.base import Choices, SearchSpace
from nas.spaces.cells import DartsCellSpace, NasBench201Space
from nas.spaces.lite_elastic import LiteElastic
from nas.strategies import nsga2, nsga2_surrogate
from nas.strategies.base import Strategy
from nas.strategies.nsga2 import Nsga2, Nsga2Options
from nas.strategies.nsga2_surrogate import SurrogateNsga2, SurrogateOptions
from nas.strategies.one_shot import OneShot
from nas.strategies.random_search import RandomOptions, RandomSearch
from nas.strategies.regularized_evolution import RegularizedEvolution, RegularizedEvolutionOptions
from nas.strategies.reinforce import FactorisedReinforce, Ppo, Reinforce, ReinforceOptions

StrategyOptions = (
    RandomOptions | RegularizedEvolutionOptions | Nsga2Options | SurrogateOptions | ReinforceOptions
)

_KINDS: Mapping[str, tuple[type[Strategy], type[StrategyOptions]]] = {
    RegularizedEvolution.name: (RegularizedEvolution, RegularizedEvolutionOptions),
    RandomSearch.name: (RandomSearch, RandomOptions),
    Nsga2.name: (Nsga2, Nsga2Options),
    SurrogateNsga2.name: (SurrogateNsga2, SurrogateOptions),
    OneShot.name: (OneShot, SurrogateOptions),
    Reinforce.name: (Reinforce, ReinforceOptions),
    Ppo.name: (Ppo, ReinforceOptions),
    FactorisedReinforce.name: (FactorisedReinforce, ReinforceOptions),
}

ONE_SHOT = OneShot.name
STRATEGIES: tuple[str, ...] = tuple(name for name in _KINDS if name != ONE_SHOT)
"""The ask/tell strategies that serve every space and evaluator, the default first."""

DARTS = "darts"
SEARCH_STRATEGIES: tuple[str, ...] = (*STRATEGIES, ONE_SHOT, DARTS)
"""Names for people to choose from when they start a search, the default first."""


def check_strategy(strategy: str, space: str) -> None:
    """Refuses a strategy that cannot search a space.

    Args:
        strategy: One of `SEARCH_STRATEGIES`.
        space: Name of a search space.

    Raises:
        SpaceError: If they do not go together.
    """
    serves = (DartsCellSpace.name, NasBench201Space.name)
    if strategy == ONE_SHOT and space != LiteElastic.name:
        raise SpaceError(
            f"A one-shot search trains one network whose parts are all the others: it searches "
            f"{LiteElastic.name}, not {space}. Choose that space, or another strategy."
        )
    if strategy == DARTS and space not in serves:
        raise SpaceError(
            f"DARTS mixes the operations of cells: it searches {' and '.join(serves)}, not {space}. "
            "Choose one of these spaces, or another strategy."
        )


def make_strategy(
    name: str,
    space: SearchSpace,
    seed: int,
    options: StrategyOptions | None = None,
    *,
    initial: Sequence[Choices] = (),
    evaluations: int | None = None,
    objectives: Sequence[Objective] = (ACCURACY, LATENCY_MS),
    limits: Mapping[str, float] | None = None,
    workers: int = 1,
) -> Strategy:
    """Builds a strategy by name, either from its own options or from what every strategy understands.

    Args:
        name: One of `STRATEGIES`, or `ONE_SHOT`.
        space: What to search.
        seed: Seed of all draws.
        options: The strategy's own options; they replace the arguments below.
        initial: Choices to propose first.
        evaluations: Candidates that the budget is expected to allow; scales populations down to it. The
            same number must be given when a run is rebuilt by replay.
        objectives: What multi-objective strategies search the front of; the others go by the reward.
        limits: Metric name -> largest value allowed, for multi-objective strategies.
        workers: Proposals that are evaluated together, >= 1: the size of a batch where the method leaves
            it open. A replay needs the same number.

    Raises:
        SpaceError: If the name is unknown or the options belong to another strategy.
    """
    if name not in _KINDS:
        raise SpaceError(f"There is no strategy called {name!r}; choose one of {', '.join(STRATEGIES)}.")
    kind, expected = _KINDS[name]
    if options is None:
        goals = {"objectives": objectives, "limits": limits or {}}
        options = _options(name, evaluations, initial, goals, workers)
    if type(options) is not expected:
        raise SpaceError(f"{type(options).__name__} are not options of the strategy {name!r}.")
    build: Any = kind
    strategy: Strategy = build(space, seed, options)
    return strategy


def _options(
    name: str, evaluations: int | None, initial: Sequence[Choices], goals: dict[str, Any], workers: int
) -> StrategyOptions:
    if name == RandomSearch.name:
        return RandomOptions(initial=initial)
    if name == Nsga2.name:
        population, offspring = nsga2.sizes_for(evaluations)
        offspring = None if offspring is None else max(offspring, workers)
        return Nsga2Options(population=population, offspring=offspring, initial=initial, **goals)
    if name in (SurrogateNsga2.name, ONE_SHOT):
        first, batch = nsga2_surrogate.sizes_for(evaluations)
        return SurrogateOptions(first=first, batch=max(batch, workers), initial=initial, **goals)
    if name in (Reinforce.name, Ppo.name, FactorisedReinforce.name):
        return ReinforceOptions.of(name, initial)
    if evaluations is None:
        return RegularizedEvolutionOptions(initial=initial, workers=workers)
    return RegularizedEvolutionOptions.for_evaluations(evaluations, initial, workers)
