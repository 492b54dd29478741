"""The kept answers: what is written comes back, what is damaged is refused with a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nas.errors import EvaluationError
from nas.evaluation import predictions as kept
from nas.evaluation.predictions import (
    Predictions,
    load_predictions,
    predictions_file,
    predictions_of,
    save_predictions,
)


def some(n: int = 40, n_classes: int = 5, *, int8: bool = False) -> Predictions:
    rng = np.random.default_rng(3)

    def drawn() -> np.ndarray:
        return rng.dirichlet(np.ones(n_classes), n).astype(np.float32)

    rows = np.sort(rng.choice(10 * n, n, replace=False))
    labels = rng.integers(0, n_classes, n)
    return predictions_of(
        "test", "abc", rows, labels, drawn(), int8_probabilities=drawn() if int8 else None, threshold=0.4
    )


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    saved = some(int8=True)
    path = predictions_file(tmp_path, "lite-3")
    assert path == tmp_path / "evaluation" / "lite-3.npz"
    assert save_predictions(path, saved)
    found = load_predictions(path)
    assert (found.part, found.data_hash, len(found), found.n_classes) == ("test", "abc", 40, 5)
    assert found.threshold == 0.4
    for name in ("rows", "labels", "probabilities", "answers", "int8_probabilities", "int8_answers"):
        assert np.array_equal(getattr(found, name), getattr(saved, name)), name
    assert found.int8_probabilities is not None
    assert np.array_equal(found.of_int8().answers, found.int8_probabilities.argmax(axis=1))
    assert not found.of_int8().has_int8


def test_without_int8_the_int8_answers_are_refused(tmp_path: Path) -> None:
    save_predictions(tmp_path / "a.npz", some())
    with pytest.raises(EvaluationError, match="no int8 file"):
        load_predictions(tmp_path / "a.npz").of_int8()


def test_many_values_are_halved_and_the_answers_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    n_classes = 1000
    near = np.full((20, n_classes), 0.5 / n_classes, dtype=np.float32)
    near[:, 7], near[:, 400] = 0.2500, 0.25001  # float16 cannot tell them apart
    near /= near.sum(axis=1, keepdims=True)
    saved = predictions_of("val", "", np.arange(20), np.full(20, 7), near)
    monkeypatch.setattr(kept, "MOST_FLOAT32", 100)
    assert save_predictions(tmp_path / "a.npz", saved)
    found = load_predictions(tmp_path / "a.npz")
    assert found.probabilities.dtype == np.float16
    assert found.probabilities.argmax(axis=1).tolist() == [7] * 20
    assert found.answers.tolist() == [400] * 20


def test_too_many_values_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST_VALUES", 199)
    assert not save_predictions(tmp_path / "a.npz", some())
    assert not (tmp_path / "a.npz").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"rows": np.arange(40)[::-1]},
        {"rows": np.arange(39)},
        {"rows": np.arange(-1, 39)},
        {"labels": np.full(40, 5)},
        {"labels": np.full(40, -1)},
        {"answers": np.full(40, 5)},
        {"answers": np.zeros(40, dtype=np.int32)},
        {"probabilities": np.full((40, 5), np.nan, dtype=np.float32)},
        {"probabilities": np.full((40, 5), 0.3, dtype=np.float32)},
        {"probabilities": np.ones((40,), dtype=np.float32)},
        {"probabilities": np.ones((40, 5), dtype=np.complex64)},
        {"int8_probabilities": np.full((40, 4), 0.25, dtype=np.float32)},
        {"threshold": np.float64(1.5)},
        {"part": np.array("train")},
        {"version": np.int64(2)},
        {"rows": np.array([{}] * 40, dtype=object)},
    ],
)
def test_what_does_not_fit_together_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "a.npz"
    save_predictions(path, some(int8=True))
    with np.load(path) as archive:
        members = {name: archive[name] for name in archive.files}
    np.savez(path, **{**members, **change})
    with pytest.raises(EvaluationError):
        load_predictions(path)


@pytest.mark.parametrize("keep", [0, 3, 200, -30])
def test_a_torn_file_is_refused(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "a.npz"
    save_predictions(path, some())
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(EvaluationError, match="damaged"):
        load_predictions(path)


def test_a_missing_file_is_no_damage(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_predictions(tmp_path / "none.npz")
