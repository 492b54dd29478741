"""Judges strategies on a table of known results: regret, hypervolume and a test against random search.

No network is trained and torch is never loaded. Every strategy gets the same evaluations and the same
seeds. A strategy sees what it asks for and nothing else; the table's best value is known to the judge only.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.stats import wilcoxon
from threadpoolctl import threadpool_limits

from nas.errors import EvaluationError, SpaceError
from nas.evaluators.table import TableEvaluator
from nas.objectives import Objective
from nas.pareto import hypervolume
from nas.spaces.table import Table, TableSpace
from nas.strategies import make_strategy
from nas.strategies.base import Observation
from nas.strategies.random_search import RandomSearch

_RESAMPLES = 10_000
_COLUMNS = "{:<24}{:>12}{:>7}{:>13}{:>20}{:>13}{:>12}{:>9}"

HEADER = _COLUMNS.format(
    "strategy", "evaluations", "seeds", "mean regret", "95% interval", "hypervolume", "p vs random", "seconds"
)
"""Heads of the columns of `Row.line`; a hypervolume stands as its ratio to the true front's."""


@dataclass(frozen=True)
class Run:
    """What one seed of a strategy found.

    Attributes:
        regret: Best value of the table less the best value found, in the metric's own points, >= 0.
        hypervolume_ratio: Hypervolume found over that of the true front, in [0, 1]; None with one objective.
        seconds: Wall-clock seconds.
    """

    regret: float
    hypervolume_ratio: float | None
    seconds: float


