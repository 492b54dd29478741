"""The jobs of an upload: look at it, import it, or fetch a public set and import that."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Sequence
from itertools import islice
from typing import Final

import structlog
from django.db import transaction
from django.utils import timezone

from datasets_app.attempt import Attempt
from datasets_app.check_job import check_images
from datasets_app.finding_rows import finding_row, insert_findings
from datasets_app.models import Dataset, DatasetState, DatasetVersion, Finding, Image, Job, Upload
from datasets_app.rows import IMAGE_COLUMNS, image_row, insert_rows
from datasets_app.storage import relative
from datasets_app.uploads import hash_upload
from nas.data import public
from nas.data.archive import ArchiveLimits
from nas.data.importer import ImportReport, import_sources
from nas.data.interpretation import Interpretation, preview
from nas.data.sources import Source, list_sources, open_reader
from nas.errors import DataError, Problem

ROWS_AT_ONCE: Final = 5000
"""So many rows take about 0.1 s: other writers of an SQLite database never wait longer."""

log = structlog.get_logger(__name__)


def inspect_uploads(attempt: Attempt) -> None:
    """Reads the lists of files and shows how they are understood, for the owner to confirm."""
    sources = _sources(attempt)
    attempt.progress("Reading the list of files", 0, 0)
    listing = list_sources(sources, ArchiveLimits(), scratch=attempt.scratch, on_progress=attempt.progress)
    with open_reader(sources, listing) as read:
        found = preview(listing, read, _interpretation(attempt.dataset), attempt.progress)
    _clear(attempt)  # what an earlier reading was rejected for
    attempt.finish(DatasetState.PREVIEW, preview=found)
    log.info("upload inspected", images=found.get("n_images"))


def import_uploads(attempt: Attempt) -> None:
    """Decodes the images, saves their rows, publishes the first version, then checks the images.

    The version is published before the checks, so that a check that fails, or kills its workers, costs
    nothing of the import: whoever takes the data set over then only has to check.
    """
    _import(attempt)
    check_images(attempt)


def _import(attempt: Attempt) -> None:
    """All but the checks; the list of the images, which is long, is let go of before these begin."""
    report = import_sources(
        _sources(attempt),
        attempt.directory,
        interpretation=_interpretation(attempt.dataset),
        seed=0,
        on_progress=attempt.progress,
    )
    attempt.progress("Saving the list of photos", 0, report.n_images)
    _clear(attempt)
    _save_images(attempt, report)
    insert_findings(attempt, map(finding_row, report.problems))
    _publish(attempt, report)
    log.info("data set imported", images=report.n_images, refused=report.n_refused)


def fetch_and_import(attempt: Attempt) -> None:
    """Downloads a public set, keeps it like an upload, and imports it."""
    dataset = attempt.dataset
    directory = dataset.storage_dir
    directory.mkdir(parents=True, exist_ok=True)
    key = uuid.uuid5(dataset.pk, f"fetch/{attempt.held.fence}")
    target = directory / str(key)
    public.fetch(dataset.source, directory / "fetch", on_progress=attempt.progress).rename(target)
    n_bytes = target.stat().st_size
    with transaction.atomic():
        attempt.write(job=Job.IMPORT, attempt=0, size_bytes=n_bytes)
        Upload.objects.create(
            id=key,
            dataset=dataset,
            filename=f"{dataset.source}.tar",
            length=n_bytes,
            offset=n_bytes,
            path=relative(target),
            completed_at=timezone.now(),
        )
    dataset.job = Job.IMPORT
    shutil.rmtree(directory / "fetch", ignore_errors=True)
    import_uploads(attempt)


def reject(attempt: Attempt, error: str, problems: Sequence[Problem] = ()) -> None:
    """Ends the first import: nothing of the upload can be used."""
    _clear(attempt)
    insert_findings(attempt, map(finding_row, problems))
    attempt.finish(DatasetState.REJECTED, error=error)
    log.info("data set rejected", error=error[:200])


def _sources(attempt: Attempt) -> list[Source]:
    """The uploaded files, after their content was compared with what the sender announced.

    Raises:
        DataError: One of them is missing or did not arrive as it was sent.
    """
    found = []
    for upload in attempt.dataset.uploads.all():
        if not upload.file.exists():
            raise DataError(f"The uploaded file '{upload.filename}' is gone. Upload it again.")
        if not upload.sha256:
            upload.sha256 = hash_upload(upload.file, attempt.progress_in("Reading the upload"))
            Upload.objects.filter(pk=upload.pk).update(sha256=upload.sha256)
        if upload.expected_sha256 and upload.sha256 != upload.expected_sha256:
            raise DataError(
                f"The file '{upload.filename}' did not arrive as it was sent: its checksum differs. "
                "Delete this data set and upload it again."
            )
        found.append(Source(path=upload.file, name=upload.filename))
    return found


def _interpretation(dataset: Dataset) -> Interpretation | None:
    return Interpretation.from_json(dataset.interpretation) if dataset.interpretation else None


def _clear(attempt: Attempt) -> None:
    """Removes the rows that an earlier attempt at the first import left, a part at a time."""
    for model in (Image, Finding):
        rows = model._default_manager.filter(dataset_id=attempt.dataset.pk)
        while True:
            attempt.check()
            with transaction.atomic():
                attempt.lock()
                some = list(rows.order_by("pk").values_list("pk", flat=True)[:ROWS_AT_ONCE])
                rows.filter(pk__in=some).delete()
            if len(some) < ROWS_AT_ONCE:
                break


def _save_images(attempt: Attempt, report: ImportReport) -> None:
    rows = map(image_row, report.index)
    done = 0
    while some := list(islice(rows, ROWS_AT_ONCE)):
        attempt.progress("Saving the list of photos", done, report.n_images)
        with transaction.atomic():
            attempt.lock()
            insert_rows(Image, IMAGE_COLUMNS, some, dataset_id=attempt.dataset.pk)
        done += len(some)


def _publish(attempt: Attempt, report: ImportReport) -> None:
    with transaction.atomic():
        attempt.write(job=Job.RECHECK, attempt=0, error=report.blocking or "")
        DatasetVersion.objects.create(
            id=attempt.version_id,
            dataset=attempt.dataset,
            number=1,
            content_hash=report.content_hash,
            classes=report.classes,
            counts=report.counts,
            n_images=report.n_images,
            n_refused=report.n_refused,
            cache_size=report.cache_size,
            blocking=report.blocking or "",
            cache_path=relative(attempt.directory),
        )
    attempt.published = True
    attempt.dataset.job = Job.RECHECK
