"""Small caches made of arrays, so that a test of the checks needs no files of images."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from nas.checks.subject import Subject
from nas.data.cache import IMAGES_FILE
from nas.data.copies import find_copies
from nas.data.writing import write_index

Bytes = npt.NDArray[np.uint8]


def scene(seed: int, side: int = 64, contrast: float = 60.0) -> Bytes:
    """(side, side, 3) a picture that resembles no other one, detailed on every scale as photos are.

    Args:
        seed: Another one, another picture.
        side: In pixels.
        contrast: Standard deviation in grey levels, about.
    """
    random = np.random.default_rng(seed)
    picture = np.zeros((side, side, 3))
    cells = 2
    while cells <= side:
        noise = random.normal(size=(cells, cells, 3)) * 0.5 + random.normal(size=(cells, cells, 1))
        picture += np.stack([_enlarged(noise[..., i], side) for i in range(3)], axis=2)
        cells *= 2
    picture *= contrast / picture.std()
    return np.clip(picture + 128 - picture.mean(), 0, 255).astype(np.uint8)


def _enlarged(values: npt.NDArray[np.float64], side: int) -> npt.NDArray[np.float64]:
    image = Image.fromarray(values.astype(np.float32))
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC), dtype=np.float64)


def resized(picture: Bytes, side: int) -> Bytes:
    """Squashed to a square, as the import does it."""
    image = Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC, reducing_gap=3.0)
    return np.asarray(image)


def make_cache(
    directory: Path,
    images: Sequence[Bytes],
    labels: Sequence[str],
    splits: Sequence[str] | None = None,
    **facts: Sequence[Any],
) -> Path:
    """Writes a cache of squares; equal pixels count as equal files.

    Args:
        directory: Where; made.
        images: Squares of one size.
        labels: Of each.
        splits: Of each; all "train" without it.
        **facts: More columns of the index, e.g. `width`.
    """
    directory.mkdir(parents=True)
    pixels = np.stack(images)
    side = pixels.shape[1]
    pixels.tofile(directory / IMAGES_FILE)
    hashes = [hashlib.sha256(image.tobytes()).hexdigest() for image in pixels]
    groups = find_copies(pixels, hashes).groups.tolist()
    columns: dict[str, Sequence[Any]] = {
        "row": range(len(pixels)),
        "path": [f"{label}/{row:04d}.jpg" for row, label in enumerate(labels)],
        "label": labels,
        "split": splits or ["train"] * len(pixels),
        "sha256": hashes,
        "group": groups,
        "width": [side] * len(pixels),
        "height": [side] * len(pixels),
        **facts,
    }
    index = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    write_index(directory, index, cache_size=side, seed=0)
    return directory


def open_subject(
    directory: Path,
    images: Sequence[Bytes],
    labels: Sequence[str],
    splits: Sequence[str] | None = None,
    **facts: Sequence[Any],
) -> Subject:
    """What the checks see of such a cache."""
    return Subject.open(make_cache(directory / "cache", images, labels, splits, **facts))
