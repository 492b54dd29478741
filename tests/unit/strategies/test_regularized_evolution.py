from __future__ import annotations

import statistics

import pytest

from nas.errors import SpaceError
from nas.spaces import make_space
from nas.spaces.base import Choices, SearchSpace
from nas.strategies import STRATEGIES, make_strategy
from nas.strategies.base import Strategy
from nas.strategies.random_search import RandomOptions
from nas.strategies.regularized_evolution import RegularizedEvolution, RegularizedEvolutionOptions
from tests.unit.strategies.contract import StrategyContract, ToySpace, observation, toy_reward


class TestRegularizedEvolution(StrategyContract):
    def make(
        self, space: SearchSpace, seed: int = 0, initial: tuple[Choices, ...] = (), workers: int = 1
    ) -> Strategy:
        options = RegularizedEvolutionOptions(population=6, sample=3, initial=initial, workers=workers)
        return make_strategy("regularized_evolution", space, seed, options)


def distance(a: Choices, b: Choices) -> int:
    return sum(x != y for x, y in zip(a, b, strict=True))


def test_first_population_is_the_random_sample_of_the_seed() -> None:
    space = make_space("lite-elastic", max_resolution=128)
    evolution = RegularizedEvolution(space, 5, RegularizedEvolutionOptions(population=8, sample=2))
    uniform = make_strategy("random", space, 5)
    for _ in range(8):
        first, second = evolution.ask(), uniform.ask()
        assert first == second
        evolution.tell(observation(first, 0.5))
        uniform.tell(observation(second, 0.5))


def test_children_differ_from_a_living_member_by_one_decision_and_the_oldest_dies() -> None:
    space = make_space("lite-elastic", max_resolution=224)
    options = RegularizedEvolutionOptions(population=6, sample=3)
    strategy = RegularizedEvolution(space, 0, options)
    history: list[Choices] = []
    for _ in range(40):
        proposal = strategy.ask()
        if len(history) >= options.population:
            living = history[-options.population :]
            assert min(distance(proposal.choices, member) for member in living) == 1
        strategy.tell(observation(proposal, 1.0 - len(history) / 100))
        history.append(proposal.choices)


def test_parent_is_the_best_of_the_tournament() -> None:
    space = make_space("lite-elastic", max_resolution=224)
    strategy = RegularizedEvolution(space, 0, RegularizedEvolutionOptions(population=5, sample=5))
    rewards: dict[Choices, float | None] = {}
    for number in range(5):
        proposal = strategy.ask()
        rewards[proposal.choices] = None if number else 0.1  # only the first of them worked
        strategy.tell(observation(proposal, rewards[proposal.choices]))
    survivor = next(choices for choices, reward in rewards.items() if reward is not None)
    children = 0
    for seed in range(50):
        again = RegularizedEvolution(space, 0, strategy.options)
        for number, (choices, reward) in enumerate(rewards.items()):
            again.tell(observation(again.ask(), reward))
            assert number < 5 and choices in rewards
        again.seed = seed
        children += distance(again.ask().choices, survivor) == 1
    assert children > 25  # 1 - 0.8**5 of the tournaments hold the survivor


def test_evolution_beats_random_search_on_a_smooth_space() -> None:
    def best(name: str, seed: int) -> float:
        space = ToySpace(10)
        options = (
            RegularizedEvolutionOptions.for_evaluations(60)
            if name == "regularized_evolution"
            else RandomOptions()
        )
        strategy = make_strategy(name, space, seed, options)
        rewards = []
        for _ in range(60):
            proposal = strategy.ask()
            rewards.append(toy_reward(proposal.choices))
            strategy.tell(observation(proposal, rewards[-1]))
        return max(rewards)

    gains = [best("regularized_evolution", seed) - best("random", seed) for seed in range(20)]
    assert statistics.mean(gains) > 2 * statistics.stdev(gains) / len(gains) ** 0.5


@pytest.mark.parametrize(
    ("evaluations", "expected"), [(1, (4, 2)), (20, (10, 2)), (60, (30, 6)), (500, (50, 10))]
)
def test_sizes_scale_with_the_evaluations(evaluations: int, expected: tuple[int, int]) -> None:
    options = RegularizedEvolutionOptions.for_evaluations(evaluations)
    assert (options.population, options.sample) == expected


def test_paper_defaults_and_impossible_sizes() -> None:
    assert (RegularizedEvolutionOptions().population, RegularizedEvolutionOptions().sample) == (50, 10)
    with pytest.raises(ValueError, match="1 <= sample <= population"):
        RegularizedEvolutionOptions(population=3, sample=4)


def test_unknown_strategies_and_foreign_options_are_refused_in_a_sentence() -> None:
    with pytest.raises(SpaceError, match="no strategy called 'magic'"):
        make_strategy("magic", ToySpace(), 0)
    with pytest.raises(SpaceError, match="not options of"):
        make_strategy("random", ToySpace(), 0, RegularizedEvolutionOptions())
    assert STRATEGIES[0] == "regularized_evolution"


def test_initial_networks_and_expected_evaluations_can_be_given_to_any_strategy() -> None:
    good = (2, 2, 2, 2)
    for name in STRATEGIES:
        assert make_strategy(name, ToySpace(), 0, initial=[good], evaluations=14).ask().choices == good
    evolution = make_strategy("regularized_evolution", ToySpace(), 0, evaluations=14)
    assert isinstance(evolution, RegularizedEvolution)
    assert (evolution.options.population, evolution.options.sample) == (7, 2)
