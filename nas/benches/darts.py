"""Does plain DARTS collapse to skip connections on these images, and do the remedies help?

All forms search with the same seeds on the same images; the limited one goes on from the end of the fixed
one's search. The derived cells are then trained from scratch, each with the same number of epochs, by the
training loop that all networks of the engine pass through.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from nas.architecture import architecture_to_json
from nas.benches.curves import darts_curves
from nas.cells import TEMPLATES, cell_text
from nas.data.cache import ImageCache, read_manifest
from nas.errors import DataError
from nas.files import write_atomically
from nas.networks import build_network, count_macs, count_params
from nas.prediction import validation_rows
from nas.report.cells import draw_cells
from nas.runtime import machine_facts, tune_process
from nas.strategies.darts.options import DartsOptions
from nas.strategies.darts.search import DartsResult, DartsSearch
from nas.training import TrainingConfig, evaluate, train

FORMS: dict[str, Callable[..., DartsOptions]] = {
    "plain": DartsOptions.plain,
    "fixed": DartsOptions.fixed,
    "limited": DartsOptions.limited,
}
_TOGETHER: tuple[tuple[str, ...], ...] = (
    ("plain",),
    ("fixed", "limited"),
)  # the limit is put on what the fixed form has found
COLLAPSE_SHARE = 0.5
"""A cell has collapsed if at least this part of its normal cell's edges are skip connections."""

_CHANCE = {"nasbench201": "a cell drawn at random has 3 or more of 6 with probability 0.17"}
_FOREVER = 1e9
_TRAINED_CHANNELS = 16


@dataclass(frozen=True)
class BenchConfig:
    """What to compare.

    Attributes:
        data: Directory of a prepared image cache.
        out: Directory of the results; a run that was cut short goes on.
        seeds: Seeds 0 to seeds - 1.
        minutes: After so many minutes what is unfinished is left out, and the result says so.
        epochs: Of each search.
        cells: Normal cells a stage of the search; the trained networks have one and 16 channels, the size
            of the search space `nasbench201`.
        train_epochs: Of each from-scratch training.
        images: Most training images of a search; None for all.
        template: Cell family.
        jobs: Searches side by side, one thread each.
        changes: Further settings for all forms.
    """

    data: Path
    out: Path
    seeds: int = 4
    minutes: float = 30.0
    epochs: int = 50
    cells: int = 1
    train_epochs: int = 20
    images: int | None = None
    template: str = "nasbench201"
    jobs: int = 1
    changes: tuple[tuple[str, Any], ...] = ()

    def options(self, form: str) -> DartsOptions:
        """Returns the settings of one form."""
        return FORMS[form](
            template=self.template,
            epochs=self.epochs,
            cells=self.cells,
            images=self.images,
            **dict(self.changes),
        )


def run_darts_bench(config: BenchConfig, on_line: Callable[[str], None]) -> dict[str, Any]:
    """Runs all searches and writes `darts.json`, `curves.svg` and a drawing of each cell.

    Args:
        config: What to compare.
        on_line: Told each finished piece of work in a line.

    Returns:
        The content of `darts.json`.

    Raises:
        DataError: If the images cannot be searched.
    """
    if blocking := read_manifest(config.data)["blocking"]:
        raise DataError(str(blocking))
    started = time.monotonic()
    deadline = time.time() + config.minutes * 60
    config.out.mkdir(parents=True, exist_ok=True)
    tasks = [(forms, seed) for seed in range(config.seeds) for forms in _TOGETHER]
    runs: list[dict[str, Any]] = []
    for run in _in_turn(config, tasks, deadline) if config.jobs == 1 else _abreast(config, tasks, deadline):
        runs.append(run)
        on_line(run_line(run))
    runs.sort(key=lambda run: (run["form"], run["seed"]))
    document = _document(config, runs, time.monotonic() - started)
    write_atomically(config.out / "darts.json", json.dumps(document, indent=1) + "\n")
    write_atomically(config.out / "curves.svg", darts_curves(runs))
    return document


_Tasks = list[tuple[tuple[str, ...], int]]


def _in_turn(config: BenchConfig, tasks: _Tasks, deadline: float) -> Iterator[dict[str, Any]]:
    for forms, seed in tasks:
        for form in forms:
            yield one_run(config, form, seed, deadline)


def _abreast(config: BenchConfig, tasks: _Tasks, deadline: float) -> Iterator[dict[str, Any]]:
    with ProcessPoolExecutor(config.jobs, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(_runs, config, forms, seed, deadline) for forms, seed in tasks]
        for future in as_completed(futures):
            yield from future.result()


def _runs(config: BenchConfig, forms: tuple[str, ...], seed: int, deadline: float) -> list[dict[str, Any]]:
    return [one_run(config, form, seed, deadline) for form in forms]


