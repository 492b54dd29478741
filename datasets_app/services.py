"""Changes data sets. Refusals are ValidationErrors whose text is one plain sentence with the next step."""

from __future__ import annotations

import os
import shutil
import unicodedata
import uuid
from pathlib import Path
from typing import IO, cast

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.db import transaction
from django.db.models import ProtectedError

from datasets_app import tasks
from datasets_app.models import Dataset
from nas.data.findings import human_bytes
from nas.data.zipdir import find_directory
from nas.errors import DataError

MAX_NAME = 200
UPLOAD_NAME = "upload.zip"
FREE_DISK_FACTOR = 1.5


def dataset_create(*, owner: User, name: str, upload: UploadedFile) -> Dataset:
    """Takes an uploaded zip into storage and asks a worker to check it.

    Args:
        owner: Whose it becomes.
        name: As typed; the file's name is used when it is empty.
        upload: The zip; a large one is moved, not copied.

    Raises:
        ValidationError: No zip, incomplete, too large, or too little free disk.
    """
    _check_upload(upload)
    # The name is data for people only; the path on disk is made of the id.
    dataset = Dataset(
        id=uuid.uuid4(),
        owner=owner,
        name=_clean_name(name) or _clean_name(Path(upload.name or "").stem) or "Photos",
        size_bytes=upload.size or 0,
    )
    target = dataset.storage_dir / UPLOAD_NAME
    dataset.upload_path = str(target.relative_to(settings.STORAGE_DIR))
    try:
        _store(upload, target)
        with transaction.atomic():
            dataset.save(force_insert=True)
            transaction.on_commit(lambda: tasks.hint_checker(dataset.pk), robust=True)
    except OSError as error:
        shutil.rmtree(target.parent, ignore_errors=True)
        raise ValidationError(
            "The upload could not be stored on this server. Free some disk space and upload it again."
        ) from error
    except BaseException:
        shutil.rmtree(target.parent, ignore_errors=True)
        raise
    return dataset


def dataset_delete(*, dataset: Dataset) -> None:
    """Deletes a data set with its files; a check that is running notices and ends.

    Raises:
        ValidationError: Searches still use it.
    """
    folders = [dataset.storage_dir, *(version.cache_dir for version in dataset.versions.all())]
    try:
        with transaction.atomic():
            dataset.delete()
            transaction.on_commit(lambda: _remove(folders))
    except ProtectedError as error:
        raise ValidationError(
            "Searches still use this data set. Delete those searches first, then the data set."
        ) from error


def _remove(folders: list[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _check_upload(upload: UploadedFile) -> None:
    size = upload.size or 0
    if size == 0:
        raise ValidationError("This file is empty. Zip the class folders again and choose the new file.")
    if size > settings.MAX_UPLOAD_BYTES:
        raise ValidationError(
            f"The file has {human_bytes(size)}; this server takes at most "
            f"{human_bytes(settings.MAX_UPLOAD_BYTES)}. Divide it into smaller data sets."
        )
    try:
        find_directory(cast(IO[bytes], upload.file))  # type: ignore[arg-type] # IO instead of BinaryIO
    except DataError as error:
        raise ValidationError(str(error)) from error
    # The file itself is on the disk already; the rest is room for the decoded images.
    free = shutil.disk_usage(settings.STORAGE_DIR).free
    if free < FREE_DISK_FACTOR * size:
        raise ValidationError(
            f"Only {human_bytes(free)} of disk are free here, and checking this upload needs "
            f"{human_bytes(int(FREE_DISK_FACTOR * size))}. Free some space, or upload fewer images."
        )


def _store(upload: UploadedFile, target: Path) -> None:
    """Moves the upload into storage and makes sure that it is on the disk before the row says so."""
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


def _clean_name(name: str) -> str:
    """The name on one line, without control or direction characters, at most 200 characters."""
    kept = "".join(" " if unicodedata.category(sign)[0] == "C" else sign for sign in name)
    return " ".join(kept.split())[:MAX_NAME]
