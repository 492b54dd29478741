"""Writes uploads that come in pieces: announce, advance, complete, cancel, expire.

The row is the truth: bytes of the file beyond `Upload.offset` do not count and are cut off by the next piece.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone

from datasets_app import quota, tasks
from datasets_app.models import BULKY, Dataset, DatasetState, Job, Upload
from datasets_app.services import clean_name, dataset_delete, dataset_draft_create
from datasets_app.storage import relative

HASH_BLOCK: Final = 4 * 2**20
MAX_FINGERPRINT: Final = 200
STALE_SECONDS: Final = 86_400
"""Age of a temporary file that no request can still be writing."""

_SHA256 = re.compile(r"[0-9a-f]{64}")

log = structlog.get_logger(__name__)


@transaction.atomic
def upload_create(
    *,
    owner: User,
    length: int,
    filename: str,
    dataset: Dataset | None = None,
    name: str = "",
    fingerprint: str = "",
    sha256: str = "",
    confirm: bool = False,
) -> Upload:
    """Announces a file; its bytes come later. No file is made on the disk yet.

    Args:
        owner: Whose it becomes.
        length: Of the whole file in bytes.
        filename: As the client names it: data, never a path.
        dataset: One of the owner's that waits for files; without one a new one is made.
        name: Of the new data set; the file's name is used when it is empty.
        fingerprint: What the client recognises the file by when it comes back.
        sha256: Of the whole file, 64 hexadecimal digits, or empty. The worker compares it.
        confirm: Of the new data set: ask how the files are understood before the import.

    Raises:
        ValidationError: It is empty or too large, there is no room, or the data set takes no more files.
    """
    quota.check_length(length)
    sha256 = _checked_marks(fingerprint, sha256)
    quota.lock_account(owner)
    quota.check_quota(owner, length)
    quota.check_disk(length)
    filename = clean_name(filename) or "upload"
    if dataset is None:
        dataset = dataset_draft_create(owner=owner, name=name or Path(filename).stem, confirm=confirm)
    else:
        _check_waits(dataset)
    key = uuid.uuid4()
    return Upload.objects.create(
        id=key,
        dataset=dataset,
        filename=filename,
        length=length,
        fingerprint=fingerprint,
        expected_sha256=sha256,
        path=relative(dataset.storage_dir / f"{key}.part"),
        expires_at=_expiry(),
    )


@transaction.atomic
def upload_advance(*, upload: Upload, offset: int) -> None:
    """Notes that the bytes up to `offset` are safely on the disk; the last byte completes the upload.

    The UPDATE is conditional on the old offset, so of two writers only one can count.

    Args:
        upload: As it was read; its `offset` and `expires_at` are set to the new values.
        offset: Where the bytes end now, at most the length.

    Raises:
        Upload.DoesNotExist: It was cancelled, or another writer was here.
    """
    complete = offset == upload.length
    if complete:
        # Before the upload's row, always in this order: else two last files could wait for each other.
        Dataset.objects.select_for_update().filter(pk=upload.dataset_id).first()
    values: dict[str, datetime | None] = {
        "expires_at": None if complete else _expiry(),
        "completed_at": timezone.now() if complete else None,
    }
    rows = Upload.objects.filter(pk=upload.pk, offset=upload.offset, completed_at=None)
    if not rows.update(offset=offset, **values):
        raise Upload.DoesNotExist
    upload.offset, upload.expires_at = offset, values["expires_at"]
    if complete:
        _complete(upload.dataset_id)


@transaction.atomic
def upload_cancel(*, upload: Upload) -> None:
    """Forgets an upload and its bytes; a data set that then has no file goes with it.

    Raises:
        ValidationError: Its data set has all its files already.
    """
    dataset = Dataset.objects.select_for_update().defer(*BULKY).get(pk=upload.dataset_id)
    if dataset.state != DatasetState.UPLOADING:
        raise ValidationError(
            "This file belongs to a data set that is complete. Delete the data set instead.", code="in-use"
        )
    upload.delete()
    if not dataset.uploads.exists():
        dataset.delete()
    transaction.on_commit(lambda: _remove_file(upload.file))


def remove_expired() -> int:
    """Removes what nobody finished in time; safe to call anywhere, any number of times at once.

    That is: unfinished uploads past their date, data sets that waited for files for as long without
    getting any, and old temporary files of requests that broke off.

    Returns:
        Number of uploads and data sets that were removed.
    """
    _remove_stale_files(Path(settings.FILE_UPLOAD_TEMP_DIR))
    expired = Upload.objects.filter(completed_at=None, expires_at__lt=timezone.now())
    removed = sum(_remove_if_expired(upload) for upload in list(expired))
    for dataset in list(_abandoned()):
        with transaction.atomic():
            # Locked and looked at again: a file may have come in between.
            if _abandoned().select_for_update(of=("self",)).filter(pk=dataset.pk).first() is not None:
                dataset_delete(dataset=dataset)
                removed += 1
    if removed:
        log.info("removed what was never finished", uploads_and_datasets=removed)
    return removed


def hash_upload(path: Path, on_progress: Callable[[int, int], None] | None = None) -> str:
    """SHA-256 of a file, read in blocks, as 64 hexadecimal digits.

    Args:
        path: Of the complete file.
        on_progress: Called with (bytes read, bytes in all) after each block.
    """
    total = path.stat().st_size
    digest = hashlib.sha256()
    done = 0
    with path.open("rb") as file:
        while block := file.read(HASH_BLOCK):
            digest.update(block)
            done += len(block)
            if on_progress is not None:
                on_progress(done, total)
    return digest.hexdigest()


def _checked_marks(fingerprint: str, sha256: str) -> str:
    if len(fingerprint) > MAX_FINGERPRINT:
        raise ValidationError(
            f"The fingerprint has more than {MAX_FINGERPRINT} characters. Send a hash of it instead."
        )
    sha256 = sha256.lower()
    if sha256 and not _SHA256.fullmatch(sha256):
        raise ValidationError("The SHA-256 is not made of 64 hexadecimal digits. Correct it or leave it out.")
    return sha256


def _check_waits(dataset: Dataset) -> None:
    locked = Dataset.objects.select_for_update().get(pk=dataset.pk)
    if locked.state != DatasetState.UPLOADING or locked.uploads.count() >= locked.n_uploads:
        raise ValidationError(
            "This data set has all its files already. Upload this one as a new data set.", code="in-use"
        )


def _expiry() -> datetime:
    return timezone.now() + timedelta(days=settings.UPLOAD_DAYS)


def _complete(dataset_id: uuid.UUID) -> None:
    """Hands the data set to the workers if this was its last file. Its row is locked."""
    files = Upload.objects.filter(dataset=dataset_id, completed_at__isnull=False)
    dataset = Dataset.objects.get(pk=dataset_id)
    if files.count() < dataset.n_uploads:
        return
    handed_over = Dataset.objects.filter(pk=dataset_id, state=DatasetState.UPLOADING).update(
        state=DatasetState.UPLOADED,
        job=Job.INSPECT if dataset.confirm else Job.IMPORT,
        size_bytes=files.aggregate(total=Sum("length"))["total"],
    )
    if handed_over:
        transaction.on_commit(lambda: tasks.hint_checker(dataset_id), robust=True)


@transaction.atomic
def _remove_if_expired(upload: Upload) -> int:
    Dataset.objects.select_for_update().filter(pk=upload.dataset_id).first()
    rows = Upload.objects.filter(pk=upload.pk, completed_at=None, expires_at__lt=timezone.now())
    removed, _ = rows.delete()
    if removed:
        transaction.on_commit(lambda: _remove_file(upload.file))
    return removed


def _abandoned() -> QuerySet[Dataset]:
    """Data sets that wait for files and whose last sign of life is too long ago."""
    now = timezone.now()
    old = now - timedelta(days=settings.UPLOAD_DAYS)
    waiting = Dataset.objects.filter(state=DatasetState.UPLOADING, created_at__lt=old)
    return waiting.exclude(uploads__expires_at__gte=now).exclude(uploads__completed_at__gte=old)


def _remove_file(file: Path) -> None:
    file.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # other files of the data set are still in it, or it never was
        file.parent.rmdir()


def _remove_stale_files(directory: Path) -> None:
    """Removes files that requests left behind when their process was killed; never a link's target."""
    limit = time.time() - STALE_SECONDS
    for path in directory.iterdir():
        with contextlib.suppress(OSError):  # another process was faster
            if path.is_file() and path.lstat().st_mtime < limit:
                path.unlink()