def one_run(config: BenchConfig, form: str, seed: int, deadline: float) -> dict[str, Any]:
    """Searches once and trains the derived cell; finished work of an earlier call is taken as it is.

    Args:
        config: What to compare.
        form: One of `FORMS`.
        seed: Seed of search and training.
        deadline: Value of `time.time()` at which to put the work down.
    """
    tune_process(1)
    cpu = time.process_time()
    finished = config.out / f"{form}-{seed}.json"
    options = config.options(form)
    key = repr((options.text(), config.train_epochs, read_manifest(config.data)["content_hash"]))
    if finished.exists():
        earlier: dict[str, Any] = json.loads(finished.read_text(encoding="utf-8"))
        if earlier["key"] == key:
            return earlier
    cache = ImageCache.open(config.data)
    goes_on = form == "limited"  # from the end of the fixed form's search, in a file of its own
    checkpoint = config.out / f"{form}-{seed}.checkpoint"
    before = config.out / f"fixed-{seed}.checkpoint"
    if goes_on and before.exists() and not checkpoint.exists():
        shutil.copyfile(before, checkpoint)

    def should_stop() -> bool:
        return time.time() > deadline

    search = DartsSearch(cache, options, seed, checkpoint=checkpoint)
    if not goes_on:
        cpu -= search.earlier_cpu_seconds  # of earlier processes
    result = search.run(should_stop=should_stop)
    run: dict[str, Any] = {"key": key, "form": form, "seed": seed, "finished": False}
    run["epochs"] = [] if goes_on else [asdict(record) for record in search.records]
    if result is not None:
        trained = _trained_already(config, result, seed) if goes_on else None
        trained = trained or _train(cache, config, result, seed, should_stop)
        if trained is not None:
            run |= {"finished": True, **_facts(result), "derived": trained}
            draw_cells(result.architecture, config.out, f"{form}-{seed}", f"{form} seed {seed}")
    run["cpu_seconds"] = time.process_time() - cpu
    if run["finished"]:
        write_atomically(finished, json.dumps(run))
    return run


def run_line(run: dict[str, Any]) -> str:
    """Returns one run in a line for people."""
    name = f"{run['form']:7} seed {run['seed']}"
    if not run["finished"]:
        return f"{name}: unfinished after {len(run['epochs'])} epochs; run the command again to go on"
    verdict = "COLLAPSED" if run["collapsed"] else "sound"
    stop = "" if run["stopped_at"] is None else f", stopped by the eigenvalue at epoch {run['stopped_at']}"
    return (
        f"{name}: {run['skips']} of {run['edges']} skips, {verdict}{stop}; derived cell "
        f"{100 * run['derived']['accuracy']:.1f}% validation, {run['derived']['params']} parameters"
    )


def _trained_already(config: BenchConfig, result: DartsResult, seed: int) -> dict[str, Any] | None:
    """Returns what the fixed form's training came to if the limit has changed nothing."""
    path = config.out / f"fixed-{seed}.json"
    fixed = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    same = fixed.get("cell") == cell_text(TEMPLATES[result.architecture.template], result.architecture.normal)
    derived: dict[str, Any] | None = fixed["derived"] if same else None
    return derived


def _train(
    cache: ImageCache,
    config: BenchConfig,
    result: DartsResult,
    seed: int,
    should_stop: Callable[[], bool],
) -> dict[str, Any] | None:
    """Trains the derived network from scratch; None if put down."""
    architecture = replace(result.architecture, channels=_TRAINED_CHANNELS, cells=1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = build_network(architecture, cache.n_classes)
    training = TrainingConfig(
        resolution=architecture.resolution,
        seconds=_FOREVER,
        max_epochs=float(config.train_epochs),
        learning_rate=2e-3,
        seed=seed,
    )
    if train(module, cache, training, should_stop=should_stop).interrupted:
        return None
    evaluation = evaluate(module, cache, validation_rows(cache), architecture.resolution)
    return {
        "architecture": architecture_to_json(architecture),
        "accuracy": evaluation.accuracy,
        "accuracy_low": evaluation.accuracy_low,
        "accuracy_high": evaluation.accuracy_high,
        "params": count_params(module),
        "macs": count_macs(module, architecture.resolution),
    }


def _facts(result: DartsResult) -> dict[str, Any]:
    architecture = result.architecture
    template = TEMPLATES[architecture.template]
    edges = len(template.pairs) if template.n_kept is None else template.n_kept * template.n_nodes
    return {
        "skips": result.skips,
        "edges": edges,
        "collapsed": result.skips >= COLLAPSE_SHARE * edges,
        "stopped_at": result.stopped_at,
        "cell": cell_text(template, architecture.normal),
        "search_seconds": result.seconds,
    }


def _document(config: BenchConfig, runs: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    cache = ImageCache.open(config.data)
    return {
        "collapse": f"at least {COLLAPSE_SHARE:.0%} of the edges of the normal cell are skip connections",
        "chance": _CHANCE.get(config.template, ""),
        "images": {
            "classes": cache.n_classes,
            "train": len(cache.indices("train")),
            "val": len(cache.indices("val")),
            "content_hash": cache.content_hash,
        },
        "options": {form: asdict(config.options(form)) for form in FORMS},
        "train_epochs": config.train_epochs,
        "jobs": config.jobs,
        "wall_seconds": seconds,
        "cpu_seconds": sum(run["cpu_seconds"] for run in runs),
        "machine": machine_facts(),
        "summary": {form: _summary([run for run in runs if run["form"] == form]) for form in FORMS},
        "runs": [{key: value for key, value in run.items() if key != "key"} for run in runs],
    }


def _summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    finished = [run for run in runs if run["finished"]]
    return {
        "finished": len(finished),
        "collapsed": sum(run["collapsed"] for run in finished),
        "skips": [run["skips"] for run in finished],
        "accuracy": [run["derived"]["accuracy"] for run in finished],
    }
