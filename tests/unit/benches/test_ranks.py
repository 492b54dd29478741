"""Kendall's tau with bootstrap intervals, overall and among networks of equal size."""

from __future__ import annotations

import random

import pytest
from scipy.stats import kendalltau

from nas.benches.proxy_table import judged, table_lines
from nas.benches.ranks import RankJudge, best_of
from nas.proxies import PROXIES

SIZES = [100.0 * (i + 1) for i in range(20)]


def draw(seed: int, n: int = 20) -> list[float]:
    rng = random.Random(seed)
    return [round(rng.random(), 1) for _ in range(n)]  # with ties


def test_tau_is_scipys_with_ties() -> None:
    results, scores = draw(1), draw(2)
    tau = RankJudge(results, SIZES).tau(scores)
    assert tau.value == pytest.approx(kendalltau(scores, results).statistic)
    assert tau.pairs == 190
    assert tau.low is not None and tau.high is not None and tau.value is not None
    assert tau.low < tau.value < tau.high


def test_a_perfect_ranking_has_tau_one_and_no_doubt() -> None:
    results = [float(i) for i in range(20)]
    tau = RankJudge(results, SIZES).tau([10.0**i for i in range(20)])
    assert (tau.value, tau.low, tau.high) == (1.0, 1.0, 1.0)


def test_within_the_band_only_networks_of_equal_size_are_compared() -> None:
    # two sizes; the score knows the size only, and is wrong among equals
    sizes = [1.0, 1.05, 1.09, 9.0, 9.5, 9.9]
    results = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    scores = [3.0, 2.0, 1.0, 6.0, 5.0, 4.0]
    judge = RankJudge(results, sizes)
    assert judge.tau(scores).value == pytest.approx((9 - 6) / 15)
    band = judge.tau(scores, band=0.1)
    assert (band.value, band.pairs) == (-1.0, 6)


def test_a_missing_score_counts_as_the_lowest() -> None:
    judge = RankJudge([1.0, 2.0, 3.0], [1.0, 1.0, 1.0])
    assert judge.tau([None, 2.0, 3.0]).value == 1.0
    assert judge.tau([1.0, 2.0, None]).value == pytest.approx(-1 / 3)


def test_constant_scores_have_no_tau() -> None:
    tau = RankJudge([1.0, 2.0, 3.0], [1.0, 1.0, 1.0]).tau([5.0, 5.0, 5.0])
    assert (tau.value, tau.low, tau.high) == (None, None, None)
    assert best_of(("a", "b"), {"a": tau, "b": RankJudge([1, 2], [1, 1]).tau([2, 1])}) == "b"


def test_the_difference_of_a_score_with_itself_is_zero_in_every_resample() -> None:
    results, scores = draw(3), draw(4)
    judge = RankJudge(results, SIZES)
    none = judge.difference(scores, scores)
    assert (none.value, none.low, none.high) == (0.0, 0.0, 0.0)
    assert judge.difference(results, scores).low > 0


def test_the_table_sets_every_proxy_beside_the_better_of_parameters_and_macs() -> None:
    rows = [
        {
            "accuracy": i / 20,
            "scores": {name: float(-i) for name in PROXIES} | {"synflow": float(i), "macs": 1.0 + i // 10},
            "proxy_seconds": dict.fromkeys(PROXIES, 0.5),
        }
        for i in range(20)
    ]
    table, better = judged(rows, 0)
    assert better == "macs" and tuple(table) == PROXIES
    assert table["synflow"]["overall"]["value"] == 1.0
    assert table["synflow"]["band"] == {"value": 1.0, "low": 1.0, "high": 1.0, "pairs": 90}
    assert table["macs"]["less_baseline"]["value"] is None and table["synflow"]["less_baseline"]["value"] > 0
    lines = table_lines({"table": table, "better_baseline": better})
    assert lines[2].startswith("| synflow | 1.00 | 1.00 to 1.00 | 1.00 |") and lines[2].endswith("| 0.50 |")
    few, _ = judged(rows[:5], 0)
    assert few["synflow"]["band"] == {"value": None, "low": None, "high": None, "pairs": 10}
