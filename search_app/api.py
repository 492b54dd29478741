"""JSON API of searches: rules live in services and selectors, files go out through downloads."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal, cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.translation import gettext
from ninja import Router, Schema
from pydantic import Field

from datasets_app.access import Right
from datasets_app.audit import record
from datasets_app.models import Action
from datasets_app.selectors import dataset_for_user
from nas.candidate import HERE
from search_app import charts, controls, selectors, services
from search_app.downloads import file_response, report_response, zip_response
from search_app.fronts import earlier_runs, front_points
from search_app.models import SearchRun, TrainedModel
from search_app.spoken import spoken

router = Router()


class SearchIn(Schema):
    """What a new search needs."""

    dataset_id: uuid.UUID
    minutes: float
    name: str = Field(default="", max_length=1000)
    goal: str = SearchRun.Goal.BALANCED
    baselines: bool = True
    strategy: str = "regularized_evolution"
    space: str = "lite-elastic"
    evaluator: str = "training"
    precision: str = "fp32"
    reward: str = "absolute"
    seed: int = 0
    target_latency_ms: float | None = None
    device: str = Field(default=HERE, max_length=60)
    cost: str = "latency"


class MinutesIn(Schema):
    """Minutes to add to a search."""

    minutes: float


class Detail(Schema):
    """A sentence."""

    detail: str


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)  # the session authentication lets nobody else in


def _run(request: HttpRequest, run_id: uuid.UUID, right: Right = Right.SEE) -> SearchRun:
    return selectors.search_run_for_user(_user(request), run_id, right)


def _model(request: HttpRequest, run_id: uuid.UUID, model_id: uuid.UUID) -> TrainedModel:
    return selectors.model_of_run(_run(request, run_id), model_id)


@router.get("/searches", response=list[dict[str, Any]])
def search_list(
    request: HttpRequest,
    offset: Annotated[int, Field(ge=0, le=10**9)] = 0,
    limit: Annotated[int, Field(ge=1, le=500)] = 100,
) -> Any:
    """Lists the user's searches, newest first."""
    runs = selectors.search_runs_of_user(_user(request))[offset : offset + limit]
    return [spoken(selectors.run_summary(run)) for run in runs]


@router.post("/searches", response={201: dict[str, Any]})
def search_start(request: HttpRequest, data: SearchIn) -> Any:
    """Starts a search."""
    user = _user(request)
    options = data.dict()
    dataset = dataset_for_user(user, options.pop("dataset_id"), Right.CHANGE)
    run = services.search_run_start(owner=user, dataset=dataset, **options)
    return 201, selectors.run_summary(run)


@router.get("/searches/{uuid:run_id}", response=dict[str, Any])
def search_detail(request: HttpRequest, run_id: uuid.UUID) -> Any:
    """Shows one search."""
    return spoken(selectors.run_summary(_run(request, run_id)))


@router.delete("/searches/{uuid:run_id}", response={204: None})
def search_delete(request: HttpRequest, run_id: uuid.UUID) -> Any:
    """Deletes a search that is not running, with its models."""
    services.search_run_delete(run=_run(request, run_id, Right.DELETE))
    return 204, None


@router.post("/searches/{uuid:run_id}/stop", response={202: dict[str, Any]})
def search_stop(request: HttpRequest, run_id: uuid.UUID) -> Any:
    """Stops a search and keeps its best."""
    return 202, spoken(
        selectors.run_summary(services.search_run_stop(run=_run(request, run_id, Right.CHANGE)))
    )


@router.post("/searches/{uuid:run_id}/resume", response={202: dict[str, Any]})
def search_resume(request: HttpRequest, run_id: uuid.UUID) -> Any:
    """Goes on with a paused or failed search."""
    return 202, spoken(
        selectors.run_summary(services.search_run_resume(run=_run(request, run_id, Right.CHANGE)))
    )


@router.post("/searches/{uuid:run_id}/pause", response={202: dict[str, Any]})
def search_pause(request: HttpRequest, run_id: uuid.UUID) -> Any:
    """Pauses a search; its minutes stand still until it is resumed."""
    return 202, spoken(
        selectors.run_summary(controls.search_run_pause(run=_run(request, run_id, Right.CHANGE)))
    )


@router.post("/searches/{uuid:run_id}/extend", response={202: dict[str, Any]})
def search_extend(request: HttpRequest, run_id: uuid.UUID, data: MinutesIn) -> Any:
    """Adds minutes to a search that has not begun to write its results."""
    run = _run(request, run_id, Right.CHANGE)
    return 202, spoken(selectors.run_summary(controls.search_run_extend(run=run, minutes=data.minutes)))


