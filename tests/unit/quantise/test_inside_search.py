"""Quantisation inside the search: what is judged is what is left after it."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch

from nas.candidate import PRECISIONS, Candidate, FloatFigures, Metrics, Precision
from nas.data.cache import ImageCache
from nas.data.preprocess import preprocess
from nas.errors import EvaluationError
from nas.evaluators import QUANTISED_SPACES, precision_refusal
from nas.evaluators.int8 import quantise_to_int8
from nas.evaluators.short_training import ShortTraining
from nas.hardware.latency import LatencyMeter
from nas.hardware.target import load_target
from nas.prediction import evaluate, images_of, validation_rows
from nas.search import SearchConfig, run_search
from nas.spaces import SPACES
from tests.unit.candidates import candidate
from tests.unit.quantise.conftest import Trained
from tests.unit.quantise.networks import SIDE


def measured(trained: Trained, cache: ImageCache, precision: Precision, device: str = "here") -> Metrics:
    evaluator = ShortTraining(cache, LatencyMeter(), load_target(device), precision=precision)
    module, architecture = trained
    return evaluator.measure(module, architecture, evaluate(module, cache, validation_rows(cache), SIDE))


def test_what_is_judged_is_what_the_integers_do_in_the_runtime(
    trained: Trained, digit_cache: ImageCache
) -> None:
    core = quantise_to_int8(*trained, digit_cache).core.SerializeToString()
    rows = validation_rows(digit_cache)
    images = preprocess(images_of(digit_cache, rows), SIDE).numpy()
    (logits,) = ort.InferenceSession(core, providers=["CPUExecutionProvider"]).run(None, {"x": images})
    correct = float((np.asarray(logits).argmax(axis=1) == digit_cache.labels[rows]).mean())
    found = measured(trained, digit_cache, "int8")
    assert found.accuracy == pytest.approx(correct, abs=1 / len(rows))
    assert found.size_bytes == len(core)


def test_what_the_network_did_before_stands_beside(trained: Trained, digit_cache: ImageCache) -> None:
    plain, found = (measured(trained, digit_cache, each) for each in PRECISIONS)
    assert plain.unquantised is None and found.unquantised is not None
    assert found.unquantised.accuracy == plain.accuracy
    assert found.unquantised.size_bytes == plain.size_bytes != found.size_bytes
    assert (found.macs, found.n_params) == (plain.macs, plain.n_params)


def test_a_network_that_quantising_ruins_is_judged_as_ruined(
    trained: Trained, digit_cache: ImageCache
) -> None:
    """A channel that nothing reads, ten thousand times as wide as the others, leaves these no steps."""
    module, architecture = copy.deepcopy(trained[0]), trained[1]
    head = module.get_submodule("conv_head")
    norms = [
        each for each in module.get_submodule("blocks").modules() if isinstance(each, torch.nn.BatchNorm2d)
    ]
    assert isinstance(head, torch.nn.Conv2d)
    with torch.no_grad():
        norms[-1].bias[0] = 1e5
        head.weight[:, 0] = 0.0
    found = measured((module, architecture), digit_cache, "int8")
    assert found.unquantised is not None
    assert found.accuracy < found.unquantised.accuracy - 0.1


def test_for_a_device_time_and_energy_stay_the_devices(trained: Trained, digit_cache: ImageCache) -> None:
    plain, found = (measured(trained, digit_cache, each, "npu") for each in PRECISIONS)
    assert found.latency_ms == plain.latency_ms
    assert plain.device is not None and found.device is not None
    assert found.device.energy_mj == plain.device.energy_mj
    assert found.unquantised is not None


def test_figures_of_before_survive_json() -> None:
    made = candidate(0)
    assert made.metrics is not None
    made = replace(made, metrics=replace(made.metrics, unquantised=FloatFigures(0.91, 3.5, 13_600_000)))
    assert Candidate.from_json(made.to_json()) == made


@pytest.mark.parametrize("space", SPACES)
def test_only_spaces_that_can_be_quantised_are_judged_in_int8(space: str) -> None:
    assert precision_refusal("fp32", space) is None
    assert (precision_refusal("int8", space) is None) == (space in QUANTISED_SPACES)


def test_a_device_of_32_bit_figures_is_refused_before_minutes_are_spent(
    digit_cache: ImageCache, tmp_path: Path
) -> None:
    config = SearchConfig(digit_cache.directory, tmp_path, 1.0, device="desktop-cpu", precision="int8")
    with pytest.raises(EvaluationError, match="about 32-bit networks"):
        run_search(config, [], lambda event: None, lambda: False, None)
    assert precision_refusal("int8", "mbconv", "a board", 8) is None
    assert "no precision" in (precision_refusal("int3", "mbconv") or "")
