"""What was uploaded: zips, tars, directories and single files, listed together as one set of files."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from nas.data.archive import (
    RAW,
    ArchiveLimits,
    ArchiveListing,
    Entry,
    check_totals,
    inspect_archive,
    problem_of,
    too_many,
)
from nas.data.entries import EntryError, read_entry
from nas.data.findings import make_problem
from nas.data.gunzip import gunzip_tar
from nas.data.names import decode_name, is_litter, printable
from nas.data.prefixes import folders_of_uploads
from nas.data.tarlist import BLOCK, inspect_tar, is_tar_header
from nas.data.zipdir import Record
from nas.errors import DataError

OnProgress = Callable[[str, int, int], None]
Reader = Callable[[Entry, int], bytes]
"""Reads one entry, at most so many bytes of it; raises `EntryError`."""

UNPACKING: Final = "Unpacking the upload"
_OTHER_ARCHIVES: Final = (
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
)
_SINGLE_FILES: Final = (
    ".csv", ".tsv", ".jsonl", ".ndjson", ".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff",
    ".heic", ".heif", ".avif",
)  # fmt: skip


@dataclass(frozen=True)
class Source:
    """One uploaded file, or a directory.

    Attributes:
        path: Where it lies: a zip, tar, tar.gz, single image or table, or a directory; its content tells.
        name: Its name as uploaded, perhaps with the folders it lay in; data only.
    """

    path: Path
    name: str


def list_sources(
    sources: Sequence[Source],
    limits: ArchiveLimits | None = None,
    *,
    scratch: Path,
    on_progress: OnProgress | None = None,
) -> ArchiveListing:
    """Lists the files of all sources and refuses what must not be read, entry by entry.

    Args:
        sources: At least one. With several, each name is preceded by the folder of its source
            (`nas.data.prefixes`).
        limits: What they may hold together.
        scratch: A tar.gz is unpacked into a plain tar below this directory, which the caller removes; the
            listing points there.
        on_progress: Called with (stage, bytes read, bytes in all) while unpacking.

    Raises:
        DataError: One of the sources cannot be used at all.
    """
    limits = limits or ArchiveLimits()
    if len(sources) == 1:
        whole = _list_one(sources[0], limits, scratch / "0.tar", on_progress)
    else:
        whole = _together(sources, limits, scratch, on_progress)
    if len(whole.entries) > limits.max_entries:
        raise too_many(len(whole.entries), limits)
    check_totals(whole.entries, limits)
    return whole


def _together(
    sources: Sequence[Source], limits: ArchiveLimits, scratch: Path, on_progress: OnProgress | None
) -> ArchiveListing:
    """Several uploads as one listing."""
    listings: list[ArchiveListing] = []
    n_entries = 0
    for number, source in enumerate(sources):
        try:
            listing = _list_one(source, limits, scratch / f"{number}.tar", on_progress)
        except DataError as error:
            raise DataError(f"{printable(source.name)}: {error}", error.problems) from error
        listings.append(listing)
        n_entries += len(listing.entries)
        if n_entries > limits.max_entries:
            raise too_many(n_entries, limits)
    inside = [frozenset(e.path.rpartition("/")[0] for e in one.entries) for one in listings]
    folders = folders_of_uploads([source.name for source in sources], inside)
    whole = ArchiveListing()
    for number, (source, folder) in enumerate(zip(sources, folders, strict=True)):
        # Let go of one by one: a million files need not be in memory twice.
        _merge(whole, listing := listings.pop(0), number, _prefix(source, listing, folder))
    _drop_doubles(whole)
    return whole


@contextmanager
def open_reader(sources: Sequence[Source], listing: ArchiveListing) -> Iterator[Reader]:
    """Gives a function that reads entries of the listing, for as long as the block lasts.

    Args:
        sources: What was listed.
        listing: As `list_sources` made it.
    """
    assert len(sources) == len(listing.archives)
    with ExitStack() as stack:
        files: dict[int, BinaryIO] = {}

        def read(entry: Entry, max_bytes: int) -> bytes:
            path = listing.archives[entry.archive]
            if path is None:
                return read_entry(None, entry, max_bytes)
            if entry.archive not in files:
                files[entry.archive] = stack.enter_context(path.open("rb"))
            return read_entry(files[entry.archive].fileno(), entry, max_bytes)

        yield read


def list_directory(root: Path, limits: ArchiveLimits | None = None) -> ArchiveListing:
    """The judgement of a directory on disk; links are never followed.

    Raises:
        DataError: Over a limit.
    """
    limits = limits or ArchiveLimits()
    listing = ArchiveListing(archives=[None])
    for folder, names in _walk(root):
        for name in names:
            full = Path(folder) / name
            path = decode_name(os.fsencode(full.relative_to(root)), False)
            info = full.lstat()
            if is_litter(path):
                continue
            if stat.S_ISDIR(info.st_mode):
                listing.folders.append(path)
            else:
                _judge_file(full, path, info, listing, limits)
        if len(listing.entries) > limits.max_entries:
            raise too_many(len(listing.entries), limits)
    listing.entries.sort()
    return listing


def _walk(root: Path) -> Iterator[tuple[str, list[str]]]:
    for folder, folders, files in os.walk(root, followlinks=False):
        yield folder, [*sorted(folders), *sorted(files)]


def _judge_file(
    full: Path, path: str, info: os.stat_result, listing: ArchiveListing, limits: ArchiveLimits
) -> None:
    record = Record(b"", 0, RAW, 0, info.st_size, info.st_size, info.st_mode, -1)
    problem = problem_of(record, path, limits)
    if problem is not None:
        listing.problems.append(problem)
    else:
        listing.entries.append(Entry(path=path, size=info.st_size, packed=info.st_size, source=str(full)))


def _list_one(
    source: Source, limits: ArchiveLimits, unpacked: Path, on_progress: OnProgress | None
) -> ArchiveListing:
    path = source.path
    if path.is_dir():
        return list_directory(path, limits)
    try:
        with path.open("rb") as file:
            head = file.read(BLOCK)
    except FileNotFoundError as error:
        raise DataError(f"There is no file or folder '{printable(source.name)}'. Check the name.") from error
    for magic, name in _OTHER_ARCHIVES:
        if head.startswith(magic):
            raise DataError(
                f"This is a {name} archive, which is not supported. "
                "Unpack it and pack the folder again as zip, tar or tar.gz."
            )
    if head.startswith(b"\x1f\x8b"):
        unpacked.parent.mkdir(parents=True, exist_ok=True)
        tell = None if on_progress is None else lambda done, total: on_progress(UNPACKING, done, total)
        gunzip_tar(path, unpacked, limits, tell)
        return inspect_tar(unpacked, limits)
    if is_tar_header(head) or (len(head) == BLOCK and not head.strip(b"\0")):
        return inspect_tar(path, limits)
    if not head.startswith(b"PK") and source.name.lower().endswith(_SINGLE_FILES):
        return _list_file(source, limits)
    return inspect_archive(path, limits)


def _list_file(source: Source, limits: ArchiveLimits) -> ArchiveListing:
    """A single file that is no archive, e.g. a table that was uploaded beside a zip."""
    listing = ArchiveListing(archives=[None])
    _judge_file(source.path, source.name, source.path.lstat(), listing, limits)
    return listing


def _prefix(source: Source, listing: ArchiveListing, folder: str) -> str:
    """What precedes the names of one of several sources: its folder.

    Nothing is added to single files, nor when the source holds one folder of that very name.
    """
    if listing.archives == [None] and not source.path.is_dir():
        return ""
    own = f"{folder.rpartition('/')[2]}/"
    if listing.entries and all(entry.path.startswith(own) for entry in listing.entries):
        return folder[: -len(own) + 1]
    return f"{folder}/"


def _merge(whole: ArchiveListing, listing: ArchiveListing, number: int, prefix: str) -> None:
    whole.archives += listing.archives
    whole.folders += [prefix + folder for folder in listing.folders]
    if number == 0 and not prefix:
        whole.entries, whole.problems = listing.entries, listing.problems
        return
    whole.entries += [e._replace(path=prefix + e.path, archive=number) for e in listing.entries]
    shown = printable(prefix)
    whole.problems += [type(p)(shown + p.path, p.kind, p.reason, p.remedy) for p in listing.problems]


def _drop_doubles(whole: ArchiveListing) -> None:
    """Keeps the first of two sources' files of one name and says so."""
    whole.entries.sort()
    kept: list[Entry] = []
    for entry in whole.entries:
        if kept and kept[-1].path == entry.path:
            whole.problems.append(make_problem(printable(entry.path), "duplicate-name"))
        else:
            kept.append(entry)
    whole.entries = kept


__all__ = [
    "EntryError", "OnProgress", "Reader", "Source", "list_directory", "list_sources", "open_reader",
]  # fmt: skip
