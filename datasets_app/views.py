"""Pages of data sets. Who may see what is decided by the selectors."""

from __future__ import annotations

import uuid
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from datasets_app.access import Right, has_right
from datasets_app.models import Dataset
from datasets_app.pages import page_context
from datasets_app.selectors import dataset_for_user, datasets_of_user
from datasets_app.services import dataset_fetch
from nas.data.public import PUBLIC_SETS

PER_PAGE = 48
SAMPLE = "digits"
"""The public set that needs no internet."""


@require_GET
@login_required
def dataset_list(request: HttpRequest) -> HttpResponse:
    """All my data sets, newest first, a page at a time; those with a name that is looked for."""
    sought = request.GET.get("name", "").replace("\0", "").strip()[:200]
    datasets = datasets_of_user(request.user).filter(name__icontains=sought)
    context = {
        "page": Paginator(datasets, PER_PAGE).get_page(request.GET.get("page")),
        "sought": sought,
        "query": urlencode({"name": sought}) if sought else "",
    }
    return render(request, "datasets/list.html", context)


@require_GET
@login_required
def dataset_new(request: HttpRequest) -> HttpResponse:
    """The upload page; the files themselves go to the tus addresses, in pieces."""
    context = {"max_upload_bytes": settings.MAX_UPLOAD_BYTES, "public_sets": PUBLIC_SETS}
    return render(request, "datasets/new.html", context)


@login_required
@require_POST
def dataset_sample(request: HttpRequest) -> HttpResponse:
    """Makes a data set of the sample that comes with the program, and shows it."""
    assert request.user.is_authenticated
    try:
        dataset = dataset_fetch(owner=request.user, key=SAMPLE)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("search:home")
    return redirect("datasets:detail", dataset.pk)


@require_GET
@login_required
def dataset_detail(request: HttpRequest, dataset_id: uuid.UUID) -> HttpResponse:
    """A data set in whatever state it is: on its way in, to be confirmed, or tab by tab."""
    try:
        dataset = dataset_for_user(request.user, dataset_id)
    except Dataset.DoesNotExist as error:
        raise Http404 from error
    context = page_context(dataset, request.GET.get("tab", ""))
    context["editable"] = context["editable"] and has_right(request.user, dataset, Right.CHANGE)
    return render(request, "datasets/detail.html", context)
