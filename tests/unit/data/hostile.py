"""Builds zips that no honest program writes."""

from __future__ import annotations

import struct
import zlib
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


def deflate(content: bytes) -> bytes:
    """Raw deflate stream."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()
