"""How fast the training is, against the loops that one writes with timm, in one interleaved run.

First the speed: three loops at the same network, resolution, batch size and recipe take turns of a few steps,
so that whatever else the machine does hits all alike. Then the time to accuracy: the better plain loop trains
its epochs, the project's recipes theirs, in turns again; a recipe's time is that at which its validation
accuracy first was what the plain loop ends with.

Ratios are of processor seconds: with one thread they are the wall-clock seconds of a machine that does
nothing else, and they hardly move with its load. Wall-clock seconds are in the results, too.
"""

from __future__ import annotations

import json
import multiprocessing
import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from nas.architecture import MBConvArchitecture
from nas.benches.contest import refuse_other_settings
from nas.benches.training_loops import LoopSettings, gemm_rate, serve
from nas.benches.training_steps import measure_steps
from nas.data.cache import ImageCache, read_manifest
from nas.errors import DataError, EvaluationError
from nas.files import write_atomically
from nas.networks import build_network, count_macs
from nas.runtime import machine_facts
from nas.spaces.lite import lite0_architecture

Say = Callable[[str], None]
PLAIN, MEMORY, OURS = "files", "memory", "ours"
_STEPS_OF_A_TURN = 2
_TURNS_AN_EPOCH = 3
_PASSES = 3  # of a training step: forward, gradient of the inputs, gradient of the weights

_GENTLE = {"learning_rate": 3e-4, "head_multiplier": 1.0, "freeze_norms": True}
RACERS: Mapping[str, Mapping[str, Any]] = {
    "all layers": {"max_epochs": 5.0, **_GENTLE},
    "growing": {"max_epochs": 5.0, "ema": 0.99, "grow": 0.6, "layer_decay": 0.8, **_GENTLE},
    "last stages": {"max_epochs": 4.0, "first_stage": 3, **_GENTLE},
    "last stages longer": {"max_epochs": 6.0, "first_stage": 3, **_GENTLE},
    "all but the first": {**_GENTLE, "max_epochs": 6.0, "first_stage": 1, "learning_rate": 5e-4},
}
"""Recipes whose time to accuracy is measured: fields of `TrainingConfig`; `grow` is the part of the
resolution at which it begins."""


@dataclass(frozen=True)
class TrainingBench:
    """What to measure.

    Attributes:
        data: Directory of the prepared images.
        pictures: Directory of the original files under their paths of the index.
        out: Directory of the results.
        resolution: Side of the input in pixels.
        epochs: Of the plain loop; 0 leaves the time to accuracy out.
        rounds: Turns of each loop in the measurement of speed.
        threads: Of PyTorch, in each loop.
        recipes: Names of `RACERS`.
        seed: Of order, augmentation and head.
    """

    data: Path
    pictures: Path
    out: Path
    resolution: int = 128
    epochs: int = 10
    rounds: int = 15
    threads: int = 1
    recipes: tuple[str, ...] = tuple(RACERS)
    seed: int = 0


def run_training_bench(bench: TrainingBench, on_line: Say) -> dict[str, Any]:
    """Measures and writes `training.json`; parts that are done are not repeated.

    Args:
        bench: What to measure.
        on_line: Told each finished piece of work in a line.

    Returns:
        The content of `training.json`.

    Raises:
        DataError: If the images cannot be trained on, or `out` holds results of other settings.
    """
    manifest = read_manifest(bench.data)
    if manifest["blocking"]:
        raise DataError(str(manifest["blocking"]))
    settings = {"resolution": bench.resolution, "epochs": bench.epochs, "rounds": bench.rounds}
    settings |= {"threads": bench.threads, "seed": bench.seed, "images_hash": manifest["content_hash"]}
    refuse_other_settings(bench.out / "settings.json", settings)
    document = {
        "settings": settings,
        "machine": machine_facts(),
        "speed": _kept(bench.out / "speed.json", lambda: measure_speed(bench, on_line)),
        "steps": _kept(bench.out / "steps.json", lambda: measure_steps(bench.resolution, bench.rounds)),
    }
    if bench.epochs:
        race = _kept(bench.out / "race.json", lambda: run_race(bench, on_line))
        document["race"] = {**race, "verdict": race_verdict(race)}
    write_atomically(bench.out / "training.json", json.dumps(document, indent=1) + "\n")
    return document


