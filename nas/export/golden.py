"""A picture with its expected answer, so that a download can prove itself wherever it runs.

The picture is drawn, not taken from anyone's photos: a download must not carry them along.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from nas.export.templates import predict
from nas.files import write_atomically

PICTURE, ANSWER, INT8_ANSWER = "golden.png", "golden.json", "golden_int8.json"
TOLERANCE = 0.005
"""Largest difference of a probability between two processors' rounding, generously."""

INT8_TOLERANCE = 0.05
"""The same for int8: a value in the middle between two integers falls either way, and is mixed into all."""

_SIZE = (317, 211)  # odd on purpose: squashing is part of what is proved
_SEED = 7


def golden_picture() -> Image.Image:
    """Returns the picture: colour gradients, a disc, stripes and fine noise."""
    width, height = _SIZE
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([255 * x / width, 255 * y / height, 127 + 127 * np.sin(x / 9.0)], axis=-1)
    disc = (x - 200) ** 2 + (y - 90) ** 2 < 60**2
    pixels[disc] = (240, 200, 30)
    pixels += np.random.default_rng(_SEED).normal(0, 12, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def write_golden(directory: Path, onnx_file: Path) -> None:
    """Writes the picture, and the answer of the exported file in this machine's ONNX Runtime."""
    golden_picture().save(directory / PICTURE)
    write_answer(directory, onnx_file)


def write_answer(
    directory: Path, onnx_file: Path, *, name: str = ANSWER, tolerance: float = TOLERANCE
) -> None:
    """Writes the answer of a file to the picture, which is there, as `name`."""
    classifier = predict.Classifier(onnx_file)
    values = classifier.probabilities(predict.read_photo(directory / PICTURE, classifier.side))
    answer = {
        "picture": PICTURE,
        "model": onnx_file.name,
        "probabilities": [round(float(value), 6) for value in values],
        "tolerance": tolerance,
    }
    write_atomically(directory / name, json.dumps(answer, indent=1) + "\n")
