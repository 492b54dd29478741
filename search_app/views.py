"""Pages of searches. Who may see what is decided by the selectors, what may be done by the services."""

from __future__ import annotations

import uuid

from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods
from django.views.decorators.vary import vary_on_headers

from datasets_app.models import DatasetState
from datasets_app.selectors import datasets_of_user
from search_app.devices import places_of
from search_app.forms import GOALS, PRESETS, SearchForm
from search_app.models import SearchRun
from search_app.pages import (
    PHASE_NAMES,
    chosen_options,
    live_snapshot,
    method_words,
)
from search_app.selectors import run_summary, search_run_for_user, search_runs_of_user
from search_app.services import search_run_start

ON_HOME = 6
"""Newest data sets and searches shown on the home page."""


@require_GET
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """My data sets, my searches, and what to do next."""
    runs = search_runs_of_user(request.user)
    datasets = list(datasets_of_user(request.user)[:ON_HOME])
    checking = any(dataset.state in (DatasetState.UPLOADED, DatasetState.CHECKING) for dataset in datasets)
    context = {
        "datasets": datasets,
        "runs": [run_summary(run) for run in runs[:ON_HOME]],
        "busy": checking or runs.exclude(state__in=SearchRun.ended_states).exists(),
    }
    return render(request, "search/home.html", context)


@require_GET
@login_required
def search_list(request: HttpRequest) -> HttpResponse:
    """All my searches, newest first."""
    runs = search_runs_of_user(request.user)
    context = {
        "runs": [run_summary(run) for run in runs[:500]],
        "busy": runs.exclude(state__in=SearchRun.ended_states).exists(),
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
            form.add_error(None, error)
        else:
            return redirect("search:live", run.pk)
    context = {"form": form, "places": places_of(user), "goals": GOALS, "presets": PRESETS}
    return render(request, "search/new.html", context, status=422 if form.errors else 200)


@require_GET
@vary_on_headers("Accept")
@login_required
def live(request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
    """A search as it goes on; its script asks the same address for the present state alone."""
    run = _run_or_404(request, run_id)
    if request.headers.get("Accept") == "application/json":
        return JsonResponse(live_snapshot(run))
    context = {
        "run": run,
        "phases": PHASE_NAMES.items(),
        "snapshot": live_snapshot(run),
        "options": chosen_options(run),
        "method": method_words(run),
    }
    return render(request, "search/live.html", context)


def _run_or_404(request: HttpRequest, run_id: uuid.UUID) -> SearchRun:
    try:
        return search_run_for_user(request.user, run_id)
    except SearchRun.DoesNotExist as error:
        raise Http404 from error
