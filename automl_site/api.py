"""The JSON API under /api/v1/: both apps' routers, who may call them, one form of errors."""

from __future__ import annotations

from typing import Any

import structlog
from django.core.exceptions import (
    ObjectDoesNotExist,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError,
)
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import gettext, gettext_noop
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, Throttled
from ninja.errors import ValidationError as RequestError

from automl_site.api_access import RefusedTokenError, access, at_the_door, too_many
from automl_site.api_errors import with_reference
from automl_site.api_input import InputError, StrictParser, StrictRenderer
from automl_site.api_schema import described
from automl_site.idempotency import keep_answer, once
from automl_site.rate_limits import PerPerson
from datasets_app.problems import problem
from datasets_app.quota import DISK_FULL, FULL_DISK, STATUS_OF_CODE
from datasets_app.words.engine import said, said_by

NOT_FOUND = gettext_noop(
    "This does not exist, or it is not yours. Go back to your list and open it from there."
)

log = structlog.get_logger(__name__)


class Api(NinjaAPI):
    """The frame, with what the description of ninja leaves out."""

    def get_openapi_schema(self, **kwargs: Any) -> Any:
        """Returns the description in OpenAPI 3.1."""
        return described(super().get_openapi_schema(**kwargs))


api = Api(
    title="AutoML for images",
    version="1",
    urls_namespace="api",
    docs_url=None,  # its page needs inline scripts, which the content security policy refuses
    auth=access("account"),
    throttle=[PerPerson()],
    parser=StrictParser(),
    renderer=StrictRenderer(),
)
api.add_decorator(keep_answer, mode="view")
api.add_decorator(once, mode="operation")


@api.exception_handler(ObjectDoesNotExist)
@api.exception_handler(Http404)
@api.exception_handler(PermissionDenied)
def not_found(request: HttpRequest, error: Exception) -> HttpResponse:
    """Answers alike for what is missing and for what belongs to someone else."""
    return problem(404, gettext(NOT_FOUND))


@api.exception_handler(AuthenticationError)
def not_signed_in(request: HttpRequest, error: Exception) -> HttpResponse:
    """Asks for a sign-in."""
    return at_the_door(request, gettext("You are not signed in. Sign in and try again."))


@api.exception_handler(RefusedTokenError)
def token_refused(request: HttpRequest, error: RefusedTokenError) -> HttpResponse:
    """Says why a program is not let in."""
    return error.response


@api.exception_handler(Throttled)
def throttled(request: HttpRequest, error: Throttled) -> HttpResponse:
    """Says when to come again."""
    return too_many(error.wait)


@api.exception_handler(ValidationError)
def refused(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Passes on the sentence of a service that refused its input."""
    return problem(STATUS_OF_CODE.get(getattr(error, "code", None) or "", 422), said_by(error))


@api.exception_handler(RequestError)
def malformed(request: HttpRequest, error: RequestError) -> HttpResponse:
    """Names the fields that did not fit."""
    wrong = gettext("wrong value")
    fields = [{"field": _field(one), "problem": str(one.get("msg") or wrong)} for one in error.errors]
    problems = "; ".join(f"{one['field']}: {one['problem']}" for one in fields)
    sentence = gettext("Correct these fields and send again: %(problems)s.") % {"problems": problems}
    return problem(422, sentence, errors=fields)


@api.exception_handler(InputError)
def unreadable(request: HttpRequest, error: InputError) -> HttpResponse:
    """Says why a request cannot be read."""
    return problem(error.status, error.sentence)


@api.exception_handler(HttpError)
def http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    """Says what ninja found: bodies that cannot be read, a missing CSRF token."""
    cause = error.__cause__
    if isinstance(cause, InputError | RequestDataTooBig | UnreadablePostError):
        return api.on_exception(request, cause)
    if error.status_code == 403:
        return problem(
            403,
            gettext("The CSRF token is missing or old. Reload the page, or send a token of the API."),
            code="csrf",
        )
    return problem(error.status_code, str(error))


@api.exception_handler(SuspiciousOperation)
@api.exception_handler(MultiPartParserError)
@api.exception_handler(UnreadablePostError)
def broken(request: HttpRequest, error: Exception) -> HttpResponse:
    """Answers to bodies that broke off or are not what they say."""
    if isinstance(error, RequestDataTooBig):
        return problem(413, gettext("This is too large. Send less at a time."))
    return problem(400, gettext("This request cannot be read. Check how it is made and send it again."))


@api.exception_handler(OSError)
def disk_refused(request: HttpRequest, error: OSError) -> HttpResponse:
    """Says that the disk is full; any other error of the system is ours to mend and goes to the log."""
    return failed(request, error) if error.errno not in FULL_DISK else problem(507, said(DISK_FULL))


@api.exception_handler(OperationalError)
def database_away(request: HttpRequest, error: OperationalError) -> HttpResponse:
    """Says that the database does not answer."""
    log.warning("the database refused a request of the API", error=str(error)[:200])
    refusal = problem(503, gettext("The database does not answer. Try again in a moment."))
    refusal["Retry-After"] = "5"
    return refusal


@api.exception_handler(Exception)
def failed(request: HttpRequest, error: Exception) -> HttpResponse:
    """Answers after an error of ours; the log has the cause under the reference."""
    log.error("a request of the API failed", path=request.path, exc_info=error)
    sentence = gettext("Something went wrong here. Nothing was lost; the reference helps to find the cause.")
    return with_reference(request, problem(500, sentence))


def _field(one: dict[str, Any]) -> str:
    names = [str(part) for part in one.get("loc", ()) if part not in {"body", "query", "path", "form"}]
    return ".".join(names[1:] or names)


api.add_router("", "datasets_app.api.router", tags=["data sets"], auth=access("datasets"))
api.add_router("", "search_app.api.router", tags=["searches"], auth=access("searches"))
api.add_router("", "search_app.api_models.router", tags=["models"], auth=access("models"))
api.add_router("", "search_app.api_devices.router", tags=["devices"], auth=access("devices"))
