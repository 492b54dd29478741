"""Reads uploads. As everywhere, every way in starts at the owner."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from datasets_app.models import BULKY, DatasetState, Upload


def uploads_of_user(user: User | AnonymousUser) -> QuerySet[Upload]:
    """Uploads of a user, complete ones too, each with its data set."""
    if not user.is_authenticated:
        return Upload.objects.none()
    mine = Upload.objects.filter(dataset__owner=user).select_related("dataset")
    return mine.defer(*(f"dataset__{name}" for name in BULKY))


def upload_for_user(user: User | AnonymousUser, upload_id: uuid.UUID) -> Upload:
    """One upload of the user.

    Raises:
        Upload.DoesNotExist: Missing, or someone else's; nobody can tell which.
    """
    return uploads_of_user(user).get(pk=upload_id)


def unfinished_uploads(user: User | AnonymousUser, *, with_complete: bool = False) -> QuerySet[Upload]:
    """Uploads that can still go on.

    Args:
        user: Whose.
        with_complete: True adds the complete files of data sets that still wait for others, so that a
            browser that comes back knows which of its files it need not send again.
    """
    open_ones = Q(completed_at=None, expires_at__gt=timezone.now())
    if with_complete:
        open_ones |= Q(completed_at__isnull=False)
    return uploads_of_user(user).filter(open_ones, dataset__state=DatasetState.UPLOADING)


def storage_used(user: User) -> int:
    """Bytes that count against the user's quota: all uploads, unfinished ones with their full length."""
    used = Upload.objects.filter(dataset__owner=user).aggregate(total=Sum("length"))["total"]
    return int(used or 0)
