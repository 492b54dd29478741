"""Builds zips that no honest program writes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Raw:
    """One entry, field by field; what is None follows from the content."""

    name: bytes
    content: bytes = b"x" * 50
    flags: int = 0x800
    method: int = 0
    packed: bytes | None = None
    size: int | None = None
    crc: int | None = None
    mode: int = 0o100644
    at: int | None = None  # offset of an earlier local header to share
    local_name: bytes | None = None


def raw_zip(path: Path, entries: list[Raw], *, claimed_entries: int | None = None) -> Path:
    """Writes exactly these bytes."""
    body, central = bytearray(), bytearray()
    for e in entries:
        packed = e.content if e.packed is None else e.packed
        size = len(e.content) if e.size is None else e.size
        crc = zlib.crc32(e.content) if e.crc is None else e.crc
        offset = len(body) if e.at is None else e.at
        if e.at is None:
            name = e.local_name or e.name
            body += struct.pack(
                "<4s5H3L2H", b"PK\3\4", 20, e.flags, e.method, 0, 33, crc, len(packed), size, len(name), 0
            )
            body += name + packed
        central += struct.pack(
            "<4s6H3L5H2L", b"PK\1\2", 0x0314, 20, e.flags, e.method, 0, 33, crc, len(packed), size,
            len(e.name), 0, 0, 0, 0, e.mode << 16, offset,
        ) + e.name  # fmt: skip
    n = len(entries) if claimed_entries is None else claimed_entries
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, n & 0xFFFF, n & 0xFFFF, len(central), len(body), 0)
    path.write_bytes(bytes(body) + bytes(central) + end)
    return path


def wide_end(n_entries: int, central_size: int, central_start: int) -> bytes:
    """End records of a zip64, whose narrow fields are all full."""
    wide = struct.pack(
        "<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, n_entries, n_entries, central_size, central_start
    )
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, central_start + central_size, 1)
    narrow = (0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    return wide + locator + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, *narrow, 0)


def central_record(name: bytes, content: bytes, offset: int) -> bytes:
    """Record of a stored file; an offset beyond 4 GB goes into the zip64 field."""
    wide = struct.pack("<2HQ", 1, 8, offset) if offset >= 0xFFFFFFFF else b""
    size = len(content)
    return struct.pack(
        "<4s6H3L5H2L", b"PK\1\2", 0x0314, 45, 0x800, 0, 0, 33, zlib.crc32(content), size, size, len(name),
        len(wide), 0, 0, 0, 0o100644 << 16, min(offset, 0xFFFFFFFF),
    ) + name + wide  # fmt: skip


def local_record(name: bytes, content: bytes) -> bytes:
    """Header and bytes of a stored file."""
    size = len(content)
    head = struct.pack(
        "<4s5H3L2H", b"PK\3\4", 45, 0x800, 0, 0, 33, zlib.crc32(content), size, size, len(name), 0
    )
    return head + name + content


def wide_zip(path: Path, files: Iterable[tuple[bytes, bytes]], *, hole: int = 0) -> Path:
    """A zip64 of stored files; `hole` bytes that take no disk lie in front of the last one."""
    central, n, at = bytearray(), 0, 0
    with path.open("wb") as file:
        waiting = list(files)
        for i, (name, content) in enumerate(waiting):
            if hole and i == len(waiting) - 1:
                at = file.seek(hole, 1)
            central += central_record(name, content, at)
            at += file.write(local_record(name, content))
            n += 1
        file.write(central + wide_end(n, len(central), at))
    return path


def deflate(content: bytes) -> bytes:
    """Raw deflate stream."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()
