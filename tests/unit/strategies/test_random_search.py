from __future__ import annotations

from collections import Counter

from nas.spaces.base import Choices, SearchSpace
from nas.strategies import make_strategy
from nas.strategies.base import Strategy
from nas.strategies.random_search import RandomOptions, RandomSearch
from tests.unit.strategies.contract import StrategyContract, ToySpace, observation, toy_reward


class TestRandomSearch(StrategyContract):
    def make(
        self, space: SearchSpace, seed: int = 0, initial: tuple[Choices, ...] = (), workers: int = 1
    ) -> Strategy:
        return make_strategy("random", space, seed, RandomOptions(initial=initial))


def test_rewards_do_not_steer_the_draws() -> None:
    proposals = []
    for sign in (1.0, -1.0):
        strategy = RandomSearch(ToySpace(), 3)
        drawn = []
        for _ in range(20):
            proposal = strategy.ask()
            strategy.tell(observation(proposal, sign * toy_reward(proposal.choices)))
            drawn.append(proposal.choices)
        proposals.append(drawn)
    assert proposals[0] == proposals[1]


def test_first_draws_of_many_seeds_are_uniform_over_a_decision() -> None:
    drawn = Counter(RandomSearch(ToySpace(), seed).ask().choices[1] for seed in range(3000))
    assert all(880 < drawn[value] < 1120 for value in range(3))
