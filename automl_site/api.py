"""The JSON API under /api/v1/: both apps' routers, one form of errors."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext, gettext_noop
from ninja import NinjaAPI
from ninja.errors import AuthenticationError
from ninja.errors import ValidationError as RequestError
from ninja.security import SessionAuth

from datasets_app.access import NOT_ALLOWED
from datasets_app.quota import DISK_FULL, FULL_DISK
from datasets_app.words.engine import said, said_by

NOT_FOUND = gettext_noop(
    "This does not exist, or it is not yours. Go back to your list and open it from there."
)

api = NinjaAPI(
    title="AutoML for images",
    version="1",
    urls_namespace="api",
    docs_url=None,  # its page needs inline scripts, which the content security policy refuses
    auth=SessionAuth(csrf=True),
)


def _answer(request: HttpRequest, status: int, detail: str) -> HttpResponse:
    return api.create_response(request, {"detail": detail}, status=status)


@api.exception_handler(ObjectDoesNotExist)
@api.exception_handler(Http404)
@api.exception_handler(PermissionDenied)
def not_found(request: HttpRequest, error: Exception) -> HttpResponse:
    """Answers alike for what is missing and for what belongs to someone else."""
    return _answer(request, 404, gettext(NOT_FOUND))


@api.exception_handler(AuthenticationError)
def not_signed_in(request: HttpRequest, error: Exception) -> HttpResponse:
    """Asks for a sign-in."""
    return _answer(request, 401, gettext("You are not signed in. Sign in and try again."))


@api.exception_handler(ValidationError)
def refused(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Passes on the sentence of a service that refused its input, or (409) of a role that does not do."""
    status = 409 if getattr(error, "code", None) == NOT_ALLOWED else 422
    return _answer(request, status, said_by(error))


@api.exception_handler(RequestError)
def malformed(request: HttpRequest, error: RequestError) -> HttpResponse:
    """Names the fields that did not fit."""
    wrong = gettext("wrong value")
    problems = "; ".join(f"{_field(one)}: {one.get('msg') or wrong}" for one in error.errors)
    return _answer(
        request, 422, gettext("Correct these fields and send again: %(problems)s.") % {"problems": problems}
    )


@api.exception_handler(OSError)
def disk_refused(request: HttpRequest, error: OSError) -> HttpResponse:
    """Says that the disk is full; any other error of the system is ours to mend and goes to the log."""
    if error.errno not in FULL_DISK:
        raise error
    return _answer(request, 507, said(DISK_FULL))


def _field(problem: dict[str, Any]) -> str:
    names = [str(part) for part in problem.get("loc", ()) if part not in {"body", "query", "path", "form"}]
    return ".".join(names[1:] or names)


api.add_router("", "datasets_app.api.router", tags=["data sets"])
api.add_router("", "search_app.api.router", tags=["searches"])
