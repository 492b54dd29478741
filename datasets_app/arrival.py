"""Takes an archive that came in one request: a cheap look at its head, then into storage."""

from __future__ import annotations

import os
import shutil
import tarfile
import zlib
from pathlib import Path
from typing import IO, BinaryIO, cast

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile

from nas.data.findings import human_bytes
from nas.data.zipdir import find_directory
from nas.errors import DataError

FREE_DISK_FACTOR = 1.5
_GZIP_MAGIC = b"\x1f\x8b"
_HEAD_BYTES = 4096


def check_upload(upload: UploadedFile) -> None:
    """Refuses what is no archive, too large, or would fill the disk.

    Raises:
        ValidationError: With the reason and the next step.
    """
    size = upload.size or 0
    if size == 0:
        raise ValidationError("This file is empty. Zip the class folders again and choose the new file.")
    if size > settings.MAX_UPLOAD_BYTES:
        raise ValidationError(
            f"The file has {human_bytes(size)}; this server takes at most "
            f"{human_bytes(settings.MAX_UPLOAD_BYTES)}. Divide it into smaller data sets."
        )
    _check_head(cast(BinaryIO, upload.file))
    # The file itself is on the disk already; the rest is room for the decoded images.
    free = shutil.disk_usage(settings.STORAGE_DIR).free
    if free < FREE_DISK_FACTOR * size:
        raise ValidationError(
            f"Only {human_bytes(free)} of disk are free here, and checking this upload needs "
            f"{human_bytes(int(FREE_DISK_FACTOR * size))}. Free some space, or upload fewer images."
        )


def store_upload(upload: UploadedFile, target: Path) -> None:
    """Moves the upload into storage and makes sure that it is on the disk before a row says so.

    Raises:
        OSError: The disk is full or may not be written.
    """
    target.parent.mkdir(parents=True)
    if isinstance(upload, TemporaryUploadedFile):
        shutil.move(upload.temporary_file_path(), target)
    else:
        with target.open("wb") as file:
            for chunk in upload.chunks():
                file.write(chunk)
    target.chmod(0o600)
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _check_head(file: IO[bytes]) -> None:
    """Tells zip, tar and tar.gz by their content; everything else about them is the worker's business."""
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    if _is_tar(head):
        return
    if head.startswith(_GZIP_MAGIC):
        raise ValidationError("This gzip file holds no tar. Pack the class folders as zip, tar or tar.gz.")
    try:
        find_directory(file)  # type: ignore[arg-type] # IO instead of BinaryIO
    except DataError as error:
        raise ValidationError(str(error)) from error


def _is_tar(head: bytes) -> bool:
    """True for the first block of a tar, plain or packed by gzip."""
    if head.startswith(_GZIP_MAGIC):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, tarfile.BLOCKSIZE)
        except zlib.error:
            return False
    try:
        # Parses one block and its checksum; opening the archive would follow lengths that it claims.
        tarfile.TarInfo.frombuf(head[: tarfile.BLOCKSIZE], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True
