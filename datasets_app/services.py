"""Changes data sets. Refusals are ValidationErrors whose text is one plain sentence with the next step."""

from __future__ import annotations

import shutil
import unicodedata
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import ProtectedError
from django.utils import timezone

from datasets_app import tasks
from datasets_app.arrival import check_upload, store_upload
from datasets_app.audit import record
from datasets_app.changes import EDITABLE_STATES
from datasets_app.models import BULKY, Action, Dataset, DatasetState, Job, Upload
from datasets_app.quota import check_disk, check_drafts, check_fetches, check_quota, lock_account
from datasets_app.storage import directories_of_attempts, relative
from nas.data.importer import remove_partial
from nas.data.interpretation import Interpretation
from nas.data.public import PUBLIC_SETS
from nas.errors import DataError

MAX_NAME = 200
MAX_UPLOADS = 1000


def dataset_create(*, owner: User, name: str, upload: UploadedFile, confirm: bool = False) -> Dataset:
    """Takes an archive that came in one request into storage and asks a worker to check it.

    Args:
        owner: Whose it becomes.
        name: As typed; the file's name is used when it is empty.
        upload: A zip, tar or tar.gz; a large one is moved, not copied.
        confirm: True to be asked how the files are understood before the import.

    Raises:
        ValidationError: No archive, incomplete, too large, too little free disk, or the quota is used up.
    """
    check_upload(upload)
    check_quota(owner, upload.size or 0)
    # The names are data for people only; the path on disk is made of the ids.
    dataset = Dataset(
        id=uuid.uuid4(),
        owner=owner,
        name=clean_name(name) or clean_name(Path(upload.name or "").stem) or "Photos",
        size_bytes=upload.size or 0,
        job=Job.INSPECT if confirm else Job.IMPORT,
        confirm=confirm,
    )
    key = uuid.uuid4()
    target = dataset.storage_dir / str(key)
    file = Upload(
        id=key,
        dataset=dataset,
        filename=upload.name or "",
        length=upload.size or 0,
        offset=upload.size or 0,
        path=relative(target),
        completed_at=timezone.now(),
    )
    try:
        store_upload(upload, target)
        with transaction.atomic():
            lock_account(owner)
            check_quota(owner, file.length)  # again: another upload may have come in beside this one
            dataset.save(force_insert=True)
            file.save(force_insert=True)
            _hint(dataset)
    except OSError as error:
        shutil.rmtree(dataset.storage_dir, ignore_errors=True)
        raise ValidationError(
            "The upload could not be stored on this server. Free some disk space and upload it again."
        ) from error
    except BaseException:
        shutil.rmtree(dataset.storage_dir, ignore_errors=True)
        raise
    return dataset


@transaction.atomic
def dataset_draft_create(*, owner: User, name: str, confirm: bool = True, n_uploads: int = 1) -> Dataset:
    """Makes an empty data set that waits for its files.

    Raises:
        ValidationError: No file, or too many, are announced; or many data sets wait for files already.
    """
    lock_account(owner)
    check_drafts(owner)
    if not 1 <= n_uploads <= MAX_UPLOADS:
        raise ValidationError(
            f"A data set is made of 1 to {MAX_UPLOADS} files. Pack the photos into fewer archives."
        )
    return Dataset.objects.create(
        owner=owner,
        name=clean_name(name) or "Photos",
        state=DatasetState.UPLOADING,
        job=Job.INSPECT if confirm else Job.IMPORT,
        confirm=confirm,
        n_uploads=n_uploads,
    )


@transaction.atomic
def dataset_fetch(*, owner: User, key: str) -> Dataset:
    """Asks a worker to fetch a public set.

    Raises:
        ValidationError: There is no such set, no room for it, or others are being fetched already.
    """
    chosen = next((one for one in PUBLIC_SETS if one.key == key), None)
    if chosen is None:
        raise ValidationError("There is no such public set. Choose one of the list.")
    lock_account(owner)
    check_fetches(owner)
    check_quota(owner, chosen.size_bytes)
    check_disk(chosen.size_bytes)
    dataset = Dataset.objects.create(
        owner=owner, name=clean_name(chosen.title), job=Job.FETCH, source=chosen.key
    )
    _hint(dataset)
    return dataset


