"""A wide-gamut colour profile, built by hand so that the tests need no file of anyone else's."""

from __future__ import annotations

import struct

# Primaries and white of a wide RGB space (as in Adobe RGB), adapted to D50, gamma 563/256.
_COLUMNS = {
    b"rXYZ": (0.60974, 0.31111, 0.01947),
    b"gXYZ": (0.20528, 0.62567, 0.06087),
    b"bXYZ": (0.14919, 0.06322, 0.74457),
    b"wtpt": (0.95045, 1.0, 1.08905),
}


def wide_gamut_profile(name: str = "Wide test space") -> bytes:
    """An RGB matrix profile (ICC.1, version 2)."""
    tags = {key: b"XYZ \0\0\0\0" + b"".join(map(_fixed, xyz)) for key, xyz in _COLUMNS.items()}
    curve = b"curv\0\0\0\0" + struct.pack(">LH", 1, 563) + b"\0\0"
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    text = name.encode("ascii") + b"\0"
    tags[b"desc"] = b"desc\0\0\0\0" + struct.pack(">L", len(text)) + text + bytes(78)
    tags[b"cprt"] = b"text\0\0\0\0Public domain\0"
    at = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">L", len(tags)), b""
    for key, data in tags.items():
        table += struct.pack(">4sLL", key, at + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(">L4sL4s4s4s", at + len(body), b"none", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + b"".join(map(_fixed, (0.9642, 1.0, 0.8249)))
    return header.ljust(128, b"\0") + table + body


def _fixed(value: float) -> bytes:
    return struct.pack(">l", round(value * 65536))