def measure_speed(bench: TrainingBench, on_line: Say) -> dict[str, Any]:
    """Lets the three loops take turns; returns each one's turns and what follows from them."""
    turns: dict[str, list[dict[str, Any]]] = {PLAIN: [], MEMORY: [], OURS: []}
    rates: list[float] = []
    settings = {kind: _settings(bench, kind, epochs=1e4) for kind in turns}
    with _servers(settings) as servers:
        for number in range(bench.rounds + 1):
            for kind, connection in servers.items():
                turn = _turn(connection, _STEPS_OF_A_TURN)
                if number:  # the first turn builds the network and compiles kernels
                    turns[kind].append(turn)
            rates.append(gemm_rate(bench.threads))
            if number:
                line = ", ".join(f"{kind} {_speed(turns[kind][-1]):.1f}" for kind in turns)
                on_line(f"round {number} of {bench.rounds}, images a processor second: {line}")
    macs = count_macs(_lite0(bench, len(read_manifest(bench.data)["classes"])), bench.resolution)
    return {"turns": turns, **speed_summary(turns, macs, max(rates))}


def speed_summary(
    turns: Mapping[str, list[dict[str, Any]]], macs: int, flops_a_second: float
) -> dict[str, Any]:
    """Returns medians and ratios.

    Args:
        turns: Of each loop: `images`, `seconds` and `cpu_seconds`; turns of the same number belong together.
        macs: Multiply-accumulates of a forward pass of one image.
        flops_a_second: Of a matrix product, a processor second.
    """
    speeds = {kind: [_speed(turn) for turn in each] for kind, each in turns.items()}
    medians = {kind: statistics.median(each) for kind, each in speeds.items()}
    against = {
        kind: statistics.median(ours / other for ours, other in zip(speeds[OURS], speeds[kind], strict=True))
        for kind in (PLAIN, MEMORY)
    }
    flops_an_image = 2.0 * _PASSES * macs
    return {
        "images_a_processor_second": medians,
        "images_a_second": {
            kind: statistics.median(turn["images"] / turn["seconds"] for turn in each)
            for kind, each in turns.items()
        },
        "ours_against": against,
        "gemm_gflops": flops_a_second / 1e9,
        "share_of_gemm": {kind: median * flops_an_image / flops_a_second for kind, median in medians.items()},
    }


