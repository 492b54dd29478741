"""The page on which a model is tried: it runs in the browser, on the very file that is downloaded."""

from __future__ import annotations

import json
import uuid
from typing import Any, cast

from csp.decorators import csp_update
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from datasets_app.audit import record
from datasets_app.models import Action
from datasets_app.selectors import classes_in_use
from datasets_app.words.engine import said
from nas.export.maps import maps_file
from search_app.downloads import file_response
from search_app.models import SearchRun, TrainedModel
from search_app.pages import leaderboard_of, report_of
from search_app.result_views import run_or_404
from search_app.results import BoardRow
from search_app.selectors import model_file, model_of_run

ONNX, INT8, DEMO = "model.onnx", "model_int8.onnx", "demo.json"


@require_GET
@login_required
@csp_update({"script-src": ["'wasm-unsafe-eval'"]})  # type: ignore[arg-type] # knows views without arguments
def try_it(request: HttpRequest, run_id: uuid.UUID, model_id: uuid.UUID) -> HttpResponse:
    """Photo in, answer out; isolation gives the page a fine clock, which its times need."""
    run, model = _model(request, run_id, model_id)
    rows = leaderboard_of(run, report_of(run))
    row = next((one for one in rows if one.candidate.number == model.candidate_number), None)
    context = {
        "run": run,
        "model": model,
        "row": row,
        "classes": classes_in_use(run.dataset_version.dataset),
        "facts": _facts(run, model, rows),
    }
    response = render(request, "search/try.html", context)
    response["Cross-Origin-Embedder-Policy"] = "require-corp"
    return response


@require_GET
@login_required
def maps(request: HttpRequest, run_id: uuid.UUID, model_id: uuid.UUID) -> HttpResponseBase:
    """The copy of a model that has its maps as a second output."""
    run, model = _model(request, run_id, model_id)
    path = maps_file(run.workdir, model.name)
    if not path.is_file():
        raise Http404
    record(Action.DOWNLOAD, target=model, detail="maps.onnx")
    return file_response(path, f"{model.name}-maps.onnx")


def _model(request: HttpRequest, run_id: uuid.UUID, model_id: uuid.UUID) -> tuple[SearchRun, TrainedModel]:
    run = run_or_404(request, run_id)
    try:
        return run, model_of_run(run, model_id)
    except TrainedModel.DoesNotExist as error:
        raise Http404 from error


def _facts(run: SearchRun, model: TrainedModel, rows: list[BoardRow]) -> dict[str, Any]:
    """Returns what the page's script needs."""
    base = f"/api/v1/searches/{run.pk}/models/{model.pk}/files"
    names = {str(entry["name"]) for entry in model.files}
    has_maps = maps_file(run.workdir, model.name).is_file()
    version = run.dataset_version
    return {
        "labels": version.classes,
        "side": version.cache_size,
        "threshold": _threshold(model),
        "files": {
            "fp32": f"{base}/{ONNX}" if ONNX in names else None,
            "int8": f"{base}/{INT8}" if INT8 in names else None,
            "maps": reverse("search:maps", args=(run.pk, model.pk)) if has_maps else None,
        },
        "number": model.candidate_number,
        "points": [_point(one) for one in rows],
        "dataset": {
            "photos": f"/api/v1/datasets/{version.dataset_id}/photos",
            "api": f"/api/v1/datasets/{version.dataset_id}",
            "page": reverse("datasets:detail", args=(version.dataset_id,)),
            "search": f"{reverse('search:new')}?dataset={version.dataset_id}",
        },
    }


def _point(row: BoardRow) -> dict[str, Any]:
    metrics = row.candidate.metrics
    assert metrics is not None
    return {
        "number": row.candidate.number,
        "label": said(row.candidate.label),
        "here_ms": metrics.here_ms,
        "accuracy": metrics.accuracy,
        "on_front": row.on_front,
    }


def _threshold(model: TrainedModel) -> float:
    """Returns the probability below which the model does not know, as its download says; 0 if it does not."""
    try:
        found = json.loads(model_file(model, DEMO).read_text(encoding="utf-8"))
        return float(cast("dict[str, Any]", found)["threshold"])
    except (TrainedModel.DoesNotExist, OSError, ValueError, KeyError, TypeError):
        return 0.0
