"""A real cached data set and answers of models on it, without any training.

The photos are real crops, some darkened, blurred, grey or small, and the made answers are worse on the dark
ones: slices have something to find. Everything is drawn from fixed seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from PIL import Image as Picture
from PIL import ImageFilter

from datasets_app.models import DatasetVersion, Image
from datasets_app.rows import insert_rows
from nas.data.cache import IMAGES_FILE
from nas.data.writing import write_index
from nas.evaluation.predictions import Predictions, predictions_of
from tests import factories
from tests.images import PHOTO_CLASSES, photo

_COLUMNS = (
    "row", "path", "label", "original_label", "split", "excluded", "sha256", "width", "height", "group",
)  # fmt: skip
_MOTIFS = tuple(name for name in PHOTO_CLASSES if name != "temple dusk")  # dark is what is made dark here
_CROPS = 24


def cached_set(owner: User, classes: Sequence[str], *, n_test: int, side: int = 64) -> DatasetVersion:
    """Saves a data set of `owner` with a version, its cache and the rows of its images.

    Of 2 * `n_test` rows the first quarter is validation, the second training, the rest test; classes take
    turns. By row: each seventh is dark, each eleventh blurred, each thirteenth grey, each fifth small.
    """
    dataset = factories.DatasetFactory(owner=owner, name="Sorted waste")
    version: DatasetVersion = factories.DatasetVersionFactory(dataset=dataset, cache_size=side)
    directory = version.cache_dir
    directory.mkdir(parents=True)
    index = [_line(row, sorted(classes), n_test) for row in range(2 * n_test)]
    with (directory / IMAGES_FILE).open("wb") as file:
        for row in range(len(index)):
            file.write(_pixels(row, side))
    written = write_index(directory, index, cache_size=side, seed=0)
    DatasetVersion.objects.filter(pk=version.pk).update(
        classes=written.classes,
        counts=written.counts,
        n_images=written.n_images,
        content_hash=written.content_hash,
    )
    rows = (
        (one["row"], one["path"], one["label"], one["label"], one["split"], False, one["sha256"],
         one["width"], one["height"], -1)
        for one in index
    )  # fmt: skip
    insert_rows(Image, _COLUMNS, rows, dataset_id=dataset.pk)
    version.refresh_from_db()
    return version


def is_dark(row: int) -> bool:
    """True for the rows whose photos are dark."""
    return row % 7 == 0


def answers_of(version: DatasetVersion, n_test: int, skill: float, *, int8: bool = False) -> Predictions:
    """Returns made answers on the test photos of a set of `cached_set`.

    Args:
        version: The version.
        n_test: As it was made.
        skill: Share of right answers on photos that are not dark, about; dark ones have 0.3 less. A photo
            that a model gets right is mostly right for more skilful ones too.
        int8: Adds answers of an int8 file that differ a little.
    """
    rows = np.arange(n_test, 2 * n_test)
    n_classes = len(version.classes)
    labels = rows % n_classes
    draw = np.random.default_rng(round(skill * 1000))
    difficulty = np.random.default_rng(5).random(len(rows)) + draw.normal(0, 0.03, len(rows))
    dark = np.array([is_dark(int(row)) for row in rows])
    right = difficulty < skill - 0.3 * dark
    step = np.where(draw.random(len(rows)) < 0.7, 1, 2) % n_classes
    answers = np.where(right, labels, (labels + np.maximum(1, step)) % n_classes)
    top = np.where(right, draw.beta(8, 1.5, len(rows)), draw.beta(4, 3, len(rows)))
    probabilities = _spread(answers, labels, top.clip(0.5, 0.999), n_classes)
    if not int8:
        return predictions_of("test", version.content_hash, rows, labels, probabilities, threshold=0.55)
    rounded = np.where(draw.random(len(rows)) < 0.02, (answers + 1) % n_classes, answers)
    return predictions_of(
        "test",
        version.content_hash,
        rows,
        labels,
        probabilities,
        int8_probabilities=_spread(rounded, labels, top.clip(0.5, 0.999), n_classes),
        threshold=0.55,
    )


def _spread(answers: np.ndarray, labels: np.ndarray, top: np.ndarray, n_classes: int) -> np.ndarray:
    """Puts `top` on the answer, most of the rest on the truth, or on the next class if that is it."""
    each = np.arange(len(answers))
    found = np.full((len(answers), n_classes), 0.0)
    found += (0.4 * (1 - top) / n_classes)[:, None]
    found[each, answers] += top
    second = np.where(answers == labels, (labels + 1) % n_classes, labels)
    found[each, second] += 1 - found.sum(axis=1)
    return found.astype(np.float32)


def _line(row: int, classes: Sequence[str], n_test: int) -> dict[str, Any]:
    label = classes[row % len(classes)]
    width, height = (60, 45) if row % 5 == 0 else (640, 480)
    return {
        "row": row, "path": f"{label}/{row:05d}.{'png' if row % 3 == 0 else 'jpg'}", "label": label,
        "split": "test" if row >= n_test else "train" if row >= n_test // 2 else "val",
        "sha256": f"{row:064x}", "width": width, "height": height, "group": -1, "n_bytes": 1000,
        "format": "PNG" if row % 3 == 0 else "JPEG", "mode": "RGB", "camera": "", "has_exif": False,
    }  # fmt: skip


def _pixels(row: int, side: int) -> bytes:
    return _made(row % _CROPS, side, is_dark(row), row % 11 == 0, row % 13 == 0)


@lru_cache(maxsize=400)
def _made(crop: int, side: int, dark: bool, blurred: bool, grey: bool) -> bytes:
    picture: Picture.Image = photo(_MOTIFS[crop % len(_MOTIFS)], crop, side)
    if blurred:
        picture = picture.filter(ImageFilter.GaussianBlur(side / 24))
    if grey:
        picture = picture.convert("L").convert("RGB")
    return picture.point(lambda level: level // 5 if dark else level).tobytes()
