from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from torch import nn

from nas.architecture import MBConvArchitecture
from nas.data.cache import ImageCache
from nas.errors import ExportError
from nas.export.onnx_model import OnnxClassifier
from nas.hardware.latency import LatencyMeter
from nas.prediction import evaluation_of, validation_rows
from nas.quantise.calibrate import Histograms, quantise
from nas.quantise.network import QuantNetwork
from nas.quantise.offer import _verdict, int8_offer
from nas.quantise.onnx_int8 import int8_core

Trained = tuple[nn.Module, MBConvArchitecture]


def test_what_is_offered_was_measured(
    trained: Trained, in_float: QuantNetwork, histograms: Histograms, digit_cache: ImageCache, tmp_path: Path
) -> None:
    network = quantise(in_float, histograms, "mse", weight_bits=7)
    path = tmp_path / "int8.onnx"
    offer = int8_offer(*trained, network, digit_cache, path, most_lost=0.03, meter=LatencyMeter())
    assert (offer.float_latency.precision, offer.int8_latency.precision) == ("fp32", "int8")
    assert offer.offered  # smaller whatever the clock says, and as accurate
    assert offer.int8_bytes < offer.float_bytes
    rows = validation_rows(digit_cache)
    found = evaluation_of(
        OnnxClassifier(path).probabilities(digit_cache.images, rows), digit_cache.labels[rows]
    )
    assert found.accuracy == offer.int8_accuracy
    assert offer.int8_bytes == len(int8_core(network).SerializeToString())
    assert offer.parity.agreement >= 0.99


def test_a_file_that_costs_too_much_is_taken_back(
    trained: Trained, in_float: QuantNetwork, histograms: Histograms, digit_cache: ImageCache, tmp_path: Path
) -> None:
    network = quantise(in_float, histograms, "mse", weight_bits=7)
    path = tmp_path / "int8.onnx"
    offer = int8_offer(*trained, network, digit_cache, path, most_lost=-1.0)
    assert not offer.offered
    assert "use the fp32 file" in offer.reason
    assert not path.exists()


def test_simulated_widths_are_no_offer(
    trained: Trained, in_float: QuantNetwork, histograms: Histograms, digit_cache: ImageCache, tmp_path: Path
) -> None:
    with pytest.raises(ExportError, match="simulated"):
        int8_offer(
            *trained,
            quantise(in_float, histograms, "mse", weight_bits=4),
            digit_cache,
            tmp_path / "int8.onnx",
        )
    assert not (tmp_path / "int8.onnx").exists()


@pytest.mark.parametrize(
    ("lost", "times", "sizes", "offered", "says"),
    [
        (0.004, (2.0, 1.0), (400, 100), True, "4.0 times smaller and 2.0 times faster"),
        (0.010, (1.0, 1.5), (400, 100), True, "4.0 times smaller and not faster"),
        (0.000, (2.0, 1.0), (100, 110), True, "not smaller and 2.0 times faster"),
        (0.000, (1.0, 0.97), (100, 98), False, "neither smaller nor faster"),
        (0.011, (2.0, 1.0), (400, 100), False, "costs 1.1 points"),
        (-0.01, (2.0, 1.0), (400, 100), True, "costs no accuracy"),
    ],
)
def test_the_verdict_follows_from_the_measurements(
    lost: float, times: tuple[float, float], sizes: tuple[int, int], offered: bool, says: str
) -> None:
    one = LatencyMeter(anchor_ms=0.1).measure(_identity(), 8)
    latency = {key: replace(one, p50_ms=ms) for key, ms in zip((False, True), times, strict=True)}
    found = _verdict(lost, 0.01, latency, dict(zip((False, True), sizes, strict=True)))
    assert found[0] == offered
    assert says in found[1]


def _identity() -> bytes:
    from nas.hardware.reference import reference_network

    return reference_network()
