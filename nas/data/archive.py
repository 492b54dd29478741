"""Judges an upload from its directory alone, before a single byte is unpacked."""

from __future__ import annotations

import stat
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from nas.data.findings import human_bytes, make_problem
from nas.data.names import decode_name, is_archive_name, is_litter, name_problem, printable
from nas.data.zipdir import SHORTEST_RECORD, Directory, Record, find_directory, read_records
from nas.errors import DataError, Problem

_RATIO_FLOOR_BYTES: Final = (
    4_000_000  # below this size, flat BMPs and drawings may pack better than any limit
)
STORED: Final = 0
DEFLATE: Final = 8
RAW: Final = -1
"""The bytes stand at the offset as they are, without a header or checksum (tar)."""
_METHODS: Final = (RAW, STORED, DEFLATE)
_LOCAL_HEADER: Final = 30


@dataclass(frozen=True)
class ArchiveLimits:
    """What an upload may hold.

    Attributes:
        max_entries: Number of entries.
        max_total_bytes: Unpacked size of everything.
        max_entry_bytes: Unpacked size of one file.
        max_pixels: Width x height of one image.
        max_entry_ratio: Unpacked / packed size of one file (files over 4 MB).
        max_total_ratio: The same for everything together.
        total_ratio_floor_bytes: Unpacked size from which that counts, so that flat drawings pass.
        max_name_bytes: Length of one part of a name.
        max_depth: Number of parts of a name.
    """

    max_entries: int = 1_000_000
    max_total_bytes: int = 100_000_000_000
    max_entry_bytes: int = 100_000_000
    max_pixels: int = 50_000_000
    max_entry_ratio: float = 200.0
    max_total_ratio: float = 20.0
    total_ratio_floor_bytes: int = 500_000_000
    max_name_bytes: int = 255
    max_depth: int = 16


class Entry(NamedTuple):
    """One file that may be read. A tuple, because there may be a million of them.

    Attributes:
        path: Name inside the upload, '/'-separated; data only.
        archive: Which of the upload's sources holds it.
        offset: Position of its local header in a zip, of its content in a tar; -1 for a file on disk.
        end: Its packed bytes must end at or before this position of the archive.
        packed: Packed length in bytes.
        size: Claimed unpacked length in bytes.
        method: STORED, DEFLATE or RAW.
        crc: CRC-32 of the content (zip only).
        name_crc: CRC-32 of the raw name, to compare with the local header (zip only).
        source: Path on disk (files that lie in no archive), else "".
    """

    path: str
    archive: int = 0
    offset: int = -1
    end: int = 0
    packed: int = 0
    size: int = 0
    method: int = STORED
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
        archives: The file to open for each source; None for files on disk.
    """

    entries: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    archives: list[Path | None] = field(default_factory=list)


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
    listing = ArchiveListing(archives=[path])
    spans: list[tuple[int, int]] = []
    with path.open("rb") as file:
        directory = find_directory(file)
        _check_count(file, directory, limits)
        judge = Judge(listing, limits)
        for record in read_records(file, directory):
            spans.append(
                (record.offset, record.offset + _LOCAL_HEADER + len(record.raw_name) + record.packed)
            )
            judge.add(record)
    ends = _check_spans(spans, directory.start)
    listing.entries = [Entry._make((*e[:3], ends[e.offset], *e[4:])) for e in listing.entries]
    check_totals(listing.entries, limits)
    listing.entries.sort()
    return listing


def _check_count(file: BinaryIO, directory: Directory, limits: ArchiveLimits) -> None:
    """Refuses too many entries before anything is kept of them; the claimed number may be a lie."""
    if directory.n_entries > limits.max_entries:
        raise too_many(directory.n_entries, limits)
    if directory.size > SHORTEST_RECORD * limits.max_entries:
        for number, _ in enumerate(read_records(file, directory), start=1):
            if number > limits.max_entries:
                raise too_many(number, limits)


class Judge:
    """Sorts the records of one archive into entries, folders and problems of a listing."""

    def __init__(self, listing: ArchiveListing, limits: ArchiveLimits) -> None:
        self._listing = listing
        self._limits = limits
        self._seen: set[str] = set()

    def add(self, record: Record) -> None:
        """Judges one record; its name counts as written, only a leading './' is dropped."""
        path = decode_name(record.raw_name, bool(record.flags & 0x800)).removeprefix("./")
        if is_litter(path):
            return
        if path.endswith("/") or stat.S_ISDIR(record.mode):
            self._add_folder(path)
            return
        problem = problem_of(record, path, self._limits)
        if problem is None and path in self._seen:
            problem = make_problem(path, "duplicate-name")
        if problem is not None:
            self._listing.problems.append(problem)
            return
        self._seen.add(path)
        end = record.offset + record.packed
        self._listing.entries.append(
            Entry(path, 0, record.offset, end, record.packed, record.size, record.method, record.crc,
                  zlib.crc32(record.raw_name))
        )  # fmt: skip

    def _add_folder(self, path: str) -> None:
        limits = self._limits
        kind = name_problem(path, max_name_bytes=limits.max_name_bytes, max_depth=limits.max_depth)
        if kind is None and path.strip("/."):
            self._listing.folders.append(path.removesuffix("/"))


def problem_of(record: Record, path: str, limits: ArchiveLimits) -> Problem | None:
    """The first finding that a record earns, or None."""
    kind = name_problem(path, max_name_bytes=limits.max_name_bytes, max_depth=limits.max_depth)
    if kind is not None:
        limit = limits.max_depth if kind == "too-deep" else limits.max_name_bytes
        return make_problem(printable(path), kind, limit=limit)
    size, details = record.size, dict[str, Any]()
    ratio = size / max(record.packed, 1)
    if stat.S_IFMT(record.mode) not in (0, stat.S_IFREG):
        kind = "link"
    elif record.flags & 0x2041:
        kind = "encrypted"
    elif record.method not in _METHODS:
        kind, details = "compression", {"method": record.method}
    elif is_archive_name(path):
        kind = "nested-archive"
    elif size > _RATIO_FLOOR_BYTES and ratio > limits.max_entry_ratio:
        kind, details = "bomb", {"ratio": f"{ratio:.0f}"}
    elif size > limits.max_entry_bytes:
        kind = "entry-too-large"
        details = {"size": human_bytes(size), "limit": human_bytes(limits.max_entry_bytes)}
    elif size == 0:
        kind = "empty"
    return make_problem(printable(path), kind, **details) if kind else None


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


def check_totals(entries: Sequence[Entry], limits: ArchiveLimits) -> None:
    """Judges the unpacked size of everything together.

    Raises:
        DataError: Too much, or packed more tightly than photos can be.
    """
    total = sum(entry.size for entry in entries)
    packed = sum(entry.packed for entry in entries)
    if total > limits.max_total_bytes:
        raise DataError(
            f"Unpacked, the images would take {human_bytes(total)}; the limit is "
            f"{human_bytes(limits.max_total_bytes)}. Upload fewer or smaller images."
        )
    if total > limits.total_ratio_floor_bytes and total > limits.max_total_ratio * packed:
        raise DataError(
            f"The upload would unpack to {total / max(packed, 1):.0f} times its size, which real photos "
            "never do. Save the images as JPEG or PNG and pack them again."
        )


def too_many(n: int, limits: ArchiveLimits) -> DataError:
    """The refusal of an upload with too many files."""
    return DataError(
        f"The upload holds {n:,} files; the limit is {limits.max_entries:,}. "
        "Divide it into several data sets."
    )
