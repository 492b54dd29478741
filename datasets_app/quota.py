"""May this person store so many bytes more? Each refusal names the numbers and carries a code.

Codes of the ValidationErrors: ``empty``, ``too-large``, ``quota``, ``disk-full``, ``drafts``, ``fetches``.
Where the answer is an HTTP status, `STATUS_OF_CODE` says which, for refusals of other modules, too.
"""

from __future__ import annotations

import errno
import shutil
from typing import Final

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from datasets_app.access import NOT_ALLOWED
from datasets_app.arrival import FREE_DISK_FACTOR
from datasets_app.models import Dataset, DatasetState, Job
from datasets_app.upload_selectors import storage_used
from nas.data.findings import human_bytes

MAX_DRAFTS: Final = 20
"""Data sets of one person that may wait for files at a time."""

MAX_FETCHES: Final = 2
"""Public sets of one person that may be on their way at a time."""

WORKERS_AWAY: Final = "workers-away"
"""Code of refusals because the broker does not answer: the same request may succeed in a minute."""

STATUS_OF_CODE: Final = {
    "too-large": 413,
    "quota": 413,
    "disk-full": 507,
    "in-use": 409,
    NOT_ALLOWED: 409,
    WORKERS_AWAY: 503,
}
"""Statuses that say more than 422, by the code of the ValidationError."""

FULL_DISK: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors of the operating system that mean: no room (the last: a limit on the size of one file)."""

DISK_FULL: Final = (
    "The disk of this server is full. Nothing of what was saved is lost: when its operator has freed some "
    "space, the upload goes on from there."
)


def lock_account(owner: User) -> None:
    """Makes the other requests of this person wait until this transaction ends.

    Without it two uploads that are announced at once would both find the same room.
    """
    User.objects.select_for_update().get(pk=owner.pk)


def check_length(n_bytes: int) -> None:
    """Refuses an empty file and one that is larger than this server takes.

    Raises:
        ValidationError: With the code ``empty`` or ``too-large``.
    """
    if n_bytes <= 0:
        raise ValidationError(
            "This file is empty. Pack the class folders again and choose the new file.", code="empty"
        )
    if n_bytes > settings.MAX_UPLOAD_BYTES:
        raise ValidationError(
            f"The file has {human_bytes(n_bytes)}; this server takes at most "
            f"{human_bytes(settings.MAX_UPLOAD_BYTES)}. Divide it into smaller files.",
            code="too-large",
        )


def check_quota(owner: User, n_bytes: int) -> None:
    """Refuses what would not fit into the person's share of the storage.

    Raises:
        ValidationError: With the code ``quota``.
    """
    used = storage_used(owner)
    if used + n_bytes > settings.QUOTA_BYTES:
        raise ValidationError(
            f"Your uploads hold {human_bytes(used)} of the {human_bytes(settings.QUOTA_BYTES)} that are "
            f"yours here, and this one needs {human_bytes(n_bytes)}. Delete a data set and upload it again.",
            code="quota",
        )


def check_disk(n_bytes: int) -> None:
    """Refuses what would fill the disk, counting the room that its decoded images need.

    Raises:
        ValidationError: With the code ``disk-full``.
    """
    free = shutil.disk_usage(settings.STORAGE_DIR).free
    needed = int(FREE_DISK_FACTOR * n_bytes)
    if free < needed:
        raise ValidationError(
            f"Only {human_bytes(free)} of disk are free here, and this upload needs {human_bytes(needed)}. "
            "Free some space, or upload fewer images.",
            code="disk-full",
        )


def check_drafts(owner: User) -> None:
    """Refuses another data set that waits for files when there are many.

    Raises:
        ValidationError: With the code ``drafts``.
    """
    waiting = Dataset.objects.filter(owner=owner, state=DatasetState.UPLOADING).count()
    if waiting >= MAX_DRAFTS:
        raise ValidationError(
            f"{waiting} of your data sets still wait for their files. Finish or delete one of them first.",
            code="drafts",
        )


def check_fetches(owner: User) -> None:
    """Refuses another public set while some are on their way: what they will hold is not counted yet.

    Raises:
        ValidationError: With the code ``fetches``.
    """
    states = (DatasetState.UPLOADED, DatasetState.CHECKING)
    n = Dataset.objects.filter(owner=owner, job=Job.FETCH, state__in=states).count()
    if n >= MAX_FETCHES:
        raise ValidationError(
            f"{n} public sets are being fetched for you. Wait until one of them has arrived.", code="fetches"
        )
