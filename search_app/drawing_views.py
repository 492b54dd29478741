"""Drawings of networks as images that browsers keep."""

from __future__ import annotations

import uuid
from typing import cast

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_GET

from nas.architecture import architecture_from_json, architecture_key
from nas.report.picture import DRAWING_VERSION, SIZES, THEMES, Size, Theme, picture
from search_app.models import Candidate, SearchRun
from search_app.selectors import candidate_of_run, search_run_for_user

POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
"""For whoever opens a drawing as a page: it runs nothing and loads nothing."""

KEEP = "private, max-age=31536000, immutable"


@require_GET
@login_required
def drawing(request: HttpRequest, run_id: uuid.UUID, number: int) -> HttpResponse:
    """A network to scale; `?size=card` is small, `?theme=dark` or `light` does not ask the browser."""
    try:
        candidate = candidate_of_run(search_run_for_user(request.user, run_id), number)
    except (SearchRun.DoesNotExist, Candidate.DoesNotExist) as error:
        raise Http404 from error
    size = cast(Size, _one_of(request.GET.get("size"), SIZES))
    theme = cast(Theme, _one_of(request.GET.get("theme"), THEMES))
    architecture = architecture_from_json(candidate.architecture)
    etag = f'"{architecture_key(architecture)}-{DRAWING_VERSION}-{size}-{theme}"'
    response = get_conditional_response(request, etag=etag)
    if response is None:
        # A neutral title: where the image stands, its text alternative carries the name.
        content = picture(architecture, title=f"Network {number}", size=size, theme=theme)
        response = HttpResponse(content, content_type="image/svg+xml; charset=utf-8")
    response["ETag"] = etag
    response["Cache-Control"] = KEEP
    response["Content-Security-Policy"] = POLICY
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Disposition"] = f'inline; filename="network-{number}.svg"'
    return response


def _one_of(value: str | None, allowed: tuple[str, ...]) -> str:
    """Returns an allowed value, the first one for any other."""
    return value if value in allowed else allowed[0]
