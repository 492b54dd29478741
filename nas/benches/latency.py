"""Does the latency predictor hold on networks that it has not seen? Table, prediction and truth, here."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr

from nas.architecture import Architecture, CellArchitecture, MBConvArchitecture
from nas.cost import macs
from nas.export.graph import onnx_core
from nas.hardware.device_table import DeviceTable
from nas.hardware.effort import TABLE_SECONDS, Effort
from nas.hardware.items import Manifest, make_manifest
from nas.hardware.latency import LatencyMeter
from nas.hardware.measuring import take_timings, this_device
from nas.hardware.predictor import LatencyPredictor
from nas.hardware.reference import quiet_ms
from nas.hardware.timings import table_from_timings
from nas.networks import build_network
from nas.spaces import make_space
from nas.spaces.base import Choices

_CLASSES = 10
_WITHIN = 0.1
_SPEED_NETWORKS = 2_000
_SPEED_BATCH = 100
_TRUTH_EFFORT = Effort(seconds=0.3, settle_seconds=0.0)

Log = Callable[[str], None]


@dataclass(frozen=True)
class BenchConfig:
    """What to compare.

    Attributes:
        space: Name of a space.
        networks: Unseen networks to measure.
        threads: Threads of the runtime.
        seconds: Time for the table.
        rounds: How often each unseen network is measured, one round of all after the other.
        seed: Seed of the networks' choice.
    """

    space: str
    networks: int = 50
    threads: int = 1
    seconds: float = TABLE_SECONDS
    rounds: int = 3
    seed: int = 0


@dataclass(frozen=True)
class Agreement:
    """How well predicted and measured milliseconds agree.

    Attributes:
        spearman: Rank correlation.
        within_10_percent: Share of networks whose prediction is within 10% of the measurement.
        median_error: Median of the relative errors' sizes.
    """

    spearman: float
    within_10_percent: float
    median_error: float


def agreement(predicted: np.ndarray, measured: np.ndarray) -> Agreement:
    """Compares (N,) predicted with (N,) measured milliseconds."""
    errors = np.abs(predicted / measured - 1)
    rank = spearmanr(predicted, measured).statistic if len(measured) > 1 else float("nan")
    return Agreement(float(rank), float((errors <= _WITHIN).mean()), float(np.median(errors)))


def run_latency_bench(config: BenchConfig, log: Log) -> tuple[dict[str, Any], DeviceTable]:
    """Builds the table of a space, predicts unseen networks and measures them.

    Returns:
        The result, ready for JSON, and the device table.

    Raises:
        SpaceError: If the space is unknown.
        DeviceError: If the machine was too busy for a table.
    """
    manifest = make_manifest([config.space])
    table, seconds, cpu_seconds = _table(config, manifest, log)
    predictor = LatencyPredictor(table)
    choices = _unseen(config, table)
    space = make_space(config.space)
    networks = [space.decode(each) for each in choices]
    rounds = _measure(config, networks, table.reference_ms, log)
    measured = np.median(rounds, axis=0)
    predicted = predictor.predict_many(networks)
    linear = _linear_fit(table, networks)
    result = {
        **asdict(config),
        "device": asdict(table.device),
        "table": {
            "seconds": seconds,
            "cpu_seconds": cpu_seconds,
            "blocks": len(table.blocks),
            "networks": len(table.networks),
            "spread": table.spread,
            "drift": table.drift,
        },
        "predictor": asdict(agreement(predicted, measured)),
        "block_sum": asdict(agreement(predictor.features(networks)[:, 0], measured)),
        "macs_linear": asdict(agreement(linear, measured)),
        "measured_again": asdict(_repeatability(rounds)),
        "speed": _speed(config, table),
        "points": [
            {"choices": list(each), "measured_ms": m, "predicted_ms": p, "macs_ms": q}
            for each, m, p, q in zip(
                choices, measured.tolist(), predicted.tolist(), linear.tolist(), strict=True
            )
        ],
    }
    return result, table


def _table(config: BenchConfig, manifest: Manifest, log: Log) -> tuple[DeviceTable, float, float]:
    """Returns the table, and the wall-clock and processor seconds that it took."""
    started, cpu = time.monotonic(), time.process_time()
    device = this_device("this machine", config.threads)
    timings = take_timings(manifest, device, seconds=config.seconds)
    seconds, cpu_seconds = time.monotonic() - started, time.process_time() - cpu
    log(f"table of {len(manifest.items)} graphs: {seconds / 60:.2f} min, {cpu_seconds:.0f} processor seconds")
    return table_from_timings(timings, manifest), seconds, cpu_seconds


def _unseen(config: BenchConfig, table: DeviceTable) -> list[Choices]:
    """Draws networks that are not in the table."""
    space, rng = make_space(config.space), random.Random(config.seed)
    seen = {space.canonical(item.choices) for item in table.networks}
    drawn: list[Choices] = []
    while len(drawn) < config.networks:
        choices = space.canonical(space.sample(rng))
        if choices not in seen:
            seen.add(choices)
            drawn.append(choices)
    return drawn


def _measure(config: BenchConfig, networks: Sequence[Architecture], anchor_ms: float, log: Log) -> np.ndarray:
    """Returns (rounds, N) milliseconds of the networks, exported as the search exports them.

    They stand on the table's own scale, `anchor_ms`: two anchors taken minutes apart may differ by a tenth.
    """
    torch.manual_seed(config.seed)
    graphs = [onnx_core(build_network(one, _CLASSES), one).SerializeToString() for one in networks]
    meter = LatencyMeter(config.threads, anchor_ms)
    found = np.zeros((config.rounds, len(networks)))
    for number in range(config.rounds):
        for index, (graph, network) in enumerate(zip(graphs, networks, strict=True)):
            samples = meter.samples(graph, network.resolution, _TRUTH_EFFORT)
            found[number, index] = quiet_ms(*samples, meter.anchor())
        log(f"round {number + 1} of {config.rounds}: {len(networks)} unseen networks measured")
    return found


def _repeatability(rounds: np.ndarray) -> Agreement:
    """Compares the first round with the median of the others: no predictor can agree better than this."""
    if len(rounds) < 2:
        return Agreement(float("nan"), float("nan"), float("nan"))
    return agreement(rounds[0], np.median(rounds[1:], axis=0))


def _linear_fit(table: DeviceTable, networks: Sequence[Architecture]) -> np.ndarray:
    """Predicts by a line over MACs, fitted to the table's whole networks by least relative error."""
    known = [make_space(item.space).decode(item.choices) for item in table.networks]
    times = np.array([timing.ms for timing in table.networks.values()])
    columns = _line(known) / times[:, None]
    weights = np.linalg.lstsq(columns, np.ones(len(times)), rcond=None)[0]
    predicted: np.ndarray = _line(networks) @ weights
    return predicted


def _line(networks: Sequence[Architecture]) -> np.ndarray:
    counts = [macs(one) for one in networks if isinstance(one, MBConvArchitecture | CellArchitecture)]
    return np.stack([np.array(counts) / 1e6, np.ones(len(counts))], axis=1)


def _speed(config: BenchConfig, table: DeviceTable) -> dict[str, float]:
    """Scores networks that a fresh predictor has never met."""
    space, rng = make_space(config.space), random.Random(config.seed + 1)
    networks = [space.decode(space.sample(rng)) for _ in range(_SPEED_NETWORKS)]
    predictor = LatencyPredictor(table)
    started, cpu = time.perf_counter(), time.process_time()
    for start in range(0, len(networks), _SPEED_BATCH):
        predictor.predict_many(networks[start : start + _SPEED_BATCH])
    wall, busy = time.perf_counter() - started, time.process_time() - cpu
    return {
        "candidates": len(networks),
        "candidates_per_second": len(networks) / wall,
        "candidates_per_cpu_second": len(networks) / busy,
    }
