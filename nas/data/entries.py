"""Reads the bytes of one entry, counting what really arrives."""

from __future__ import annotations

import os
import stat
import struct
import zlib
from typing import BinaryIO, Final

from nas.data.archive import Entry

_LOCAL: Final = struct.Struct("<4s2B4HL2L2H")
_CHUNK: Final = 1 << 20


class EntryError(Exception):
    """The entry cannot be read; `kind` names the finding."""

    def __init__(self, kind: str) -> None:
        """Names the finding."""
        super().__init__(kind)
        self.kind = kind


def read_entry(archive: BinaryIO | None, entry: Entry, max_bytes: int) -> bytes:
    """Content of one entry, never more than it claims and never more than the limit.

    Args:
        archive: The open zip; None for files of a directory import.
        entry: What to read.
        max_bytes: Upper limit of the unpacked length.

    Raises:
        EntryError: Damaged, longer than claimed, or changed since it was listed.
    """
    if archive is None:
        return _read_file(entry, max_bytes)
    archive.seek(entry.offset)
    head = archive.read(_LOCAL.size)
    if len(head) < _LOCAL.size or not head.startswith(b"PK\3\4"):
        raise EntryError("damaged-entry")
    *_, n_name, n_extra = _LOCAL.unpack(head)
    if zlib.crc32(archive.read(n_name)) != entry.name_crc:
        raise EntryError("damaged-entry")
    start = entry.offset + _LOCAL.size + n_name + n_extra
    if start + entry.packed > entry.end:
        raise EntryError("damaged-entry")
    archive.seek(start)
    limit = min(entry.size, max_bytes)
    data = _inflate(archive, entry.packed, limit) if entry.method == 8 else archive.read(entry.packed)
    if len(data) > limit:
        raise EntryError("size-mismatch")
    if len(data) != entry.size or zlib.crc32(data) != entry.crc:
        raise EntryError("damaged-entry")
    return data


def _inflate(archive: BinaryIO, packed: int, limit: int) -> bytes:
    """Inflates at most `limit` + 1 bytes, whatever the stream would give."""
    inflater = zlib.decompressobj(-15)
    out = bytearray()
    left = packed
    try:
        while left > 0 and not inflater.eof and len(out) <= limit:
            chunk = archive.read(min(_CHUNK, left))
            if not chunk:
                break
            left -= len(chunk)
            out += inflater.decompress(chunk, limit + 1 - len(out))
            while inflater.unconsumed_tail and len(out) <= limit:
                out += inflater.decompress(inflater.unconsumed_tail, limit + 1 - len(out))
    except zlib.error as error:
        raise EntryError("damaged-entry") from error
    return bytes(out)


def _read_file(entry: Entry, max_bytes: int) -> bytes:
    try:
        descriptor = os.open(entry.source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise EntryError("damaged-entry") from error
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise EntryError("link")
        data = file.read(min(entry.size, max_bytes) + 1)
    if len(data) != entry.size:
        raise EntryError("size-mismatch" if len(data) > entry.size else "damaged-entry")
    return data
