"""Int8 files in downloads: what lies in them, why there is none, and what interruptions leave."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from nas.architecture import MBConvArchitecture
from nas.data.cache import ImageCache
from nas.events import Event
from nas.export import onnx_model
from nas.export.builder import GraphBuilder
from nas.export.onnx_model import OnnxClassifier
from nas.phases import bundles, int8
from nas.quantise import onnx_int8
from nas.quantise.climb import LadderConfig
from nas.quantise.network import QuantNetwork
from tests.bundles import kept, serving, source_of
from tests.unit.export.test_bundle import ask
from tests.unit.export.test_graph import cells, settled

Trained = tuple[nn.Module, MBConvArchitecture]
Made = tuple[Path, dict[str, Any]]


def predict(directory: Path, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(directory / "predict.py"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


# -- a bundle with an int8 file ----------------------------------------------------------------------------


def test_the_int8_file_lies_beside_the_other_and_is_summed_up(made: Made) -> None:
    directory, model = made
    names = {file["name"] for file in model["files"]}
    assert {"model.onnx", "model_int8.onnx", "golden_int8.json", "SHA256SUMS"} <= names
    assert names == {path.name for path in directory.iterdir()}
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=directory, check=True)
    listed = (directory / "SHA256SUMS").read_text()
    assert "model_int8.onnx" in listed and "SHA256SUMS" not in listed
    sizes = {file["name"]: file["bytes"] for file in model["files"]}
    assert sizes["model_int8.onnx"] == (directory / "model_int8.onnx").stat().st_size


def test_both_files_say_the_same_about_themselves_and_calibrate_alike(
    made: Made, digit_cache: ImageCache
) -> None:
    directory, model = made
    sessions = {
        name: onnxruntime.InferenceSession(directory / name) for name in ("model.onnx", "model_int8.onnx")
    }
    said = {name: each.get_modelmeta().custom_metadata_map for name, each in sessions.items()}
    assert said["model_int8.onnx"] == {**said["model.onnx"], "precision": "int8"}
    temperature = model["trust"]["temperature"]
    assert abs(temperature - 1.0) > 0.05  # otherwise the next lines prove nothing
    graph = onnx.load(directory / "model_int8.onnx")
    graph.graph.output.append(onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    image = np.asarray(digit_cache.images[digit_cache.indices("val")[:1]])
    probabilities, logits = session.run(["probabilities", "logits"], {"image": image})
    expected = torch.from_numpy(logits / temperature).softmax(dim=1).numpy()
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)


def test_the_certificate_sets_the_runtimes_beside_each_other(made: Made) -> None:
    directory, model = made
    kept_file = json.loads((directory / "parity.json").read_text())
    assert kept_file["rows"] == model["parity"]["rows"] and kept_file["int8"] == model["parity"]["int8"]
    assert {"file", "sha256", "n_images", "agreement", "max_difference"} <= kept_file.keys()
    trained, fp32, fp32_web, quantised, quantised_web = model["parity"]["rows"]
    assert trained["runtime"].startswith("PyTorch") and trained["agreement"] is None
    assert (fp32["file"], quantised["file"]) == ("model.onnx", "model_int8.onnx")
    assert fp32["agreement"] == 1.0 and fp32["max_difference"] < 1e-3
    assert quantised["agreement"] >= 0.99 and quantised["against"] == "its simulation in PyTorch"
    assert 0.8 < quantised["with_fp32"] <= 1.0
    assert all(row["n_images"] == model["parity"]["n_images"] for row in (trained, fp32, quantised))
    assert all(row["latency_ms"] > 0 for row in (trained, fp32, quantised))
    for row in (fp32_web, quantised_web):
        assert row["unchecked"] == "switched off (AUTOML_CHROMIUM)" and row["latency_ms"] is None


def test_the_card_has_the_figures_and_the_certificate(made: Made) -> None:
    directory, model = made
    card = (directory / "model_card.md").read_text()
    figures = model["parity"]["int8"]
    assert "## int8" in card and figures["reason"] in card
    assert f"{figures['float_accuracy']:.1%} | {figures['int8_accuracy']:.1%}" in card
    assert f"{figures['float_ms']:.2f} ms | {figures['int8_ms']:.2f} ms" in card
    assert "## Certificate" in card and "not checked: switched off" in card


def test_predict_and_server_answer_with_the_int8_file(made: Made) -> None:
    directory, _ = made
    photo = directory / "golden.png"
    values = {}
    for name, words in (("model.onnx", ()), ("model_int8.onnx", ("--int8",))):
        (said,) = json.loads(predict(directory, photo, "--json", "--top", 99, *words).stdout)
        values[name] = {guess["label"]: guess["probability"] for guess in said["predictions"]}
    assert values["model.onnx"] != values["model_int8.onnx"]
    answer = json.loads((directory / "golden_int8.json").read_text())
    labels = OnnxClassifier(directory / "model_int8.onnx").labels
    assert values["model_int8.onnx"] == pytest.approx(
        dict(zip(labels, answer["probabilities"], strict=True)), abs=1e-3
    )
    with serving(directory, "--int8") as address:
        status, found = ask(f"{address}predict", photo.read_bytes())
    assert status == 200
    for guess in found["predictions"]:
        assert guess["probability"] == values["model_int8.onnx"][guess["label"]]


def test_a_copy_is_checked_with_its_int8_file(made: Made, tmp_path: Path) -> None:
    directory, _ = made
    assert predict(directory, "--check").returncode == 0
    copy = tmp_path / "copy"
    shutil.copytree(directory, copy)
    answer = json.loads((copy / "golden_int8.json").read_text())
    answer["probabilities"][0] += 0.2
    (copy / "golden_int8.json").write_text(json.dumps(answer))
    found = predict(copy, "--check")
    assert found.returncode == 1 and "model_int8.onnx: the answer" in found.stderr
    assert predict(copy, "--check", "--model", copy / "model.onnx").returncode == 0
    shutil.copy(copy / "model.onnx", copy / "model_int8.onnx")
    found = predict(copy, "--check", "--int8")
    assert found.returncode == 1 and "not the file that SHA256SUMS lists" in found.stderr
    (copy / "model_int8.onnx").unlink()
    found = predict(copy, "--check")
    assert found.returncode == 1 and "no int8 file" in found.stderr and "Traceback" not in found.stderr


# -- bundles without one -----------------------------------------------------------------------------------


def test_what_costs_too_much_is_left_out_with_the_reason(
    trained: Trained, digit_cache: ImageCache, tmp_path: Path
) -> None:
    source = source_of(tmp_path, *trained, digit_cache)
    config = LadderConfig(top="after training", most_lost=-1.0)
    model = int8.complete(tmp_path, source, bundles.write_model(tmp_path, source), config)
    directory = tmp_path / model["directory"]
    assert not (directory / "model_int8.onnx").exists()
    assert "use the fp32 file" in model["parity"]["int8"]["reason"]
    assert model["parity"]["int8"]["reason"] in (directory / "model_card.md").read_text()
    assert [row["file"] for row in model["parity"]["rows"]].count("model_int8.onnx") == 0
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=directory, check=True)
    assert predict(directory, "--check").returncode == 0
    found = predict(directory, directory / "golden.png", "--int8")
    assert found.returncode == 2 and "no int8 file" in found.stderr
    assert [path.name for path in directory.parent.iterdir()] == [directory.name]


def test_networks_that_cannot_be_quantised_say_so(digit_cache: ImageCache, tmp_path: Path) -> None:
    architecture = cells("nasbench201", 0)
    candidate = kept(tmp_path, settled(architecture, digit_cache.n_classes), architecture)
    told: list[Event] = []
    int8.export_candidate(digit_cache.directory, tmp_path, candidate, [candidate], told.append)
    assert [event.kind for event in told] == ["model_exported", "model_completed"]
    assert "int8" not in told[0].payload["model"]["parity"]
    model = told[1].payload["model"]
    assert (model["parity"]["int8"]["offered"], model["parity"]["int8"]["tried"]) == (False, True)
    assert "Only networks of MBConv blocks" in model["parity"]["int8"]["reason"]
    assert model["label"] == candidate.label


@pytest.mark.parametrize("fault", ["swapped colours", "wrong resize"])
def test_a_broken_int8_file_is_refused(
    trained: Trained,
    digit_cache: ImageCache,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
) -> None:
    module, architecture = trained
    source = source_of(tmp_path, module, architecture, digit_cache)
    tinted = source.parity_images.clone()  # digits are grey, colours must matter
    tinted[..., 0] //= 4
    source = replace(source, parity_images=tinted)
    with torch.no_grad():
        cast(nn.Conv2d, source.module.get_submodule("conv_stem")).weight[:, 2] *= -2
    model = bundles.write_model(tmp_path, source)
    if fault == "swapped colours":
        real = onnx_int8.int8_core

        def swapped(network: QuantNetwork) -> onnx.ModelProto:
            wrong = network.twin(simulated=True)
            with torch.no_grad():
                wrong.layers[0].weight.copy_(wrong.layers[0].weight[:, [2, 1, 0]].clone())
            return real(wrong)

        monkeypatch.setattr(onnx_int8, "int8_core", swapped)
    else:

        def shifted(graph: GraphBuilder, resolution: int, axis: int) -> str:
            side = digit_cache.cache_size
            return graph.constant(
                np.eye(side)[np.minimum(np.arange(resolution) * side // resolution + 8, side - 1)]
            )

        monkeypatch.setattr(onnx_model, "_weights", shifted)
    config = LadderConfig(top="after training", most_lost=1.0)
    found = int8.complete(tmp_path, source, model, config)["parity"]
    assert found["int8"]["offered"] is False
    assert "agrees with its simulation" in found["int8"]["reason"]
    assert not (tmp_path / model["directory"] / "model_int8.onnx").exists()


def test_int8_comes_later_into_a_bundle_that_is_there(
    trained: Trained, digit_cache: ImageCache, tmp_path: Path
) -> None:
    candidate = kept(tmp_path, *trained)
    source = bundles.open_source(digit_cache.directory, tmp_path, candidate, 1)
    model = bundles.write_model(tmp_path, source)
    card = (tmp_path / model["directory"] / "model_card.md").read_text()
    earlier = {
        **model,
        "parity": {key: model["parity"][key] for key in ("n_images", "agreement", "max_difference")},
    }
    del earlier["trust"]  # as the application keeps it, of a version without certificates
    told: list[Event] = []
    int8.export_candidate(
        digit_cache.directory,
        tmp_path,
        candidate,
        [candidate],
        told.append,
        written=earlier,
        top="after training",
    )
    assert [event.kind for event in told] == ["model_completed"]
    completed = told[0].payload["model"]
    assert completed["parity"]["int8"]["tried"] is True
    assert {row["file"] for row in completed["parity"]["rows"]} <= {"model_int8.onnx"}
    assert completed["trust"] == model["trust"]
    new = (tmp_path / model["directory"] / "model_card.md").read_text()
    assert "## int8" in new and "## int8" not in card