@dataclass(frozen=True)
class Row:
    """One line of the benchmark.

    Attributes:
        strategy: Its name.
        evaluations: Architectures that each seed could look up.
        seeds: Number of seeds.
        mean_regret: Mean over the seeds, in the metric's own points.
        ci95: 95% bootstrap interval of that mean.
        hypervolume_ratio: Mean over the seeds; None without a second objective.
        p_vs_random: One-sided Wilcoxon signed-rank test, paired by seed, that the regret is below that of
            random search; None for random search itself.
        seconds: Wall-clock seconds of all seeds together, as if they had run one after another.
    """

    strategy: str
    evaluations: int
    seeds: int
    mean_regret: float
    ci95: tuple[float, float]
    hypervolume_ratio: float | None
    p_vs_random: float | None
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON-ready dict."""
        return {**asdict(self), "ci95": list(self.ci95)}

    def line(self) -> str:
        """Returns one line for a terminal, in the columns of `HEADER`."""
        interval = f"{self.ci95[0]:.4g} to {self.ci95[1]:.4g}"
        ratio = "-" if self.hypervolume_ratio is None else f"{self.hypervolume_ratio:.4f}"
        p = "-" if self.p_vs_random is None else f"{self.p_vs_random:.2g}"
        return _COLUMNS.format(
            self.strategy,
            self.evaluations,
            self.seeds,
            f"{self.mean_regret:.4g}",
            interval,
            ratio,
            p,
            f"{self.seconds:.1f}",
        )


class Judge:
    """Runs strategies on one table and knows the truth."""

    def __init__(self, table: Table, maximize: str, minimize: str | None = None) -> None:
        """Finds the best value, the true front and the worst of each metric.

        Args:
            table: The results.
            maximize: Metric that single-objective strategies maximise and regret counts.
            minimize: Second objective, None for none.

        Raises:
            DataError: If a metric is missing or not numeric.
            SpaceError: If the table has nothing to search.
        """
        self.space = TableSpace(table)
        second = () if minimize is None else (Objective(minimize, maximize=False),)
        self.objectives: tuple[Objective, ...] = (Objective(maximize, maximize=True), *second)
        self.evaluator = TableEvaluator(table, self.space, self.objectives)
        points = self.evaluator.finite()
        if not points:
            raise SpaceError(f"{table.name} has no row with all of the asked metrics; choose other metrics.")
        self.best = max(point[0] for point in points)
        self.worst = tuple(
            (min if one.maximize else max)(point[index] for point in points)
            for index, one in enumerate(self.objectives)
        )
        self._area = self._hypervolume(points)

    def run(self, strategy: str, evaluations: int, seed: int) -> Run:
        """Plays one strategy with one seed; it ends early once every architecture was seen."""
        started = time.perf_counter()
        found = list(self._play(strategy, evaluations, seed))
        best = max((point[0] for point in found), default=self.worst[0])
        ratio = self._hypervolume(found) / self._area if self._area > 0 else None
        return Run(self.best - best, ratio, time.perf_counter() - started)

    def _play(self, name: str, evaluations: int, seed: int) -> Iterator[tuple[float, ...]]:
        strategy = make_strategy(name, self.space, seed, evaluations=evaluations, objectives=self.objectives)
        for _ in range(evaluations):
            try:
                proposal = strategy.ask()
            except SpaceError:
                return
            try:
                values = self.evaluator.evaluate(proposal.choices)
            except EvaluationError:
                values = {}
            reward = values.get(self.objectives[0].name)
            strategy.tell(Observation(proposal.number, proposal.choices, values, reward))
            if values:
                yield tuple(values[one.name] for one in self.objectives)

    def _hypervolume(self, points: Sequence[tuple[float, ...]]) -> float:
        if len(self.objectives) < 2:
            return 0.0
        return hypervolume(points, self.worst, self.objectives)


def bench(
    judge: Judge,
    strategies: Sequence[str],
    evaluations: Sequence[int],
    seeds: int,
    processes: int | None = None,
) -> Iterator[Row]:
    """Yields a row for each number of evaluations and strategy, random search's own before the others.

    Args:
        judge: The table's judge.
        strategies: Names; random search is played for comparison even if it is not among them.
        evaluations: Budgets, each >= 1.
        seeds: Seeds 0 to `seeds` - 1, >= 1.
        processes: Processes to spread the seeds over; None takes one a core.

    Raises:
        SpaceError: If a strategy is unknown.
    """
    processes = processes or os.cpu_count() or 1
    names = [RandomSearch.name, *(name for name in strategies if name != RandomSearch.name)]
    for name in names:
        make_strategy(name, judge.space, 0)  # unknown names are refused before any work
    pool = (
        ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _start, (judge,))
        if processes > 1
        else nullcontext()
    )
    with pool as executor, threadpool_limits(1):
        for budget in evaluations:
            random_regrets: list[float] = []
            for name in names:
                play = partial(judge.run, name, budget) if executor is None else partial(_run, name, budget)
                apply = map if executor is None else executor.map
                runs = list(apply(play, range(seeds)))
                if name == RandomSearch.name:
                    random_regrets = [run.regret for run in runs]
                if name in strategies:
                    yield _row(name, budget, runs, None if name == RandomSearch.name else random_regrets)


_judge: Judge | None = None


def _start(judge: Judge) -> None:
    """Sets a process up: the table is sent once, and one thread leaves the other cores to the others."""
    global _judge  # noqa: PLW0603 - the only way to hand a pool's process something once
    _judge = judge
    threadpool_limits(1)


def _run(strategy: str, evaluations: int, seed: int) -> Run:
    assert _judge is not None
    return _judge.run(strategy, evaluations, seed)


def _row(name: str, evaluations: int, runs: Sequence[Run], random_regrets: Sequence[float] | None) -> Row:
    regrets = [run.regret for run in runs]
    ratios = [run.hypervolume_ratio for run in runs if run.hypervolume_ratio is not None]
    return Row(
        strategy=name,
        evaluations=evaluations,
        seeds=len(runs),
        mean_regret=math.fsum(regrets) / len(regrets),
        ci95=bootstrap_interval(regrets),
        hypervolume_ratio=math.fsum(ratios) / len(ratios) if ratios else None,
        p_vs_random=None if random_regrets is None else p_below(regrets, random_regrets),
        seconds=math.fsum(run.seconds for run in runs),
    )


def bootstrap_interval(values: Sequence[float]) -> tuple[float, float]:
    """Returns the 95% percentile bootstrap interval of a mean; it depends on the values alone."""
    sample = np.asarray(values, dtype=float)
    rows = np.random.default_rng(0).integers(len(sample), size=(_RESAMPLES, len(sample)))
    low, high = np.quantile(sample[rows].mean(axis=1), (0.025, 0.975))
    return float(low), float(high)


def p_below(values: Sequence[float], others: Sequence[float]) -> float:
    """Returns the p value of the one-sided Wilcoxon signed-rank test that `values` are below `others`.

    Pairs without a difference say nothing and are left out; if none is left, p is 1.
    """
    differences = np.asarray(values, dtype=float) - np.asarray(others, dtype=float)
    if not differences.any():
        return 1.0
    return float(wilcoxon(differences, alternative="less").pvalue)
