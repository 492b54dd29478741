"""Does a search for cells find a better one than luck? The winner against cells drawn at random.

All cells are trained from scratch, fully and alike, and judged on the sealed test part, which is opened once
for all of them. The winner is trained with several seeds; its lead must exceed their spread.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nas.architecture import CellArchitecture, architecture_to_json
from nas.benches.contest import (
    Contest,
    ContestSearch,
    make_evaluator,
    refuse_other_settings,
    settings_of,
)
from nas.data.cache import read_manifest
from nas.data.sealed import open_seal, record_result
from nas.errors import DataError, EvaluationError
from nas.files import write_atomically
from nas.networks import build_network, count_macs, count_params
from nas.prediction import evaluate, validation_rows
from nas.report.cells import draw_cells
from nas.runtime import machine_facts
from nas.spaces.base import Choices
from nas.training import TrainingConfig, train

_FOREVER = 1e9


@dataclass(frozen=True)
class CellBench:
    """What to do.

    Attributes:
        contest: The search; its space is one of cells.
        out: Directory of the results; a bench that was cut short goes on.
        strategy: Name of the strategy.
        seed: Seed of the search, of the random cells and of their trainings.
        random_cells: Cells drawn at random.
        winner_seeds: Full trainings of the winner.
        epochs: Of each full training.
        workers: Trainings side by side, one thread each.
    """

    contest: Contest
    out: Path
    strategy: str = "reinforce"
    seed: int = 0
    random_cells: int = 10
    winner_seeds: int = 3
    epochs: int = 30
    workers: int = 1


def run_cell_bench(bench: CellBench, on_line: Callable[[str], None]) -> dict[str, Any]:
    """Searches, trains winner and random cells, opens the test part for them, writes `cells.json`.

    Args:
        bench: What to do.
        on_line: Told each finished piece of work in a line.

    Returns:
        The content of `cells.json`.

    Raises:
        DataError: If the images cannot be searched, or `out` holds results of other settings.
        EvaluationError: If not one cell could be trained.
    """
    if blocking := read_manifest(bench.contest.data)["blocking"]:
        raise DataError(str(blocking))
    settings = {
        **settings_of(bench.contest),
        "strategy": bench.strategy,
        "seed": bench.seed,
        "epochs": bench.epochs,
        "workers": bench.workers,
    }
    refuse_other_settings(bench.out / "settings.json", settings)
    finished = bench.out / "cells.json"
    if finished.exists():  # the test part is opened once
        earlier: dict[str, Any] = json.loads(finished.read_text(encoding="utf-8"))
        return earlier
    started = time.monotonic()
    ledger = bench.out / "ledger.jsonl"
    search = ContestSearch(bench.contest, bench.strategy, bench.seed, ledger, workers=bench.workers)
    rows = search.run(lambda row: on_line(f"cell {row['number']}: {_percent(row['reward'])} validation"))
    found = [row for row in rows if row["reward"] is not None]
    if not found:
        raise EvaluationError("Not one cell could be trained.")
    best = max(found, key=lambda row: float(row["reward"]))
    trained = _train_all(bench, tuple(best["choices"]), on_line)
    winner = bench.contest.make_space().decode(tuple(best["choices"]))
    if isinstance(winner, CellArchitecture):
        draw_cells(winner, bench.out, "winner", "Winner")
    judged = _judge(bench, trained)
    document = {
        **settings,
        "machine": machine_facts(),
        "evaluated": len(rows),
        "first_rewards": [row["reward"] for row in rows[:20]],
        "last_rewards": [row["reward"] for row in rows[-20:]],
        "best": best,
        "wall_seconds": time.monotonic() - started,
        **judged,
    }
    write_atomically(finished, json.dumps(document, indent=1) + "\n")
    return document


def verdict_line(document: dict[str, Any]) -> str:
    """Returns the outcome in a sentence."""
    comparison = "more than" if document["lead"] > document["noise"] else "not more than"
    return (
        f"winner {_percent(document['winner_mean'])} on test (mean of {len(document['winner_test'])} seeds), "
        f"mean of {len(document['random_test'])} random cells {_percent(document['random_mean'])}: "
        f"{100 * document['lead']:+.1f} points, {comparison} the seed noise of "
        f"{100 * document['noise']:.1f}; {document['random_above']} random cells are above "
        f"the winner's mean; {document['wall_seconds'] / 60:.1f} minutes"
    )


def random_cells(bench: CellBench) -> list[Choices]:
    """Returns different cells drawn uniformly, whatever the search saw."""
    space = bench.contest.make_space()
    rng = random.Random(f"random cells {bench.seed}")
    drawn: dict[Choices, None] = {}
    while len(drawn) < bench.random_cells:
        drawn[space.canonical(space.sample(rng))] = None
    return list(drawn)


def train_fully(bench: CellBench, choices: Choices, seed: int, weights: Path) -> dict[str, Any]:
    """Trains a cell's network from scratch on one thread and keeps its weights; done work is not repeated."""
    facts = weights.with_suffix(".json")
    if facts.exists():
        earlier: dict[str, Any] = json.loads(facts.read_text(encoding="utf-8"))
        return earlier
    evaluator = make_evaluator(bench.contest.data)
    cache = evaluator.cache
    architecture = bench.contest.make_space().decode(choices)
    module = evaluator.fresh(architecture, seed)
    config = TrainingConfig(
        resolution=architecture.resolution,
        seconds=_FOREVER,
        max_epochs=float(bench.epochs),
        learning_rate=2e-3,
        seed=seed,
    )
    result = train(module, cache, config)
    torch.save(module.state_dict(), weights)
    found = evaluate(module, cache, validation_rows(cache), architecture.resolution)
    trained = {
        "choices": list(choices),
        "architecture": architecture_to_json(architecture),
        "seed": seed,
        "validation": found.accuracy,
        "params": count_params(module),
        "macs": count_macs(module, architecture.resolution),
        "seconds": result.seconds,
    }
    write_atomically(facts, json.dumps(trained, indent=1) + "\n")
    return trained


