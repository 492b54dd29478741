"""Zips of real images for the tests: photos and digits that ship with scikit-learn (BSD-3).

The photos (china.jpg and flower.jpg, 640 x 427) are cut into many different crops; classes are the two
motifs and a colour variant of each, so that a small network can learn them and a wrong label map shows.
"""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps
from sklearn.datasets import load_digits, load_sample_images

_TURNED = 1.42
"""How much larger a square must be to hold another one however that is turned."""

PHOTO_CLASSES = ("temple", "flower", "temple dusk", "flower mirrored colours")


@lru_cache(maxsize=1)
def _photos() -> tuple[Image.Image, Image.Image]:
    china, flower = load_sample_images().images
    return Image.fromarray(np.asarray(china)), Image.fromarray(np.asarray(flower))


def photo(label: str, seed: int, size: int = 96) -> Image.Image:
    """One crop of a real photo, another one for each seed."""
    kind = PHOTO_CLASSES.index(label)
    source = _photos()[kind % 2]
    draw = random.Random(f"{label}/{seed}")
    # Turned, so that two crops of the same place are not the same picture to the search for copies.
    angle, side = draw.uniform(-40, 40), draw.randint(110, 290)
    around = round(side * _TURNED)
    left, top = draw.randint(0, source.width - around), draw.randint(0, source.height - around)
    turned = source.crop((left, top, left + around, top + around)).rotate(angle, Image.Resampling.BICUBIC)
    rim = (around - side) // 2
    crop = turned.crop((rim, rim, rim + side, rim + side)).resize((size, size), Image.Resampling.BICUBIC)
    if kind == 2:
        crop = ImageEnhance.Brightness(crop).enhance(0.45)
    if kind == 3:
        red, green, blue = crop.split()
        crop = Image.merge("RGB", (blue, red, green))
    return ImageOps.mirror(crop) if draw.random() < 0.5 else crop


def encode(image: Image.Image, format: str = "JPEG", **options: object) -> bytes:
    """File content of an image."""
    buffer = io.BytesIO()
    image.save(buffer, format=format, **options)
    return buffer.getvalue()


@lru_cache(maxsize=2000)
def _photo_jpeg(label: str, seed: int, size: int) -> bytes:
    return encode(photo(label, seed, size), quality=88)


def photo_files(n_per_class: int = 30, size: int = 96, n_classes: int = 4) -> Iterator[tuple[str, bytes]]:
    """(``<class>/<number>.jpg``, JPEG bytes) of the first classes of `PHOTO_CLASSES`."""
    for label in PHOTO_CLASSES[:n_classes]:
        for i in range(n_per_class):
            yield f"{label}/{i:04d}.jpg", _photo_jpeg(label, i, size)


def photo_zip(
    path: Path,
    n_per_class: int = 30,
    size: int = 96,
    n_classes: int = 4,
    extra: Mapping[str, bytes] | None = None,
) -> Path:
    """Writes a zip of class folders of photo crops; `extra` adds files as they are."""
    return write_zip(path, [*photo_files(n_per_class, size, n_classes), *(extra or {}).items()])


def digits_zip(path: Path, n_per_class: int = 30, digits: Iterable[int] = range(10), size: int = 32) -> Path:
    """Writes a zip of handwritten digits as greyscale PNGs, one folder a digit (at most 170 or so each)."""
    data = load_digits()
    files = []
    for digit in digits:
        rows = np.flatnonzero(data.target == digit)[:n_per_class]
        for row in rows:
            grey = (255 - data.images[row] * 255 / 16).clip(0, 255).astype(np.uint8)
            image = Image.fromarray(grey).resize((size, size), Image.Resampling.BICUBIC)
            files.append((f"{digit}/{row:04d}.png", encode(image, "PNG")))
    return write_zip(path, files)


def write_zip(path: Path, files: Iterable[tuple[str | zipfile.ZipInfo, bytes]]) -> Path:
    """Writes files as given (no cleaning of names) and returns the path."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return path
