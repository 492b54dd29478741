"""Judges an upload from its directory alone, before a single byte is unpacked."""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nas.data.findings import human_bytes, make_problem
from nas.data.names import decode_name, is_archive_name, is_litter, name_problem, printable
from nas.data.zipdir import Record, find_directory, read_records
from nas.errors import DataError, Problem

_RATIO_FLOOR_BYTES = 4_000_000  # below this size, flat BMPs and drawings may pack better than any limit
_TOTAL_RATIO_FLOOR_BYTES = 500_000_000
_METHODS = (0, 8)  # stored, deflate
_LOCAL_HEADER = 30


@dataclass(frozen=True)
class ArchiveLimits:
    """What an upload may hold.

    Attributes:
        max_entries: Number of entries.
        max_total_bytes: Unpacked size of everything.
        max_entry_bytes: Unpacked size of one file.
        max_pixels: Width x height of one image.
        max_entry_ratio: Unpacked / packed size of one file (files over 4 MB).
        max_total_ratio: The same for everything (over 500 MB), so that small archives of flat drawings pass.
        max_name_bytes: Length of one part of a name.
        max_depth: Number of parts of a name.
    """

    max_entries: int = 1_000_000
    max_total_bytes: int = 100_000_000_000
    max_entry_bytes: int = 100_000_000
    max_pixels: int = 50_000_000
    max_entry_ratio: float = 200.0
    max_total_ratio: float = 20.0
    max_name_bytes: int = 255
    max_depth: int = 16


@dataclass(frozen=True, slots=True)
class Entry:
    """One file that may be read.

    Attributes:
        path: Name inside the upload, '/'-separated; data only.
        offset: Position of its local header in the zip; -1 for a file of a directory import.
        end: Its packed bytes must end at or before this position of the zip.
        packed: Packed length in bytes.
        size: Claimed unpacked length in bytes.
        method: 0 stored, 8 deflate.
        crc: CRC-32 of the content.
        name_crc: CRC-32 of the raw name, to compare with the local header.
        source: Path on disk (directory import only), else "".
    """

    path: str
    offset: int = -1
    end: int = 0
    packed: int = 0
    size: int = 0
    method: int = 0
    crc: int = 0
    name_crc: int = 0
    source: str = ""


@dataclass
class ArchiveListing:
    """What an upload holds: readable entries, sorted by path, and what was refused.

    Attributes:
        entries: Files that may be read.
        problems: Refused entries.
        folders: Names of folders that have an entry of their own.
    """

    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)


def inspect_archive(path: Path, limits: ArchiveLimits | None = None) -> ArchiveListing:
    """Reads the directory of a zip and decides entry by entry.

    Args:
        path: The zip file.
        limits: What it may hold.

    Returns:
        The readable entries and the findings about the others.

    Raises:
        DataError: The whole cannot be used: no zip, damaged, overlapping entries, over a limit.
    """
    limits = limits or ArchiveLimits()
    listing = ArchiveListing()
    spans: list[tuple[int, int]] = []
    with path.open("rb") as file:
        directory = find_directory(file)
        if directory.n_entries > limits.max_entries:
            raise _too_many(directory.n_entries, limits)
        seen: set[str] = set()
        for number, record in enumerate(read_records(file, directory), start=1):
            if number > limits.max_entries:
                raise _too_many(number, limits)
            spans.append(
                (record.offset, record.offset + _LOCAL_HEADER + len(record.raw_name) + record.packed)
            )
            _judge(record, listing, seen, limits)
    ends = _check_spans(spans, directory.start)
    listing.entries = [_with_end(entry, ends[entry.offset]) for entry in listing.entries]
    _check_totals(listing.entries, limits)
    listing.entries.sort(key=lambda entry: entry.path)
    return listing


def list_directory(root: Path, limits: ArchiveLimits | None = None) -> ArchiveListing:
    """The same judgement for a directory on disk (command line); links are never followed.

    Raises:
        DataError: Over a limit.
    """
    limits = limits or ArchiveLimits()
    listing = ArchiveListing()
    for folder, names in _walk(root):
        for name in names:
            full = Path(folder) / name
            path = full.relative_to(root).as_posix()
            info = full.lstat()
            if is_litter(path):
                continue
            if stat.S_ISDIR(info.st_mode):
                listing.folders.append(path)
                continue
            record = Record(os.fsencode(path), 0x800, 0, 0, info.st_size, info.st_size, info.st_mode, -1)
            problem = _problem_of(record, path, limits)
            if problem is not None:
                listing.problems.append(problem)
            else:
                listing.entries.append(Entry(path=path, size=info.st_size, source=str(full)))
        if len(listing.entries) > limits.max_entries:
            raise _too_many(len(listing.entries), limits)
    listing.entries.sort(key=lambda entry: entry.path)
    return listing


