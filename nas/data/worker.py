"""A child process of the import: reads entries, decodes them, writes pixels into the cache file.

Untrusted bytes meet the image decoders only here, under a memory limit; if a file kills this process, the
parent starts another one and only that file is lost. Started as ``python -m nas.data.worker``; speaks JSON
lines over standard input and output and ends when its input ends (so it dies with its parent).
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
from typing import Any, BinaryIO

from nas.data.archive import Entry
from nas.data.decode import DecodeError, decode_image, image_size
from nas.data.entries import EntryError, read_entry


def main() -> None:
    """Reads the configuration line, then one task a line; answers each with one line."""
    lines = sys.stdin.buffer
    config: dict[str, Any] = json.loads(lines.readline())
    limit = int(config["memory_bytes"])
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    archive: BinaryIO | None = open(config["archive"], "rb") if config["archive"] else None  # noqa: PTH123, SIM115
    output = os.open(config["output"], os.O_WRONLY)
    _answer({"ready": True})
    for line in lines:
        task: dict[str, Any] = json.loads(line)
        _answer({"i": task["i"], **_perform(task, config, archive, output)})


def _answer(message: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(message).encode() + b"\n")
    sys.stdout.buffer.flush()


def _perform(
    task: dict[str, Any], config: dict[str, Any], archive: BinaryIO | None, output: int
) -> dict[str, Any]:
    """One entry: its facts, or the kind of its finding."""
    entry = Entry("", *task["e"])
    try:
        data = read_entry(archive, entry, config["max_entry_bytes"])
        size: int = task["size"]
        if size == 0:
            width, height = image_size(data, config["max_pixels"])
            return {"w": width, "h": height}
        image = decode_image(data, size, config["max_pixels"])
    except EntryError as error:
        return {"kind": error.kind, "details": {}}
    except DecodeError as error:
        return {"kind": error.kind, "details": error.details}
    except MemoryError:
        return {"kind": "memory", "details": {}}
    try:
        _write_all(output, image.pixels, task["i"] * len(image.pixels))
    except OSError as error:
        return {"fatal": error.errno}
    answer: dict[str, Any] = {"w": image.width, "h": image.height, "sha256": hashlib.sha256(data).hexdigest()}
    return answer | {"animated": True} if image.animated else answer


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        n = os.pwrite(descriptor, view, offset)
        view, offset = view[n:], offset + n


if __name__ == "__main__":
    main()