def run_race(bench: TrainingBench, on_line: Say) -> dict[str, Any]:
    """Lets the plain loop and the recipes train in turns to their ends; returns the curves of all."""
    racers = {MEMORY: _settings(bench, MEMORY, epochs=bench.epochs)}
    for name in bench.recipes:
        changes = dict(RACERS[name])
        if grow := changes.pop("grow", None):
            changes["start_resolution"] = round(grow * bench.resolution)
        racers[name] = replace(
            _settings(bench, OURS, epochs=changes["max_epochs"]), changes=changes, from_features=True
        )
    steps = max(1, len(ImageCache.open(bench.data).indices("train")) // 32 // _TURNS_AN_EPOCH)
    curves: dict[str, list[dict[str, Any]]] = {name: [] for name in racers}
    with _servers(racers) as servers:
        running = dict(servers)
        while running:
            for name, connection in list(running.items()):
                turn = _turn(connection, steps, accuracy=True)
                curves[name].append(turn)
                if turn["finished"]:
                    del running[name]
                on_line(_race_line(name, curves[name]))
    return {"curves": curves, "recipes": {name: dict(RACERS[name]) for name in bench.recipes}}


def race_verdict(race: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the plain loop's accuracy and seconds, and for each recipe when it had as much.

    Args:
        race: `curves`: for each racer its turns in order.
    """
    plain = race["curves"][MEMORY]
    target, seconds = plain[-1]["accuracy"], sum(turn["cpu_seconds"] for turn in plain)
    verdict: dict[str, Any] = {"target": target, "cpu_seconds": seconds, "recipes": {}}
    for name, turns in race["curves"].items():
        if name == MEMORY:
            continue
        spent, reached = 0.0, None
        for turn in turns:
            spent += turn["cpu_seconds"]
            if reached is None and turn["accuracy"] >= target:
                reached = spent
        verdict["recipes"][name] = {
            "reached_after": reached,
            "times_faster": None if reached is None else seconds / reached,
            "end_accuracy": turns[-1]["accuracy"],
            "end_cpu_seconds": spent,
        }
    return verdict


def table_lines(document: Mapping[str, Any]) -> list[str]:
    """Returns the results for people."""
    speed = document["speed"]
    lines = [
        f"{kind}: {speed['images_a_processor_second'][kind]:.1f} images a processor second, "
        f"{speed['share_of_gemm'][kind]:.0%} of {speed['gemm_gflops']:.0f} GFLOP/s"
        for kind in (PLAIN, MEMORY, OURS)
    ]
    lines += [f"ours against {kind}: {ratio:.2f}x" for kind, ratio in speed["ours_against"].items()]
    lines += [
        f"a step, {name}: {milliseconds:.0f} ms, {document['steps']['against_plain'][name]:.2f}x"
        for name, milliseconds in document["steps"]["milliseconds"].items()
    ]
    if race := document.get("race"):
        verdict = race["verdict"]
        lines.append(
            f"{MEMORY} after {document['settings']['epochs']} epochs: {verdict['target']:.1%} on validation "
            f"images, {verdict['cpu_seconds']:.0f} processor seconds"
        )
        for name, found in verdict["recipes"].items():
            when = (
                "never"
                if found["reached_after"] is None
                else f"after {found['reached_after']:.0f} s, {found['times_faster']:.2f}x"
            )
            lines.append(
                f"{name}: as accurate {when}; {found['end_accuracy']:.1%} at its end after "
                f"{found['end_cpu_seconds']:.0f} s"
            )
    return lines


def _settings(bench: TrainingBench, kind: str, *, epochs: float) -> LoopSettings:
    return LoopSettings(kind, bench.data, bench.pictures, bench.resolution, epochs, bench.threads, bench.seed)


@contextmanager
def _servers(settings: Mapping[str, LoopSettings]) -> Iterator[dict[str, Connection]]:
    """Starts a process for each loop; they end with the context."""
    context = multiprocessing.get_context("spawn")
    connections, processes = {}, []
    for name, each in settings.items():
        connections[name], theirs = context.Pipe()
        process = context.Process(target=serve, args=(each, theirs), daemon=True)
        process.start()
        theirs.close()  # its death is an EOFError here
        processes.append(process)
    try:
        yield connections
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _turn(connection: Connection, steps: int, *, accuracy: bool = False) -> dict[str, Any]:
    connection.send((steps, accuracy))
    try:
        answer: dict[str, Any] = connection.recv()
    except EOFError as error:
        raise EvaluationError("A training process of the bench ended; its error stands above.") from error
    return answer


def _kept(path: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    if not path.exists():
        write_atomically(path, json.dumps(make(), indent=1) + "\n")
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return kept


def _speed(turn: Mapping[str, Any]) -> float:
    return float(turn["images"] / turn["cpu_seconds"])


def _lite0(bench: TrainingBench, n_classes: int) -> Any:
    architecture: MBConvArchitecture = lite0_architecture(bench.resolution)
    return build_network(architecture, n_classes)


def _race_line(name: str, turns: list[dict[str, Any]]) -> str:
    spent, images = (sum(turn[key] for turn in turns) for key in ("cpu_seconds", "images"))
    accuracy = turns[-1].get("accuracy")
    judged = "" if accuracy is None else f", {accuracy:.1%}"
    return f"{name}: {images} images, {spent:.0f} processor seconds{judged}"
