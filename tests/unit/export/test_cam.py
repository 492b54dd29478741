"""Maps of an exported file: they add up to its answers, and networks without such an end have none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from nas.architecture import TimmArchitecture
from nas.export.cam import MAP, with_map, write_cam
from nas.export.onnx_model import INPUT, OUTPUT, export_onnx
from nas.hardware.latency import make_session
from tests.unit.export.test_graph import settled
from tests.unit.networks.architectures import tiny

LABELS = ("glass", "metal", "paper")
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 72, 72, 3), np.uint8)


def exported(directory: Path, architecture: object = None, temperature: float = 1.7) -> Path:
    network = architecture or tiny(64)
    path = directory / "model.onnx"
    export_onnx(settled(network, 3), network, LABELS, path, {}, temperature=temperature)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize(
    "architecture", [tiny(64), TimmArchitecture(64, "resnet18")], ids=["mbconv", "resnet"]
)
def test_the_mean_of_a_map_is_the_logit(tmp_path: Path, architecture: object) -> None:
    path = exported(tmp_path, architecture)
    target = tmp_path / "maps" / "a.onnx"
    assert write_cam(path, target, IMAGES)
    (expected,) = make_session(path, 1).run([OUTPUT], {INPUT: IMAGES})
    found, maps = make_session(target, 1).run([OUTPUT, MAP], {INPUT: IMAGES})
    assert np.abs(found - expected).max() < 1e-5
    assert maps.shape[:2] == (5, 3) and maps.shape[2] > 1
    logits = maps.mean(axis=(2, 3)) / 1.7
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.abs(shares - expected).max() < 1e-4
    assert np.ptp(expected, axis=0).max() > 0.01  # the images are answered differently: the test can fail


def test_another_end_has_no_map(tmp_path: Path) -> None:
    model = onnx.load(exported(tmp_path))
    (linear,) = [node for node in model.graph.node if node.op_type == "Gemm"]
    linear.attribute.append(helper.make_attribute("alpha", 2.0))
    assert with_map(model) is None
    path = tmp_path / "other.onnx"
    onnx.save(model, path)
    assert not write_cam(path, tmp_path / "maps.onnx", IMAGES)
    assert not (tmp_path / "maps.onnx").exists()


def test_a_copy_that_disagrees_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = exported(tmp_path)
    model = onnx.load(path)
    copy = with_map(model)
    assert copy is not None
    for one in copy.graph.initializer:
        if one.name == "map/weight":
            values = onnx.numpy_helper.to_array(one) * 1.5
            one.CopyFrom(onnx.numpy_helper.from_array(values, one.name))
    monkeypatch.setattr("nas.export.cam.with_map", lambda _model: copy)
    assert not write_cam(path, tmp_path / "maps.onnx", IMAGES)
    assert not (tmp_path / "maps.onnx").exists()
