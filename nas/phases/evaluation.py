"""Asks the downloaded files for answers on labelled photos and keeps them for the evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from nas.data.cache import ImageCache
from nas.errors import EvaluationError
from nas.evaluation.photos import measure_photos, photos_file, save_photos
from nas.evaluation.predictions import (
    Part,
    Predictions,
    load_predictions,
    predictions_file,
    predictions_of,
    save_predictions,
)
from nas.export.bundle import ONNX_NAME
from nas.export.int8_bundle import INT8_NAME, has_int8
from nas.export.onnx_model import OnnxClassifier
from nas.prediction import validation_rows
from nas.runtime import available_cores


def keep_predictions(
    workdir: Path, model: Mapping[str, Any], cache: ImageCache, rows: np.ndarray, part: Part
) -> Predictions:
    """Asks the files of an exported model and keeps what they answer.

    Args:
        workdir: The run's directory.
        model: Facts of its bundle, see `nas.export.bundle.write_bundle`.
        cache: Where the photos are.
        rows: (N,) their rows, ascending.
        part: Which photos they are.

    Returns:
        The answers, those of the int8 file included if there is one, whether or not they could be kept.
    """
    directory = workdir / model["directory"]
    answers = predictions_of(
        part,
        cache.content_hash,
        rows,
        cache.labels[rows],
        _probabilities(directory / ONNX_NAME, cache, rows),
        int8_probabilities=_probabilities(directory / INT8_NAME, cache, rows) if has_int8(model) else None,
        threshold=float((model.get("trust") or {}).get("threshold", 0.0)),
    )
    with suppress(OSError):  # a full disk shall cost the evaluation, not the figures of the run
        save_predictions(predictions_file(workdir, model["name"]), answers)
    return answers


def keep_validation_predictions(workdir: Path, model: Mapping[str, Any], cache: ImageCache) -> None:
    """Keeps the answers on validation photos of a model, unless there are some on test photos.

    There are none for a set without a test part, and for models that were exported after the part was
    opened: it is opened once, and what came later would profit from what was seen.
    """
    try:
        if load_predictions(predictions_file(workdir, model["name"])).part == "test":
            return
    except (FileNotFoundError, EvaluationError):
        pass  # none yet, or damaged ones
    keep_predictions(workdir, model, cache, validation_rows(cache), "val")


def keep_photo_facts(workdir: Path, cache: ImageCache, rows: np.ndarray, part: Part) -> None:
    """Measures judged photos and keeps what was found, for accuracy on kinds of photos."""
    facts = measure_photos(cache, rows)
    with suppress(OSError):
        save_photos(photos_file(workdir, part), facts)


def _probabilities(path: Path, cache: ImageCache, rows: np.ndarray) -> np.ndarray:
    return OnnxClassifier(path, threads=available_cores()).probabilities(cache.images, rows)
