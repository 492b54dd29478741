"""Added photos that wait for the next version; see `datasets_app.added` for how they come."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Final

from django.db import transaction

from datasets_app.models import Change, Dataset
from nas.data.additions import Addition

ADD: Final = "add"
"""Kind of their changes. Each has one entry to undo it: ``upload``, ``label``, ``split`` and ``sha256``."""


def waiting_photos(dataset: Dataset) -> list[tuple[Change, Addition]]:
    """Returns the photos that no version has taken in yet, in the order of their edits."""
    changes = [(one, entry) for one in waiting_changes(dataset) for entry in one.undo]
    uploads = {str(one.pk): one for one in dataset.uploads.all()}
    return [
        (
            change,
            Addition(
                file=uploads[entry["upload"]].file,
                path=f"added/{entry['upload'][:8]}-{uploads[entry['upload']].filename}",
                label=entry["label"],
                split=entry["split"],
            ),
        )
        for change, entry in changes
    ]


def take_back(dataset: Dataset, entry: dict[str, Any]) -> None:
    """Forgets a photo that waits; its file goes when the transaction has ended well."""
    for upload in dataset.uploads.filter(pk=entry["upload"]):
        file = upload.file
        upload.delete()
        transaction.on_commit(partial(_remove, file))


def only_photos_wait(dataset: Dataset) -> bool:
    """True if nothing waits for the next version but added photos: then it may be made without asking."""
    return not dataset.changes.filter(version=None).exclude(kind=ADD).exists()


def waiting_changes(dataset: Dataset) -> list[Change]:
    """Returns the edits that added photos, in their order."""
    return list(dataset.changes.filter(version=None, kind=ADD).order_by("number"))


def _remove(file: Path) -> None:
    file.unlink(missing_ok=True)
    for folder in (file.parent, file.parent.parent):
        try:
            folder.rmdir()
        except OSError:
            return  # others wait beside it
