"""What every strategy must do; each strategy's test class inherits it."""

from __future__ import annotations

import json
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
    values = {} if reward is None else {"accuracy": reward, "latency_ms": 1.0 + sum(proposal.choices)}
    return Observation(proposal.number, proposal.choices, values, reward)


def result(proposal: Proposal) -> Observation:
    """Every fifth candidate fails and every seventh is NaN."""
    reward: float | None = toy_reward(proposal.choices)
    if proposal.number % 5 == 3:
        reward = None
    elif proposal.number % 7 == 5:
        reward = math.nan
    return observation(proposal, reward)


def run(strategy: Strategy, n: int) -> list[Observation]:
    """Plays n rounds, one candidate at a time."""
    history = []
    for _ in range(n):
        told = result(strategy.ask())
        strategy.tell(told)
        history.append(told)
    return history


def run_side_by_side(strategy: Strategy, n: int, most: int, shuffler: random.Random) -> list[Observation]:
    """Plays n proposals, up to `most` of them at the same time; their results come in a shuffled order."""
    history: list[Observation] = []
    under_way: list[Proposal] = []
    while len(history) < n:
        while len(under_way) < min(most, n - len(history)):
            proposal = strategy.ask_another()
            if proposal is None:
                break
            under_way.append(proposal)
        told = result(under_way.pop(shuffler.randrange(len(under_way))))
        strategy.tell(told)
        history.append(told)
    return sorted(history, key=lambda one: one.number)


class StrategyContract:
    """Inherit and say how to make the strategy."""

    def make(
        self, space: SearchSpace, seed: int = 0, initial: tuple[Choices, ...] = (), workers: int = 1
    ) -> Strategy:
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

    @pytest.mark.parametrize("workers", [1, 3])
    def test_speed_and_order_of_results_change_no_proposal(self, workers: int) -> None:
        one_by_one = run(self.make(ToySpace(), workers=workers), 25)
        for most in (1, 2, 4, 100):
            for seed in range(3):
                strategy = self.make(ToySpace(), workers=workers)
                history = run_side_by_side(strategy, 25, most, random.Random(seed))
                assert [one.choices for one in history] == [one.choices for one in one_by_one]

    def test_workers_are_given_different_proposals(self) -> None:
        strategy = self.make(ToySpace(), workers=3)
        together = [strategy.ask_another() for _ in range(3)]
        assert [one.number for one in together if one] == [0, 1, 2]
        assert len({one.choices for one in together if one}) == 3

    def test_replay_with_results_missing_hands_the_lost_ones_out_again(self) -> None:
        original = run(self.make(ToySpace(), workers=3), 25)
        for start in (0, 9, 10, 11):
            strategy = self.make(ToySpace(), workers=3)
            strategy.replay(original[:start])
            asked = [proposal for _ in range(3) if (proposal := strategy.ask_another())]
            for lost in range(len(asked)):
                rebuilt = self.make(ToySpace(), workers=3)
                finished = [result(one) for one in asked if one.number > asked[lost].number]
                rebuilt.replay([*finished, *original[:start]])
                for proposal in asked[: lost + 1]:
                    assert rebuilt.ask_another() == proposal
                    rebuilt.tell(result(proposal))
                onwards = run(rebuilt, 25 - start - len(asked))
                assert [one.choices for one in onwards] == [
                    one.choices for one in original[start + len(asked) :]
                ]

    def test_watching_changes_no_proposal(self) -> None:
        unwatched = run(self.make(ToySpace()), 25)
        strategy = self.make(ToySpace())
        for told in unwatched:
            strategy.telemetry()
            assert strategy.ask().choices == told.choices
            strategy.telemetry()
            strategy.tell(told)

    def test_a_rebuilt_strategy_shows_the_same_as_the_original(self) -> None:
        original = self.make(ToySpace())
        history = []
        for number in range(25):
            history += run(original, 1)
            rebuilt = self.make(ToySpace())
            rebuilt.replay(history)
            assert rebuilt.telemetry() == original.telemetry(), number

    def test_what_is_shown_is_finite_and_shares_of_a_kind_sum_to_one(self) -> None:
        strategy = self.make(ToySpace())
        for _ in range(25):
            shown = strategy.telemetry().to_json()
            json.dumps(shown, allow_nan=False)
            shares = shown["shares"]
            assert all(0 <= share <= 1 for share in shares.values())
            assert not shares or sum(shares.values()) == pytest.approx(1.0, abs=1e-4)
            run(strategy, 1)
        assert strategy.telemetry().values

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
        assert len(history) == len(different)
        assert {one.choices for one in history} == different
        assert [one.number for one in history] == list(range(len(different)))
        with pytest.raises(SpaceError, match="No new candidate"):
            strategy.ask()

    def test_search_survives_when_everything_fails(self) -> None:
        strategy = self.make(ToySpace())
        for _ in range(30):
            strategy.tell(observation(strategy.ask(), None))
            assert "best_reward" not in strategy.telemetry().values
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
