"""Upload -> checked, labelled, divided, decoded image cache. All or nothing on disk, file by file inside."""

from __future__ import annotations

import errno
import random
import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from nas.data.archive import ArchiveLimits
from nas.data.cache import IMAGES_FILE
from nas.data.findings import human_bytes, is_refusal, make_problem
from nas.data.interpretation import Interpretation, interpret
from nas.data.layout import Labelled
from nas.data.names import printable
from nas.data.pool import PoolConfig, ReaderPool
from nas.data.protocol import Answer, Facts, Refused
from nas.data.sources import OnProgress, Source, list_sources, open_reader
from nas.data.split import Sample, assign_splits, drop_small_classes, remove_leaks
from nas.data.writing import group_copies, index_of, pack_pixels, sync_directory, write_index
from nas.errors import DataError, NasError, Problem
from nas.events import ShouldStop

MAX_CACHE_SIZE: Final = 256
_SIZE_SAMPLE: Final = 500

LISTING: Final = "Reading the list of files"
OPENING: Final = "Opening photos"


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
        index: One dict an image: row, path, label, split, sha256, width, height, group (a number shared by
            copies, -1 for none), n_bytes, format, mode, camera, has_exif.
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
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: ShouldStop | None = None,
) -> ImportReport:
    """Imports one zip, tar, tar.gz or directory as it understands it (command line).

    See `import_sources`; `on_progress` is called with (done, total) while photos are opened.
    """

    def tell(stage: str, done: int, total: int) -> None:
        if on_progress is not None and stage == OPENING:
            on_progress(done, total)

    return import_sources(
        [Source(archive, archive.name)],
        destination,
        seed=seed,
        limits=limits,
        cache_size=cache_size,
        on_progress=tell,
        should_stop=should_stop,
    )


def import_sources(
    sources: Sequence[Source],
    destination: Path,
    *,
    interpretation: Interpretation | None = None,
    seed: int,
    limits: ArchiveLimits | None = None,
    cache_size: int | None = None,
    on_progress: OnProgress | None = None,
    should_stop: ShouldStop | None = None,
) -> ImportReport:
    """Imports what was uploaded.

    Everything is written beside `destination` and renamed at the end, so that a cache either exists whole or
    not at all; what an interrupted import left behind is removed by the next.

    Args:
        sources: Zips, tars, tar.gzs, directories, single files.
        destination: Directory of the cache; replaced when it exists.
        interpretation: Which file belongs to which class and part; None: the best guess.
        seed: Of the division into train, val and test.
        limits: What the upload may hold.
        cache_size: Side of the stored squares in pixels; default the median short side, rounded up to a
            multiple of 32, between 32 and 256.
        on_progress: Called with (stage in words, done, total); what it raises ends the import.
        should_stop: Asked as often as progress is told.

    Raises:
        DataError: Nothing could be used; its problems say why, file by file.
        ImportStopped: `should_stop` said so.
    """
    limits = limits or ArchiveLimits()
    tell = _stoppable(on_progress, should_stop)
    with _work_beside(destination) as work:
        tell(LISTING, 0, 0)
        listing = list_sources(sources, limits, scratch=work / "unpacked", on_progress=tell)
        with open_reader(sources, listing) as read:
            layout = interpret(listing, read, interpretation, tell)
        problems = listing.problems + layout.problems
        if not layout.items:
            raise _nothing_usable(problems)
        (work / IMAGES_FILE).touch()
        config = PoolConfig(
            listing.archives,
            work / IMAGES_FILE,
            limits,
            readable=[*(source.path for source in sources), work / "unpacked"],
            output_bytes=len(layout.items) * max(cache_size or 0, MAX_CACHE_SIZE) ** 2 * 3,
        )
        with ReaderPool(config) as readers:
            size = cache_size or _choose_size(readers, layout.items, seed)
            _check_disk(work, len(layout.items) * size * size * 3)
            samples, refused = _decode_all(readers, layout.items, size, tell)
        shutil.rmtree(work / "unpacked", ignore_errors=True)
        return _finish(work, samples, problems + refused, seed=seed, size=size, on_progress=tell)


