import time

import pytest

from nas.errors import EvaluationError
from nas.export.graph import onnx_core
from nas.hardware.latency import LatencyMeter
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
