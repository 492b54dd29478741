"""The job of making a version: the working copy with its edits becomes an immutable cache of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog
from django.db import transaction

from datasets_app.added_job import take_in
from datasets_app.attempt import Attempt
from datasets_app.check_job import CHECK_FILES, copy_file, newest_version, working_rows
from datasets_app.finding_rows import finding_row, insert_findings
from datasets_app.findings import settled_state
from datasets_app.models import DatasetVersion, Image
from datasets_app.rows import IMAGE_COLUMNS, chunks, image_row, insert_rows
from datasets_app.storage import relative
from nas.data.versions import VersionReport, write_version
from nas.errors import Problem

log = structlog.get_logger(__name__)


def make_version(attempt: Attempt) -> None:
    """Writes the next version; nobody edits meanwhile, because edits are refused while a worker is at it."""
    dataset = attempt.dataset
    base = newest_version(dataset)
    attempt.progress("Making the version", 0, 0)
    new = take_in(attempt, base)
    source = attempt.scratch if new else base.cache_dir
    rows = working_rows(dataset) + [(one["label"], one["split"]) for one in new]
    report = write_version(source, attempt.directory, rows)
    for name in CHECK_FILES:
        if (base.cache_dir / name).exists():
            copy_file(base.cache_dir / name, attempt.directory / name)
    _tell_of_copies(attempt, report.warnings)
    _publish(attempt, base, report, new)
    log.info("version made", number=base.number + 1, images=report.n_images)


def _tell_of_copies(attempt: Attempt, warnings: Sequence[Problem]) -> None:
    """Edits may have put copies on two sides of the division; what the checks named is not told twice."""
    dataset = attempt.dataset
    known = dataset.findings.filter(kind="split-copy")
    with transaction.atomic():
        attempt.lock()
        known.filter(other_row=None).delete()  # told by the version before
    told = set(known.values_list("path", flat=True))
    new = {one.path: one for one in warnings if one.path not in told}
    rows: dict[str, int] = {}
    for some in chunks(list(new)):
        rows.update(dataset.images.filter(path__in=some).values_list("path", "row"))
    insert_findings(
        attempt, ({**finding_row(new[path]), "row": row, "refused": False} for path, row in rows.items())
    )


def _publish(
    attempt: Attempt, base: DatasetVersion, report: VersionReport, new: Sequence[dict[str, Any]]
) -> None:
    dataset = attempt.dataset
    with transaction.atomic():
        attempt.lock()
        insert_rows(Image, IMAGE_COLUMNS, map(image_row, new), dataset_id=dataset.pk)
        pending = dataset.changes.filter(version=None)
        version = DatasetVersion.objects.create(
            id=attempt.version_id,
            dataset=dataset,
            number=base.number + 1,
            content_hash=report.content_hash,
            classes=report.classes,
            counts=report.counts,
            n_images=report.n_images,
            n_refused=base.n_refused,
            cache_size=report.cache_size,
            seed=base.seed,
            blocking=report.blocking or "",
            cache_path=relative(attempt.directory),
            changes=list(pending.order_by("number").values_list("text", flat=True)),
        )
        pending.update(version=version)
        attempt.finish(settled_state(dataset), error=version.blocking)
    attempt.published = True
