"""Pages for what went wrong, with a code under which the log knows more."""

from __future__ import annotations

import secrets

import structlog
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, HttpResponseServerError
from django.template.loader import render_to_string

log = structlog.get_logger(__name__)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answers after an error of ours; asks neither the database nor the session, which may be the cause."""
    reference = secrets.token_hex(4)
    log.exception("page failed", reference=reference, path=request.path)
    return HttpResponseServerError(render_to_string("500.html", {"reference": reference}))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answers to what one is not allowed to do."""
    reference = secrets.token_hex(4)
    log.warning("refused", reference=reference, path=request.path, cause=str(exception)[:200])
    return HttpResponseForbidden(render_to_string("403.html", {"reference": reference}, request))
