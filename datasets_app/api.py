"""JSON API of data sets: rules live in services and selectors."""

from __future__ import annotations

import csv
import io
import uuid
from datetime import datetime
from typing import Annotated, Any, Literal, cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from ninja import File, Form, Router, Schema
from ninja.files import UploadedFile
from pydantic import Field

from datasets_app import selectors, services
from datasets_app.models import Dataset, Image
from nas.errors import DataError

router = Router()

Offset = Annotated[int, Field(ge=0, le=10_000_000)]
Limit = Annotated[int, Field(ge=1, le=1000)]

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class ClassOut(Schema):
    """Images of one class by part."""

    name: str
    train: int
    val: int
    test: int
    total: int


class ProgressOut(Schema):
    """How far the check is."""

    done: int
    total: int


class DatasetOut(Schema):
    """One data set."""

    id: uuid.UUID
    name: str
    state: str
    n_images: int
    n_classes: int
    classes: list[ClassOut]
    n_refused: int
    progress: ProgressOut | None
    error: str | None
    created_at: datetime
    size_bytes: int


class FindingOut(Schema):
    """One refused or doubtful file."""

    path: str
    kind: str
    reason: str
    remedy: str
    refused: bool


class ImageOut(Schema):
    """One image; `row` is its number for thumbnails."""

    row: int
    path: str
    label: str
    split: str
    width: int
    height: int


class FindingsPage(Schema):
    """A part of the findings and how many there are."""

    total: int
    items: list[FindingOut]


def _dataset(request: HttpRequest, dataset_id: uuid.UUID) -> Dataset:
    return selectors.dataset_for_user(cast(User, request.user), dataset_id)


@router.get("/datasets", response=list[DatasetOut])
def dataset_list(request: HttpRequest, offset: Offset = 0, limit: Limit = 100) -> Any:
    """Lists the user's data sets, newest first."""
    datasets = selectors.datasets_of_user(cast(User, request.user))[offset : offset + limit]
    return [selectors.dataset_summary(dataset) for dataset in datasets]


@router.post("/datasets", response={201: DatasetOut})
def dataset_upload(request: HttpRequest, file: File[UploadedFile], name: Form[str] = "") -> Any:
    """Takes a zip of class folders; a worker checks it."""
    dataset = services.dataset_create(owner=cast(User, request.user), name=name, upload=file)
    return 201, selectors.dataset_summary(dataset)


@router.get("/datasets/{uuid:dataset_id}", response=DatasetOut)
def dataset_detail(request: HttpRequest, dataset_id: uuid.UUID) -> Any:
    """Shows one data set."""
    return selectors.dataset_summary(_dataset(request, dataset_id))


@router.delete("/datasets/{uuid:dataset_id}", response={204: None})
def dataset_delete(request: HttpRequest, dataset_id: uuid.UUID) -> Any:
    """Deletes a data set with its files."""
    services.dataset_delete(dataset=_dataset(request, dataset_id))
    return 204, None


@router.get("/datasets/{uuid:dataset_id}/findings", response=FindingsPage)
def dataset_findings(
    request: HttpRequest,
    dataset_id: uuid.UUID,
    offset: Offset = 0,
    limit: Limit = 100,
) -> Any:
    """Lists refused and doubtful files."""
    findings = selectors.findings_of(_dataset(request, dataset_id))
    return {"total": findings.count(), "items": list(findings[offset : offset + limit])}


@router.get("/datasets/{uuid:dataset_id}/findings.csv")
def dataset_findings_csv(request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
    """Downloads all findings as CSV."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["path", "kind", "left out", "reason", "remedy"])
    for finding in selectors.findings_of(_dataset(request, dataset_id)).iterator():
        left_out = "yes" if finding.refused else "no"
        row = (finding.path, finding.kind, left_out, finding.reason, finding.remedy)
        writer.writerow([_no_formula(value) for value in row])
    response = HttpResponse("\ufeff" + text.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="findings.csv"'
    return _guarded(response)


@router.get("/datasets/{uuid:dataset_id}/images", response=list[ImageOut])
def dataset_images(  # noqa: PLR0917 - each is a query parameter
    request: HttpRequest,
    dataset_id: uuid.UUID,
    split: Literal["train", "val", "test"] | None = None,
    label: str | None = None,
    offset: Offset = 0,
    limit: Limit = 100,
) -> Any:
    """Lists images of the present version."""
    version = _dataset(request, dataset_id).current_version
    if version is None or (label is not None and label not in version.classes):
        return []
    return list(selectors.images_of(version, split, label, offset, limit))


@router.get("/datasets/{uuid:dataset_id}/thumbnails/{int:row}")
def dataset_thumbnail(request: HttpRequest, dataset_id: uuid.UUID, row: int) -> HttpResponse:
    """Shows one image, encoded anew from the stored pixels; never a byte of the upload itself."""
    try:
        content = selectors.thumbnail_of(_dataset(request, dataset_id), row)
    except DataError as error:
        raise Image.DoesNotExist from error
    response = HttpResponse(content, content_type="image/webp")
    response["Cache-Control"] = "private, max-age=3600"
    return _guarded(response)


def _guarded(response: HttpResponse) -> HttpResponse:
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _no_formula(value: str) -> str:
    """Keeps spreadsheets from running a cell: a leading ' marks it as text."""
    return f"'{value}" if value.startswith(_FORMULA_STARTS) else value
