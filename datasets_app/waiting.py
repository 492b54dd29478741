"""Added photos that wait for the next version; see `datasets_app.added` for how they come."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from django.db import transaction

from datasets_app.models import Change, Dataset
from nas.data.additions import Addition

ADD: Final = "add"
"""Kind of their changes. Each has one entry to undo it: ``upload``, ``label``, ``split`` and ``sha256``."""


def waiting_photos(dataset: Dataset) -> list[tuple[Change, Addition]]:
    """Returns the photos that no version has taken in yet, in the order of their edits.

    A photo's class follows the renames and merges that were made after it was added.
    """
    changes = list(dataset.changes.filter(version=None).order_by("number"))
    uploads = {str(one.pk): one for one in dataset.uploads.all()}
    found = []
    for place, change in enumerate(changes):
        for entry in change.undo if change.kind == ADD else ():
            upload = uploads[entry["upload"]]
            label = _renamed(entry["label"], changes[place + 1 :])
            path = f"added/{entry['upload'][:8]}-{upload.filename}"
            found.append((change, Addition(upload.file, path, label, entry["split"])))
    return found


def _renamed(label: str, later: Sequence[Change]) -> str:
    """Returns what a class is called after further edits."""
    for change in later:
        for entry in change.undo:
            if "became" in entry and entry["label"] == label:
                label = entry["became"]
                break  # one edit gives a class one new name
    return label


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
