"""Makes a cache of decoded images: pixels packed, copies grouped, index and manifest written."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from nas.data.cache import EXCLUDED, INDEX_FILE, MANIFEST_FILE, SCHEMA_VERSION
from nas.data.copies import find_copies
from nas.data.split import MIN_PER_CLASS, Sample

_PARTS: Final = {"train": "training", "val": "validation", "test": "test"}


@dataclass(frozen=True)
class Written:
    """What the manifest says.

    Attributes:
        classes: Names of the classes in use, in label order.
        n_images: Images in use.
        counts: ``{"train": {class: n}, "val": ..., "test": ...}``.
        blocking: Why nothing can be trained on it, or None.
        content_hash: Identity of the images, their labels and parts.
    """

    classes: list[str]
    n_images: int
    counts: dict[str, dict[str, int]]
    blocking: str | None
    content_hash: str


def pack_pixels(path: Path, slots: Sequence[int], n_bytes: int) -> None:
    """Moves the kept images together, in place: rows only ever move towards the start.

    Args:
        path: The pixel file.
        slots: Place of each kept image, ascending; its new place is its position here.
        n_bytes: Size of one image.
    """
    with path.open("r+b") as file:
        for row, slot in enumerate(slots):
            if row != slot:
                pixels = os.pread(file.fileno(), n_bytes, slot * n_bytes)
                os.pwrite(file.fileno(), pixels, row * n_bytes)
        file.truncate(len(slots) * n_bytes)
        os.fsync(file.fileno())


def group_copies(
    path: Path, samples: Sequence[Sample], size: int, on_progress: Callable[[str, int, int], None] | None
) -> None:
    """Looks for copies in the packed pixel file and gives them their group."""

    def tell(done: int, total: int) -> None:
        if on_progress is not None:
            on_progress("Looking for copies", done, total)

    images = np.memmap(path, dtype=np.uint8, mode="r", shape=(len(samples), size, size, 3))
    copies = find_copies(images, [s.sha256 for s in samples], on_progress=tell)
    for sample, group in zip(samples, copies.groups.tolist(), strict=True):
        sample.group = group


def index_of(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """One dict an image, as the index file holds it."""
    return [
        {
            "row": row, "path": s.path, "label": s.label, "split": s.split, "sha256": s.sha256,
            "width": s.width, "height": s.height, "group": s.group, "n_bytes": s.n_bytes,
            "format": s.format, "mode": s.mode, "camera": s.camera, "has_exif": s.has_exif,
        }
        for row, s in enumerate(samples)
    ]  # fmt: skip


def write_index(directory: Path, index: Sequence[dict[str, Any]], *, cache_size: int, seed: int) -> Written:
    """Writes index and manifest (the manifest last) beside the pixels and flushes them to the disk.

    Args:
        directory: Where the pixel file lies already.
        index: One dict an image in row order, with ``label``, ``split`` (may be "excluded") and ``sha256``.
        cache_size: Side of the stored squares in pixels.
        seed: Of the division.
    """
    used = [entry for entry in index if entry["split"] != EXCLUDED]
    classes = sorted({entry["label"] for entry in used})
    tally = Counter((entry["split"], entry["label"]) for entry in used)
    counts = {part: {name: tally[(part, name)] for name in classes} for part in _PARTS}
    blocking = blocking_reason(counts)
    content_hash = _content_hash(index, classes, cache_size)
    manifest = {
        "schema_version": SCHEMA_VERSION, "classes": classes, "cache_size": cache_size, "n_rows": len(index),
        "n_images": len(used), "counts": counts, "content_hash": content_hash, "seed": seed,
        "blocking": blocking,
    }  # fmt: skip
    _write_lines(directory / INDEX_FILE, index)
    _write_lines(directory / MANIFEST_FILE, [manifest])
    sync_directory(directory)
    return Written(classes, len(used), counts, blocking, content_hash)


def blocking_reason(counts: dict[str, dict[str, int]]) -> str | None:
    """Why nothing can be trained on images that are divided like this, or None.

    Args:
        counts: ``{"train": {class: n}, "val": ..., "test": ...}``, the same classes in each part.
    """
    classes = list(counts["train"])
    if not classes:
        return "Every image is left out. Take some back in."
    if len(classes) < 2:
        return (
            f"All usable images belong to one class ('{classes[0]}'). "
            "Training needs at least two classes: add a folder with images of another one."
        )
    for part, words in _PARTS.items():
        if not any(counts[part].values()):
            return f"No image is left in the {words} part. Add more different images."
    for name in classes:
        n = sum(counts[part][name] for part in _PARTS)
        if n < MIN_PER_CLASS:
            return (
                f"The class '{name}' has only {n} image(s); at least {MIN_PER_CLASS} are needed. "
                "Add images to it, merge it with another class or leave its images out."
            )
        if not counts["train"][name]:
            return (
                f"The class '{name}' has no image in the training part. "
                "Move images of it there, merge it with another class or leave its images out."
            )
    return None


def sync_directory(directory: Path) -> None:
    """Makes new and renamed entries of a directory survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _content_hash(index: Sequence[dict[str, Any]], classes: Sequence[str], cache_size: int) -> str:
    """Covers classes, cache size and, for each row, the image, its label and its part."""
    number = {name: i for i, name in enumerate(classes)}
    digest = hashlib.sha256(json.dumps([SCHEMA_VERSION, cache_size, list(classes)]).encode())
    for entry in index:
        label = -1 if entry["split"] == EXCLUDED else number[entry["label"]]
        digest.update(f"{entry['sha256']} {label} {entry['split']}\n".encode())
    return digest.hexdigest()


def _write_lines(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
