"""What another device is given to measure: graphs and efforts, as a directory, one file or with a script."""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from functools import lru_cache
from io import BytesIO
from pathlib import Path

from nas.errors import DeviceError
from nas.files import write_atomically
from nas.hardware.effort import BLOCK_EFFORT, EXTENTS, NETWORK_EFFORT, TABLE_SECONDS, samples_sent
from nas.hardware.items import REFERENCE_FILE, Manifest, make_manifest
from nas.hardware.reference import REFERENCE_SIDE, reference_network

SCRIPT_NAME = "measure.py"
_SCRIPT = Path(__file__).parent / "templates" / SCRIPT_NAME
_FOLDER = "bundle"
_LENGTH = struct.Struct("<I")
_EPOCH = (2026, 1, 1, 0, 0, 0)  # one date in every archive: the same graphs make the same bytes


@lru_cache(maxsize=8)
def manifest_of(spaces: tuple[str, ...], extent: str) -> Manifest:
    """Returns the manifest of some spaces; their order and repetitions make no difference.

    Args:
        spaces: Names of spaces.
        extent: A key of `EXTENTS`.

    Raises:
        SpaceError: If a space is unknown.
        DeviceError: If no space is named, or the extent is unknown.
    """
    if extent not in EXTENTS:
        raise DeviceError(f"There is no extent {extent!r}; choose one of {', '.join(EXTENTS)}.")
    chosen = EXTENTS[extent]
    return make_manifest(sorted(set(spaces)), most_blocks=chosen.blocks, networks=chosen.networks)


def bundle_key(manifest: Manifest, seconds: float) -> str:
    """Returns 16 hex digits that differ if a device would be given something else: for kept files.

    The graphs themselves are not made for it; they are those of the manifest and its version.
    """
    plan = json.dumps(_plan(manifest, seconds), sort_keys=True).encode()
    digest = hashlib.sha256()
    for part in (plan, _SCRIPT.read_bytes(), reference_network()):
        digest.update(_LENGTH.pack(len(part)) + part)
    return digest.hexdigest()[:16]


def write_block_bundle(path: Path, manifest: Manifest, seconds: float = TABLE_SECONDS) -> None:
    """Writes a directory that any device with ONNX Runtime can measure.

    ``manifest.json``, ``reference.onnx`` and one small ONNX file an item; see docs/hardware.md.

    Args:
        path: The directory.
        manifest: What is in it.
        seconds: For how long to measure, unless the device is told otherwise.
    """
    path.mkdir(parents=True, exist_ok=True)
    for name, content in _files(manifest, seconds):
        (path / name).write_bytes(content)


def write_script_bundle(path: Path, manifest: Manifest, seconds: float = TABLE_SECONDS) -> None:
    """Writes a directory with the bundle and the script that measures it.

    The script needs Python, NumPy and ONNX Runtime, nothing of this program.
    """
    write_block_bundle(path / _FOLDER, manifest, seconds)
    write_atomically(path / SCRIPT_NAME, _SCRIPT.read_bytes())


def script_archive(manifest: Manifest, seconds: float = TABLE_SECONDS) -> bytes:
    """Returns what `write_script_bundle` writes as a zip, in a directory ``device``."""
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as bundle:
        files = [(f"{_FOLDER}/{name}", content) for name, content in _files(manifest, seconds)]
        for name, content in [(SCRIPT_NAME, _SCRIPT.read_bytes()), *files]:
            entry = zipfile.ZipInfo(f"device/{name}", _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            bundle.writestr(entry, content)
    return archive.getvalue()


def pack_bundle(manifest: Manifest, seconds: float = TABLE_SECONDS) -> bytes:
    """Returns all graphs as one file: a browser fetches it in one request.

    Four bytes, little-endian: length of the index. The index: JSON with `fingerprint`, `seconds`, `efforts`,
    `most_samples`, `reference` and `items`, each with `name`, `side`, `effort`, and `offset` and `length` in
    bytes; offsets count from the end of the index. Then the ONNX files.
    """
    content = reference_network()
    reference = {"side": REFERENCE_SIDE, "offset": 0, "length": len(content)}
    graphs, offset, items = [content], len(content), []
    for item in manifest.items:
        content = item.graph()
        place = {"offset": offset, "length": len(content)}
        items.append({"name": item.name, "side": item.side, "effort": item.kind, **place})
        graphs.append(content)
        offset += len(content)
    index = {**_plan(manifest, seconds), "reference": reference, "items": items}
    text = json.dumps(index, separators=(",", ":")).encode()
    return b"".join((_LENGTH.pack(len(text)), text, *graphs))


def _files(manifest: Manifest, seconds: float) -> Iterator[tuple[str, bytes]]:
    """Yields name and content of each file of a bundle."""
    text = json.dumps({**manifest.to_json(), **_plan(manifest, seconds)}, indent=1)
    yield "manifest.json", f"{text}\n".encode()
    yield REFERENCE_FILE, reference_network()
    for item in manifest.items:
        yield f"{item.name}.onnx", item.graph()


def _plan(manifest: Manifest, seconds: float) -> dict[str, object]:
    """Returns what a device has to know beside the graphs."""
    efforts = {"block": asdict(BLOCK_EFFORT), "network": asdict(NETWORK_EFFORT)}
    return {
        "fingerprint": manifest.fingerprint,
        "seconds": seconds,
        "efforts": efforts,
        "most_samples": samples_sent(len(manifest.items)),
    }
