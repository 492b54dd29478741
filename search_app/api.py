"""JSON API of searches: rules live in services and selectors."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, cast

from django.contrib.auth.models import User
from django.http import HttpRequest
from ninja import Router
from pydantic import Field

from datasets_app.access import Right
from datasets_app.api_pages import Page, page_of, whole_page, with_query
from datasets_app.api_schemas import Limit, Offset
from datasets_app.selectors import dataset_for_user
from search_app import charts, controls, selectors, services
from search_app.api_schemas import (
    CandidateOut,
    CandidatesPage,
    ChartOut,
    CostName,
    EarlierOut,
    EventsPage,
    FrontPointOut,
    MinutesIn,
    SearchIn,
    SearchOut,
)
from search_app.fronts import earlier_runs, front_points
from search_app.models import SearchRun
from search_app.spoken import spoken

router = Router()


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)  # nobody else is let in


def _run(request: HttpRequest, run_id: uuid.UUID, right: Right = Right.SEE) -> SearchRun:
    return selectors.search_run_for_user(_user(request), run_id, right)


def _told(run: SearchRun) -> Any:
    return spoken(selectors.run_summary(run))


@router.get("/searches", response=Page[SearchOut])
def search_list(request: HttpRequest, offset: Offset = 0, limit: Limit = 100) -> Any:
    """Lists the user's searches, newest first."""
    runs = selectors.search_runs_of_user(_user(request))
    return page_of(request, runs, offset, limit, lambda part: [_told(run) for run in part])


@router.post("/searches", response={201: SearchOut})
def search_start(request: HttpRequest, data: SearchIn) -> Any:
    """Starts a search."""
    user = _user(request)
    options = data.dict()
    dataset = dataset_for_user(user, options.pop("dataset_id"), Right.CHANGE)
    run = services.search_run_start(owner=user, dataset=dataset, **options)
    return 201, selectors.run_summary(run)


@router.get("/searches/{uuid:run_id}", response=SearchOut)
def search_detail(request: HttpRequest, run_id: uuid.UUID) -> Any:
    """Shows one search."""
    return _told(_run(request, run_id))


@router.delete("/searches/{uuid:run_id}", response={204: None})
def search_delete(request: HttpRequest, run_id: uuid.UUID) -> Any:
    """Deletes a search that is not running, with its models."""
    services.search_run_delete(run=_run(request, run_id, Right.DELETE))
    return 204, None


@router.post("/searches/{uuid:run_id}/stop", response={202: SearchOut})
def search_stop(request: HttpRequest, run_id: uuid.UUID) -> Any:
    """Stops a search and keeps its best."""
    return 202, _told(services.search_run_stop(run=_run(request, run_id, Right.CHANGE)))


@router.post("/searches/{uuid:run_id}/resume", response={202: SearchOut})
def search_resume(request: HttpRequest, run_id: uuid.UUID) -> Any:
    """Goes on with a paused or failed search."""
    return 202, _told(services.search_run_resume(run=_run(request, run_id, Right.CHANGE)))


@router.post("/searches/{uuid:run_id}/pause", response={202: SearchOut})
def search_pause(request: HttpRequest, run_id: uuid.UUID) -> Any:
    """Pauses a search; its minutes stand still until it is resumed."""
    return 202, _told(controls.search_run_pause(run=_run(request, run_id, Right.CHANGE)))


@router.post("/searches/{uuid:run_id}/extend", response={202: SearchOut})
def search_extend(request: HttpRequest, run_id: uuid.UUID, data: MinutesIn) -> Any:
    """Adds minutes to a search that has not begun to write its results."""
    run = _run(request, run_id, Right.CHANGE)
    return 202, _told(controls.search_run_extend(run=run, minutes=data.minutes))


@router.get("/searches/{uuid:run_id}/events", response=EventsPage)
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
    more = bool(events) and events[-1].seq < run.last_seq
    return {
        "items": [spoken(selectors.event_message(event, compact=compact)) for event in events],
        "last_seq": run.last_seq,
        "next": with_query(request, after=events[-1].seq, limit=limit) if more else None,
    }


@router.get("/searches/{uuid:run_id}/candidates", response=CandidatesPage)
def search_candidates(
    request: HttpRequest, run_id: uuid.UUID, offset: Offset = 0, limit: Limit = 1000
) -> Any:
    """Lists candidates in the order of their numbers, and the numbers of those on the front."""
    run = _run(request, run_id)
    candidates = list(selectors.candidates_of(run))

    def told(part: list[Any]) -> Any:
        return spoken([candidate.to_engine().to_json() for candidate in part])

    front = selectors.front_numbers(candidates, selectors.cost_of(run))
    return {**page_of(request, candidates, offset, limit, told), "front": front}


@router.get("/searches/{uuid:run_id}/candidates/{int:number}", response=CandidateOut)
def search_candidate(request: HttpRequest, run_id: uuid.UUID, number: int) -> Any:
    """Shows one candidate with its architecture."""
    return spoken(selectors.candidate_of_run(_run(request, run_id), number).to_engine().to_json())


@router.get("/searches/{uuid:run_id}/earlier", response=Page[EarlierOut])
def search_earlier(request: HttpRequest, run_id: uuid.UUID) -> Any:
    """Lists earlier searches on the same data set that the user may see, newest first."""
    return whole_page(list(earlier_runs(_run(request, run_id), _user(request))))


@router.get("/searches/{uuid:run_id}/front", response=Page[FrontPointOut])
def search_front(request: HttpRequest, run_id: uuid.UUID, cost: CostName = "latency") -> Any:
    """Lists the points of the front of accuracy against a cost, cheapest first."""
    return whole_page(front_points(_run(request, run_id), cost))


@router.get("/searches/{uuid:run_id}/chart", response=ChartOut)
def search_chart(request: HttpRequest, run_id: uuid.UUID) -> Any:
    """Returns the front as a Plotly figure and as rows of its table twin."""
    run = _run(request, run_id)
    cost = selectors.cost_of(run)
    points = charts.chart_points([one.to_engine() for one in selectors.candidates_of(run)], cost)
    return {"figure": charts.figure(points, cost), "points": spoken(charts.point_rows(points))}
