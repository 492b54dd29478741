"""Upload -> checked, labelled, divided, decoded image cache. All or nothing on disk, file by file inside."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import shutil
import statistics
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from nas.data.archive import ArchiveLimits, ArchiveListing, inspect_archive, list_directory
from nas.data.cache import IMAGES_FILE, INDEX_FILE, MANIFEST_FILE, SCHEMA_VERSION
from nas.data.findings import human_bytes, is_refusal, make_problem
from nas.data.layout import Labelled, detect_layout
from nas.data.names import printable
from nas.data.pool import Answer, PoolConfig, ReaderPool
from nas.data.split import Sample, assign_splits, drop_small_classes, remove_leaks
from nas.errors import DataError, NasError, Problem
from nas.events import ShouldStop

MAX_CACHE_SIZE: Final = 256
_SIZE_SAMPLE: Final = 500

OnProgress = Callable[[int, int], None]


class ImportStopped(NasError):  # noqa: N818
    """The caller asked to stop; nothing was left on disk."""


@dataclass
class ImportReport:
    """Result of an import.

    Attributes:
        classes: Class names in label order.
        n_images: Images in the cache.
        counts: ``{"train": {class: n}, "val": ..., "test": ...}``.
        problems: Findings, refusals and warnings.
        blocking: Why nothing can be trained on it, or None.
        content_hash: Identity of the content, labels and splits.
        cache_size: Side of the stored squares in pixels.
        n_refused: Files that were left out.
        index: One dict an image: row, path, label, split, sha256, width, height.
    """

    classes: list[str]
    n_images: int
    counts: dict[str, dict[str, int]]
    problems: list[Problem]
    blocking: str | None
    content_hash: str
    cache_size: int
    n_refused: int
    index: list[dict[str, Any]] = field(default_factory=list, repr=False)


def import_archive(
    archive: Path,
    destination: Path,
    *,
    seed: int,
    limits: ArchiveLimits | None = None,
    cache_size: int | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> ImportReport:
    """Imports a zip, or a directory, of class folders.

    Everything is written beside `destination` and renamed at the end, so that a cache either exists whole or
    not at all; what an interrupted import left behind is removed by the next.

    Args:
        archive: Zip file or directory.
        destination: Directory of the cache; replaced when it exists.
        seed: Of the division into train, val and test.
        limits: What the upload may hold.
        cache_size: Side of the stored squares in pixels; default the median short side, rounded up to a
            multiple of 32, between 32 and 256.
        on_progress: Called with (done, total) files; what it raises ends the import.
        should_stop: Asked after each file.

    Raises:
        DataError: Nothing could be used; its problems say why, file by file.
        ImportStopped: `should_stop` said so.
    """
    limits = limits or ArchiveLimits()
    source = None if archive.is_dir() else archive
    listing = _list(archive, limits)
    layout = detect_layout(listing)
    problems = listing.problems + layout.problems
    if not layout.items:
        raise _nothing_usable(problems)
    destination.parent.mkdir(parents=True, exist_ok=True)
    remove_partial(destination)
    work = Path(tempfile.mkdtemp(prefix=_partial_prefix(destination), dir=destination.parent))
    try:
        (work / IMAGES_FILE).touch()
        with ReaderPool(PoolConfig(source, work / IMAGES_FILE, limits)) as readers:
            size = cache_size or _choose_size(readers, layout.items, seed)
            _check_disk(work, len(layout.items) * size * size * 3)
            samples, refused = _decode_all(readers, layout.items, size, on_progress, should_stop)
        problems += refused
        report = _finish(work, samples, problems, seed, size)
        if destination.exists():
            shutil.rmtree(destination)
        work.rename(destination)
        _sync_directory(destination.parent)
        return report
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DataError("The disk is full. Free some space and import the data again.") from error
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def remove_partial(destination: Path) -> None:
    """Removes what interrupted imports to this destination left behind."""
    for stale in destination.parent.glob(f"{_partial_prefix(destination)}*"):
        shutil.rmtree(stale, ignore_errors=True)


def _partial_prefix(destination: Path) -> str:
    return f".{destination.name}.partial-"


def _list(archive: Path, limits: ArchiveLimits) -> ArchiveListing:
    try:
        return list_directory(archive, limits) if archive.is_dir() else inspect_archive(archive, limits)
    except FileNotFoundError as error:
        raise DataError(f"There is no file or folder '{archive.name}'. Check the name.") from error


def _choose_size(readers: ReaderPool, items: Sequence[Labelled], seed: int) -> int:
    """Median short side of a seeded sample, rounded up to a multiple of 32, within [32, 256]."""
    sample = random.Random(seed).sample(range(len(items)), min(_SIZE_SAMPLE, len(items)))
    sides = [
        min(answer["w"], answer["h"])
        for _, answer in readers.run([(i, items[i].entry) for i in sorted(sample)], 0)
        if "w" in answer
    ]
    median = statistics.median(sides) if sides else MAX_CACHE_SIZE
    return max(32, min(MAX_CACHE_SIZE, -(-int(median) // 32) * 32))


def _check_disk(work: Path, needed: int) -> None:
    free = shutil.disk_usage(work).free
    if free < needed:
        raise DataError(
            f"The decoded images need {human_bytes(needed)} of disk and {human_bytes(free)} are free. "
            "Free some space and import the data again."
        )


def _decode_all(
    readers: ReaderPool,
    items: Sequence[Labelled],
    size: int,
    on_progress: OnProgress | None,
    should_stop: ShouldStop | None,
) -> tuple[list[Sample], list[Problem]]:
    """Decodes every file into the pixel file at its index; results in index order."""
    answers: dict[int, Sample | list[Problem]] = {}
    notices: list[Problem] = []
    tasks = [(i, x.entry) for i, x in enumerate(items)]
    for done, (i, answer) in enumerate(readers.run(tasks, size), start=1):
        path = printable(items[i].entry.path)
        if "kind" in answer:
            answers[i] = [make_problem(path, answer["kind"], **answer["details"])]
        else:
            answers[i] = _sample(i, path, items[i], answer)
            if "animated" in answer:
                notices.append(make_problem(path, "animated"))
        if on_progress is not None:
            on_progress(done, len(items))
        if should_stop is not None and should_stop():
            raise ImportStopped("The import was stopped.")
    ordered = [answers[i] for i in range(len(items))]
    samples = [x for x in ordered if isinstance(x, Sample)]
    refused = [p for x in ordered if not isinstance(x, Sample) for p in x]
    return samples, refused + sorted(notices, key=lambda p: p.path)


def _sample(slot: int, path: str, item: Labelled, answer: Answer) -> Sample:
    label = printable(item.label)
    return Sample(slot, path, label, item.split, answer["sha256"], answer["w"], answer["h"])


def _finish(work: Path, samples: list[Sample], problems: list[Problem], seed: int, size: int) -> ImportReport:
    """Divides the images, packs the pixel file and writes index and manifest (the manifest last)."""
    n_decoded = len(samples)
    samples, leaks = remove_leaks(samples)
    n_leaked = n_decoded - len(samples)
    samples, small = drop_small_classes(samples)
    n_small = n_decoded - n_leaked - len(samples)
    findings = problems + leaks + small
    if not samples:
        raise _nothing_usable(findings)
    assign_splits(samples, seed)
    classes = sorted({s.label for s in samples})
    blocking = _blocking(samples, classes)
    if len(classes) == 1:
        findings.append(make_problem(classes[0], "one-class"))
    _pack(work / IMAGES_FILE, [s.slot for s in samples], size * size * 3)
    index = [
        {
            "row": row, "path": s.path, "label": s.label, "split": s.split,
            "sha256": s.sha256, "width": s.width, "height": s.height,
        }
        for row, s in enumerate(samples)
    ]  # fmt: skip
    tally: Counter[tuple[str | None, str]] = Counter((s.split, s.label) for s in samples)
    counts = {part: {c: tally[(part, c)] for c in classes} for part in ("train", "val", "test")}
    digest = hashlib.sha256(json.dumps([SCHEMA_VERSION, size, classes]).encode())
    for s in samples:
        digest.update(f"{s.sha256} {classes.index(s.label)} {s.split}\n".encode())
    manifest = {
        "schema_version": SCHEMA_VERSION, "classes": classes, "cache_size": size, "n_images": len(samples),
        "counts": counts, "content_hash": digest.hexdigest(), "seed": seed, "blocking": blocking,
    }  # fmt: skip
    _write_lines(work / INDEX_FILE, index)
    _write_lines(work / MANIFEST_FILE, [manifest])
    _sync_directory(work)
    refused = sum(is_refusal(p) for p in problems) + n_leaked + n_small
    return ImportReport(
        classes, len(samples), counts, findings, blocking, digest.hexdigest(), size, refused, index
    )


def _blocking(samples: Sequence[Sample], classes: Sequence[str]) -> str | None:
    """Why nothing can be trained on these images, or None."""
    if len(classes) < 2:
        return (
            f"All usable images belong to one class ('{classes[0]}'). "
            "Training needs at least two classes: add a folder with images of another one."
        )
    present = {s.split for s in samples}
    for part, words in (("train", "training"), ("val", "validation"), ("test", "test")):
        if part not in present:
            return f"No image is left in the {words} part. Add more different images."
    return None


def _pack(path: Path, slots: Sequence[int], n_bytes: int) -> None:
    """Moves the kept images together, in place: rows only ever move towards the start."""
    with path.open("r+b") as file:
        for row, slot in enumerate(slots):
            if row != slot:
                pixels = os.pread(file.fileno(), n_bytes, slot * n_bytes)
                os.pwrite(file.fileno(), pixels, row * n_bytes)
        file.truncate(len(slots) * n_bytes)
        os.fsync(file.fileno())


def _write_lines(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _nothing_usable(problems: Sequence[Problem]) -> DataError:
    if not problems:
        return DataError(
            "The upload is empty. Put each class into a folder of its own and zip these folders."
        )
    first = next((p for p in problems if is_refusal(p)), problems[0])
    return DataError(
        "No image of the upload could be used. "
        f"The first finding: {first.path or 'the upload'}: {first.reason} {first.remedy}",
        problems,
    )
