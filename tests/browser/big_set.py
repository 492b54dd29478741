"""Puts a ready data set of many small images into an installation: `python -m tests.browser.big_set N K`.

Rows and cache are written directly, as the import writes them: decoding 70,000 files is not what the tests of
pages are about. Prints the id of the data set. `AUTOML_VAR_DIR` names the installation.
"""

from __future__ import annotations

import os
import sys
import uuid
from pathlib import Path
from typing import Any

import django
import numpy as np
import numpy.typing as npt

SIDE = 16
KINDS = ("wrong-label", "dark", "near-copy")
N_EACH = 90
IMAGE_COLUMNS = ("path", "label", "split", "row", "sha256", "width", "height", "group")

Numbers = npt.NDArray[np.int64]


def write_pictures(path: Path, numbers: Numbers) -> None:
    """Writes squares of noise whose hue tells the class, so that a wrong tile would show."""
    draw = np.random.default_rng(0)
    noise = draw.integers(0, 40, (64, SIDE, SIDE, 3), dtype=np.uint8)
    hues = draw.integers(30, 200, (int(numbers.max()) + 1, 3), dtype=np.uint8)
    with path.open("wb") as file:
        for start in range(0, len(numbers), 4096):
            some = numbers[start : start + 4096]
            file.write((noise[np.arange(len(some)) % 64] + hues[some][:, None, None, :]).tobytes())


def write_map(path: Path, numbers: Numbers) -> None:
    """Writes a cloud of points for each class."""
    draw = np.random.default_rng(1)
    centres = draw.uniform(0.15, 0.85, (int(numbers.max()) + 1, 2))
    cloud = centres[numbers] + draw.normal(0, 0.05, (len(numbers), 2))
    path.write_bytes(cloud.clip(0, 1).astype("<f4").tobytes())


def lines(n: int, names: list[str]) -> list[dict[str, Any]]:
    """Returns one dict an image, as the index of a cache holds it; classes take turns."""
    parts = ("train",) * 8 + ("val", "test")
    return [
        {
            "row": row, "path": f"{names[row % len(names)]}/{row:06d}.png", "label": names[row % len(names)],
            "split": parts[row // len(names) % 10], "sha256": f"{row:064x}", "width": SIDE, "height": SIDE,
            "group": -1,
        }
        for row in range(n)
    ]  # fmt: skip


def findings(index: list[dict[str, Any]], names: list[str]) -> list[dict[str, Any]]:
    """Returns some doubts of each kind about the first images."""
    found = []
    for k, kind in enumerate(KINDS):
        for i in range(min(N_EACH, len(index) // 8)):
            line = index[k + 4 * i]
            found.append({
                "path": line["path"], "kind": kind, "row": line["row"], "label": line["label"],
                "refused": False, "score": 0.99 - i / 200,
                "other_row": line["row"] + len(names) if kind == "near-copy" else None,
                "suggestion": names[(i + 1) % len(names)] if kind == "wrong-label" else "",
                "reason": f"This is the sentence of {kind}.", "remedy": "Look at it and decide.",
            })  # fmt: skip
    return found


def make(n: int, n_classes: int) -> uuid.UUID:
    """Writes a data set of the installation's first person and returns its id."""
    from django.db import transaction

    from automl_site.welcome import ensure_admin
    from datasets_app.models import Dataset, DatasetState, DatasetVersion, Finding, Image
    from datasets_app.rows import insert_rows
    from nas.data.writing import write_index

    names = [f"class {number:02d}" for number in range(n_classes)]
    numbers = np.arange(n) % n_classes
    dataset = Dataset.objects.create(
        owner=ensure_admin(), name=f"{n:,} squares", state=DatasetState.READY, size_bytes=n * 800
    )
    version = DatasetVersion(dataset=dataset, number=1, n_images=n, cache_size=SIDE)
    version.cache_path = f"caches/{version.pk}"
    version.cache_dir.mkdir(parents=True)
    write_pictures(version.cache_dir / "images.u8", numbers)
    write_map(version.cache_dir / "map.f32", numbers)
    index = lines(n, names)
    written = write_index(version.cache_dir, index, cache_size=SIDE, seed=0)
    version.classes, version.counts = written.classes, written.counts
    version.content_hash, version.blocking = written.content_hash, written.blocking or ""
    version.save()
    rows = [(line["label"], False, *(line[name] for name in IMAGE_COLUMNS)) for line in index]
    with transaction.atomic():
        insert_rows(Image, ("original_label", "excluded", *IMAGE_COLUMNS), rows, dataset_id=dataset.pk)
    Finding.objects.bulk_create(Finding(dataset=dataset, **found) for found in findings(index, names))
    return dataset.pk


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "automl_site.settings")
    django.setup()
    sys.stdout.write(f"{make(int(sys.argv[1]), int(sys.argv[2]))}\n")
