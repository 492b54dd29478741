"""JSON API of exported models and reports; files go out through downloads."""

from __future__ import annotations

import uuid
from typing import Any, cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.translation import gettext
from ninja import Router

from datasets_app.access import Right
from datasets_app.api_pages import Page, page_of
from datasets_app.api_schemas import Limit, Offset, file_of
from datasets_app.audit import record
from datasets_app.models import Action
from search_app import selectors, services
from search_app.api_schemas import Detail, ModelOut
from search_app.downloads import file_response, report_response, zip_response
from search_app.models import SearchRun, TrainedModel
from search_app.spoken import spoken

router = Router()


def _run(request: HttpRequest, run_id: uuid.UUID, right: Right = Right.SEE) -> SearchRun:
    return selectors.search_run_for_user(cast(User, request.user), run_id, right)


def _model(request: HttpRequest, run_id: uuid.UUID, model_id: uuid.UUID) -> TrainedModel:
    return selectors.model_of_run(_run(request, run_id), model_id)


@router.get("/searches/{uuid:run_id}/models", response=Page[ModelOut])
def search_models(request: HttpRequest, run_id: uuid.UUID, offset: Offset = 0, limit: Limit = 100) -> Any:
    """Lists the exported models and their files."""
    models = selectors.models_of(_run(request, run_id))
    return page_of(request, models, offset, limit, lambda part: [_model_out(model) for model in part])


@router.post("/searches/{uuid:run_id}/candidates/{int:number}/export", response={202: Detail})
def candidate_export(request: HttpRequest, run_id: uuid.UUID, number: int) -> Any:
    """Asks for the export of one candidate."""
    run = _run(request, run_id, Right.CHANGE)
    selectors.candidate_of_run(run, number)
    services.trained_model_export(run=run, number=number)
    return 202, {
        "detail": gettext("The model is being exported. It appears among the downloads in a moment.")
    }


@router.get(
    "/searches/{uuid:run_id}/models/{uuid:model_id}/files/{str:name}",
    openapi_extra=file_of("application/octet-stream"),
)
def model_file(request: HttpRequest, run_id: uuid.UUID, model_id: uuid.UUID, name: str) -> HttpResponse:
    """Downloads one file of a model."""
    model = _model(request, run_id, model_id)
    path = selectors.model_file(model, name)
    record(Action.DOWNLOAD, target=model, detail=name)
    return _streamed(file_response(path, f"{model.name}-{name}"))


@router.get(
    "/searches/{uuid:run_id}/models/{uuid:model_id}/bundle.zip", openapi_extra=file_of("application/zip")
)
def model_bundle(request: HttpRequest, run_id: uuid.UUID, model_id: uuid.UUID) -> HttpResponse:
    """Downloads all files of a model as one zip."""
    model = _model(request, run_id, model_id)
    names = [str(entry["name"]) for entry in model.files]
    paths = [selectors.model_file(model, name) for name in names]
    if not paths:
        raise TrainedModel.DoesNotExist
    record(Action.DOWNLOAD, target=model, detail="all files")
    return _streamed(zip_response(paths[0].parent, names, f"{model.name}.zip"))


@router.get("/searches/{uuid:run_id}/report.html", openapi_extra=file_of("text/html"))
def report_html(request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
    """Shows the report in a sandbox."""
    run = _run(request, run_id)
    path = selectors.report_file(run, "report.html")
    record(Action.DOWNLOAD, target=run, detail="report.html")
    return _streamed(report_response(path))


@router.get("/searches/{uuid:run_id}/report.json", openapi_extra=file_of("application/json"))
def report_json(request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
    """Downloads the report as data."""
    run = _run(request, run_id)
    path = selectors.report_file(run, "report.json")
    record(Action.DOWNLOAD, target=run, detail="report.json")
    return _streamed(file_response(path, "report.json", content_type="application/json"))


def _streamed(response: StreamingHttpResponse) -> HttpResponse:
    return cast(HttpResponse, response)  # ninja passes any Django response through


def _model_out(model: TrainedModel) -> dict[str, Any]:
    base = f"/api/v1/searches/{model.run_id}/models/{model.id}"
    return {
        "id": str(model.id),
        "name": model.name,
        "candidate": model.candidate_number,
        "parity": spoken(model.parity),
        "files": [{**entry, "url": f"{base}/files/{entry['name']}"} for entry in model.files],
        "bundle": f"{base}/bundle.zip",
        "created_at": model.created_at.isoformat(),
    }
