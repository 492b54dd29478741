"""Do zero-cost proxies rank networks on these images, and better than their size does?

Networks are drawn at random, scored before any training, then trained from scratch with equal epochs by the
training loop that all networks of the engine pass through. Kendall's tau of each proxy with the validation
accuracy stands beside that of parameters and MACs, over all pairs and over pairs of about equal MACs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nas.architecture import Architecture, CellArchitecture, MBConvArchitecture, architecture_to_json
from nas.benches.proxy_table import LEAST_NETWORKS, judged
from nas.cost import macs
from nas.data.cache import ImageCache, read_manifest
from nas.errors import DataError, EvaluationError
from nas.evaluators.short_training import RECIPES
from nas.events import ShouldStop
from nas.files import append_json_line, read_json_lines, write_atomically
from nas.networks import build_network, count_macs, count_params
from nas.prediction import validation_rows
from nas.proxies.scores import proxy_batch, timed_scores
from nas.runtime import machine_facts, tune_process
from nas.spaces import make_space
from nas.spaces.base import SearchSpace
from nas.spaces.cells import DartsCellSpace, NasBench201Space
from nas.strategies.random_search import RandomSearch
from nas.training import TrainingConfig, evaluate, train

_CELLS: dict[str, Callable[..., SearchSpace]] = {
    DartsCellSpace.name: DartsCellSpace,
    NasBench201Space.name: NasBench201Space,
}
_FOREVER = 1e9
_PILOT_STEPS = 12
_ROWS = "networks.jsonl"


@dataclass(frozen=True)
class ProxyBenchConfig:
    """What to compare.

    Attributes:
        data: Directory of a prepared image cache.
        out: Directory of the results; a comparison that was cut short goes on.
        space: Name of a space that is trained from scratch.
        networks: How many to draw.
        seconds: Processor seconds of training that the network of median MACs should take; from them come
            the epochs, which are equal for all.
        seed: Seed of the draws, the weights and the trainings.
        epochs: These epochs instead of what `seconds` gives.
        resolution: Side in pixels of all networks.
        mixed: True draws the resolution, too, so that it explains a part of everything.
        channels: Of the first stage of a network of cells.
    """

    data: Path
    out: Path
    space: str
    networks: int = 30
    seconds: float = 45.0
    seed: int = 0
    epochs: float | None = None
    resolution: int = 32
    mixed: bool = False
    channels: int = 16

    def search_space(self, cache_size: int) -> SearchSpace:
        """Returns the space to draw from; `cache_size` is the side of the prepared images in pixels."""
        sides = None if self.mixed else (self.resolution,)
        kind = _CELLS.get(self.space)
        if kind is not None:
            return kind(max_resolution=cache_size, resolutions=sides, channels=self.channels)
        return make_space(self.space, max_resolution=cache_size, resolutions=sides)


def run_proxy_bench(
    config: ProxyBenchConfig, on_line: Callable[[str], None], should_stop: ShouldStop
) -> dict[str, Any]:
    """Draws, scores and trains, one line of `networks.jsonl` a network, and writes `proxies.json`.

    Args:
        config: What to compare.
        on_line: Told each finished network in a line.
        should_stop: Polled after every training step; True judges what there is.

    Returns:
        The content of `proxies.json`; `table` is empty while fewer than four networks are there.

    Raises:
        DataError: If the images cannot be used or `out` holds another comparison.
    """
    if blocking := read_manifest(config.data)["blocking"]:
        raise DataError(str(blocking))
    tune_process(1)
    cache = ImageCache.open(config.data)
    config.out.mkdir(parents=True, exist_ok=True)
    architectures = _drawn(config, cache)
    epochs = _epochs(config, cache, architectures)
    done = _finished(config.out)
    for number, architecture in enumerate(architectures):
        if number in done:
            continue
        row = None if should_stop() else _one(config, cache, (number, architecture), epochs, should_stop)
        if row is None:
            break
        append_json_line(config.out / _ROWS, row)
        done[number] = row
        on_line(_line(row))
    document = _document(config, cache, epochs, [done[number] for number in sorted(done)])
    write_atomically(config.out / "proxies.json", json.dumps(document, indent=1) + "\n")
    return document


def _drawn(config: ProxyBenchConfig, cache: ImageCache) -> list[Architecture]:
    """Draws different networks without replacement; the same ones for the same seed."""
    space = config.search_space(cache.cache_size)
    strategy = RandomSearch(space, config.seed)
    proposals = (strategy.ask_another() for _ in range(config.networks))
    return [space.decode(proposal.choices) for proposal in proposals if proposal is not None]


def _epochs(config: ProxyBenchConfig, cache: ImageCache, architectures: Sequence[Architecture]) -> float:
    """Returns the epochs of every training, settled by the first call."""
    settings = {key: value for key, value in asdict(config).items() if key not in ("data", "out", "networks")}
    key = {**settings, "content_hash": cache.content_hash}
    path = config.out / "plan.json"
    if path.exists():
        plan = json.loads(path.read_text(encoding="utf-8"))
        if plan["key"] != key:
            raise DataError(f"{config.out} holds a comparison with other settings; choose another directory.")
        return float(plan["epochs"])
    epochs = config.epochs or _epochs_in(config.seconds, cache, architectures)
    write_atomically(path, json.dumps({"key": key, "epochs": epochs}) + "\n")
    return epochs


def _epochs_in(seconds: float, cache: ImageCache, architectures: Sequence[Architecture]) -> float:
    """Returns how many epochs a network of median MACs trains in some processor seconds, measured."""
    by_size = sorted(architectures, key=_macs)
    architecture = by_size[len(by_size) // 2]
    module = build_network(architecture, cache.n_classes)
    config = TrainingConfig(resolution=architecture.resolution, seconds=_FOREVER)
    steps = 0
    started = time.process_time()

    def enough() -> bool:
        nonlocal steps, started
        if steps == 2:  # the first steps set things up
            started = time.process_time()
        steps += 1
        return steps > _PILOT_STEPS

    result = train(module, cache, config, should_stop=enough)
    images = result.images_seen * (_PILOT_STEPS - 2) / _PILOT_STEPS
    an_epoch = (time.process_time() - started) * len(cache.indices("train")) / max(1.0, images)
    return max(0.5, round(2 * seconds / an_epoch) / 2)


def _macs(architecture: Architecture) -> int:
    assert isinstance(architecture, MBConvArchitecture | CellArchitecture)
    return macs(architecture)


def _one(
    config: ProxyBenchConfig,
    cache: ImageCache,
    drawn: tuple[int, Architecture],
    epochs: float,
    should_stop: ShouldStop,
) -> dict[str, Any] | None:
    """Scores and trains one network; None if it was put down."""
    number, architecture = drawn
    seed = config.seed * 10_007 + number
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = build_network(architecture, cache.n_classes)
    images, labels = proxy_batch(cache, architecture.resolution, config.seed)
    scores, seconds = timed_scores(module, images, labels)
    row: dict[str, Any] = {
        "number": number,
        "architecture": architecture_to_json(architecture),
        "params": count_params(module),
        "macs": count_macs(module, architecture.resolution),
        "scores": scores,
        "proxy_seconds": seconds,
    }
    recipe = RECIPES["from scratch"]
    training = TrainingConfig(
        resolution=architecture.resolution,
        seconds=_FOREVER,
        max_epochs=epochs,
        learning_rate=recipe.learning_rate,
        head_multiplier=recipe.head_multiplier,
        seed=seed,
    )
    trained = _trained(module, cache, training, config.out / f"{number}.checkpoint", should_stop)
    return None if trained is None else {**row, **trained}


def _trained(
    module: nn.Module, cache: ImageCache, config: TrainingConfig, checkpoint: Path, should_stop: ShouldStop
) -> dict[str, Any] | None:
    started = time.process_time()
    try:
        result = train(module, cache, config, checkpoint=checkpoint, should_stop=should_stop)
    except EvaluationError as error:
        return {"accuracy": None, "error": str(error), "cpu_seconds": time.process_time() - started}
    if result.interrupted:
        return None
    evaluation = evaluate(module, cache, validation_rows(cache), config.resolution)
    checkpoint.unlink(missing_ok=True)
    return {
        "accuracy": evaluation.accuracy,
        "accuracy_low": evaluation.accuracy_low,
        "accuracy_high": evaluation.accuracy_high,
        "training_seconds": result.seconds,
        "cpu_seconds": time.process_time() - started,
    }


def _line(row: dict[str, Any]) -> str:
    """Returns one network in a line for people."""
    size = f"{row['macs'] / 1e6:.1f} M MACs, {row['params']} parameters"
    if row["accuracy"] is None:
        return f"network {row['number']}: {size}; failed. {row['error']}"
    return (
        f"network {row['number']}: {size}; {100 * row['accuracy']:.1f}% validation, "
        f"{row['cpu_seconds']:.0f} processor seconds"
    )


def _document(
    config: ProxyBenchConfig, cache: ImageCache, epochs: float, rows: list[dict[str, Any]]
) -> dict[str, Any]:
    trained = [row for row in rows if row["accuracy"] is not None]
    table, best = judged(trained, config.seed) if len(trained) >= LEAST_NETWORKS else ({}, None)
    return {
        "settings": {
            key: str(value) if isinstance(value, Path) else value for key, value in asdict(config).items()
        },
        "images": {
            "classes": cache.n_classes,
            "train": len(cache.indices("train")),
            "val": len(cache.indices("val")),
            "content_hash": cache.content_hash,
        },
        "epochs": epochs,
        "networks": len(rows),
        "failed": len(rows) - len(trained),
        "cpu_seconds": sum(row["cpu_seconds"] for row in rows),
        "machine": machine_facts(),
        "better_baseline": best,
        "table": table,
        "rows": rows,
    }


def _finished(out: Path) -> dict[int, dict[str, Any]]:
    """Returns the networks of earlier calls by number; a torn last line is dropped."""
    return {row["number"]: row for row in read_json_lines(out / _ROWS)}
