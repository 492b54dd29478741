"""Photos that are added to a data set one by one, such as those that a network got wrong.

A photo that waits is a `Change` of the kind ``add``, which names its `Upload`, its class and its part; the
next version decodes it and gives it a row. It goes to the training part: the test part stays what it was, so
that what was found on it before stays true.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import Final

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from datasets_app.arrival import store_upload
from datasets_app.changes import lock_for_edit, record_change
from datasets_app.models import IN_USE, Change, Dataset, Upload
from datasets_app.quota import check_disk, check_length, check_quota, lock_account
from datasets_app.storage import relative
from datasets_app.waiting import ADD, waiting_changes
from nas.data.additions import MOST_BYTES
from nas.data.findings import human_bytes
from nas.data.names import printable

PART: Final = "train"
MOST_WAITING: Final = 200
_LONGEST_NAME: Final = 120
_PRESENT: Final = {
    "train": _lazy(
        "This photo is in the data set already: class %(label)s, training part. If its class is wrong, "
        "change it on the data set's page."
    ),
    "val": _lazy(
        "This photo is in the data set already: class %(label)s, validation part. If its class is wrong, "
        "change it on the data set's page."
    ),
    "test": _lazy(
        "This photo is in the data set already: class %(label)s, test part. If its class is wrong, "
        "change it on the data set's page."
    ),
}


def photo_add(*, owner: User, dataset: Dataset, upload: UploadedFile, label: str) -> Change:
    """Keeps a photo for the next version of a data set; it is decoded there, guarded like an upload.

    Args:
        owner: Whose data set it is.
        dataset: To which it goes.
        upload: One photo.
        label: A class that the data set has.

    Raises:
        ValidationError: No such class, a photo that is there already, too large, no room, or the data set is
            being worked on.
    """
    check_length(upload.size or 0)
    if (upload.size or 0) > MOST_BYTES:
        raise ValidationError(
            _("The photo has %(size)s; at most %(limit)s are taken. Save it smaller.")
            % {"size": human_bytes(upload.size or 0), "limit": human_bytes(MOST_BYTES)}
        )
    sha256 = _sha256(upload)
    key = uuid.uuid4()
    target = dataset.storage_dir / "added" / str(key) / "photo"
    name = _name(upload.name or "")
    try:
        with transaction.atomic():
            lock_account(owner)
            check_quota(owner, upload.size or 0)
            check_disk(upload.size or 0)
            locked = lock_for_edit(dataset)
            _check_label(locked, label)
            _check_new(locked, sha256)
            store_upload(upload, target)
            Upload.objects.create(
                id=key,
                dataset=locked,
                filename=name,
                length=upload.size or 0,
                offset=upload.size or 0,
                sha256=sha256,
                path=relative(target),
                completed_at=timezone.now(),
            )
            entry = {"upload": str(key), "label": label, "split": PART, "sha256": sha256}
            return record_change(locked, ADD, f"Photo {name} added to {label}, training part", [entry])
    except OSError as error:
        target.unlink(missing_ok=True)
        raise ValidationError(
            _("The photo could not be stored on this server. Free some disk space and send it again.")
        ) from error
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _check_label(dataset: Dataset, label: str) -> None:
    # What no import can have written, NUL for instance, must not reach the database.
    known = label == printable(label) and dataset.images.filter(IN_USE, label=label).exists()
    if not known:
        raise ValidationError(
            _(
                "This data set has no such class. Choose one of its classes; a new class needs a new upload "
                "with photos enough to train and to test it."
            )
        )


def _check_new(dataset: Dataset, sha256: str) -> None:
    same = dataset.images.filter(sha256=sha256).order_by("row").first()
    if same is not None:
        raise ValidationError(_PRESENT[same.split] % {"label": same.label})
    waiting = [entry for change in waiting_changes(dataset) for entry in change.undo]
    if any(entry["sha256"] == sha256 for entry in waiting):
        raise ValidationError(_("This photo waits for the next version already."))
    if len(waiting) >= MOST_WAITING:
        raise ValidationError(
            _("%(n)s added photos wait for the next version. Make it on the data set's page first.")
            % {"n": MOST_WAITING}
        )


def _sha256(upload: UploadedFile) -> str:
    digest = hashlib.sha256()
    for chunk in upload.chunks():
        digest.update(chunk)
    return digest.hexdigest()


def _name(name: str) -> str:
    """The last part of a file's name, printable; data, never a path."""
    last = printable(name.replace("\\", "/").rsplit("/", 1)[-1]).strip()
    return last[-_LONGEST_NAME:] or "photo"
