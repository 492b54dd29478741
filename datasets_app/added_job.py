"""The worker's side of photos that are added one by one."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from datasets_app.attempt import Attempt
from datasets_app.models import DatasetVersion
from datasets_app.waiting import take_back, waiting_photos
from nas.data.additions import AdditionError, append_images


def take_in(attempt: Attempt, base: DatasetVersion) -> list[dict[str, Any]]:
    """Decodes the photos that wait into the attempt's scratch directory, behind the rows of the base.

    Returns:
        The index entries of the new rows; none if no photo waits, and then nothing is written.

    Raises:
        DataError: One of them cannot be used. It is forgotten, so that the next version can do without.
    """
    waiting = waiting_photos(attempt.dataset)
    if not waiting:
        return []
    attempt.progress("Adding your photos", 0, len(waiting))
    try:
        return append_images(base.cache_dir, attempt.scratch, [one for _change, one in waiting])
    except AdditionError as error:
        change = next(change for change, one in waiting if one == error.addition)
        with transaction.atomic():
            attempt.lock()
            for entry in change.undo:
                take_back(attempt.dataset, entry)
            change.delete()
        raise
