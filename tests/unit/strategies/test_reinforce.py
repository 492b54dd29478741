from __future__ import annotations

import numpy as np
import pytest

from nas.spaces.base import Choices, SearchSpace
from nas.strategies import make_strategy
from nas.strategies.base import Strategy
from nas.strategies.policies import log_softmax
from nas.strategies.reinforce import MovingBaseline, Reinforce, ReinforceOptions
from tests.unit.strategies.contract import StrategyContract, ToySpace, observation, toy_reward


class TestReinforce(StrategyContract):
    name = "reinforce"

    def make(
        self, space: SearchSpace, seed: int = 0, initial: tuple[Choices, ...] = (), workers: int = 1
    ) -> Strategy:
        # a batch is what is new among five samples, whatever the workers
        return make_strategy(self.name, space, seed, initial=initial)


class TestPpo(TestReinforce):
    name = "ppo"


class TestFactorisedReinforce(TestReinforce):
    name = "reinforce_factorised"


def play(strategy: Strategy, n: int, scale: float = 1.0) -> list[float]:
    rewards = []
    for _ in range(n):
        proposal = strategy.ask()
        rewards.append(toy_reward(proposal.choices))
        strategy.tell(observation(proposal, scale * rewards[-1]))
    return rewards


@pytest.mark.parametrize("name", ["reinforce", "ppo", "reinforce_factorised"])
def test_policy_learns_to_propose_better_networks(name: str) -> None:
    for seed in range(3):
        rewards = play(make_strategy(name, ToySpace(8), seed), 100)
        assert np.mean(rewards[-30:]) > np.mean(rewards[:30]) + 0.5


def test_scale_and_offset_of_the_reward_play_no_part() -> None:
    first, second = (play(Reinforce(ToySpace(8), 0), 40, scale) for scale in (1.0, 2.0**20))
    assert first == second


def test_repeated_samples_teach_from_memory_and_are_never_proposed_again() -> None:
    strategy = Reinforce(ToySpace(3), 0, ReinforceOptions(policy="factorised"))
    seen: set[Choices] = set()
    updates = 0
    learn = strategy._baseline.advantages

    def counted(rewards: np.ndarray) -> np.ndarray:
        nonlocal updates
        updates += len(rewards)
        return learn(rewards)

    strategy._baseline.advantages = counted  # type: ignore[method-assign]
    for _ in range(18):
        proposal = strategy.ask()
        assert proposal.choices not in seen
        seen.add(proposal.choices)
        strategy.tell(observation(proposal, toy_reward(proposal.choices)))
    assert updates > 2 * len(seen)


def test_failures_are_avoided_like_the_worst_reward() -> None:
    strategy = Reinforce(ToySpace(6), 0, ReinforceOptions(policy="factorised", learning_rate=0.1))
    for _ in range(120):
        proposal = strategy.ask()
        failed = proposal.choices[2] == 1
        strategy.tell(observation(proposal, None if failed else toy_reward(proposal.choices)))
    probabilities = np.exp(log_softmax(strategy.policy.parameters[2]))
    assert probabilities[1] == probabilities.min() < 0.2


def test_advantages_are_distances_from_the_moving_average_in_spreads() -> None:
    baseline = MovingBaseline(0.5)
    assert baseline.advantages(np.array([1.0, 3.0])) == pytest.approx([-1.0, 1.0])
    # mean 2, square 1 before; differences 2 and 4: square 1 + (10 - 1) / 2
    assert baseline.advantages(np.array([4.0, 6.0])) == pytest.approx(np.array([2.0, 4.0]) / 5.5**0.5)
    assert MovingBaseline(0.5).advantages(np.array([7.0, 7.0])).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    "wrong",
    [{"batch": 0}, {"hidden": 0}, {"epochs": 0}, {"decay": 1.0}, {"learning_rate": 0.0}, {"entropy": -1.0}],
)
def test_impossible_options_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"or more|positive"):
        ReinforceOptions(**wrong)  # type: ignore[arg-type]
