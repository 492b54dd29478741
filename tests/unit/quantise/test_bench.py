"""The steps of `quantise-bench` that join mixtures and the test part, on a small network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from nas.architecture import MBConvArchitecture
from nas.benches.quantise_steps import QuantiseBench, Work
from nas.data.cache import ImageCache
from nas.hardware.latency import LatencyMeter
from nas.prediction import evaluate, validation_rows
from nas.quantise.calibrate import Histograms, quantise
from nas.quantise.network import QuantNetwork
from nas.quantise.storage import load_network, save_network

Trained = tuple[nn.Module, MBConvArchitecture]


@pytest.fixture
def work(
    trained: Trained, in_float: QuantNetwork, histograms: Histograms, digit_cache: ImageCache, tmp_path: Path
) -> Work:
    """A bench whose trainings and ladders are done: the small network, rounded, stands for all of them."""
    bench = QuantiseBench(digit_cache.directory, tmp_path, resolution=16, seeds=1, images=64, evaluations=3)
    work = Work(bench, lambda line: None, LatencyMeter(anchor_ms=0.1))
    work.architecture = trained[1]
    torch.save(trained[0].state_dict(), tmp_path / "network.pt")
    rounded = quantise(in_float, histograms, "mse")
    for name in (*bench.climbs(), "float-tuned-8", "float-tuned-4"):
        save_network(rounded, tmp_path / f"{name}.pt")
    first = {"details": {"calibrations": {"percentile": 0.5, "mse": 0.6}}}
    (tmp_path / "w8a8.json").write_text(json.dumps({"rungs": [first]}))
    return work


def test_the_networks_of_the_front_are_kept_and_meet_the_test_part(
    work: Work, trained: Trained, digit_cache: ImageCache
) -> None:
    mixed = work.step("mixed", work.mixed)
    names = [f"mixed-{number}" for number in range(len(mixed["front"]))]
    assert len(names) > 1
    rows = validation_rows(digit_cache)
    for name, point in zip(names, mixed["front"], strict=True):
        network = load_network(work.bench.out / f"{name}.pt", *trained)
        assert {layer.bits for layer in network.layers} == set(point["widths"].values())
        assert evaluate(network, digit_cache, rows, 16).accuracy == point["accuracy"]
    found = work.test()
    assert {"float", "w8a8", "uniform-4", *names} <= set(found)
