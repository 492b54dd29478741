"""Reads the central directory of a zip file record by record.

Python's own ``zipfile`` cleans names silently, builds one object for each of millions of entries and (in
3.11.7) accepts entries that overlap; what is judged here must be what the file really says.
Format: PKWARE APPNOTE 6.3.x, sections 4.3.12 to 4.3.16.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from nas.errors import DataError

_EOCD = struct.Struct("<4s4H2LH")
_EOCD64_LOCATOR = struct.Struct("<4sLQL")
_EOCD64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s4B4HL2L5H2L")
SHORTEST_RECORD = _CENTRAL.size
_LONGEST_RECORD = _CENTRAL.size + 3 * 65_535
_WINDOW = 1 << 20
_MAX_COMMENT = 65_535
_FULL32 = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Directory:
    """Where the central directory lies.

    Attributes:
        start: Position in the file of its first record.
        size: Its length in bytes.
        n_entries: Number of entries that it claims.
        base: Bytes that stand before the zip (self-extracting archives); added to every offset.
    """

    start: int
    size: int
    n_entries: int
    base: int


class Record(NamedTuple):
    """One record of the central directory, as written; nothing is cleaned.

    Attributes:
        raw_name: Undecoded name.
        flags: General purpose bits.
        method: Compression method.
        crc: CRC-32 of the unpacked content.
        packed: Compressed length in bytes.
        size: Uncompressed length in bytes, as claimed.
        mode: Unix mode bits of the external attributes (0 when absent).
        offset: Position in the file of the local header.
    """

    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    mode: int
    offset: int


def find_directory(file: BinaryIO) -> Directory:
    """Locates the central directory.

    Raises:
        DataError: The file is no complete, single-part zip.
    """
    end = file.seek(0, 2)
    tail_start = max(0, end - _EOCD.size - _MAX_COMMENT)
    file.seek(tail_start)
    tail = file.read(end - tail_start)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _EOCD.size:
        if tail_start == 0 and not tail.startswith(b"PK"):
            raise DataError("This is not a zip file. Put the class folders into a zip and upload that.")
        raise DataError(
            "The zip file is incomplete: its directory at the end is missing. "
            "Upload it again, or zip the folder again if that does not help."
        )
    _, disk, cd_disk, _, n_entries, size, offset, _ = _EOCD.unpack_from(tail, at)
    position = tail_start + at
    record64 = _find_directory64(file, position)
    if record64 is not None:
        n_entries, size, offset, position = record64
    elif disk or cd_disk:
        raise DataError("This is one part of a zip in several parts. Zip the folder again as a single file.")
    base = position - size - offset
    if base < 0:
        raise _damaged()
    return Directory(start=offset + base, size=size, n_entries=n_entries, base=base)


def _find_directory64(file: BinaryIO, eocd: int) -> tuple[int, int, int, int] | None:
    """(entries, size, offset, position) of the zip64 end record, or None without one."""
    if eocd < _EOCD64_LOCATOR.size:
        return None
    file.seek(eocd - _EOCD64_LOCATOR.size)
    locator = file.read(_EOCD64_LOCATOR.size)
    signature, _, offset, _ = _EOCD64_LOCATOR.unpack(locator)
    if signature != b"PK\6\7":
        return None
    # The stated offset is wrong by `base` in self-extracting files: the place before the locator counts too.
    for position in (offset, eocd - _EOCD64_LOCATOR.size - _EOCD64.size):
        if not 0 <= position <= eocd - _EOCD64_LOCATOR.size - _EOCD64.size:
            continue
        file.seek(position)
        data = file.read(_EOCD64.size)
        if len(data) == _EOCD64.size and data.startswith(b"PK\6\6"):
            *_, n_entries, size, start = _EOCD64.unpack(data)
            return n_entries, size, start, position
    raise _damaged()


def read_records(file: BinaryIO, directory: Directory) -> Iterator[Record]:
    """Yields the records one by one, so that memory does not grow with their number.

    Raises:
        DataError: A record is damaged or runs over the directory's end.
    """
    file.seek(directory.start)
    left = directory.size
    window, at = b"", 0
    while left > 0 or at < len(window):
        if left > 0 and len(window) - at < _LONGEST_RECORD:
            more = file.read(min(left, _WINDOW))
            if not more:
                raise _damaged()
            window, at, left = window[at:] + more, 0, left - len(more)
        if len(window) - at < _CENTRAL.size or not window.startswith(b"PK\1\2", at):
            raise _damaged()
        (_, _, _, _, _, flags, method, _, _, crc, packed, size, n_name, n_extra, n_comment, _, _, external,
         offset) = _CENTRAL.unpack_from(window, at)  # fmt: skip
        at += _CENTRAL.size
        name = window[at : at + n_name]
        if _FULL32 in (size, packed, offset):
            extra = window[at + n_name : at + n_name + n_extra]
            size, packed, offset = _widen(extra, size, packed, offset)
        at += n_name + n_extra + n_comment
        if at > len(window):
            raise _damaged()
        yield Record(name, flags, method, crc, packed, size, external >> 16, offset + directory.base)


def _widen(extra: bytes, size: int, packed: int, offset: int) -> tuple[int, int, int]:
    """Replaces full 32-bit fields by those of the zip64 extra field (id 1, APPNOTE 4.5.3)."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        at += 4
        if kind == 1:
            values = [v for (v,) in struct.iter_unpack("<Q", extra[at : at + length // 8 * 8])]
            wide = []
            for value in (size, packed, offset):
                if value == _FULL32:
                    if not values:
                        raise _damaged()
                    wide.append(values.pop(0))
                else:
                    wide.append(value)
            return wide[0], wide[1], wide[2]
        at += length
    return size, packed, offset


def _damaged() -> DataError:
    return DataError("The directory of the zip file is damaged. Zip the folder again and upload it.")
