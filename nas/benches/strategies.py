"""Strategies against each other where each evaluation is a real training, with equal seconds in the ledger.

Every search has the same seconds, target latency and short trainings; the strategies differ in what they
propose. The winner of each search is then trained anew with seeds that the search never saw, and the
sealed test part judges these networks: the search chose among noisy figures, so its own are flattering.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student

from nas.architecture import architecture_to_json
from nas.benches.contest import (
    Contest,
    ContestSearch,
    Row,
    make_evaluator,
    refuse_other_settings,
    settings_of,
)
from nas.data.cache import read_manifest
from nas.data.sealed import open_seal, record_result
from nas.errors import DataError, EvaluationError
from nas.files import write_atomically
from nas.prediction import evaluate
from nas.runtime import machine_facts
from nas.strategies import make_strategy
from nas.strategies.base import Observation

YARDSTICK = "random"
_RETRAININGS = 3
_TARGET_NETWORKS = 20
_TARGET_SEED = 999_983  # of no search


@dataclass(frozen=True)
class StrategyBench:
    """What to compare.

    Attributes:
        contest: What all searches have in common; its target latency is measured here.
        out: Directory of the results; a bench that was cut short goes on.
        strategies: Names; `random` is what the others are compared with.
        seeds: Seeds 0 to seeds - 1.
        jobs: Searches side by side, one thread each.
    """

    contest: Contest
    out: Path
    strategies: tuple[str, ...] = (YARDSTICK, "regularized_evolution", "reinforce")
    seeds: int = 3
    jobs: int = 1


def run_strategy_bench(bench: StrategyBench, on_line: Callable[[str], None]) -> dict[str, Any]:
    """Runs all searches, trains the winners anew, opens the test part for them, writes `strategies.json`.

    Args:
        bench: What to compare.
        on_line: Told each finished search in a line.

    Returns:
        The content of `strategies.json`.

    Raises:
        DataError: If the images cannot be searched, or `out` holds results of other settings.
    """
    if blocking := read_manifest(bench.contest.data)["blocking"]:
        raise DataError(str(blocking))
    refuse_other_settings(bench.out / "settings.json", settings_of(bench.contest))
    target_ms = _target(bench)
    on_line(f"target latency {target_ms:.3f} ms")
    bench = replace(bench, contest=replace(bench.contest, target_ms=target_ms))
    runs: list[dict[str, Any]] = []
    for run in _all(bench):
        runs.append(run)
        on_line(run_line(run))
    runs.sort(key=lambda run: (bench.strategies.index(run["strategy"]), run["seed"]))
    document = {
        **settings_of(bench.contest),
        "target_ms": target_ms,
        "jobs": bench.jobs,
        "machine": machine_facts(),
        "summary": {name: summarise(name, runs) for name in bench.strategies},
        "runs": runs,
    }
    write_atomically(bench.out / "strategies.json", json.dumps(document, indent=1) + "\n")
    return document


def run_line(run: dict[str, Any]) -> str:
    """Returns one search in a line for people."""
    anew = ", ".join(f"{100 * accuracy:.1f}" for accuracy in run["test_accuracy"])
    return (
        f"{run['strategy']:21} seed {run['seed']}: {run['evaluated']} networks, "
        f"reward {run['best_reward']:.3f}, validation {100 * run['accuracy']:.1f}%, "
        f"{run['latency_ms']:.2f} ms; trained anew: test {anew}%, reward {run['anew_reward']:.3f}"
    )


def summary_line(name: str, summary: dict[str, Any]) -> str:
    """Returns one strategy in a line for people."""
    line = f"{name:21} reward of the winner trained anew {summary['anew_reward']:.3f}"
    if summary["anew_reward_ci95"] is None:
        return f"{line} (one seed)"
    low, high = summary["anew_reward_ci95"]
    line += f" ({low:.3f} to {high:.3f})"
    if "anew_reward_gain" not in summary:
        return line
    low, high = summary["anew_reward_gain_ci95"]
    verdict = "better" if low > 0 else "worse" if high < 0 else "indistinguishable"
    return f"{line}, {summary['anew_reward_gain']:+.3f} ({low:+.3f} to {high:+.3f}) on random: {verdict}"


def _all(bench: StrategyBench) -> Iterator[dict[str, Any]]:
    tasks = [(name, seed) for seed in range(bench.seeds) for name in bench.strategies]
    if bench.jobs == 1:
        for name, seed in tasks:
            yield one_search(bench, name, seed)
        return
    with ProcessPoolExecutor(bench.jobs, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(one_search, bench, name, seed) for name, seed in tasks]
        for future in as_completed(futures):
            yield future.result()


def one_search(bench: StrategyBench, name: str, seed: int) -> dict[str, Any]:
    """Searches for the given minutes and judges the winner; a finished search is taken as it is.

    Raises:
        EvaluationError: If not one network could be trained.
    """
    directory = bench.out / f"{name}-{seed}"
    finished = directory / "run.json"
    if finished.exists():
        earlier: dict[str, Any] = json.loads(finished.read_text(encoding="utf-8"))
        return earlier
    directory.mkdir(exist_ok=True)
    rows = ContestSearch(bench.contest, name, seed, directory / "ledger.jsonl").run()
    found = [row for row in rows if row["reward"] is not None]
    if not found:
        raise EvaluationError(f"No network of {name}, seed {seed}, could be trained.")
    best = max(found, key=lambda row: float(row["reward"]))
    run = {
        "strategy": name,
        "seed": seed,
        "evaluated": len(rows),
        "failed": len(rows) - len(found),
        "ledger_seconds": sum(row["seconds"] for row in rows),
        "best_number": best["number"],
        "best_reward": best["reward"],
        "accuracy": best["accuracy"],
        "latency_ms": best["latency_ms"],
        "curve": curve(rows),
        **_judge(bench.contest, best, seed, directory),
    }
    write_atomically(finished, json.dumps(run, indent=1) + "\n")
    return run


def _judge(contest: Contest, best: Row, seed: int, directory: Path) -> dict[str, Any]:
    """Trains the winner anew with fresh seeds and opens the test part once, for these networks."""
    architecture = contest.make_space().decode(tuple(best["choices"]))
    evaluator = make_evaluator(contest.data)
    seeds = [10_000_000 + 100 * seed + i for i in range(_RETRAININGS)]
    trained = [evaluator.evaluate(architecture, seconds=contest.short_seconds, seed=one) for one in seeds]
    networks = [network for network in trained if network is not None]
    token = open_seal(directory, [f"winner, seed {one}" for one in seeds])
    rows = evaluator.cache.open_test(token)
    accuracy = [evaluate(n.module, evaluator.cache, rows, architecture.resolution).accuracy for n in networks]
    record_result(token, {"accuracy": accuracy})
    latency_ms = statistics.median(network.metrics.latency_ms for network in networks)
    return {
        "architecture": architecture_to_json(architecture),
        "test_accuracy": accuracy,
        "anew_latency_ms": latency_ms,
        "anew_reward": statistics.fmean(contest.score(value, latency_ms) for value in accuracy),
    }


def _target(bench: StrategyBench) -> float:
    """Returns the target latency in milliseconds, the median of random networks; measured once and kept."""
    path = bench.out / "target.json"
    if not path.exists():
        evaluator = make_evaluator(bench.contest.data)
        space = bench.contest.make_space()
        strategy = make_strategy(YARDSTICK, space, _TARGET_SEED)
        latencies: list[float] = []
        for number in range(_TARGET_NETWORKS):
            proposal = strategy.ask()
            network = evaluator.evaluate(space.decode(proposal.choices), seconds=0.1, seed=number)
            assert network is not None  # nobody interrupts
            latencies.append(network.metrics.latency_ms)
            strategy.tell(Observation(proposal.number, proposal.choices, {}, None))
        found = {"target_ms": statistics.median(latencies), "networks": latencies}
        write_atomically(path, json.dumps(found, indent=1) + "\n")
    return float(json.loads(path.read_text(encoding="utf-8"))["target_ms"])


def summarise(name: str, runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Returns means over seeds with 95% intervals (Student's t), and the gain on random of equal seeds."""
    own = {run["seed"]: run for run in runs if run["strategy"] == name}
    yardstick = {run["seed"]: run for run in runs if run["strategy"] == YARDSTICK}
    summary: dict[str, Any] = {"seeds": len(own), "evaluated": [run["evaluated"] for run in own.values()]}
    common = sorted(own.keys() & yardstick.keys())
    for figure in ("best_reward", "anew_reward"):
        values = [run[figure] for run in own.values()]
        summary[figure] = statistics.fmean(values)
        summary[f"{figure}_ci95"] = t_interval(values)
        if name != YARDSTICK and len(common) > 1:
            gains = [own[seed][figure] - yardstick[seed][figure] for seed in common]
            summary[f"{figure}_gain"] = statistics.fmean(gains)
            summary[f"{figure}_gain_ci95"] = t_interval(gains)
    return summary


def t_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Returns Student's 95% interval of the mean; None of a single value."""
    if len(values) < 2:
        return None
    mean = statistics.fmean(values)
    half = float(student.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / math.sqrt(len(values))
    return mean - half, mean + half


def curve(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """Returns (seconds in the ledger, best reward so far) at each improvement."""
    spent = np.cumsum([row["seconds"] for row in rows])
    found: list[tuple[float, float]] = []
    for seconds, row in zip(spent, rows, strict=True):
        if row["reward"] is not None and (not found or row["reward"] > found[-1][1]):
            found.append((round(float(seconds), 1), float(row["reward"])))
    return found
