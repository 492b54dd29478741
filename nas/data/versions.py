"""Versions of a data set: each a cache of its own with the same rows, and hard links to the same pixels."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

from nas.data.cache import EXCLUDED, IMAGES_FILE, iterate_index, read_index, read_manifest
from nas.data.findings import make_problem
from nas.data.writing import Written, sync_directory, write_index
from nas.errors import DataError, Problem

_MOST_EXAMPLES: Final = 20
_SPLITS: Final = frozenset({"train", "val", "test", EXCLUDED})


@dataclass(frozen=True)
class VersionReport:
    """What a new version is.

    Attributes:
        classes: Names of the classes in use, in label order.
        n_images: Images in use.
        counts: ``{"train": {class: n}, "val": ..., "test": ...}``.
        blocking: Why nothing can be trained on it, or None.
        content_hash: Identity of the images, labels and parts.
        cache_size: Side of the stored squares in pixels.
        warnings: Copies that lie on two sides of the division.
    """

    classes: list[str]
    n_images: int
    counts: dict[str, dict[str, int]]
    blocking: str | None
    content_hash: str
    cache_size: int
    warnings: list[Problem] = field(default_factory=list)


def write_version(base: Path, destination: Path, rows: Sequence[tuple[str, str]]) -> VersionReport:
    """Writes a version with other labels and parts; the pixels are shared with `base`.

    It appears whole or not at all. When `destination` holds the same version already, as after a crash
    between this and the caller's next step, it stays as it is.

    Args:
        base: Cache of any other version of the data set.
        destination: Directory of the new one, on the same file system if possible.
        rows: (label, split) of every row in row order; split is "train", "val", "test" or "excluded".

    Raises:
        DataError: The base is damaged, the rows do not fit it, or the disk is full.
    """
    manifest, old = read_manifest(base), read_index(base)
    if len(rows) != len(old):
        raise DataError(f"The version has {len(rows)} rows and the data set {len(old)}. Load the page anew.")
    unknown = sorted({split for _, split in rows} - _SPLITS)
    if unknown:
        raise DataError(f"There is no part '{unknown[0]}'. Choose train, val, test or excluded.")
    index = [
        {**entry, "label": label, "split": split} for entry, (label, split) in zip(old, rows, strict=True)
    ]
    size, seed = int(manifest["cache_size"]), int(manifest.get("seed", 0))
    destination.parent.mkdir(parents=True, exist_ok=True)
    try:
        written = _write(base, destination, index, size, seed)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DataError("The disk is full. Free some space and make the version again.") from error
        if not (base / IMAGES_FILE).exists():
            raise DataError("The pixels of the data set are missing. Import the data again.") from error
        raise
    return VersionReport(
        written.classes, written.n_images, written.counts, written.blocking, written.content_hash, size,
        copies_across(index),
    )  # fmt: skip


def copies_across(index: Sequence[dict[str, Any]]) -> list[Problem]:
    """One warning for each image whose copy is in a stricter part (test before val before train)."""
    order = ("test", "val", "train")
    groups: dict[int | str, list[dict[str, Any]]] = defaultdict(list)
    for entry in index:
        if entry["split"] != EXCLUDED:
            group = int(entry.get("group", -1))
            groups[group if group >= 0 else entry["sha256"]].append(entry)
    problems = []
    for copies in groups.values():
        first = min(copies, key=lambda entry: order.index(entry["split"]))
        for entry in copies:
            if entry["split"] != first["split"]:
                details = {"other": first["path"], "part": first["split"]}
                problems.append(make_problem(entry["path"], "split-copy", **details))
    return problems


def compare_versions(a: Path, b: Path) -> dict[str, Any]:
    """What changed from version `a` to version `b` of one data set.

    Returns:
        ``relabelled``, ``excluded``, ``restored``, ``moved``, ``added``, ``removed``: numbers of images (one
        of the last two is 0: rows are only ever added, so it says which version is the later one);
        ``examples``: for each of these at most 20 dicts with row, path, from and to;
        ``counts``: ``{class: [images in a, in b]}``.

    Raises:
        DataError: One of them is damaged, or they are not of the same data set.
    """
    numbers = dict.fromkeys(("relabelled", "excluded", "restored", "moved", "added", "removed"), 0)
    examples: dict[str, list[dict[str, Any]]] = {kind: [] for kind in numbers}
    first: Counter[str] = Counter()
    second: Counter[str] = Counter()
    for row, (old, new) in enumerate(zip_longest(iterate_index(a), iterate_index(b))):
        present = [one for one in (old, new) if one is not None]
        if len(present) == 2 and present[0]["sha256"] != present[1]["sha256"]:
            raise DataError("These are versions of two data sets. Compare versions of the same one.")
        for tally, one in ((first, old), (second, new)):
            if one is not None:
                tally[one["label"]] += one["split"] != EXCLUDED
        for kind, was, now in _differences(old, new):
            numbers[kind] += 1
            if len(examples[kind]) < _MOST_EXAMPLES:
                examples[kind].append({"row": row, "path": present[-1]["path"], "from": was, "to": now})
    first, second = +first, +second  # without the classes that are wholly left out
    counts = {name: [first[name], second[name]] for name in sorted({*first, *second})}
    return {**numbers, "examples": examples, "counts": counts}


def _differences(old: dict[str, Any] | None, new: dict[str, Any] | None) -> list[tuple[str, str, str]]:
    """(kind, from, to) of each difference of one row; a row that is left out in both has none."""
    if old is None or new is None:
        only, kind = (new, "added") if old is None else (old, "removed")
        assert only is not None
        return [(kind, only["label"], only["split"])]
    was_out, is_out = old["split"] == EXCLUDED, new["split"] == EXCLUDED
    if is_out:
        return [] if was_out else [("excluded", old["split"], EXCLUDED)]
    found = [("restored", EXCLUDED, new["split"])] if was_out else []
    if old["label"] != new["label"]:
        found.append(("relabelled", old["label"], new["label"]))
    if not was_out and old["split"] != new["split"]:
        found.append(("moved", old["split"], new["split"]))
    return found


def _write(base: Path, destination: Path, index: Sequence[dict[str, Any]], size: int, seed: int) -> Written:
    """Everything beside its place, then one rename."""
    prefix = f".{destination.name}.partial-"
    for stale in destination.parent.glob(f"{prefix}*"):
        shutil.rmtree(stale, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=prefix, dir=destination.parent))
    try:
        _link(base / IMAGES_FILE, work / IMAGES_FILE)
        written = write_index(work, index, cache_size=size, seed=seed)
        if _holds(destination, written.content_hash):
            return written
        if destination.exists():
            shutil.rmtree(destination)
        work.rename(destination)
        sync_directory(destination.parent)
        return written
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _holds(destination: Path, content_hash: str) -> bool:
    """Whether this very version lies there, whole."""
    try:
        return bool(read_manifest(destination)["content_hash"] == content_hash)
    except DataError:
        return False


def _link(source: Path, target: Path) -> None:
    """A hard link, or a copy where the file system has none."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EXDEV, errno.EMLINK, errno.EOPNOTSUPP, errno.EACCES):
            raise
        shutil.copyfile(source, target)
        with target.open("rb") as file:
            os.fsync(file.fileno())