def _train_all(
    bench: CellBench, winner: Choices, on_line: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    tasks = [(f"winner-{seed}", winner, seed) for seed in range(bench.winner_seeds)]
    tasks += [(f"random-{i}", cell, bench.seed) for i, cell in enumerate(random_cells(bench))]
    trained: dict[str, dict[str, Any]] = {}
    with ProcessPoolExecutor(bench.workers, mp_context=get_context("spawn")) as pool:
        futures = {
            pool.submit(train_fully, bench, cell, seed, bench.out / f"{name}.pt"): name
            for name, cell, seed in tasks
        }
        for future in as_completed(futures):
            name = futures[future]
            trained[name] = future.result()
            on_line(f"{name}: {_percent(trained[name]['validation'])} validation")
    return {name: trained[name] for name, _, _ in tasks}


def _judge(bench: CellBench, trained: dict[str, dict[str, Any]]) -> dict[str, Any]:
    cache = make_evaluator(bench.contest.data).cache
    token = open_seal(bench.out, list(trained))
    rows = cache.open_test(token)
    for name, facts in trained.items():
        module = _load(bench, facts, bench.out / f"{name}.pt", cache.n_classes)
        facts["test"] = evaluate(module, cache, rows, facts["architecture"]["resolution"]).accuracy
    record_result(token, {name: facts["test"] for name, facts in trained.items()})
    winner = [facts["test"] for name, facts in trained.items() if name.startswith("winner")]
    others = [facts["test"] for name, facts in trained.items() if name.startswith("random")]
    return {"trained": trained, **compare(winner, others)}


def compare(winner: Sequence[float], others: Sequence[float]) -> dict[str, Any]:
    """Returns the lead of the winner's mean over the others' and the spread of its seeds.

    Args:
        winner: Accuracies in [0, 1] of one cell, at least two seeds.
        others: Accuracies of different cells.
    """
    mean, others_mean = statistics.fmean(winner), statistics.fmean(others)
    return {
        "winner_test": list(winner),
        "winner_mean": mean,
        "random_test": list(others),
        "random_mean": others_mean,
        "lead": mean - others_mean,
        "noise": statistics.stdev(winner),
        "random_above": sum(value > mean for value in others),
    }


def _load(bench: CellBench, facts: dict[str, Any], weights: Path, n_classes: int) -> nn.Module:
    module = build_network(bench.contest.make_space().decode(tuple(facts["choices"])), n_classes)
    module.load_state_dict(torch.load(weights, weights_only=True))
    return module


def _percent(value: float | None) -> str:
    return "failed" if value is None else f"{100 * value:.1f}%"
