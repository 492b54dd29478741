"""Pages of data sets. Who may see what is decided by the selectors."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from datasets_app.models import Dataset, DatasetState, DatasetVersion
from datasets_app.selectors import class_counts, dataset_for_user, datasets_of_user, findings_of, images_of

SPLITS = (("", "All"), ("train", "Training"), ("val", "Validation"), ("test", "Test"))
PER_PAGE = 48
MAX_FINDINGS = 100
"""Findings shown on the page; the CSV has all of them."""


@require_GET
@login_required
def dataset_list(request: HttpRequest) -> HttpResponse:
    """All my data sets, newest first."""
    return render(request, "datasets/list.html", {"datasets": datasets_of_user(request.user)[:500]})


@require_GET
@login_required
def dataset_new(request: HttpRequest) -> HttpResponse:
    """The upload page; the file itself goes to the API, which reports progress to the browser."""
    return render(request, "datasets/new.html", {"max_upload_bytes": settings.MAX_UPLOAD_BYTES})


@require_GET
@login_required
def dataset_detail(request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
    """Import progress while it is checked, then classes, photos and findings."""
    try:
        dataset = dataset_for_user(request.user, dataset_id)
    except Dataset.DoesNotExist as error:
        raise Http404 from error
    version = dataset.current_version
    findings = findings_of(dataset)
    context = {
        "dataset": dataset,
        "version": version,
        "working": dataset.state in {DatasetState.UPLOADED, DatasetState.CHECKING},
        "findings": findings[:MAX_FINDINGS],
        "n_findings": findings.count(),
        **(_version_context(request, version) if version else {}),
    }
    return render(request, "datasets/detail.html", context)


def _version_context(request: HttpRequest, version: DatasetVersion) -> dict[str, Any]:
    """Returns classes and one page of photos, filtered as the address says."""
    split = request.GET.get("split", "")
    split = split if split in dict(SPLITS) else ""
    label = request.GET.get("label", "")
    label = label if label in version.classes else ""
    start = request.GET.get("start", "")
    offset = int(start) if start.isascii() and start.isdigit() and len(start) < 10 else 0
    images = list(images_of(version, split or None, label or None, offset, PER_PAGE + 1))
    classes = class_counts(version)
    return {
        "splits": SPLITS,
        "split": split,
        "label": label,
        "images": images[:PER_PAGE],
        "earlier": max(0, offset - PER_PAGE) if offset else None,
        "later": offset + PER_PAGE if len(images) > PER_PAGE else None,
        "classes": classes,
        "largest": max((row["total"] for row in classes), default=0),
    }
