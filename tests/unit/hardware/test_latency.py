import time

import numpy as np
import onnx
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

from nas.errors import EvaluationError
from nas.export.graph import onnx_core
from nas.hardware.latency import LatencyMeter, latency_by_threads, precision_of
from nas.hardware.reference import quiet_ms
from nas.networks import build_network
from tests.unit.networks.architectures import lite0, tiny


def test_latency_orders_networks_and_stays_short() -> None:
    meter = LatencyMeter()
    results = {}
    for name, architecture in {"tiny": tiny(), "lite0": lite0(96)}.items():
        content = onnx_core(build_network(architecture, 4), architecture).SerializeToString()
        started = time.monotonic()
        results[name] = meter.measure(content, architecture.resolution)
        assert time.monotonic() - started < 8
    small, large = results["tiny"], results["lite0"]
    assert 0 < small.p50_ms < large.p50_ms
    for result in results.values():
        assert result.p50_ms <= result.p95_ms and result.runs >= 10 and result.threads == 1
        assert result.reference_ms > 0 and result.spread >= 0 and "onnxruntime" in result.runtime


def test_a_file_works_as_well_as_bytes(tmp_path) -> None:
    content = onnx_core(build_network(tiny(), 4), tiny()).SerializeToString()
    (tmp_path / "m.onnx").write_bytes(content)
    assert LatencyMeter().measure(tmp_path / "m.onnx", 32).p50_ms > 0


def test_what_the_runtime_refuses_is_an_evaluation_error(tmp_path) -> None:
    with pytest.raises(EvaluationError, match="cannot run"):
        LatencyMeter().measure(b"not a network", 32)
    with pytest.raises(EvaluationError, match="cannot run"):
        LatencyMeter().measure(tmp_path / "missing.onnx", 32)


class _OneImage(CalibrationDataReader):
    def __init__(self, side: int) -> None:
        self._left = [{"x": np.random.default_rng(0).standard_normal((1, 3, side, side)).astype(np.float32)}]

    def get_next(self) -> dict[str, np.ndarray] | None:
        return self._left.pop() if self._left else None


def test_an_int8_graph_is_measured_and_called_so(tmp_path) -> None:
    full, quantised = tmp_path / "fp32.onnx", tmp_path / "int8.onnx"
    onnx.save(onnx_core(build_network(tiny(), 4), tiny()), full)
    quantize_static(full, quantised, _OneImage(32), quant_format=QuantFormat.QDQ, per_channel=True)
    assert (precision_of(full), precision_of(quantised.read_bytes())) == ("fp32", "int8")
    result = LatencyMeter().measure(quantised, 32)
    assert result.precision == "int8" and result.p50_ms > 0


def test_each_number_of_threads_has_its_own_measurement() -> None:
    content = onnx_core(build_network(tiny(), 4), tiny()).SerializeToString()
    found = latency_by_threads(content, 32, (1, 2))
    assert {count: result.threads for count, result in found.items()} == {1: 1, 2: 2}


def test_times_are_scaled_to_the_machine_at_rest() -> None:
    # The machine is a quarter slower: references of 0.125 ms instead of 0.1, but for two interruptions.
    references = np.array([0.125] * 8 + [0.4, 0.5])
    assert quiet_ms(np.array([2.4, 2.5, 2.5, 9.0]), references, 0.1) == pytest.approx(2.0)


def test_a_large_network_does_not_slow_the_clock_down() -> None:
    meter = LatencyMeter()
    large = lite0(224)
    graphs = {"tiny": (tiny(), 32), "large": (large, 224)}
    reference = {}
    for name, (architecture, side) in graphs.items():
        content = onnx_core(build_network(architecture, 4), architecture).SerializeToString()
        _, references = meter.samples(content, side)
        reference[name] = float(np.quantile(references, 0.2))
    assert reference["large"] < 1.25 * reference["tiny"]  # 1.5 before the clock ran once unseen
