"""What every strategy must do; each strategy's test class inherits it."""

from __future__ import annotations

import math
import random

import pytest

from nas.architecture import MBConvArchitecture
from nas.errors import SpaceError
from nas.spaces.base import Choices, Decision, SearchSpace
from nas.spaces.lite import lite0_architecture
from nas.strategies.base import Observation, Proposal, Strategy


class ToySpace(SearchSpace):
    """Four decisions of three values; the last one does not matter where the first is 0."""

    name = "toy"

    def __init__(self, decisions: int = 4) -> None:
        self.decisions = tuple(Decision(f"d{i}", (0, 1, 2)) for i in range(decisions))

    def decode(self, choices: Choices) -> MBConvArchitecture:
        self.values(choices)
        return lite0_architecture(64)

    def canonical(self, choices: Choices) -> Choices:
        return (*choices[:-1], 0) if choices[0] == 0 else choices


def toy_reward(choices: Choices) -> float:
    return sum((i + 1) * choice for i, choice in enumerate(choices)) / 20


def observation(proposal: Proposal, reward: float | None) -> Observation:
    values = {} if reward is None else {"accuracy": reward}
    return Observation(proposal.number, proposal.choices, values, reward)


def run(strategy: Strategy, n: int) -> list[Observation]:
    """Plays n rounds; every fifth candidate fails and every seventh is NaN."""
    history = []
    for _ in range(n):
        proposal = strategy.ask()
        reward: float | None = toy_reward(proposal.choices)
        if proposal.number % 5 == 3:
            reward = None
        elif proposal.number % 7 == 5:
            reward = math.nan
        told = observation(proposal, reward)
        strategy.tell(told)
        history.append(told)
    return history


class StrategyContract:
    """Inherit and say how to make the strategy."""

    def make(self, space: SearchSpace, seed: int = 0, initial: tuple[Choices, ...] = ()) -> Strategy:
        raise NotImplementedError

    def test_equal_seeds_give_equal_proposals(self) -> None:
        first, second = (run(self.make(ToySpace()), 25) for _ in range(2))
        assert [one.choices for one in first] == [one.choices for one in second]

    def test_other_seeds_give_other_proposals(self) -> None:
        first, second = run(self.make(ToySpace(), 0), 25), run(self.make(ToySpace(), 1), 25)
        assert [one.choices for one in first] != [one.choices for one in second]

    def test_global_random_state_plays_no_part(self) -> None:
        random.seed(1)
        first = run(self.make(ToySpace()), 15)
        random.seed(2)
        state = random.getstate()
        second = run(self.make(ToySpace()), 15)
        assert [one.choices for one in first] == [one.choices for one in second]
        assert random.getstate() == state

    def test_replay_of_every_prefix_goes_on_like_the_original(self) -> None:
        original = run(self.make(ToySpace()), 25)
        for cut in range(len(original)):
            rebuilt = self.make(ToySpace())
            rebuilt.replay(original[:cut])
            assert rebuilt.ask() == Proposal(original[cut].number, original[cut].choices)

    def test_replay_refuses_a_foreign_ledger(self) -> None:
        foreign = run(self.make(ToySpace(), seed=1), 5)
        with pytest.raises(ValueError, match="does not come from this strategy"):
            self.make(ToySpace(), seed=0).replay(foreign)

    def test_asking_again_repeats_the_pending_proposal(self) -> None:
        strategy = self.make(ToySpace())
        assert strategy.ask() == strategy.ask()

    def test_telling_a_result_nobody_waits_for_is_refused(self) -> None:
        strategy = self.make(ToySpace())
        with pytest.raises(ValueError, match="does not belong"):
            strategy.tell(Observation(0, (0, 0, 0, 0), {}, 0.5))
        proposal = strategy.ask()
        with pytest.raises(ValueError, match="does not belong"):
            strategy.tell(Observation(proposal.number + 1, proposal.choices, {}, 0.5))
        strategy.tell(observation(proposal, 0.5))
        with pytest.raises(ValueError, match="does not belong"):
            strategy.tell(observation(proposal, 0.5))

    def test_whole_space_is_proposed_once_in_canonical_form_and_then_ends(self) -> None:
        space = ToySpace(3)
        strategy = self.make(space)
        different = set(space.walk())
        history = run(strategy, len(different))
        assert {one.choices for one in history} == different
        assert [one.number for one in history] == list(range(len(different)))
        with pytest.raises(SpaceError, match="No new candidate"):
            strategy.ask()

    def test_search_survives_when_everything_fails(self) -> None:
        strategy = self.make(ToySpace())
        for _ in range(30):
            strategy.tell(observation(strategy.ask(), None))
        assert strategy.ask().number == 30

    def test_initial_proposals_come_first_and_only_once(self) -> None:
        good = (2, 2, 2, 2)
        strategy = self.make(ToySpace(), initial=((0, 1, 1, 2), good, (0, 1, 1, 1)))
        history = run(strategy, 40)
        assert [one.choices for one in history[:2]] == [(0, 1, 1, 0), good]
        assert len({one.choices for one in history}) == 40

    def test_initial_proposals_outside_the_space_are_refused(self) -> None:
        with pytest.raises(SpaceError, match="do not fit"):
            self.make(ToySpace(), initial=((9, 9),))
