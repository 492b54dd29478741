"""The decoded images of a data set: one memory-mapped file of uint8 pixels, read by every training."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from nas.data.sealed import ReportToken
from nas.errors import DataError, SealedTestError

SCHEMA_VERSION: Final = 2
_READABLE: Final = (1, 2)  # version 1 knows no excluded images
IMAGES_FILE: Final = "images.u8"
INDEX_FILE: Final = "index.jsonl"
MANIFEST_FILE: Final = "manifest.json"
EXCLUDED: Final = "excluded"
_SPLITS: Final = ("train", "val", "test", EXCLUDED)
_NEUTRAL: Final = (235, 235, 235)


class ImageCache:
    """One version of a data set, opened for reading.

    Row numbers are the same in all versions of a data set; an image that is left out keeps its row and pixels
    but belongs to no part.

    Attributes:
        directory: Where it lies.
        classes: Names of the classes in use; a label is an index into them.
        cache_size: Side C of the stored squares in pixels.
        images: (N, C, C, 3) uint8, memory-mapped read-only.
        labels: (N,) int64, -1 for an image that is left out.
        sizes: (N, 2) int32, original width and height.
        content_hash: Changes when any image, label or split changes.
    """

    def __init__(self, directory: Path, manifest: dict[str, Any], index: Sequence[dict[str, Any]]) -> None:
        """Use `ImageCache.open`, which checks the files first."""
        self.directory = directory
        self.classes: tuple[str, ...] = tuple(manifest["classes"])
        self.cache_size: int = int(manifest["cache_size"])
        self.content_hash: str = manifest["content_hash"]
        shape = (len(index), self.cache_size, self.cache_size, 3)
        self.images: np.memmap[Any, np.dtype[np.uint8]] = np.memmap(
            directory / IMAGES_FILE, dtype=np.uint8, mode="r", shape=shape
        )
        number = {name: i for i, name in enumerate(self.classes)}
        self.labels: npt.NDArray[np.int64] = np.array(
            [-1 if r["split"] == EXCLUDED else number[r["label"]] for r in index], dtype=np.int64
        )
        self.sizes: npt.NDArray[np.int32] = np.array(
            [(r["width"], r["height"]) for r in index], dtype=np.int32
        )
        self._splits = np.array([_SPLITS.index(r["split"]) for r in index], dtype=np.int8)

    @classmethod
    def open(cls, directory: Path) -> ImageCache:
        """Opens a finished cache.

        Raises:
            DataError: Missing, unfinished, of another format version, or its files do not fit together.
        """
        manifest = read_manifest(directory)
        index = read_index(directory)
        try:
            n_bytes = (directory / IMAGES_FILE).stat().st_size
            n = int(manifest.get("n_rows", manifest["n_images"]))
            if len(index) != n or n == 0 or n_bytes != n * int(manifest["cache_size"]) ** 2 * 3:
                raise _unusable(directory)
            return cls(directory, manifest, index)
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise _unusable(directory) from error

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.classes)

    def __len__(self) -> int:
        """Number of rows, those that are left out included."""
        return len(self.labels)

    @property
    def n_used(self) -> int:
        """Number of images in train, val and test."""
        return int(np.count_nonzero(self.labels >= 0))

    def indices(self, split: Literal["train", "val"]) -> npt.NDArray[np.int64]:
        """Rows of a part, ascending; never one that is left out.

        Raises:
            SealedTestError: The test part is asked for; it needs `open_test`.
        """
        if split not in ("train", "val"):
            raise SealedTestError("The test part is sealed until the final report.")
        return np.flatnonzero(self._splits == _SPLITS.index(split)).astype(np.int64)

    def open_test(self, token: ReportToken) -> npt.NDArray[np.int64]:
        """Rows of the sealed test part, for the final report only.

        Raises:
            SealedTestError: Without a token of `nas.data.sealed.open_seal`.
        """
        if not isinstance(token, ReportToken):
            raise SealedTestError("The test part opens only with the report's token.")
        return np.flatnonzero(self._splits == _SPLITS.index("test")).astype(np.int64)

    def thumbnail(self, row: int, size: int = 160) -> bytes:
        """WebP of one image in its original proportions, longest side `size` pixels."""
        width, height = (int(v) for v in self.sizes[row])
        return encode_thumbnail(self.images[row].tobytes(), self.cache_size, width, height, size)


def read_manifest(directory: Path) -> dict[str, Any]:
    """The manifest of a finished cache.

    Raises:
        DataError: Missing, unreadable or of another format version.
    """
    try:
        manifest = json.loads((directory / MANIFEST_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unusable(directory) from error
    if not isinstance(manifest, dict) or manifest.get("schema_version") not in _READABLE:
        raise _unusable(directory)
    return manifest


def read_index(directory: Path) -> list[dict[str, Any]]:
    """One dict an image, in row order.

    Raises:
        DataError: Missing or damaged.
    """
    return list(iterate_index(directory))


def iterate_index(directory: Path) -> Iterator[dict[str, Any]]:
    """Yields one dict an image, in row order, without holding the others.

    Raises:
        DataError: Missing or damaged.
    """
    try:
        with (directory / INDEX_FILE).open(encoding="utf-8") as file:
            for line in file:
                yield json.loads(line)
    except (OSError, ValueError) as error:
        raise _unusable(directory) from error


def read_thumbnail(directory: Path, row: int, *, width: int, height: int, size: int = 160) -> bytes:
    """WebP of one row without opening the whole cache (for the web process).

    Args:
        directory: A finished cache.
        row: Its row.
        width: Original width in pixels, for the proportions.
        height: Original height in pixels.
        size: Longest side of the result in pixels.

    Raises:
        DataError: The cache or the row does not exist.
    """
    (pixels,) = read_pixels(directory, [row])
    return encode_thumbnail(pixels, math.isqrt(len(pixels) // 3), width, height, size)


def read_pixels(directory: Path, rows: Sequence[int]) -> list[bytes]:
    """Stored squares of some rows without opening the whole cache (for the web process).

    Args:
        directory: A finished cache.
        rows: Their rows, in any order.

    Returns:
        C * C * 3 bytes RGB for each row, in the order asked for.

    Raises:
        DataError: The cache or one of the rows does not exist.
    """
    side = int(read_manifest(directory)["cache_size"])
    n_bytes = side * side * 3
    squares = []
    try:
        with (directory / IMAGES_FILE).open("rb") as file:
            for row in rows:
                file.seek(row * n_bytes)
                squares.append(file.read(n_bytes))
    except (OSError, ValueError) as error:  # a negative row is a ValueError
        raise _unusable(directory) from error
    if any(len(square) != n_bytes for square in squares):
        raise _unusable(directory)
    return squares


def encode_thumbnail(pixels: bytes, side: int, width: int, height: int, size: int) -> bytes:
    """Stretches a stored square back to its proportions and encodes it as WebP."""
    image = Image.frombytes("RGB", (side, side), pixels).resize(
        _fit(width, height, size), Image.Resampling.BICUBIC
    )
    buffer = io.BytesIO()
    image.save(buffer, format="WEBP", quality=80, method=2)
    return buffer.getvalue()


def encode_sheet(squares: Sequence[bytes], sizes: Sequence[tuple[int, int]], size: int) -> bytes:
    """JPEG of several images side by side in one row, each in its proportions on neutral grey.

    Args:
        squares: As `read_pixels` gives them; at least one.
        sizes: (width, height) of each original, for the proportions.
        size: Side of one tile in pixels.
    """
    sheet = Image.new("RGB", (size * len(squares), size), _NEUTRAL)
    for i, (square, (width, height)) in enumerate(zip(squares, sizes, strict=True)):
        side = math.isqrt(len(square) // 3)
        target = _fit(width, height, size)
        tile = Image.frombytes("RGB", (side, side), square).resize(
            target, Image.Resampling.BICUBIC, reducing_gap=2.0
        )
        sheet.paste(tile, (i * size + (size - target[0]) // 2, (size - target[1]) // 2))
    buffer = io.BytesIO()
    sheet.save(buffer, format="JPEG", quality=82)
    return buffer.getvalue()


def _fit(width: int, height: int, size: int) -> tuple[int, int]:
    """Width and height whose longest side is `size`, at least one pixel each."""
    scale = size / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _unusable(directory: Path) -> DataError:
    return DataError(
        f"The prepared images in '{directory.name}' are missing or damaged. Import the data again."
    )