def dataset_interpret(*, dataset: Dataset, interpretation: dict[str, Any]) -> None:
    """Asks for another preview, of the files understood as `interpretation` says.

    Raises:
        ValidationError: It is nonsense, or the data set was imported already or is being worked on.
    """
    refusal = "The photos are imported or being worked on. Upload them anew to read them otherwise."
    if dataset.versions.exists() or not dataset.uploads.exists():
        raise ValidationError(refusal)
    states = (DatasetState.PREVIEW, DatasetState.REJECTED)
    _queue(dataset, Job.INSPECT, states, refusal, interpretation=_checked(interpretation))


def dataset_import(*, dataset: Dataset, interpretation: dict[str, Any]) -> None:
    """Imports the files as its owner confirmed that they are understood.

    Raises:
        ValidationError: The interpretation is nonsense, or nothing waits to be confirmed.
    """
    refusal = "Nothing waits to be confirmed here. Reload the page to see how far it is."
    understood = _checked(interpretation)
    _queue(dataset, Job.IMPORT, (DatasetState.PREVIEW,), refusal, interpretation=understood)


def dataset_version_create(*, dataset: Dataset) -> None:
    """Asks a worker to make a version of the pending edits.

    Raises:
        ValidationError: Nothing was edited, or the data set is being worked on.
    """
    if not dataset.changes.filter(version=None).exists():
        raise ValidationError("Nothing was changed since the last version. Make an edit first.")
    _queue(dataset, Job.VERSION, EDITABLE_STATES, _BUSY)


def dataset_recheck(*, dataset: Dataset) -> None:
    """Asks a worker to check the images as they stand now, pending edits included.

    Raises:
        ValidationError: The data set is being worked on, or has no images.
    """
    _queue(dataset, Job.RECHECK, EDITABLE_STATES, _BUSY)


def dataset_delete(*, dataset: Dataset) -> None:
    """Deletes a data set with its files; a worker that is at it notices and ends.

    Raises:
        ValidationError: Searches still use it.
    """
    try:
        with transaction.atomic():
            # Locked, so that no version is published between this look and the deletion.
            locked = Dataset.objects.select_for_update().defer(*BULKY).get(pk=dataset.pk)
            files = [upload.file for upload in locked.uploads.all()]
            folders = [
                locked.storage_dir,
                *(version.cache_dir for version in locked.versions.all()),
                *directories_of_attempts(locked.pk, locked.fence),
            ]
            record(Action.DELETE, target=locked)
            locked.delete()
            transaction.on_commit(lambda: _remove(folders, files))
    except ProtectedError as error:
        raise ValidationError(
            "Searches still use this data set. Delete those searches first, then the data set."
        ) from error


_BUSY = "This data set is being worked on, or has no photos. Wait until its state is Ready, then try again."


@transaction.atomic
def _queue(
    dataset: Dataset, job: Job, from_states: Sequence[DatasetState], refusal: str, **values: Any
) -> None:
    """Gives the workers a job, if the data set is in one of the states; of two requests one wins."""
    rows = Dataset.objects.filter(pk=dataset.pk, state__in=from_states)
    changed = rows.update(
        state=DatasetState.UPLOADED,
        job=job,
        attempt=0,
        lease_until=None,
        error="",
        stage="",
        progress_done=0,
        progress_total=0,
        **values,
    )
    if not changed:
        raise ValidationError(refusal)
    _hint(dataset)


def _hint(dataset: Dataset) -> None:
    transaction.on_commit(lambda: tasks.hint_checker(dataset.pk), robust=True)


def _checked(interpretation: dict[str, Any]) -> dict[str, Any]:
    try:
        return Interpretation.from_json(interpretation).to_json()
    except DataError as error:
        raise ValidationError(str(error)) from error


def _remove(folders: Sequence[Path], files: Sequence[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
        remove_partial(folder)
    for file in files:
        file.unlink(missing_ok=True)


def clean_name(name: str) -> str:
    """The name on one line, without control or direction characters, at most 200 characters."""
    kept = "".join(" " if unicodedata.category(sign)[0] == "C" else sign for sign in name)
    return " ".join(kept.split())[:MAX_NAME]
