"""Worker side of a data set: claim, import, write the rows, publish the version in one fenced step."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F

from datasets_app.claims import MAX_ATTEMPTS, Claim, FenceLostError, Heartbeat, claim, fenced_update, release
from datasets_app.handover import HandedOverError, handover_requested
from datasets_app.models import Dataset, DatasetState, DatasetVersion, Finding, Image
from nas.data.findings import is_refusal, make_problem
from nas.data.importer import ImportReport, import_archive, remove_partial
from nas.errors import DataError, Problem

PROGRESS_SECONDS = 0.5
ROWS_AT_ONCE = 2000
MAX_FINDINGS = 50_000
# Findings after which the owner should decide something; mere skipped files are not among them.
DECISION_KINDS = frozenset(
    {"small-class", "class-not-in-train", "two-labels", "label-case", "no-train-folder"}
)

log = structlog.get_logger(__name__)


def check_dataset(dataset_id: str | uuid.UUID) -> None:
    """Imports an upload, if no other worker does and it was not done before.

    Safe to call twice, at the same time or later, and after a worker died anywhere in it: nothing counts
    until the version is marked complete, and what an earlier attempt left behind is removed first.
    """
    held = claim(Dataset, uuid.UUID(str(dataset_id)))
    if held is None:
        return
    with structlog.contextvars.bound_contextvars(dataset=str(dataset_id)[:8]):
        try:
            with Heartbeat(held) as heartbeat:
                _work(held, heartbeat)
        except FenceLostError:
            log.warning("the data set was deleted or taken over; this worker writes nothing more")


def _work(held: Claim, heartbeat: Heartbeat) -> None:
    dataset = Dataset.objects.filter(pk=held.pk, fence=held.fence).first()
    if dataset is None:
        raise FenceLostError(f"data set {held.pk}")
    _remove_leftovers(held)
    if held.exhausted:
        return _reject(
            held,
            f"The check was interrupted {MAX_ATTEMPTS} times, most likely because memory or disk "
            "was used up. Delete this data set, free some space and upload it again, or upload fewer images.",
        )
    version_id = _version_id(held, held.fence)
    destination = _cache_dir(version_id)
    try:
        report = import_archive(
            Path(settings.STORAGE_DIR) / dataset.upload_path,
            destination,
            seed=0,
            on_progress=_Progress(held, heartbeat),
        )
        _save(held, heartbeat, version_id, report)
    except FenceLostError:
        shutil.rmtree(destination, ignore_errors=True)
        raise
    except HandedOverError:
        log.info("this worker ends; the check begins again elsewhere")
        release(held)  # no attempt is counted: nothing went wrong
    except DataError as error:
        _reject(held, str(error), error.problems)
    except Exception as error:
        log.error("the check broke off", attempt=held.attempt, exc_info=error)
        if held.attempt < MAX_ATTEMPTS:
            release(held, made_progress=False)  # the sweeper sends it to a worker again
        else:
            _reject(
                held,
                f"The check failed {MAX_ATTEMPTS} times ({type(error).__name__}). "
                "Try the upload once more; the server's log names the cause.",
            )


class _Progress:
    """Saves how far the import is, at most twice a second."""

    def __init__(self, held: Claim, heartbeat: Heartbeat) -> None:
        self._held = held
        self._heartbeat = heartbeat
        self._saved = float("-inf")

    def __call__(self, done: int, total: int) -> None:
        self._heartbeat.check()
        if handover_requested():
            raise HandedOverError
        now = time.monotonic()
        if now - self._saved < PROGRESS_SECONDS:
            return
        self._saved = now
        if not fenced_update(self._held, progress_done=done, progress_total=total):
            raise FenceLostError(f"data set {self._held.pk}")


def _save(held: Claim, heartbeat: Heartbeat, version_id: uuid.UUID, report: ImportReport) -> None:
    """Writes the rows in short transactions, then shows them all at once.

    One long transaction would block every other writer of an SQLite database for many seconds.
    """
    with transaction.atomic():
        _still_mine(held)
        last = DatasetVersion.objects.filter(dataset_id=held.pk).order_by("-number").first()
        version = DatasetVersion.objects.create(
            id=version_id,
            dataset_id=held.pk,
            number=last.number + 1 if last else 1,
            content_hash=report.content_hash,
            classes=report.classes,
            counts=report.counts,
            n_images=report.n_images,
            n_refused=report.n_refused,
            cache_size=report.cache_size,
            blocking=report.blocking or "",
            cache_path=str(_cache_dir(version_id).relative_to(settings.STORAGE_DIR)),
            complete=False,
        )
    images = (Image(version=version, **row) for row in report.index)
    findings = _findings(held, version, report.problems)
    for model, rows in ((Image, images), (Finding, findings)):
        while chunk := list(islice(rows, ROWS_AT_ONCE)):
            heartbeat.check()
            with transaction.atomic():
                _still_mine(held)
                model._default_manager.bulk_create(chunk)  # type: ignore[arg-type]
    undecided = report.blocking or any(p.kind in DECISION_KINDS for p in report.problems)
    state = DatasetState.NEEDS_ATTENTION if undecided else DatasetState.READY
    with transaction.atomic():
        if not release(held, state=state, error=report.blocking or ""):
            raise FenceLostError(f"data set {held.pk}")
        DatasetVersion.objects.filter(pk=version_id).update(complete=True)
    log.info("data set imported", images=report.n_images, refused=report.n_refused, state=str(state))


def _reject(held: Claim, error: str, problems: tuple[Problem, ...] = ()) -> None:
    with transaction.atomic():
        if not release(held, state=DatasetState.REJECTED, error=error):
            raise FenceLostError(f"data set {held.pk}")
        Finding.objects.filter(dataset_id=held.pk, version=None).delete()
        Finding.objects.bulk_create(_findings(held, None, problems), batch_size=ROWS_AT_ONCE)
    log.info("data set rejected", error=error[:200])


def _findings(
    held: Claim, version: DatasetVersion | None, problems: list[Problem] | tuple[Problem, ...]
) -> Iterator[Finding]:
    """Rows of the findings, with an end."""
    for problem in problems[:MAX_FINDINGS]:
        yield Finding(
            dataset_id=held.pk,
            version=version,
            path=problem.path,
            kind=problem.kind,
            reason=problem.reason,
            remedy=problem.remedy,
            refused=is_refusal(problem),
        )
    if len(problems) > MAX_FINDINGS:
        more = make_problem("", "more-findings", n=len(problems) - MAX_FINDINGS)
        yield Finding(
            dataset_id=held.pk,
            version=version,
            kind=more.kind,
            reason=more.reason,
            remedy=more.remedy,
            refused=False,
        )


def _still_mine(held: Claim) -> None:
    """Locks the row until the transaction ends.

    Raises:
        FenceLostError: Another worker owns it now, or it was deleted.
    """
    if not fenced_update(held, claimed_by=F("claimed_by")):
        raise FenceLostError(f"data set {held.pk}")


def _version_id(held: Claim, fence: int) -> uuid.UUID:
    """One id for each claim, so that two attempts never write to the same place."""
    return uuid.uuid5(held.pk, f"version/{fence}")


def _cache_dir(version_id: uuid.UUID) -> Path:
    return Path(settings.STORAGE_DIR) / "caches" / str(version_id)


def _remove_leftovers(held: Claim) -> None:
    """Removes rows and files of earlier, unfinished attempts."""
    DatasetVersion.objects.filter(dataset_id=held.pk, complete=False).delete()
    kept = set(DatasetVersion.objects.filter(dataset_id=held.pk).values_list("pk", flat=True))
    for fence in range(1, held.fence):
        version_id = _version_id(held, fence)
        if version_id not in kept:
            remove_partial(_cache_dir(version_id))
            shutil.rmtree(_cache_dir(version_id), ignore_errors=True)
