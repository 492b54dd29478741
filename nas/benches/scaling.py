"""Depth, width, resolution or all three? Networks of equal measured latency, and a family by phi.

EfficientNet-Lite0 is adapted to the images at a small resolution. From it grow, with inherited weights, one
network a direction whose *measured* latency is a given multiple, and the family of compound scaling. Beside
them stand Lite1 and Lite2 with ImageNet weights of their own. Everything is judged on validation images.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nas.benches.contest import refuse_other_settings
from nas.benches.scaling_plan import TRAINED, Member, plan
from nas.benches.scaling_table import summarise
from nas.cost import macs
from nas.data.augment import Augmentation
from nas.data.cache import ImageCache, read_manifest
from nas.errors import DataError
from nas.evaluators.base import ParentWeights
from nas.evaluators.imagenet import imagenet_parent
from nas.export.graph import onnx_core
from nas.export.load import load_state, save_state
from nas.files import append_json_line, read_json_lines, write_atomically
from nas.hardware.latency import LatencyMeter
from nas.networks import build_network, inherit
from nas.paired import pack
from nas.prediction import evaluate, validation_rows
from nas.runtime import machine_facts, tune_process
from nas.spaces.lite import lite0_architecture
from nas.training import TrainingConfig, train

_NO_LIMIT = 1e9
"""Seconds: the epochs end a training, so that other load on the machine changes no result."""
_RATE = 5e-4
_FRESH_HEAD = 10.0
_ADAPTED_HEAD = 2.0

Row = dict[str, Any]
"""A trained network: seed, name, group, accuracy with interval, `right` (see `nas.paired`), seconds."""


@dataclass(frozen=True)
class ScalingBench:
    """What to compare.

    Attributes:
        data: Directory of the image cache.
        out: Directory of the results; a bench that was cut short goes on.
        minutes: After these no further training is begun; what is missing is said.
        seeds: Seeds of the comparison at equal latency; the family has one.
        resolution: Side of the base in pixels.
        factor: Latency of the compared networks over the base's, > 1.
        epochs: Passes of the base; the others get as many as take about as long.
        flip: True mirrors training images.
    """

    data: Path
    out: Path
    minutes: float
    seeds: int
    resolution: int
    factor: float
    epochs: float
    flip: bool


def run_scaling_bench(bench: ScalingBench, on_line: Callable[[str], None]) -> dict[str, Any]:
    """Trains what is missing and writes `scaling.json`.

    Args:
        bench: What to compare.
        on_line: Told each finished network in a line.

    Returns:
        The content of `scaling.json`: settings, machine, `members`, `rows` and `summary`.

    Raises:
        DataError: If the images cannot be searched, or `out` holds results of other settings.
    """
    started = time.monotonic()
    manifest = read_manifest(bench.data)
    if blocking := manifest["blocking"]:
        raise DataError(str(blocking))
    settings = {
        "resolution": bench.resolution,
        "factor": bench.factor,
        "epochs": bench.epochs,
        "flip": bench.flip,
        "images": manifest["content_hash"],
    }
    refuse_other_settings(bench.out / "settings.json", settings)
    runner = Runner(bench, on_line)
    equal, family = runner.plan()
    trained = [one for phi in TRAINED for one in family if one.phi == phi]
    jobs = [(0, one) for one in (*equal, *trained)]
    jobs += [(seed, one) for seed in range(1, bench.seeds) for one in equal]
    missing = 0
    for position, (seed, member) in enumerate(jobs):
        if runner.known(seed, member):
            continue
        if time.monotonic() - started > 60.0 * bench.minutes:
            missing += 1
            continue
        row = runner.train(seed, member)
        on_line(f"{position + 1} of {len(jobs)}, {(time.monotonic() - started) / 60:.1f} min: {_line(row)}")
    if missing:
        on_line(f"The minutes left {missing} trainings undone; the same command with more minutes goes on.")
    rows = runner.rows
    document = {
        **settings,
        "machine": machine_facts(),
        "members": [{**asdict(one), "macs": macs(one.architecture)} for one in (*equal, *family)],
        "rows": rows,
        "summary": summarise([*equal, *family], rows),
    }
    write_atomically(bench.out / "scaling.json", json.dumps(document, indent=1) + "\n")
    return document


def _line(row: Row) -> str:
    return (
        f"seed {row['seed']}, {row['name']}: {100 * row['accuracy']:.1f}% of validation images, "
        f"{row['latency_ms']:.2f} ms, {row['epochs']:.2f} epochs, "
        f"{row['cpu_seconds']:.0f} processor seconds"
    )


class Runner:
    """Measures and trains; keeps what is done in `networks.jsonl`.

    Attributes:
        rows: What is done.
    """

    def __init__(self, bench: ScalingBench, on_line: Callable[[str], None]) -> None:
        """Opens the images and what an earlier call left in the directory of the results."""
        tune_process()
        self._bench, self._on_line = bench, on_line
        self._cache = ImageCache.open(bench.data)
        self._ledger = bench.out / "networks.jsonl"
        self._times_file = bench.out / "latencies.json"
        self._times: dict[str, float] = (
            json.loads(self._times_file.read_text(encoding="utf-8")) if self._times_file.exists() else {}
        )
        self._meter = LatencyMeter(anchor_ms=self._times.get("anchor"))
        self._times["anchor"] = self._meter.anchor()
        self.rows: list[Row] = read_json_lines(self._ledger)

    def plan(self) -> tuple[list[Member], list[Member]]:
        """Measures latencies until each direction has a network of about equal ones."""
        bench = self._bench
        largest = max(bench.resolution, self._cache.cache_size)
        found = plan(bench.resolution, bench.factor, bench.epochs, largest, self._milliseconds)
        for one in (*found[0], *found[1]):
            self._on_line(
                f"{one.name}: {one.architecture.resolution} px, {one.latency_ms:.2f} ms, "
                f"{macs(one.architecture) / 1e6:.0f} MMACs"
            )
        return found

    def known(self, seed: int, member: Member) -> bool:
        """True if a network was trained before."""
        return any(row["seed"] == seed and row["name"] == member.name for row in self.rows)

    def train(self, seed: int, member: Member) -> Row:
        """Trains and judges one network, from the adapted base or from ImageNet weights of its own."""
        bench, version = self._bench, member.version
        parent = self._adapted(seed) if version is None else imagenet_parent(version)
        epochs = member.epochs if version is None else member.epochs + bench.epochs / bench.factor
        module, facts = self._trained(member, parent, epochs, seed, fresh_head=version is not None)
        judged = evaluate(module, self._cache, validation_rows(self._cache), member.architecture.resolution)
        right = judged.probabilities.argmax(axis=1) == judged.labels
        row: Row = {
            "seed": seed,
            "name": member.name,
            "group": member.group,
            "accuracy": judged.accuracy,
            "accuracy_low": judged.accuracy_low,
            "accuracy_high": judged.accuracy_high,
            "right": pack(right.tolist()),
            "latency_ms": member.latency_ms,
            **facts,
        }
        append_json_line(self._ledger, row)
        self.rows.append(row)
        return row

    def _adapted(self, seed: int) -> ParentWeights:
        """Returns the base after its adaptation, trained once a seed."""
        base = lite0_architecture(self._bench.resolution)
        path = self._bench.out / f"adapted-{seed}.safetensors"
        if not path.exists():
            member = Member("adaptation", "base", base, self._bench.epochs, 0.0)
            module, _ = self._trained(member, imagenet_parent(), self._bench.epochs, seed, fresh_head=True)
            save_state(module, path)
        return ParentWeights(base, load_state(path))

    def _trained(
        self, member: Member, parent: ParentWeights, epochs: float, seed: int, *, fresh_head: bool
    ) -> tuple[nn.Module, Row]:
        started = time.process_time()
        architecture, source = member.architecture, parent.architecture
        torch.manual_seed(seed)
        module = build_network(architecture, self._cache.n_classes)
        inheritance = inherit(module, architecture, parent.state, source)  # type: ignore[arg-type]
        config = TrainingConfig(
            resolution=architecture.resolution,
            seconds=_NO_LIMIT,
            learning_rate=_RATE,
            head_multiplier=_FRESH_HEAD if fresh_head else _ADAPTED_HEAD,
            augmentation=Augmentation(flip=self._bench.flip),
            seed=seed,
            max_epochs=epochs,
        )
        result = train(module, self._cache, config)
        facts = {
            "epochs": result.epochs,
            "cpu_seconds": round(time.process_time() - started, 1),
            "inheritance": inheritance.description,
        }
        return module, facts

    def _milliseconds(self, architecture: Any) -> float:
        key = json.dumps(asdict(architecture), sort_keys=True)
        if key not in self._times:
            module = build_network(architecture, self._cache.n_classes).eval()
            content = onnx_core(module, architecture).SerializeToString()
            self._times[key] = self._meter.measure(content, architecture.resolution).p50_ms
            write_atomically(self._times_file, json.dumps(self._times) + "\n")
        return self._times[key]