@router.get("/searches/{uuid:run_id}/events", response=dict[str, Any])
def search_events(
    request: HttpRequest,
    run_id: uuid.UUID,
    after: Annotated[int, Field(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Field(ge=1, le=1000)] = 500,
    compact: bool = False,
) -> Any:
    """Lists events after a number, in order; compact, candidates come without their architecture."""
    run = _run(request, run_id)
    events = selectors.events_after(run, after, limit)
    told = [spoken(selectors.event_message(event, compact=compact)) for event in events]
    return {"events": told, "last_seq": run.last_seq}


@router.get("/searches/{uuid:run_id}/candidates", response=dict[str, Any])
def search_candidates(request: HttpRequest, run_id: uuid.UUID) -> Any:
    """Lists all candidates and the numbers of those on the front."""
    run = _run(request, run_id)
    candidates = list(selectors.candidates_of(run))
    return {
        "candidates": spoken([candidate.to_engine().to_json() for candidate in candidates]),
        "front": selectors.front_numbers(candidates, selectors.cost_of(run)),
    }


@router.get("/searches/{uuid:run_id}/candidates/{int:number}", response=dict[str, Any])
def search_candidate(request: HttpRequest, run_id: uuid.UUID, number: int) -> Any:
    """Shows one candidate with its architecture."""
    return spoken(selectors.candidate_of_run(_run(request, run_id), number).to_engine().to_json())


@router.get("/searches/{uuid:run_id}/earlier", response=list[dict[str, Any]])
def search_earlier(request: HttpRequest, run_id: uuid.UUID) -> Any:
    """Lists earlier searches on the same data set that the user may see, newest first."""
    return [
        {"id": str(run.pk), "name": run.name, "created_at": run.created_at.isoformat()}
        for run in earlier_runs(_run(request, run_id), _user(request))
    ]


@router.get("/searches/{uuid:run_id}/front", response=list[dict[str, Any]])
def search_front(
    request: HttpRequest, run_id: uuid.UUID, cost: Literal["latency", "energy", "memory", "size"] = "latency"
) -> Any:
    """Lists the points of the front of accuracy against a cost, cheapest first."""
    return front_points(_run(request, run_id), cost)


@router.get("/searches/{uuid:run_id}/chart", response=dict[str, Any])
def search_chart(request: HttpRequest, run_id: uuid.UUID) -> Any:
    """Returns the front as a Plotly figure and as rows of its table twin."""
    run = _run(request, run_id)
    cost = selectors.cost_of(run)
    points = charts.chart_points([one.to_engine() for one in selectors.candidates_of(run)], cost)
    return {"figure": charts.figure(points, cost), "points": spoken(charts.point_rows(points))}


@router.get("/searches/{uuid:run_id}/models", response=list[dict[str, Any]])
def search_models(request: HttpRequest, run_id: uuid.UUID) -> Any:
    """Lists the exported models and their files."""
    return [_model_out(model) for model in selectors.models_of(_run(request, run_id))]


@router.post("/searches/{uuid:run_id}/candidates/{int:number}/export", response={202: Detail})
def candidate_export(request: HttpRequest, run_id: uuid.UUID, number: int) -> Any:
    """Asks for the export of one candidate."""
    run = _run(request, run_id, Right.CHANGE)
    selectors.candidate_of_run(run, number)
    services.trained_model_export(run=run, number=number)
    return 202, {
        "detail": gettext("The model is being exported. It appears among the downloads in a moment.")
    }


@router.get("/searches/{uuid:run_id}/models/{uuid:model_id}/files/{str:name}")
def model_file(request: HttpRequest, run_id: uuid.UUID, model_id: uuid.UUID, name: str) -> HttpResponse:
    """Downloads one file of a model."""
    model = _model(request, run_id, model_id)
    path = selectors.model_file(model, name)
    record(Action.DOWNLOAD, target=model, detail=name)
    return _streamed(file_response(path, f"{model.name}-{name}"))


@router.get("/searches/{uuid:run_id}/models/{uuid:model_id}/bundle.zip")
def model_bundle(request: HttpRequest, run_id: uuid.UUID, model_id: uuid.UUID) -> HttpResponse:
    """Downloads all files of a model as one zip."""
    model = _model(request, run_id, model_id)
    names = [str(entry["name"]) for entry in model.files]
    paths = [selectors.model_file(model, name) for name in names]
    if not paths:
        raise TrainedModel.DoesNotExist
    record(Action.DOWNLOAD, target=model, detail="all files")
    return _streamed(zip_response(paths[0].parent, names, f"{model.name}.zip"))


@router.get("/searches/{uuid:run_id}/report.html")
def report_html(request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
    """Shows the report in a sandbox."""
    run = _run(request, run_id)
    path = selectors.report_file(run, "report.html")
    record(Action.DOWNLOAD, target=run, detail="report.html")
    return _streamed(report_response(path))


@router.get("/searches/{uuid:run_id}/report.json")
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