def _walk(root: Path) -> Iterator[tuple[str, list[str]]]:
    for folder, folders, files in os.walk(root, followlinks=False):
        yield folder, [*sorted(folders), *sorted(files)]


def _judge(record: Record, listing: ArchiveListing, seen: set[str], limits: ArchiveLimits) -> None:
    """Sorts one record into entries, folders or problems."""
    path = decode_name(record.raw_name, bool(record.flags & 0x800)).removeprefix("./")
    if is_litter(path):
        return
    if path.endswith("/"):
        kind = name_problem(path, max_name_bytes=limits.max_name_bytes, max_depth=limits.max_depth)
        if kind is None and path.strip("/"):
            listing.folders.append(path.removesuffix("/"))
        return
    problem = _problem_of(record, path, limits)
    if problem is None and path in seen:
        problem = make_problem(path, "duplicate-name")
    if problem is not None:
        listing.problems.append(problem)
        return
    seen.add(path)
    listing.entries.append(
        Entry(
            path=path, offset=record.offset, packed=record.packed, size=record.size, method=record.method,
            crc=record.crc, name_crc=zlib.crc32(record.raw_name),
        )
    )  # fmt: skip


def _problem_of(record: Record, path: str, limits: ArchiveLimits) -> Problem | None:
    """The first finding that a record earns, or None."""
    shown = printable(path)
    kind = name_problem(path, max_name_bytes=limits.max_name_bytes, max_depth=limits.max_depth)
    if kind is not None:
        limit = limits.max_depth if kind == "too-deep" else limits.max_name_bytes
        return make_problem(shown, kind, limit=limit)
    file_type = stat.S_IFMT(record.mode)
    ratio = record.size / max(record.packed, 1)
    checks: list[tuple[bool, str, Callable[[], dict[str, Any]]]] = [
        (file_type not in (0, stat.S_IFREG), "link", dict),
        (bool(record.flags & 0x2041), "encrypted", dict),
        (record.method not in _METHODS, "compression", lambda: {"method": record.method}),
        (is_archive_name(path), "nested-archive", dict),
        (
            record.size > _RATIO_FLOOR_BYTES and ratio > limits.max_entry_ratio,
            "bomb",
            lambda: {"ratio": f"{ratio:.0f}"},
        ),
        (
            record.size > limits.max_entry_bytes,
            "entry-too-large",
            lambda: {"size": human_bytes(record.size), "limit": human_bytes(limits.max_entry_bytes)},
        ),
        (record.size == 0, "empty", dict),
    ]
    for failed, kind, details in checks:
        if failed:
            return make_problem(shown, kind, **details())
    return None


def _with_end(entry: Entry, end: int) -> Entry:
    return Entry(
        entry.path, entry.offset, end, entry.packed, entry.size, entry.method, entry.crc, entry.name_crc
    )


def _check_spans(spans: list[tuple[int, int]], directory_start: int) -> dict[int, int]:
    """Refuses entries that share bytes; maps each offset to the next entry's start (or the directory's)."""
    spans.sort()
    ends: dict[int, int] = {}
    for i, (start, end) in enumerate(spans):
        following = spans[i + 1][0] if i + 1 < len(spans) else directory_start
        if start < 0 or end > following:
            raise DataError(
                "Entries of the zip file overlap each other, as in a damaged or malicious archive. "
                "Zip the folder again with an ordinary program and upload that."
            )
        ends[start] = following
    return ends


def _check_totals(entries: list[Entry], limits: ArchiveLimits) -> None:
    total = sum(entry.size for entry in entries)
    packed = sum(entry.packed for entry in entries)
    if total > limits.max_total_bytes:
        raise DataError(
            f"Unpacked, the images would take {human_bytes(total)}; the limit is "
            f"{human_bytes(limits.max_total_bytes)}. Upload fewer or smaller images."
        )
    if total > _TOTAL_RATIO_FLOOR_BYTES and total > limits.max_total_ratio * packed:
        raise DataError(
            f"The zip file would unpack to {total / max(packed, 1):.0f} times its size, which real photos "
            "never do. Save the images as JPEG or PNG and zip them again."
        )


def _too_many(n: int, limits: ArchiveLimits) -> DataError:
    return DataError(
        f"The upload holds {n:,} files; the limit is {limits.max_entries:,}. "
        "Divide it into several data sets."
    )
