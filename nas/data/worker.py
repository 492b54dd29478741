"""A child process of the import: reads entries, decodes them, writes pixels into the cache file.

Untrusted bytes meet the image decoders only here, shut in (`nas.data.confine`); if a file kills this
process, the parent starts another one and only that file is lost. Started as ``python -m nas.data.worker``;
speaks lines over standard input and output and ends when its input ends (so it dies with its parent).
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from nas.data.archive import Entry
from nas.data.confine import allow_processor_seconds, limit_resources, shut_in
from nas.data.decode import DecodeError, decode_image, image_size
from nas.data.entries import EntryError, read_entry
from nas.data.protocol import Answer, Facts, Refused, Task, pack_answers, pack_failure, unpack_tasks

_MOST_FILES: Final = 16  # the file at hand, and a module that is imported with the first of a kind
_TELL_SECONDS: Final = 0.25  # the parent hears of finished files at least so often, and after each slow one


def main() -> None:
    """Reads the configuration line, then lines of tasks; answers in their order."""
    lines = sys.stdin.buffer
    config: dict[str, Any] = json.loads(lines.readline())
    warnings.simplefilter("ignore")  # decoders warn of what is judged here anyway
    reader = _Reader(config)  # opens the archives and what it writes: later nothing can be opened to write
    limit_resources(
        memory_bytes=config["memory_bytes"], file_bytes=config["output_bytes"], n_files=_MOST_FILES
    )
    shut_in([Path(path) for path in config["readable"]])
    _tell(b"[]\n")
    try:
        for line in lines:
            reader.work(*unpack_tasks(line))
    except OSError as error:
        _tell(pack_failure(error.errno or 0))


def _tell(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


class _Reader:
    """Open files and limits of this process."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._archives = [
            os.open(path, os.O_RDONLY) if path is not None else None for path in config["archives"]
        ]
        self._output = os.open(config["output"], os.O_WRONLY)
        self._max_pixels: int = config["max_pixels"]
        self._max_entry_bytes: int = config["max_entry_bytes"]
        self._seconds: float = config["seconds"]

    def work(self, tasks: Sequence[Task], size: int, one_by_one: bool) -> None:
        """Reads some files, stores their pixels, and answers; pixels are written before they are told of."""
        answers: list[Answer] = []
        pixels: list[bytes] = []
        start = 0
        told_at = time.monotonic()
        for told, (index, entry) in enumerate(tasks, start=1):
            if index != start + len(pixels):
                self._write(pixels, start)
                start, pixels = index, []
            answer, square = self._read(entry, size)
            answers.append(answer)
            if square:
                pixels.append(square)
            now = time.monotonic()
            if one_by_one or told == len(tasks) or now - told_at > _TELL_SECONDS:
                self._write(pixels, start)
                start, pixels = index + 1, []
                _tell(pack_answers(answers))
                answers, told_at = [], now

    def _read(self, entry: Entry, size: int) -> tuple[Answer, bytes]:
        """Facts and pixels of one file, or why there are none."""
        allow_processor_seconds(self._seconds)
        try:
            data = read_entry(self._archives[entry.archive], entry, self._max_entry_bytes)
            if size == 0:
                return Facts(*image_size(data, self._max_pixels)), b""
            image = decode_image(data, size, self._max_pixels)
        except EntryError as error:
            return Refused(error.kind, {}), b""
        except DecodeError as error:
            return Refused(error.kind, error.details), b""
        except MemoryError:
            return Refused("memory", {}), b""
        facts = Facts(
            image.width, image.height, hashlib.sha256(data).hexdigest(), image.format, image.mode,
            image.camera, image.has_exif, image.animated,
        )  # fmt: skip
        return facts, image.pixels

    def _write(self, squares: Sequence[bytes], first: int) -> None:
        """Stores squares that follow each other in one call."""
        if not squares:
            return
        view = memoryview(b"".join(squares))
        offset = first * len(squares[0])
        while view:
            n = os.pwrite(self._output, view, offset)
            view, offset = view[n:], offset + n


if __name__ == "__main__":
    main()
