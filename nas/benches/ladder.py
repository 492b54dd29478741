"""A search against the hand-made ladder: EfficientNet-Lite0 fine-tuned at several input sides.

For each seed: the search, random search with equal minutes, one fine-tuned Lite0 a rung with the minutes of
the search divided by the networks that it trained fully, and one with all the minutes at the rung that
validation photos like best.
The test part is opened once for each of these, after everything is trained.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas.benches.contest import refuse_other_settings
from nas.benches.ladder_verdict import summarise
from nas.candidate import Candidate
from nas.data.augment import Augmentation
from nas.data.cache import ImageCache, read_manifest
from nas.data.sealed import open_seal, record_result, seal_is_open
from nas.errors import DataError, EvaluationError
from nas.evaluators.base import Evaluated
from nas.evaluators.short_training import ShortTraining
from nas.files import write_atomically
from nas.hardware.latency import LatencyMeter
from nas.ledger import Ledger
from nas.phases.recipes import whole_recipe
from nas.phases.speed import FORWARD_TO_TRAINING
from nas.phases.state import RunState
from nas.prediction import evaluate
from nas.runtime import machine_facts, tune_process
from nas.search import SearchConfig, run_search
from nas.spaces.lite import lite0_architecture
from nas.spaces.resolutions import useful_resolutions

_ARMS: dict[str, dict[str, Any]] = {
    "search": {},
    "random": {"strategy": "random", "baselines": False, "ladder": False},
}
"""How the searches differ. Without hand-made networks, random search has nothing but its own draws."""
Point = dict[str, Any]
"""A judged network: name, accuracy (validation), test_accuracy, latency_ms, size_bytes."""


@dataclass(frozen=True)
class LadderBench:
    """What to compare.

    Attributes:
        data: Directory of the image cache.
        out: Directory of the results; a bench that was cut short goes on.
        minutes: Of each search, and of the Lite0 that gets all of them.
        seeds: Seeds 0 to seeds - 1.
        rungs: Input sides in pixels; those that only enlarge the photos are left out.
    """

    data: Path
    out: Path
    minutes: float
    seeds: int
    rungs: tuple[int, ...]


def run_ladder_bench(bench: LadderBench, on_line: Callable[[str], None]) -> dict[str, Any]:
    """Runs what is missing and writes `ladder.json`.

    Args:
        bench: What to compare.
        on_line: Told each finished part in a line.

    Returns:
        The content of `ladder.json`: settings, machine, `seeds` (the points of each), and `verdict`.

    Raises:
        DataError: If the images cannot be searched, or `out` holds results of other settings.
    """
    manifest = read_manifest(bench.data)
    if blocking := manifest["blocking"]:
        raise DataError(str(blocking))
    settings = {
        "minutes": bench.minutes,
        "rungs": list(bench.rungs),
        "images": manifest["content_hash"],
    }
    refuse_other_settings(bench.out / "settings.json", settings)
    found = [_run_seed(bench, seed, on_line) for seed in range(bench.seeds)]
    document = {**settings, "machine": machine_facts(), "seeds": found, "verdict": summarise(found)}
    write_atomically(bench.out / "ladder.json", json.dumps(document, indent=1) + "\n")
    return document


def _run_seed(bench: LadderBench, seed: int, on_line: Callable[[str], None]) -> dict[str, Any]:
    directory = bench.out / f"seed-{seed}"
    done = directory / "points.json"
    if done.exists():
        known: dict[str, Any] = json.loads(done.read_text(encoding="utf-8"))
        return known
    for name, arm in _ARMS.items():
        spent = _search(bench, directory / name, seed, arm)
        on_line(f"seed {seed}: {name} over after {spent / 60:.2f} of {bench.minutes:g} minutes")
    hand = _HandMade(bench, directory, seed)
    ledger = Ledger(directory / "search" / "ledger.jsonl")
    seconds = seconds_a_finalist(ledger.candidates(), bench.minutes)
    rungs = [hand.train(side, seconds) for side in hand.sides()]
    best = max(rungs, key=lambda point: (point["accuracy"], -point["latency_ms"]))
    whole = hand.train(best["resolution"], bench.minutes * 60.0, name="whole")
    hand.open_test([*rungs, whole])
    found = {
        "seed": seed,
        "finalist_seconds": round(seconds, 1),
        "ladder": rungs,
        "whole": whole,
        **{name: searched_points(directory / name) for name in _ARMS},
    }
    for point in [*rungs, whole]:
        on_line(f"seed {seed}: {point_line(point)}")
    write_atomically(done, json.dumps(found, indent=1) + "\n")
    return found


def _search(bench: LadderBench, workdir: Path, seed: int, arm: Mapping[str, Any]) -> float:
    """Runs a search to its end, or goes on with one; returns the seconds it took in all."""
    workdir.mkdir(parents=True, exist_ok=True)
    report = workdir / "report.json"
    if not report.exists():
        ledger = Ledger(workdir / "ledger.jsonl")
        config = SearchConfig(data=bench.data, workdir=workdir, minutes=bench.minutes, seed=seed, **arm)
        run_search(config, ledger.candidates(), ledger.append, lambda: False, None)
    spent: float = json.loads(report.read_text(encoding="utf-8"))["spent_seconds"]
    return spent


def seconds_a_finalist(candidates: list[Candidate], minutes: float) -> float:
    """Returns the seconds of a search for each network that it trained fully.

    All its minutes count, also those of networks that came to nothing: a ladder with as many rungs as the
    search has finalists takes as long as the search.

    Raises:
        DataError: If the minutes were too few for any.
    """
    finalists = [one for one in candidates if one.phase == "final_training" and one.metrics is not None]
    if not finalists:
        raise DataError("The search had no time for final trainings. Give it more minutes.")
    return 60.0 * minutes / len(finalists)


def searched_points(workdir: Path) -> dict[str, Any]:
    """Returns the judged networks of a search, and which of them it recommends.

    Args:
        workdir: Directory of a finished search.
    """
    report = json.loads((workdir / "report.json").read_text(encoding="utf-8"))
    by_number = {one["number"]: one for one in report["candidates"]}
    points = []
    for test in report["test"]:
        metrics = by_number[test["candidate"]]["metrics"]
        kept = {name: metrics[name] for name in ("accuracy", "latency_ms", "size_bytes", "macs")}
        points.append({"name": test["name"], **kept, "test_accuracy": test["accuracy"]})
    return {"points": points, "best": report["best"], "spent_seconds": report["spent_seconds"]}


def point_line(point: Point) -> str:
    """Returns a judged network in a line for people."""
    return (
        f"{point['name']}: test {100 * point['test_accuracy']:.1f}%, {point['latency_ms']:.2f} ms, "
        f"{point['size_bytes'] / 1e6:.1f} MB, trained {point['seconds']:.0f} s"
    )


class _HandMade:
    """Fine-tunes Lite0 as the search does its own: same loop, same recipe, same scale of latencies."""

    def __init__(self, bench: LadderBench, directory: Path, seed: int) -> None:
        tune_process()
        self._bench, self._directory, self._seed = bench, directory, seed
        self._cache = ImageCache.open(bench.data)
        state = RunState.load(directory / "search")
        assert state is not None  # the search is over
        self._values = state.values
        meter = LatencyMeter(anchor_ms=state.values["latency_anchor_ms"])
        augmentation = Augmentation(flip=bool(state.values.get("flip_ok", True)))
        self._evaluator = ShortTraining(self._cache, meter, augmentation=augmentation)
        self._trained: dict[str, Evaluated] = {}

    def sides(self) -> list[int]:
        """Input sides of the ladder for these photos."""
        return [
            side
            for side in self._bench.rungs
            if side in useful_resolutions(self._cache.cache_size, self._bench.rungs)
        ]

    def train(self, side: int, seconds: float, *, name: str | None = None) -> Point:
        """Trains one; returns it without its test figure."""
        name = name or f"lite0-{side}"
        forward, first = self._values["forward_images_per_second"], self._values["first_resolution"]
        speed = forward / FORWARD_TO_TRAINING * (first / side) ** 2
        epochs = seconds * speed / max(1, len(self._cache.indices("train")))
        found = self._evaluator.evaluate(
            lite0_architecture(side),
            seconds=seconds,
            seed=self._seed,
            pretrained=True,
            recipe=whole_recipe(epochs),
        )
        if found is None:
            raise EvaluationError(f"The training of {name} was interrupted.")
        self._trained[name] = found
        kept = ("accuracy", "latency_ms", "size_bytes", "macs")
        figures = {each: getattr(found.metrics, each) for each in kept}
        return {"name": name, "resolution": side, "seconds": round(seconds, 1), **figures}

    def open_test(self, points: list[Point]) -> None:
        """Adds the figure of the sealed part to each point."""
        workdir = self._directory / "hand-made"
        workdir.mkdir(exist_ok=True)
        if seal_is_open(workdir):
            raise DataError(f"The test part of {workdir} was opened before. Name another directory.")
        token = open_seal(workdir, [point["name"] for point in points])
        rows = self._cache.open_test(token)
        for point in points:
            module = self._trained[point["name"]].module
            point["test_accuracy"] = evaluate(module, self._cache, rows, point["resolution"]).accuracy
        record_result(token, {point["name"]: point["test_accuracy"] for point in points})
