"""Reads the bytes of one entry, counting what really arrives."""

from __future__ import annotations

import os
import stat
import struct
import zlib
from typing import Final

from nas.data.archive import DEFLATE, RAW, Entry

_LOCAL: Final = struct.Struct("<4s2B4HL2L2H")
_CHUNK: Final = 1 << 20
_AHEAD: Final = 512  # bytes that header, name and extra field usually stay below: saves a system call


class EntryError(Exception):
    """The entry cannot be read; `kind` names the finding."""

    def __init__(self, kind: str) -> None:
        """Names the finding."""
        super().__init__(kind)
        self.kind = kind


def read_entry(archive: int | None, entry: Entry, max_bytes: int) -> bytes:
    """Content of one entry, never more than it claims and never more than the limit.

    Args:
        archive: Descriptor of the open zip or tar; None for a file that lies in no archive.
        entry: What to read.
        max_bytes: Upper limit of the unpacked length.

    Raises:
        EntryError: Damaged, longer than claimed, or changed since it was listed.
    """
    limit = min(entry.size, max_bytes)
    if archive is None:
        data = _read_file(entry, limit)
    elif entry.method == RAW:
        data = os.pread(archive, min(entry.packed, limit + 1), entry.offset)
    else:
        data = _read_zipped(archive, entry, limit)
    if len(data) > limit:
        raise EntryError("size-mismatch")
    checked = archive is not None and entry.method != RAW
    if len(data) != entry.size or (checked and zlib.crc32(data) != entry.crc):
        raise EntryError("damaged-entry")
    return data


def _read_zipped(archive: int, entry: Entry, limit: int) -> bytes:
    """Up to `limit` + 1 bytes of an entry of a zip, after its local header was compared."""
    ahead = os.pread(archive, _AHEAD + min(entry.packed, _CHUNK), entry.offset)
    if len(ahead) < _LOCAL.size or not ahead.startswith(b"PK\3\4"):
        raise EntryError("damaged-entry")
    *_, n_name, n_extra = _LOCAL.unpack_from(ahead)
    name = ahead[_LOCAL.size : _LOCAL.size + n_name]
    if len(name) < n_name:
        name = os.pread(archive, n_name, entry.offset + _LOCAL.size)
    if zlib.crc32(name) != entry.name_crc:
        raise EntryError("damaged-entry")
    skip = _LOCAL.size + n_name + n_extra
    if entry.offset + skip + entry.packed > entry.end:
        raise EntryError("damaged-entry")
    head = ahead[skip : skip + entry.packed]
    if entry.method == DEFLATE:
        return _inflate(archive, entry, skip, head, limit)
    if len(head) == entry.packed:
        return head
    return os.pread(archive, min(entry.packed, limit + 1), entry.offset + skip)


def _inflate(archive: int, entry: Entry, skip: int, head: bytes, limit: int) -> bytes:
    """Inflates at most `limit` + 1 bytes, whatever the stream would give."""
    inflater = zlib.decompressobj(-15)
    done = len(head)
    try:
        out = inflater.decompress(head, limit + 1)
        if inflater.eof or len(out) > limit:
            return out
        parts = bytearray(out)
        while len(parts) <= limit and not inflater.eof:
            chunk = inflater.unconsumed_tail
            if not chunk:
                chunk = os.pread(archive, min(_CHUNK, entry.packed - done), entry.offset + skip + done)
                done += len(chunk)
            if not chunk:
                break
            parts += inflater.decompress(chunk, limit + 1 - len(parts))
    except zlib.error as error:
        raise EntryError("damaged-entry") from error
    return bytes(parts)


def _read_file(entry: Entry, limit: int) -> bytes:
    """Up to `limit` + 1 bytes of a file on disk that is still a plain file."""
    try:
        descriptor = os.open(entry.source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise EntryError("damaged-entry") from error
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise EntryError("link")
        return file.read(limit + 1)
