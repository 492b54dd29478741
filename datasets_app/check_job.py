"""The job of checking: copies, wrong labels, bad photos, shortcuts; it never loses anything."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import structlog
from django.db import transaction

from datasets_app.attempt import Attempt
from datasets_app.finding_rows import finding_row, insert_findings
from datasets_app.findings import CHECK_KINDS, settled_state
from datasets_app.models import Dataset, DatasetVersion
from nas.checks.run import CheckReport, run_checks
from nas.data.versions import write_version
from nas.errors import Problem

CHECK_FILES: Final = ("map.f32", "facts.json")
EXCLUDED: Final = "excluded"
CHECKS_FAILED: Final = "checks-failed"
SUPERSEDED: Final = frozenset({"two-labels"})
"""What the import can only say of files, and the checks say again of photos: with evidence and a remedy."""

log = structlog.get_logger(__name__)


def check_images(attempt: Attempt) -> None:
    """Checks the images as they stand now, pending edits included, and replaces the findings of checks.

    A check that fails is a finding, too: the data set can be used without it.
    """
    try:
        report = _run(attempt)
    except Exception as error:  # whatever it is, the images are there and can be used
        attempt.lock()  # unless the data set was deleted meanwhile, its files first
        log.error("the checks could not be done", exc_info=error)
        leave_unchecked(attempt, f"The checks broke off ({type(error).__name__}).")
        return
    kinds = CHECK_KINDS if report.facts["failed"] else CHECK_KINDS | SUPERSEDED
    _replace(attempt, _rows(attempt, report), only_kinds=kinds, health=report.facts)
    log.info("images checked", findings=len(report.findings))


def leave_unchecked(attempt: Attempt, reason: str) -> None:
    """Ends a check that could not be done; what earlier checks found stays."""
    problem = Problem("", CHECKS_FAILED, reason, "The photos can be used as they are. Check again later.")
    row = {**finding_row(problem), "refused": False}
    _replace(attempt, iter([row]), only_kinds=frozenset({CHECKS_FAILED}))


def working_rows(dataset: Dataset) -> list[tuple[str, str]]:
    """(label, part) of each image in row order; the part of one that is left out is "excluded"."""
    images = dataset.images.order_by("row").values_list("label", "split", "excluded")
    return [(label, EXCLUDED if excluded else split) for label, split, excluded in images.iterator()]


def _run(attempt: Attempt) -> CheckReport:
    dataset = attempt.dataset
    version = newest_version(dataset)
    if not dataset.changes.filter(version=None).exists():
        return run_checks(version.cache_dir, on_progress=attempt.progress)
    attempt.progress("Applying your edits", 0, 0)
    write_version(version.cache_dir, attempt.scratch, working_rows(dataset))
    report = run_checks(attempt.scratch, on_progress=attempt.progress)
    for name in CHECK_FILES:
        copy_file(attempt.scratch / name, version.cache_dir / name)
    return report


def newest_version(dataset: Dataset) -> DatasetVersion:
    """The version that the working copy began as.

    Raises:
        DatasetVersion.DoesNotExist: Nothing was imported yet.
    """
    version = dataset.versions.filter(complete=True).first()
    if version is None:
        raise DatasetVersion.DoesNotExist
    return version


def _rows(attempt: Attempt, report: CheckReport) -> Iterator[dict[str, Any]]:
    """Findings of the checks; what the owner said is fine stays so when it is found again."""
    fine = set(
        attempt.dataset.findings.filter(dismissed=True, kind__in=CHECK_KINDS).values_list(
            "kind", "row", "other_row", "path"
        )
    )
    for found in report.findings:
        yield {
            "path": found.path,
            "kind": found.kind,
            "reason": found.reason,
            "remedy": found.remedy,
            "refused": False,
            "row": found.row,
            "other_row": found.other_row,
            "score": found.score,
            "suggestion": found.suggestion,
            "label": found.label,
            "dismissed": (found.kind, found.row, found.other_row, found.path) in fine,
        }


def _replace(
    attempt: Attempt,
    findings: Iterator[dict[str, Any]],
    only_kinds: frozenset[str] = CHECK_KINDS,
    **values: Any,
) -> None:
    """Writes new findings, then removes the old ones in the step that ends the job.

    In this order a worker that dies in between leaves findings twice, for the next one to clean up, but never
    loses what the owner dismissed.
    """
    dataset = attempt.dataset
    before = dataset.findings.filter(kind__in=only_kinds).order_by("-pk").values_list("pk", flat=True).first()
    insert_findings(attempt, findings)
    with transaction.atomic():
        attempt.lock()
        dataset.findings.filter(kind__in=only_kinds, pk__lte=before or 0).delete()
        attempt.finish(settled_state(dataset), error=newest_version(dataset).blocking, **values)


def copy_file(source: Path, target: Path) -> None:
    """Copies a file so that the target is replaced whole or not at all."""
    beside = target.with_name(f".{target.name}.new")
    shutil.copyfile(source, beside)
    beside.replace(target)
