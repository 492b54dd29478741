"""The home page, the list of searches, and the start of a new one."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from datasets_app.models import DatasetState, DatasetVersion
from datasets_app.selectors import datasets_of_user
from datasets_app.words.engine import said_by
from search_app.devices import places_of
from search_app.estimates import Plan, estimate
from search_app.forms import GOALS, PRESETS, SearchForm
from search_app.models import SearchRun
from search_app.outlines import outline_of
from search_app.run_lists import (
    SORTS,
    STATES,
    active_runs,
    choice_of,
    page_of_runs,
    rows_of,
    searched_datasets,
)
from search_app.selectors import search_runs_of_user
from search_app.services import search_run_start

ON_HOME = 6
"""Newest data sets and ended searches on the home page."""
RUNNING_ON_HOME = 10


@require_GET
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """What is running, my searches, my data sets, and what to do next."""
    running = rows_of(active_runs(request.user)[:RUNNING_ON_HOME])
    ended = search_runs_of_user(request.user).filter(state__in=SearchRun.ended_states)
    datasets = list(datasets_of_user(request.user)[:ON_HOME])
    checking = any(dataset.state in (DatasetState.UPLOADED, DatasetState.CHECKING) for dataset in datasets)
    context = {
        "datasets": datasets,
        "running": running,
        "ended": rows_of(ended[:ON_HOME]),
        "busy": checking or bool(running),
    }
    return render(request, "search/home.html", context)


@require_GET
@login_required
def search_list(request: HttpRequest) -> HttpResponse:
    """My searches, filtered and sorted by the address."""
    datasets = searched_datasets(request.user)
    choice = choice_of(request.GET, datasets)
    page = page_of_runs(request.user, choice, request.GET.get("page"))
    rows = rows_of(page)
    context = {
        "page": page,
        "rows": rows,
        "choice": choice,
        "datasets": datasets,
        "states": STATES,
        "sorts": SORTS,
        "query": _without(request.GET, "page"),
        "busy": any(not row.run.ended for row in rows),
    }
    return render(request, "search/list.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def search_new(request: HttpRequest) -> HttpResponse:
    """Three questions; a good answer starts the search and shows it."""
    user = request.user
    assert user.is_authenticated
    chosen = {"dataset": request.GET.get("dataset")}
    form = SearchForm(request.POST or None, user=user, initial=chosen)
    if request.method == "POST" and form.is_valid():
        try:
            run = search_run_start(owner=user, **form.options())
        except ValidationError as error:
            form.add_error(None, said_by(error))
        else:
            return redirect("search:live", run.pk)
    context = {"form": form, "places": places_of(user), "goals": GOALS, "presets": PRESETS}
    return render(request, "search/new.html", context, status=422 if form.errors else 200)


@require_GET
@login_required
def search_estimate(request: HttpRequest) -> HttpResponse:
    """What the answers given so far will bring, as a part of the page of a new search."""
    try:
        minutes = float(request.GET.get("minutes", ""))
    except ValueError:
        minutes = 0.0
    version = _version(request.user, request.GET.get("dataset", ""))
    plan = Plan(
        minutes=minutes,
        space=request.GET.get("space", ""),
        evaluator=request.GET.get("evaluator", ""),
        strategy=request.GET.get("strategy", ""),
        baselines=bool(request.GET.get("baselines")),
        n_images=version.n_images if version else None,
    )
    usable = 0 < minutes < float("inf")
    context = {
        "minutes": minutes if usable else None,
        "estimate": estimate(plan) if usable else None,
        "outline": outline_of(version, plan) if usable and version else (),
        "others": SearchRun.objects.exclude(
            state__in=(*SearchRun.ended_states, SearchRun.State.PAUSED)
        ).count(),
    }
    return render(request, "search/estimate.html", context)


def _version(user: User | AnonymousUser, dataset_id: str) -> DatasetVersion | None:
    try:
        dataset = datasets_of_user(user).filter(pk=dataset_id).first()
    except ValidationError:  # no id at all
        return None
    return dataset.current_version if dataset else None


def _without(query: QueryDict, name: str) -> str:
    kept = query.copy()
    kept.pop(name, None)
    return kept.urlencode()
