"""Unpacks a tar.gz into a plain tar, in a stream and within limits."""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from nas.data.archive import ArchiveLimits
from nas.data.findings import human_bytes
from nas.data.tarlist import BLOCK, is_tar_header
from nas.errors import DataError

_CHUNK: Final = 1 << 20
_CHECK_DISK_BYTES: Final = 64 << 20
_KEEP_FREE_BYTES: Final = 1 << 30
_GZIP: Final = 16 + zlib.MAX_WBITS


def gunzip_tar(
    path: Path,
    target: Path,
    limits: ArchiveLimits,
    on_progress: Callable[[int, int], None] | None = None,
) -> None:
    """Writes the tar inside `path` to `target`.

    Args:
        path: The tar.gz file.
        target: The plain tar; created.
        limits: Total bytes and packing ratio count here as for zips.
        on_progress: Called with (bytes read, bytes in all).

    Raises:
        DataError: No tar inside, damaged, cut off, over a limit, or the disk would fill up.
    """
    total = path.stat().st_size
    written = 0
    next_check = 0
    with path.open("rb") as source, target.open("wb") as file:
        for chunk in _inflate(source):
            if written == 0 and not (is_tar_header(chunk[:BLOCK]) or not chunk[:BLOCK].strip(b"\0")):
                raise DataError(
                    "The gzip file holds no tar archive. Put the images into a zip or tar.gz and upload that."
                )
            written += len(chunk)
            _check_size(written, source.tell(), limits)
            if written > next_check:
                _check_disk(target)
                next_check = written + _CHECK_DISK_BYTES
                if on_progress is not None:
                    on_progress(source.tell(), total)
            file.write(chunk)


def _inflate(source: BinaryIO) -> Iterator[bytes]:
    """Yields chunks of at most 1 MB, whatever the stream would give; several members follow each other."""
    inflater = zlib.decompressobj(_GZIP)
    fresh = True
    data = source.read(_CHUNK)
    try:
        while data:
            chunk = inflater.decompress(data, _CHUNK)
            fresh = False
            if chunk:
                yield chunk
            data = inflater.unconsumed_tail
            if inflater.eof:
                data = inflater.unused_data.lstrip(b"\0") or source.read(_CHUNK).lstrip(b"\0")
                inflater, fresh = zlib.decompressobj(_GZIP), True
            elif not data:
                data = source.read(_CHUNK)
    except zlib.error as error:
        raise DataError("The tar.gz file is damaged. Pack the folder again and upload it.") from error
    if not fresh:
        raise DataError(
            "The tar.gz file is incomplete: it ends too early. "
            "Upload it again, or pack the folder again if that does not help."
        )


def _check_size(written: int, read: int, limits: ArchiveLimits) -> None:
    if written > limits.max_total_bytes:
        raise DataError(
            f"Unpacked, the upload would take more than {human_bytes(limits.max_total_bytes)}, which is the "
            "limit. Upload fewer or smaller images."
        )
    if written > limits.total_ratio_floor_bytes and written > limits.max_total_ratio * read:
        raise DataError(
            f"The tar.gz file would unpack to more than {limits.max_total_ratio:.0f} times its size, which "
            "real photos never do. Save the images as JPEG or PNG and pack them again."
        )


def _check_disk(target: Path) -> None:
    free = shutil.disk_usage(target.parent).free
    if free < _KEEP_FREE_BYTES:
        os.truncate(target, 0)
        raise DataError(
            f"Unpacking the tar.gz file would fill the disk: {human_bytes(free)} are left. "
            "Free some space and try again, or upload a zip, which needs no unpacking."
        )
