"""JSON API of data sets: rules live in services and selectors."""

from __future__ import annotations

import csv
import io
import uuid
from typing import Any, cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from ninja import File, Form, Router
from ninja.files import UploadedFile

from datasets_app import api_changes, api_images, api_uploads, selectors, services
from datasets_app.access import Right
from datasets_app.api_pages import Page, page_of, whole_page
from datasets_app.api_schemas import (
    DatasetOut,
    Detail,
    DraftIn,
    FindingOut,
    InterpretationIn,
    KindName,
    KindOut,
    Limit,
    Offset,
    PreviewOut,
    PublicSetOut,
    file_of,
)
from datasets_app.audit import record
from datasets_app.csv_cells import no_formula
from datasets_app.findings import kind_counts
from datasets_app.grid import with_images
from datasets_app.models import Action, Dataset
from datasets_app.spoken import spoken_preview
from datasets_app.words.engine import said
from nas.data.public import PUBLIC_SETS

router = Router()
router.add_router("", api_images.router)
router.add_router("", api_changes.router)
router.add_router("", api_uploads.router)


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


def _dataset(request: HttpRequest, dataset_id: uuid.UUID, right: Right = Right.SEE) -> Dataset:
    return selectors.dataset_for_user(_user(request), dataset_id, right)


@router.get("/datasets", response=Page[DatasetOut])
def dataset_list(request: HttpRequest, offset: Offset = 0, limit: Limit = 100) -> Any:
    """Lists the user's data sets, newest first."""
    datasets = selectors.datasets_of_user(_user(request))
    return page_of(request, datasets, offset, limit, selectors.dataset_summaries)


@router.post("/datasets", response={201: DatasetOut})
def dataset_upload(
    request: HttpRequest, file: File[UploadedFile], name: Form[str] = "", confirm: Form[bool] = False
) -> Any:
    """Takes a zip, tar or tar.gz of class folders; a worker checks it."""
    dataset = services.dataset_create(owner=_user(request), name=name, upload=file, confirm=confirm)
    return 201, selectors.dataset_summary(dataset)


@router.post("/datasets/drafts", response={201: DatasetOut})
def dataset_draft(request: HttpRequest, draft: DraftIn) -> Any:
    """Makes a data set whose files come in pieces; it is checked when the last one is complete."""
    dataset = services.dataset_draft_create(owner=_user(request), **draft.dict())
    return 201, selectors.dataset_summary(dataset)


@router.get("/public-sets", response=Page[PublicSetOut])
def public_sets(request: HttpRequest) -> Any:
    """Lists the public sets that can be fetched by name."""
    return whole_page(PUBLIC_SETS)


@router.post("/public-sets/{str:key}", response={201: DatasetOut})
def public_set_fetch(request: HttpRequest, key: str) -> Any:
    """Makes a data set of a public set; a worker downloads it."""
    dataset = services.dataset_fetch(owner=_user(request), key=key)
    return 201, selectors.dataset_summary(dataset)


@router.get("/datasets/{uuid:dataset_id}", response=DatasetOut)
def dataset_detail(request: HttpRequest, dataset_id: uuid.UUID) -> Any:
    """Shows one data set."""
    return selectors.dataset_summary(_dataset(request, dataset_id))


@router.delete("/datasets/{uuid:dataset_id}", response={204: None})
def dataset_delete(request: HttpRequest, dataset_id: uuid.UUID) -> Any:
    """Deletes a data set with its files."""
    services.dataset_delete(dataset=_dataset(request, dataset_id, Right.DELETE))
    return 204, None


@router.get("/datasets/{uuid:dataset_id}/preview", response=PreviewOut)
def dataset_preview(request: HttpRequest, dataset_id: uuid.UUID) -> Any:
    """Shows how the files were understood."""
    return spoken_preview(selectors.preview_of(_dataset(request, dataset_id)))


@router.post("/datasets/{uuid:dataset_id}/preview", response={202: Detail})
def dataset_interpret(request: HttpRequest, dataset_id: uuid.UUID, chosen: InterpretationIn) -> Any:
    """Asks for another preview, with the files understood as the owner says."""
    dataset = _dataset(request, dataset_id, Right.CHANGE)
    services.dataset_interpret(dataset=dataset, interpretation=chosen.interpretation)
    return 202, {"detail": gettext("The list of files is being read again.")}


@router.post("/datasets/{uuid:dataset_id}/import", response={202: Detail})
def dataset_import(request: HttpRequest, dataset_id: uuid.UUID, chosen: InterpretationIn) -> Any:
    """Imports the files as the owner confirmed."""
    dataset = _dataset(request, dataset_id, Right.CHANGE)
    services.dataset_import(dataset=dataset, interpretation=chosen.interpretation)
    return 202, {"detail": gettext("The photos are being imported.")}


@router.get("/datasets/{uuid:dataset_id}/findings", response=Page[FindingOut])
def dataset_findings(  # noqa: PLR0917 - each is a query parameter
    request: HttpRequest,
    dataset_id: uuid.UUID,
    kind: KindName | None = None,
    only_open: bool = False,
    offset: Offset = 0,
    limit: Limit = 100,
) -> Any:
    """Lists refused and doubtful files, images and classes, with the images they are about."""
    dataset = _dataset(request, dataset_id)
    findings = selectors.findings_of(dataset, kind, only_open=only_open)
    return page_of(request, findings, offset, limit, lambda part: with_images(dataset, part))


@router.get("/datasets/{uuid:dataset_id}/findings/kinds", response=Page[KindOut])
def dataset_finding_kinds(request: HttpRequest, dataset_id: uuid.UUID) -> Any:
    """Lists what was found by kind, how much of it is still open, and what one click does about it."""
    return whole_page(kind_counts(_dataset(request, dataset_id)))


@router.get("/datasets/{uuid:dataset_id}/findings.csv", openapi_extra=file_of("text/csv"))
def dataset_findings_csv(request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
    """Downloads all findings as CSV."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["path", "kind", "left out", "reason", "remedy", "score", "suggestion"])
    dataset = _dataset(request, dataset_id)
    record(Action.DOWNLOAD, target=dataset, detail="findings.csv")
    for finding in selectors.findings_of(dataset).iterator():
        left_out = "yes" if finding.refused else "no"
        score = "" if finding.score is None else f"{finding.score:.3f}"
        row = (
            finding.path,
            finding.kind,
            left_out,
            said(finding.reason),
            said(finding.remedy),
            score,
            finding.suggestion,
        )
        writer.writerow([no_formula(value) for value in row])
    response = HttpResponse("\ufeff" + text.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="findings.csv"'
    response["X-Content-Type-Options"] = "nosniff"
    return response
