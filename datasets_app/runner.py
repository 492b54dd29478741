"""Worker side of a data set: claim it, do its job, give it back in its new state."""

from __future__ import annotations

import errno
import uuid
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from datasets_app import check_job, import_job, version_job
from datasets_app.attempt import Attempt
from datasets_app.claims import MAX_ATTEMPTS, Claim, FenceLostError, Heartbeat, claim
from datasets_app.findings import settled_state
from datasets_app.handover import HandedOverError
from datasets_app.models import Dataset, DatasetState, Job
from nas.errors import DataError

JOBS: Final[Mapping[str, Callable[[Attempt], None]]] = {
    Job.FETCH: import_job.fetch_and_import,
    Job.INSPECT: import_job.inspect_uploads,
    Job.IMPORT: import_job.import_uploads,
    Job.RECHECK: check_job.check_images,
    Job.VERSION: version_job.make_version,
}

log = structlog.get_logger(__name__)


def check_dataset(dataset_id: str | uuid.UUID) -> None:
    """Does the job that waits for a data set, if no other worker does and it was not done before.

    Safe to call twice, at the same time or later, and after a worker died anywhere in it: what an earlier
    attempt left behind is removed first, and nothing counts before the write that carries the fence.
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
    with structlog.contextvars.bound_contextvars(user=dataset.owner_id):
        _begin(Attempt(held, heartbeat, dataset))


def _begin(attempt: Attempt) -> None:
    attempt.remove_leftovers()
    try:
        _do_job(attempt)
    except FenceLostError:
        attempt.remove_files()
        raise
    attempt.remove_files()


def _do_job(attempt: Attempt) -> None:
    held, dataset = attempt.held, attempt.dataset
    try:
        if held.exhausted:
            _give_up(
                attempt,
                f"was interrupted {MAX_ATTEMPTS} times, most likely because memory or disk was used up",
            )
        else:
            JOBS[dataset.job](attempt)
    except HandedOverError:
        log.info("this worker ends; the job begins again elsewhere", job=dataset.job)
        attempt.hand_over()  # no attempt is counted: nothing went wrong
    except DataError as error:
        _refuse(attempt, error)
    except Exception as error:
        _break_off(attempt, error)


def _break_off(attempt: Attempt, error: Exception) -> None:
    """Tries again later what nobody expected to fail, but not for ever."""
    held = attempt.held
    log.error("the job broke off", job=attempt.dataset.job, attempt=held.attempt, exc_info=error)
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        _refuse(attempt, DataError("The disk of this server is full. Free some space and try again."))
    elif held.attempt < MAX_ATTEMPTS:
        attempt.hand_over(made_progress=False)  # the sweeper sends it to a worker again
    else:
        cause = f"{type(error).__name__}; the server's log names the cause"
        _give_up(attempt, f"failed {MAX_ATTEMPTS} times ({cause})")


def _refuse(attempt: Attempt, error: DataError) -> None:
    """The data cannot be used: says so, and keeps whatever there was before."""
    dataset = attempt.dataset
    if dataset.versions.exists():
        attempt.finish(settled_state(dataset), error=str(error))
    elif dataset.job == Job.INSPECT and dataset.preview is not None:
        # Another reading of the same files was tried; the one before is still there to go on with.
        attempt.finish(DatasetState.PREVIEW, error=str(error))
    else:
        import_job.reject(attempt, str(error), error.problems)


def _give_up(attempt: Attempt, what: str) -> None:
    """Ends a job that cannot be done, and keeps whatever there was before."""
    dataset = attempt.dataset
    if dataset.job == Job.RECHECK:
        check_job.leave_unchecked(attempt, f"The check {what}.")
    elif dataset.versions.exists():
        attempt.finish(
            settled_state(dataset),
            error=f"Making the version {what}. Your edits are kept. Free some space and try again.",
        )
    else:
        import_job.reject(
            attempt,
            f"The check {what}. Delete this data set, free some space and upload it again, "
            "or upload fewer images.",
        )
