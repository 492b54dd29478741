"""Reads the headers of a tar file one by one; the content is read later, by offset.

Python's own ``tarfile`` keeps an object for each entry and reads over damage in its own ways; what is judged
here must be what the file really says.
Format: POSIX.1-2017 ``pax`` (ustar interchange format), and the GNU extensions L, K and S.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from nas.data.archive import RAW, ArchiveLimits, ArchiveListing, Judge, check_totals, too_many
from nas.data.findings import make_problem
from nas.data.names import decode_name, printable
from nas.data.zipdir import Record
from nas.errors import DataError

BLOCK: Final = 512
_MOST_EXTRA: Final = 1_000_000  # bytes of a long name or of extended attributes
_FILES: Final = b"\0" + b"07"
_FOLDER: Final = b"5"
_LONG_NAME: Final = b"L"
_EXTENDED: Final = b"x"
_SPARSE: Final = b"S"
_ABOUT_OTHERS: Final = b"LKxXgV"  # entries that are no files themselves
_WITHOUT_CONTENT: Final = b"123456"
_TYPES: Final = {
    b"3": stat.S_IFCHR, b"4": stat.S_IFBLK, b"5": stat.S_IFDIR, b"6": stat.S_IFIFO,
}  # fmt: skip


def is_tar_header(block: bytes) -> bool:
    """Whether these 512 bytes are a header with a right checksum."""
    if len(block) < BLOCK:
        return False
    try:
        claimed = _number(block[148:156])
    except ValueError:
        return False
    return claimed == sum(block[:148]) + sum(block[156:BLOCK]) + 8 * ord(" ")


def inspect_tar(path: Path, limits: ArchiveLimits | None = None) -> ArchiveListing:
    """Reads the headers of a plain tar file and decides entry by entry, by the rules for zips.

    Args:
        path: The tar file.
        limits: What it may hold.

    Raises:
        DataError: The whole cannot be used: damaged, cut off, over a limit.
    """
    limits = limits or ArchiveLimits()
    listing = ArchiveListing(archives=[path])
    judge = Judge(listing, limits)
    with path.open("rb") as file:
        for record, sparse in _Headers(file.fileno(), limits).records():
            if sparse:
                name = printable(decode_name(record.raw_name, False))
                listing.problems.append(make_problem(name, "sparse"))
            else:
                judge.add(record)
    check_totals(listing.entries, limits)
    listing.entries.sort()
    return listing


class _Headers:
    """Walks from header to header."""

    def __init__(self, file: int, limits: ArchiveLimits) -> None:
        self._file = file
        self._end = os.fstat(file).st_size
        self._limits = limits
        self._at = 0

    def records(self) -> Iterator[tuple[Record, bool]]:
        """Yields each file, folder or link, and whether it is stored with holes."""
        headers = files = 0
        name, attributes = b"", dict[bytes, bytes]()
        while (header := self._next_header()) is not None:
            headers += 1
            kind = header[156:157]
            files += kind not in _ABOUT_OTHERS
            if files > self._limits.max_entries or headers > 4 * self._limits.max_entries:
                raise too_many(files, self._limits)
            size = int(attributes.get(b"size", -1)) if kind not in _ABOUT_OTHERS else -1
            size = _number(header[124:136]) if size < 0 else size
            if kind in _ABOUT_OTHERS:
                extra = self._extra(size) if kind in (_LONG_NAME, _EXTENDED) else b""
                name = extra.split(b"\0")[0] if kind == _LONG_NAME else name
                attributes = _pax(extra) if kind == _EXTENDED else attributes
                self._skip(size, b"")
                continue
            sparse = kind == _SPARSE or any(key.startswith(b"GNU.sparse.") for key in attributes)
            if kind == _SPARSE:
                self._skip_sparse_map(header)
            raw_name = attributes.get(b"path") or name or _name_of(header)
            record = _record(raw_name, kind, size, self._at)
            if kind not in _WITHOUT_CONTENT:
                self._skip(size, raw_name)
            yield record, sparse
            name, attributes = b"", {}

    def _next_header(self) -> bytes | None:
        """The header here, or None at the block of zeros that ends the archive."""
        header = os.pread(self._file, BLOCK, self._at)
        if len(header) < BLOCK:
            raise _cut_off(b"")
        if header.count(0) == BLOCK:
            return None
        try:
            if not is_tar_header(header) or _number(header[124:136]) < 0:
                raise ValueError
        except ValueError as error:
            raise _damaged() from error
        self._at += BLOCK
        return header

    def _extra(self, size: int) -> bytes:
        if size > _MOST_EXTRA:
            raise _damaged()
        return os.pread(self._file, size, self._at)

    def _skip(self, size: int, name: bytes) -> None:
        if self._at + size > self._end:
            raise _cut_off(name)
        self._at += -(-size // BLOCK) * BLOCK

    def _skip_sparse_map(self, header: bytes) -> None:
        more = header[482]
        while more:
            block = os.pread(self._file, BLOCK, self._at)
            if len(block) < BLOCK:
                raise _cut_off(b"")
            self._at += BLOCK
            more = block[504]


def _record(raw_name: bytes, kind: bytes, size: int, offset: int) -> Record:
    """The entry for the common judgement; whatever is neither file nor folder counts as a link."""
    mode = stat.S_IFREG if kind in _FILES else _TYPES.get(kind, stat.S_IFLNK)
    return Record(raw_name, 0, RAW, 0, size, size, mode, offset)


def _name_of(header: bytes) -> bytes:
    name = header[:100].split(b"\0")[0]
    if header[257:263] == b"ustar\0":
        prefix = header[345:500].split(b"\0")[0]
        return prefix + b"/" + name if prefix else name
    return name


def _number(text: bytes) -> int:
    """Octal digits, or GNU's base 256 when the first bit is set.

    Raises:
        ValueError: Neither.
    """
    if text[0] in (0x80, 0xFF):
        return int.from_bytes(text[1:], "big") - (1 << 8 * len(text) - 8 if text[0] == 0xFF else 0)
    digits = text.split(b"\0")[0].strip()
    if digits.strip(b"01234567"):
        raise ValueError
    return int(digits or b"0", 8)


def _pax(data: bytes) -> dict[bytes, bytes]:
    """Extended attributes: records of the form ``length key=value newline``."""
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(data) and data[at] != 0:
        length, space, _ = data[at : at + 10].partition(b" ")
        if not space or not length.isdigit() or int(length) < 5:
            raise _damaged()
        key, _, value = data[at + len(length) + 1 : at + int(length) - 1].partition(b"=")
        if key == b"size" and not (value.isdigit() and len(value) < 20):
            raise _damaged()
        found[key] = value
        at += int(length)
    return found


def _cut_off(name: bytes) -> DataError:
    where = f" in the middle of '{printable(decode_name(name, False))}'" if name else ""
    return DataError(
        f"The tar file is incomplete: it ends{where} before its end mark. "
        "Upload it again, or pack the folder again if that does not help."
    )


def _damaged() -> DataError:
    return DataError("The tar file is damaged. Pack the folder again and upload it.")
