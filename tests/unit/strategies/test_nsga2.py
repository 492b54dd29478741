from __future__ import annotations

import random

import numpy as np
import pytest

from nas.objectives import ACCURACY, LATENCY_MS, Objective
from nas.pareto import hypervolume, ranks
from nas.spaces.base import Choices, SearchSpace
from nas.strategies import make_strategy
from nas.strategies.base import Observation, Strategy
from nas.strategies.nsga2 import Nsga2, Nsga2Options, sizes_for
from nas.strategies.selection import Goals, fitness, tournament, vary
from tests.unit.strategies.contract import StrategyContract, ToySpace

BOTH = (ACCURACY, LATENCY_MS)


class TestNsga2(StrategyContract):
    def make(
        self, space: SearchSpace, seed: int = 0, initial: tuple[Choices, ...] = (), workers: int = 1
    ) -> Strategy:
        # a batch is a generation of four, whatever the workers
        return make_strategy("nsga2", space, seed, Nsga2Options(population=4, initial=initial))


class TestSteadyStateNsga2(StrategyContract):
    def make(
        self, space: SearchSpace, seed: int = 0, initial: tuple[Choices, ...] = (), workers: int = 1
    ) -> Strategy:
        options = Nsga2Options(population=5, offspring=workers, initial=initial)
        return make_strategy("nsga2", space, seed, options)


def trade_off(choices: Choices) -> dict[str, float]:
    """More of the first half is more accurate and slower; the second half only costs time."""
    half = len(choices) // 2
    return {
        "accuracy": 0.5 + sum(choices[:half]) / (4 * half),
        "latency_ms": 1.0 + sum(choices[:half]) + 3 * sum(choices[half:]),
    }


def play(strategy: Strategy, n: int) -> list[dict[str, float]]:
    found = []
    for _ in range(n):
        proposal = strategy.ask()
        found.append(trade_off(proposal.choices))
        strategy.tell(Observation(proposal.number, proposal.choices, found[-1], None))
    return found


def area(found: list[dict[str, float]]) -> float:
    return hypervolume([(one["accuracy"], one["latency_ms"]) for one in found], (0.5, 33.0), BOTH)


def test_ranks_without_limits_are_those_of_pareto_dominance() -> None:
    rng = random.Random(0)
    points = [(rng.randrange(8) / 8, float(rng.randrange(8))) for _ in range(60)]
    goals = Goals(BOTH, {})
    values = [{"accuracy": a, "latency_ms": t} for a, t in points]
    fit = fitness(goals.costs(values), goals.violations(values))
    assert fit.ranks.tolist() == ranks(points, BOTH)


def test_crowded_comparison_prefers_rank_then_the_lonely() -> None:
    costs = np.array([[0.0, 4.0], [1.0, 2.9], [1.1, 2.8], [4.0, 0.0], [5.0, 5.0]])
    fit = fitness(costs, np.zeros(5))
    assert fit.ranks.tolist() == [0, 0, 0, 0, 1]
    assert set(fit.best(2)) == {0, 3}
    assert fit.best(5)[-1] == 4
    winners = {tournament(5, fit, random.Random(seed)) for seed in range(200)}
    assert winners == {0, 1, 2, 3, 4}  # the worst wins against itself only
    assert sum(tournament(5, fit, random.Random(seed)) == 4 for seed in range(500)) < 50


def test_networks_within_the_limit_dominate_all_others_and_less_violation_wins() -> None:
    goals = Goals(BOTH, {"latency_ms": 10.0, "size_bytes": 100.0})
    values = [
        {"accuracy": 0.1, "latency_ms": 9.0, "size_bytes": 100.0},
        {"accuracy": 0.9, "latency_ms": 11.0, "size_bytes": 90.0},
        {"accuracy": 0.8, "latency_ms": 9.0, "size_bytes": 150.0},
        {"accuracy": 0.2, "latency_ms": 9.0, "size_bytes": 100.0},
    ]
    assert goals.violations(values).tolist() == pytest.approx([0.0, 0.1, 0.5, 0.0])
    assert fitness(goals.costs(values), goals.violations(values)).ranks.tolist() == [1, 2, 3, 0]


def test_children_mix_both_parents_and_mutate_one_decision_on_average() -> None:
    space, rng = ToySpace(20), random.Random(3)
    zeros, twos = (0,) * 20, (2,) * 20
    plain = [vary(space, (zeros, twos), rng, crossover=1.0, mutation=0.0) for _ in range(300)]
    assert {value for child in plain for value in child} == {0, 2}
    assert 8 < sum(value == 2 for child in plain for value in child) / 300 < 12
    mutated = [vary(space, (zeros, twos), rng, crossover=0.0, mutation=None) for _ in range(2000)]
    changed = [sum(value != 0 for value in child) for child in mutated]
    assert 0.9 < sum(changed) / 2000 < 1.1


def test_later_generations_come_from_survivors() -> None:
    strategy = Nsga2(ToySpace(12), 0, Nsga2Options(population=20))
    first, last = play(strategy, 20), play(strategy, 180)[-20:]
    assert sum(area([one]) for one in last) > 1.5 * sum(area([one]) for one in first)


def test_front_is_larger_than_that_of_random_search() -> None:
    def found(name: str, seed: int) -> float:
        return area(play(make_strategy(name, ToySpace(12), seed, evaluations=150), 150))

    gains = [found("nsga2", seed) - found("random", seed) for seed in range(10)]
    assert min(gains) > 0


def test_limits_steer_the_search_to_networks_within_them() -> None:
    def share(limits: dict[str, float]) -> float:
        strategy = make_strategy("nsga2", ToySpace(12), 1, evaluations=200, limits=limits)
        return sum(one["latency_ms"] <= 8.0 for one in play(strategy, 200)[100:]) / 100

    assert share({"latency_ms": 8.0}) > share({}) + 0.1


def test_one_objective_is_enough() -> None:
    options = Nsga2Options(population=10, objectives=(Objective("accuracy", maximize=True),))
    assert max(one["accuracy"] for one in play(Nsga2(ToySpace(12), 0, options), 150)) == 1.0


@pytest.mark.parametrize(
    ("evaluations", "expected"),
    [(None, (40, None)), (10, (4, 1)), (60, (6, 1)), (200, (10, 1)), (300, (15, 1)), (5000, (40, 1))],
)
def test_sizes_scale_with_the_evaluations(evaluations: int | None, expected: tuple[int, int | None]) -> None:
    assert sizes_for(evaluations) == expected


def test_a_child_can_be_a_parent_at_once_when_generations_are_of_one() -> None:
    space = ToySpace(12)
    strategy = Nsga2(space, 0, Nsga2Options(population=4, offspring=1, mutation=0.2))
    for number in range(30):
        proposal = strategy.ask()
        if number >= 4:
            assert strategy.ask_another() is None  # the next one waits for this result
        values = {"accuracy": number / 100, "latency_ms": 1.0}  # each is the best so far
        strategy.tell(Observation(proposal.number, proposal.choices, values, None))
        if number >= 5:
            assert proposal.choices in [one.choices for one in strategy._arrived]
    strategy.ask()
    assert max(one.number for one in strategy._parents) == 29


@pytest.mark.parametrize(
    "wrong",
    [
        {"population": 1},
        {"offspring": 0},
        {"crossover": 1.1},
        {"mutation": -0.1},
        {"objectives": ()},
        {"limits": {"latency_ms": 0.0}},
    ],
)
def test_impossible_options_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"NSGA-II|probabilities|objective|limits"):
        Nsga2(ToySpace(), 0, Nsga2Options(**wrong))  # type: ignore[arg-type]
