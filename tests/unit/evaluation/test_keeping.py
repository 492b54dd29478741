"""Which answers of a downloaded file are kept, and when they are replaced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from nas.data.cache import ImageCache
from nas.evaluation.predictions import load_predictions, predictions_file
from nas.export.onnx_model import export_onnx
from nas.phases.evaluation import keep_photo_facts, keep_predictions, keep_validation_predictions
from tests.unit.export.test_graph import settled
from tests.unit.networks.architectures import tiny


@pytest.fixture
def model(photo_cache: ImageCache, tmp_path: Path) -> dict[str, Any]:
    """A bundle with two different files, the second one as its int8 file."""
    directory = tmp_path / "models" / "tiny-4"
    directory.mkdir(parents=True)
    for name, side in (("model.onnx", 32), ("model_int8.onnx", 33)):
        module = settled(tiny(side), photo_cache.n_classes)
        export_onnx(module, tiny(side), photo_cache.classes, directory / name, {}, temperature=1.7)
    trust = {"threshold": 0.4}
    return {
        "name": "tiny-4",
        "directory": "models/tiny-4",
        "parity": {"int8": {"offered": True}},
        "trust": trust,
    }


def answers(path: Path, cache: ImageCache, rows: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path)
    [found] = session.run(["probabilities"], {"image": np.ascontiguousarray(cache.images[rows])})
    probabilities: np.ndarray = found
    return probabilities


def test_the_answers_are_those_of_both_files(
    photo_cache: ImageCache, tmp_path: Path, model: dict[str, Any]
) -> None:
    rows = photo_cache.indices("train")[::3]
    keep_predictions(tmp_path, model, photo_cache, rows, "test")
    found = load_predictions(predictions_file(tmp_path, "tiny-4"))
    assert (found.part, found.threshold, found.data_hash) == ("test", 0.4, photo_cache.content_hash)
    assert found.rows.tolist() == rows.tolist()
    assert found.labels.tolist() == photo_cache.labels[rows].tolist()
    directory = tmp_path / "models" / "tiny-4"
    assert np.allclose(found.probabilities, answers(directory / "model.onnx", photo_cache, rows), atol=1e-6)
    int8 = answers(directory / "model_int8.onnx", photo_cache, rows)
    assert np.allclose(found.of_int8().probabilities, int8, atol=1e-6)
    assert not np.allclose(found.probabilities, int8, atol=1e-3)


def test_a_full_disk_costs_the_evaluation_alone(
    photo_cache: ImageCache, tmp_path: Path, model: dict[str, Any]
) -> None:
    (tmp_path / "evaluation").write_text("a file where the directory should be")
    rows = photo_cache.indices("val")
    assert len(keep_predictions(tmp_path, model, photo_cache, rows, "test")) == len(rows)
    keep_photo_facts(tmp_path, photo_cache, rows, "test")


def test_validation_answers_stand_in_but_never_replace_those_on_test_photos(
    photo_cache: ImageCache, tmp_path: Path, model: dict[str, Any]
) -> None:
    path = predictions_file(tmp_path, "tiny-4")
    keep_validation_predictions(tmp_path, {**model, "parity": {}}, photo_cache)
    assert not load_predictions(path).has_int8
    keep_validation_predictions(tmp_path, model, photo_cache)  # int8 was tried later
    found = load_predictions(path)
    assert (found.part, found.has_int8) == ("val", True)
    assert found.rows.tolist() == photo_cache.indices("val").tolist()
    path.write_bytes(b"torn")
    keep_validation_predictions(tmp_path, model, photo_cache)
    assert load_predictions(path).part == "val"
    rows = photo_cache.indices("train")[:5]
    keep_predictions(tmp_path, model, photo_cache, rows, "test")
    keep_validation_predictions(tmp_path, model, photo_cache)
    assert load_predictions(path).rows.tolist() == rows.tolist()
