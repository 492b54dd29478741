"""Pages of one exported model: what it gets right and wrong, and why."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods

from datasets_app.access import NOT_ALLOWED, Right, check_right
from datasets_app.models import Dataset
from nas.errors import EvaluationError
from nas.evaluation.heat_files import heat_file
from search_app.evaluation import answers_of
from search_app.evaluation_pages import TABS, model_facts, page_data, tab_context
from search_app.evaluation_photos import Wanted, photos_page
from search_app.evaluation_words import judged_on, verdict
from search_app.evaluation_work import KINDS, heat_map_ask, heat_state, work_ask, work_state
from search_app.models import SearchRun, TrainedModel
from search_app.selectors import model_of_run, search_run_for_user

View = Callable[..., HttpResponse]


@require_GET
@login_required
def model(request: HttpRequest, run_id: uuid.UUID, model_id: uuid.UUID) -> HttpResponse:
    """One exported model, a tab at a time."""
    found = _model_or_404(request, run_id, model_id)
    tab = request.GET.get("tab", "")
    tab = tab if tab in TABS else "mistakes"
    int8 = request.GET.get("file") == "int8"
    context: dict[str, Any] = {"model": found, "run": found.run, "facts": model_facts(found), "tab": tab}
    try:
        answers = answers_of(found, int8=int8)
        if answers is not None:
            int8 = int8 and answers.has_int8
            sort, page = request.GET.get("sort", "f1"), request.GET.get("page", "1")
            context |= tab_context(tab, found, answers, int8=int8, sort=sort, page=page)
            context |= {"verdict": verdict(answers), "judged_on": judged_on(answers)}
            context |= {"data": page_data(found, answers, tab, int8=int8)}
        context |= {"answers": answers, "int8": int8}
    except EvaluationError as error:
        context["damage"] = str(error)
    return render(request, "search/model.html", {**context, "tabs": TABS.items()})


def _answering(view: View) -> View:
    """Turns refusals into JSON with one sentence, as the API has them."""

    @wraps(view)
    def wrapped(request: HttpRequest, **ids: Any) -> HttpResponse:
        try:
            return view(request, **ids)
        except ValidationError as error:
            status = 409 if getattr(error, "code", None) == NOT_ALLOWED else 422
            return JsonResponse({"detail": " ".join(error.messages)}, status=status)
        except EvaluationError as error:
            return JsonResponse({"detail": str(error)}, status=422)

    return wrapped


@require_GET
@login_required
@_answering
def model_photos(request: HttpRequest, run_id: uuid.UUID, model_id: uuid.UUID) -> HttpResponse:
    """Judged photos behind a cell, a kind of photos or an outcome, a page at a time, as JSON."""
    found = _model_or_404(request, run_id, model_id)
    return JsonResponse(photos_page(found, Wanted.from_query(request.GET.dict())))


@require_http_methods(["GET", "POST"])
@login_required
@_answering
def model_heat(
    request: HttpRequest, run_id: uuid.UUID, model_id: uuid.UUID, row: int, target: int
) -> HttpResponse:
    """The state of a heat map; POST asks for it."""
    found = _model_or_404(request, run_id, model_id)
    if request.method == "POST":
        return JsonResponse(heat_map_ask(model=found, row=row, target=target), status=202)
    return JsonResponse(heat_state(found, row, target))


@require_GET
@login_required
def model_heat_picture(
    request: HttpRequest, run_id: uuid.UUID, model_id: uuid.UUID, row: int, target: int
) -> HttpResponse:
    """The picture of a finished heat map."""
    found = _model_or_404(request, run_id, model_id)
    try:
        content = heat_file(found.run.workdir, found.name, row, target).read_bytes()
    except OSError as error:
        raise Http404 from error
    response = HttpResponse(content, content_type="image/png")
    response["Cache-Control"] = "private, max-age=86400"
    response["X-Content-Type-Options"] = "nosniff"
    return response


@require_http_methods(["GET", "POST"])
@login_required
@_answering
def model_work(request: HttpRequest, run_id: uuid.UUID, model_id: uuid.UUID, kind: str) -> HttpResponse:
    """How far the learning curve or the measuring of photos is; POST asks for it."""
    found = _model_or_404(request, run_id, model_id)
    if kind not in KINDS:
        raise Http404
    if request.method == "POST":
        check_right(request.user, found.run, Right.CHANGE)
        try:
            return JsonResponse(work_ask(model=found, kind=kind), status=202)
        except Dataset.DoesNotExist as error:
            raise Http404 from error
    return JsonResponse(work_state(found, kind))


def _model_or_404(request: HttpRequest, run_id: uuid.UUID, model_id: uuid.UUID) -> TrainedModel:
    try:
        run = search_run_for_user(request.user, run_id)
        found = model_of_run(run, model_id)
    except (SearchRun.DoesNotExist, TrainedModel.DoesNotExist) as error:
        raise Http404 from error
    found.run = run  # with version and data set at hand
    return found
