"""Edits, remedies and versions of a data set over the API."""

from __future__ import annotations

import uuid
from typing import Any, cast

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext
from ninja import File, Form, Router
from ninja.files import UploadedFile

from datasets_app import added, remedies, selectors, services
from datasets_app.access import Right
from datasets_app.api_pages import Page, page_of
from datasets_app.api_schemas import (
    ChangeIn,
    ChangeMade,
    ChangeOut,
    ChangeUndone,
    Detail,
    DismissIn,
    DismissOut,
    Limit,
    Offset,
    PhotoAdded,
    RemedyIn,
    RemedyOut,
    VersionOut,
    VersionsComparedOut,
)
from datasets_app.changes import change_create, change_undo
from datasets_app.models import Dataset, DatasetVersion
from datasets_app.waiting import only_photos_wait
from nas.errors import DataError

router = Router()


def _dataset(request: HttpRequest, dataset_id: uuid.UUID, right: Right = Right.SEE) -> Dataset:
    return selectors.dataset_for_user(cast(User, request.user), dataset_id, right)


@router.post("/datasets/{uuid:dataset_id}/findings/dismiss", response=DismissOut)
def finding_dismiss(request: HttpRequest, dataset_id: uuid.UUID, chosen: DismissIn) -> Any:
    """Marks findings as fine."""
    dataset = _dataset(request, dataset_id, Right.CHANGE)
    return {"n": remedies.finding_dismiss(dataset=dataset, ids=chosen.ids, dismissed=chosen.dismissed)}


@router.post("/datasets/{uuid:dataset_id}/findings/remedy", response=RemedyOut)
def finding_remedy(request: HttpRequest, dataset_id: uuid.UUID, chosen: RemedyIn) -> Any:
    """Applies the one-click remedy of a kind."""
    dataset = _dataset(request, dataset_id, Right.CHANGE)
    change = remedies.finding_remedy(dataset=dataset, kind=chosen.kind, ids=chosen.ids)
    return {"change": change, "n_changes": selectors.pending_changes(dataset).count()}


@router.get("/datasets/{uuid:dataset_id}/changes", response=Page[ChangeOut])
def change_list(request: HttpRequest, dataset_id: uuid.UUID, offset: Offset = 0, limit: Limit = 100) -> Any:
    """Lists the edits that no version has taken in yet, newest first."""
    return page_of(request, selectors.pending_changes(_dataset(request, dataset_id)), offset, limit)


@router.post("/datasets/{uuid:dataset_id}/changes", response={201: ChangeMade})
def change_make(request: HttpRequest, dataset_id: uuid.UUID, edit: ChangeIn) -> Any:
    """Edits images."""
    dataset = _dataset(request, dataset_id, Right.CHANGE)
    change = change_create(dataset=dataset, **edit.dict())
    n_changes = selectors.pending_changes(dataset).count()
    return 201, {"number": change.number, "text": change.text, "n_changes": n_changes}


@router.post("/datasets/{uuid:dataset_id}/changes/undo", response=ChangeUndone)
def change_take_back(request: HttpRequest, dataset_id: uuid.UUID) -> Any:
    """Takes the newest edit back."""
    dataset = _dataset(request, dataset_id, Right.CHANGE)
    change = change_undo(dataset=dataset)
    return {"text": change.text, "n_changes": selectors.pending_changes(dataset).count()}


@router.get("/datasets/{uuid:dataset_id}/versions", response=Page[VersionOut])
def version_list(request: HttpRequest, dataset_id: uuid.UUID, offset: Offset = 0, limit: Limit = 100) -> Any:
    """Lists the versions, newest first."""
    versions = selectors.versions_of(_dataset(request, dataset_id))
    summary = selectors.version_summary
    return page_of(request, versions, offset, limit, lambda part: [summary(version) for version in part])


@router.post("/datasets/{uuid:dataset_id}/versions", response={202: Detail})
def version_make(request: HttpRequest, dataset_id: uuid.UUID) -> Any:
    """Makes a version of the pending edits."""
    services.dataset_version_create(dataset=_dataset(request, dataset_id, Right.CHANGE))
    return 202, {"detail": gettext("The version is being made.")}


@router.get(
    "/datasets/{uuid:dataset_id}/versions/{int:first}/compare/{int:second}", response=VersionsComparedOut
)
def version_compare(request: HttpRequest, dataset_id: uuid.UUID, first: int, second: int) -> Any:
    """Says what differs between two versions."""
    try:
        return selectors.versions_compared(_dataset(request, dataset_id), first, second)
    except DataError as error:
        raise DatasetVersion.DoesNotExist from error


@router.post("/datasets/{uuid:dataset_id}/recheck", response={202: Detail})
def dataset_recheck(request: HttpRequest, dataset_id: uuid.UUID) -> Any:
    """Runs the checks again on the images as they stand now."""
    services.dataset_recheck(dataset=_dataset(request, dataset_id, Right.CHANGE))
    return 202, {"detail": gettext("The photos are being checked again.")}


@router.post("/datasets/{uuid:dataset_id}/photos", response={201: PhotoAdded})
def photo_add(
    request: HttpRequest,
    dataset_id: uuid.UUID,
    file: File[UploadedFile],
    label: Form[str] = "",
) -> Any:
    """Adds one photo of a known class to the training part, in a new version.

    If other edits wait, the photo waits with them: when these become a version is for their owner to say.
    """
    dataset = _dataset(request, dataset_id, Right.CHANGE)
    change = added.photo_add(owner=dataset.owner, dataset=dataset, upload=file, label=label)
    alone = only_photos_wait(dataset)
    if alone:
        try:
            services.dataset_version_create(dataset=dataset)
        except ValidationError:  # another request began a piece of work meanwhile: the photo waits as an edit
            alone = False
    return 201, {"number": change.number, "text": change.text, "making_version": alone}
