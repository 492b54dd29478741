from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from nas.spaces.base import Choices, SearchSpace
from nas.strategies import make_strategy
from nas.strategies.base import Strategy
from nas.strategies.gaussian_process import GaussianProcess
from nas.strategies.nsga2_surrogate import SurrogateNsga2, SurrogateOptions, fill_gaps, sizes_for
from tests.unit.strategies.contract import StrategyContract, ToySpace
from tests.unit.strategies.test_nsga2 import area, play


class TestSurrogateNsga2(StrategyContract):
    def make(
        self, space: SearchSpace, seed: int = 0, initial: tuple[Choices, ...] = (), workers: int = 1
    ) -> Strategy:
        # a batch is a round of three, whatever the workers
        options = SurrogateOptions(first=5, batch=3, population=6, generations=3, initial=initial)
        return make_strategy("nsga2_surrogate", space, seed, options)


def target(choices: Choices) -> float:
    return 100.0 * choices[0] + 30.0 * choices[1] * choices[2] - 5.0 * choices[3]


def test_surrogate_predicts_what_it_has_not_seen() -> None:
    everything = list(itertools.product(range(3), repeat=5))
    random.Random(0).shuffle(everything)
    seen, unseen = everything[:80], everything[80:]
    predicted = GaussianProcess(seen, [target(one) for one in seen]).predict(unseen)
    assert np.corrcoef(predicted, [target(one) for one in unseen])[0, 1] > 0.98


def test_surrogate_passes_by_noise_and_knows_constants() -> None:
    rng = random.Random(0)
    everything = list(itertools.product(range(3), repeat=4))
    noisy = [one[0] + rng.gauss(0, 0.5) for one in everything]
    smooth = GaussianProcess(everything, noisy).predict(everything)
    truth = [one[0] for one in everything]
    assert np.abs(smooth - truth).mean() < 0.6 * np.abs(np.array(noisy) - truth).mean()
    assert GaussianProcess([(0,), (1,)], [7.0, 7.0]).predict([(2,)]).tolist() == [7.0]


def test_scale_of_a_metric_changes_no_ranking() -> None:
    seen = list(itertools.product(range(3), repeat=4))[::2]
    orders = [
        np.argsort(GaussianProcess(seen, [scale * target(one) for one in seen]).predict(seen)).tolist()
        for scale in (1e-9, 1.0, 1e9)
    ]
    assert orders[0] == orders[1] == orders[2]


def test_gaps_of_the_known_front_are_filled_ends_first() -> None:
    known = np.array([[0.0, 10.0], [5.0, 5.0]])
    offered = np.array([[4.9, 5.05], [2.5, 7.4], [-1.0, 11.0], [10.0, 0.0], [20.0, 20.0]])
    picked = fill_gaps(offered, np.zeros(5), known, 4)
    assert set(picked[:2]) == {2, 3}
    assert picked[2:] == [1, 0]
    assert fill_gaps(offered, np.zeros(5), known, 9)[-1] == 4
    assert fill_gaps(offered[:0], np.zeros(0), known, 4) == []


def test_front_is_larger_than_that_of_plain_nsga2_on_few_evaluations() -> None:
    def found(name: str, seed: int) -> float:
        return area(play(make_strategy(name, ToySpace(12), seed, evaluations=60), 60))

    gains = [found("nsga2_surrogate", seed) - found("nsga2", seed) for seed in range(2)]
    assert min(gains) > 0


def test_limits_keep_the_rounds_within_them() -> None:
    strategy = make_strategy("nsga2_surrogate", ToySpace(12), 0, evaluations=60, limits={"latency_ms": 8.0})
    late = play(strategy, 60)[30:]
    assert sum(one["latency_ms"] <= 8.0 for one in late) > 20


@pytest.mark.parametrize(
    ("evaluations", "expected"), [(None, (100, 8)), (10, (4, 1)), (100, (30, 8)), (340, (100, 8))]
)
def test_sizes_scale_with_the_evaluations(evaluations: int | None, expected: tuple[int, int]) -> None:
    assert sizes_for(evaluations) == expected


@pytest.mark.parametrize("wrong", [{"first": 1}, {"batch": 0}, {"population": 1}, {"generations": 0}])
def test_impossible_options_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="or more"):
        SurrogateNsga2(ToySpace(), 0, SurrogateOptions(**wrong))