def _stoppable(on_progress: OnProgress | None, should_stop: ShouldStop | None) -> OnProgress:
    """Tells progress, then asks whether to go on."""

    def tell(stage: str, done: int, total: int) -> None:
        if on_progress is not None:
            on_progress(stage, done, total)
        if should_stop is not None and should_stop():
            raise ImportStopped("The import was stopped.")

    return tell


@contextmanager
def _work_beside(destination: Path) -> Iterator[Path]:
    """A directory that takes the destination's place when the block succeeds, and else disappears."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    remove_partial(destination)
    work = Path(tempfile.mkdtemp(prefix=_partial_prefix(destination), dir=destination.parent))
    try:
        yield work
        if destination.exists():
            shutil.rmtree(destination)
        work.rename(destination)
        sync_directory(destination.parent)
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


def _choose_size(readers: ReaderPool, items: Sequence[Labelled], seed: int) -> int:
    """Median short side of a seeded sample, rounded up to a multiple of 32, within [32, 256]."""
    sample = random.Random(seed).sample(range(len(items)), min(_SIZE_SAMPLE, len(items)))
    sides = [
        min(answer.width, answer.height)
        for batch in readers.run([items[i].entry for i in sorted(sample)], 0)
        for _, answer in batch
        if isinstance(answer, Facts)
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
    readers: ReaderPool, items: Sequence[Labelled], size: int, tell: OnProgress
) -> tuple[list[Sample], list[Problem]]:
    """Decodes every file into the pixel file at its index; results in index order."""
    answers: list[Answer | None] = [None] * len(items)
    done = 0
    tell(OPENING, 0, len(items))
    for batch in readers.run([item.entry for item in items], size):
        for index, answer in batch:
            answers[index] = answer
        done += len(batch)
        tell(OPENING, done, len(items))
    samples: list[Sample] = []
    refused: list[Problem] = []
    notices: list[Problem] = []
    for slot, (item, told) in enumerate(zip(items, answers, strict=True)):
        path = printable(item.entry.path)
        if isinstance(told, Refused):
            refused.append(make_problem(path, told.kind, **told.details))
        elif told is not None:
            samples.append(_sample(slot, path, item, told))
            if told.animated:
                notices.append(make_problem(path, "animated"))
    return samples, refused + notices


def _sample(slot: int, path: str, item: Labelled, facts: Facts) -> Sample:
    return Sample(
        slot, path, item.label, item.split, facts.sha256, facts.width, facts.height, item.entry.size,
        facts.format, facts.mode, facts.camera, facts.has_exif,
    )  # fmt: skip


def _finish(
    work: Path,
    samples: list[Sample],
    problems: list[Problem],
    *,
    seed: int,
    size: int,
    on_progress: OnProgress | None = None,
) -> ImportReport:
    """Packs the pixel file, looks for copies, divides the images and writes the index."""
    n_decoded = len(samples)
    samples, leaks = remove_leaks(samples)
    n_leaked = n_decoded - len(samples)
    samples, small = drop_small_classes(samples)
    n_small = n_decoded - n_leaked - len(samples)
    findings = problems + leaks + small
    if not samples:
        raise _nothing_usable(findings)
    pack_pixels(work / IMAGES_FILE, [s.slot for s in samples], size * size * 3)
    group_copies(work / IMAGES_FILE, samples, size, on_progress)
    assign_splits(samples, seed)
    index = index_of(samples)
    written = write_index(work, index, cache_size=size, seed=seed)
    if len(written.classes) == 1:
        findings.append(make_problem(written.classes[0], "one-class"))
    return ImportReport(
        classes=written.classes,
        n_images=written.n_images,
        counts=written.counts,
        problems=findings,
        blocking=written.blocking,
        content_hash=written.content_hash,
        cache_size=size,
        n_refused=sum(is_refusal(p) for p in problems) + n_leaked + n_small,
        index=index,
    )


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
