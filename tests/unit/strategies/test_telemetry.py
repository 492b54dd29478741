"""What strategies show of themselves; that it is harmless and repeatable stands in the contract."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from nas.objectives import ACCURACY, LATENCY_MS
from nas.spaces import make_space
from nas.spaces.base import Choices
from nas.strategies import make_strategy
from nas.strategies.base import Observation, Strategy
from nas.strategies.nsga2 import Nsga2, Nsga2Options
from nas.strategies.nsga2_surrogate import SurrogateNsga2, SurrogateOptions
from nas.strategies.random_search import RandomSearch
from nas.strategies.regularized_evolution import RegularizedEvolution, RegularizedEvolutionOptions
from nas.strategies.reinforce import Reinforce, ReinforceOptions
from nas.strategies.selection import Goals
from nas.strategies.telemetry import FrontWatch, Telemetry, diversity, frequencies, kind_of, option_shares
from tests.unit.strategies.contract import ToySpace, observation, toy_reward

RESOLUTIONS = ["resolution: 64", "resolution: 96", "resolution: 128"]


def play(strategy: Strategy, n: int) -> list[Observation]:
    history = []
    for _ in range(n):
        proposal = strategy.ask()
        history.append(observation(proposal, toy_reward(proposal.choices)))
        strategy.tell(history[-1])
    return history


@pytest.mark.parametrize(
    ("decision", "kind"),
    [("stage3.kernel", "kernel"), ("normal.node2.a.op", "op"), ("edge0-1", "edge"), ("d_3", "d"), ("7", "7")],
)
def test_decisions_are_grouped_by_what_they_are_about(decision: str, kind: str) -> None:
    assert kind_of(decision) == kind


def test_shares_are_means_over_the_decisions_of_a_kind_in_the_order_of_values() -> None:
    space = make_space("lite-elastic", max_resolution=96)
    small, full = tuple(0 for _ in space.decisions), space.full(96)  # type: ignore[attr-defined]
    shares = option_shares(space, frequencies(space, [small, full, full, full]))
    assert (shares["kernel: 3"], shares["kernel: 5"]) == (0.25, 0.75)
    assert shares["expansion: 4"] == 0
    assert [name for name in shares if name.startswith("resolution")] == RESOLUTIONS


def test_kinds_with_too_many_options_to_read_are_left_out() -> None:
    space = make_space("mbconv", max_resolution=96)
    shares = option_shares(space, frequencies(space, [tuple(0 for _ in space.decisions)]))
    assert {name.split(":")[0] for name in shares} >= {"op", "kernel", "expansion"}
    assert not any(name.startswith("channels") for name in shares)


def test_diversity_is_the_mean_number_of_differing_decisions() -> None:
    members: list[Choices] = [(0, 1, 2, 0), (0, 1, 1, 0), (2, 1, 0, 0), (2, 1, 0, 1)]
    pairs = [sum(x != y for x, y in zip(*pair, strict=True)) for pair in itertools.combinations(members, 2)]
    shares = frequencies(ToySpace(), members)
    assert diversity(shares, len(members)) == pytest.approx(np.mean(pairs))


def test_what_is_not_finite_is_not_told() -> None:
    shown = Telemetry({"good": 1 / 3, "bad": math.nan, "worse": math.inf})
    assert shown.to_json() == {"values": {"good": 0.333333}, "shares": {}}


def test_hypervolume_counts_boxes_of_the_first_generation_and_later_results_move_no_box() -> None:
    watch = FrontWatch(Goals((ACCURACY, LATENCY_MS), {}))
    first = [{"accuracy": 0.5, "latency_ms": 1.0}, {"accuracy": 0.7, "latency_ms": 3.0}]
    assert watch.values(first) == {"front": 2}
    watch.settle(first)
    assert watch.values(first) == {"front": 2, "hypervolume": 0}
    middle = {"accuracy": 0.6, "latency_ms": 2.0}
    assert watch.values([*first, middle])["hypervolume"] == pytest.approx(0.25)
    watch.settle([{"accuracy": 0.0, "latency_ms": 9.0}, {"accuracy": 0.9, "latency_ms": 0.5}])
    assert watch.values([*first, middle])["hypervolume"] == pytest.approx(0.25)


def test_random_search_shows_how_much_of_the_space_it_saw() -> None:
    strategy = RandomSearch(ToySpace(), 0)
    history = play(strategy, 27)
    best = max(one.reward or 0.0 for one in history)
    assert strategy.telemetry().values == {"proposals": 27, "space_seen": 27 / 81, "best_reward": best}


def test_evolution_shows_the_living() -> None:
    strategy = RegularizedEvolution(ToySpace(), 0, RegularizedEvolutionOptions(population=6, sample=3))
    history = play(strategy, 20)
    living = sorted(one.reward or 0.0 for one in history[-6:])
    values = strategy.telemetry().values
    assert (values["children"], values["population"]) == (14, 6)
    assert values["population_best"] == living[-1]
    assert values["population_median"] == pytest.approx((living[2] + living[3]) / 2)
    assert values["best_reward"] == max(one.reward or 0.0 for one in history)


def test_nsga2_shows_a_front_that_grows_over_generations() -> None:
    strategy = Nsga2(ToySpace(6), 0, Nsga2Options(population=8))
    volumes = []
    for _ in range(6):
        play(strategy, 8)
        volumes.append(strategy.telemetry().values)
    assert [one["generation"] for one in volumes] == [0, 1, 2, 3, 4, 5]
    assert "hypervolume" not in volumes[0]
    assert volumes[-1]["hypervolume"] > volumes[1]["hypervolume"] > 0
    assert volumes[-1]["front"] >= 1


def test_surrogate_shows_how_wrong_its_predictions_were() -> None:
    strategy = SurrogateNsga2(ToySpace(6), 0, SurrogateOptions(first=20, batch=4, generations=5))
    play(strategy, 20)
    assert "error_accuracy" not in strategy.telemetry().values
    proposals = []
    for _ in range(4):
        proposals.append(strategy.ask())
        strategy.tell(observation(proposals[-1], toy_reward(proposals[-1].choices)))
    values = strategy.telemetry().values
    assert values["generation"] == 1
    wrong = [abs(strategy._expected[one.choices]["accuracy"] - toy_reward(one.choices)) for one in proposals]
    assert values["error_accuracy"] == pytest.approx(np.mean(wrong))


@pytest.mark.parametrize("name", ["reinforce", "ppo", "reinforce_factorised"])
def test_entropy_of_a_policy_begins_near_that_of_a_guess_and_falls(name: str) -> None:
    strategy = make_strategy(name, ToySpace(8), 0)
    first = strategy.telemetry()
    assert first.values["entropy"] == pytest.approx(math.log(3), abs=0.01)
    assert first.shares["d: 2"] == pytest.approx(1 / 3, abs=0.05)
    play(strategy, 100)
    last = strategy.telemetry()
    assert last.values["entropy"] < 0.9 * math.log(3)
    assert last.shares["d: 2"] > 0.45  # the better the larger, in the toy's reward
    assert last.values["updates"] >= 9
    assert last.values["moving_reward"] <= last.values["best_reward"]


def test_batch_reward_is_the_mean_of_the_latest_samples() -> None:
    strategy = Reinforce(ToySpace(8), 0, ReinforceOptions(batch=5))
    history = play(strategy, 5)
    strategy.ask()
    assert strategy.telemetry().values["batch_reward"] == pytest.approx(
        np.mean([one.reward for one in history])
    )
