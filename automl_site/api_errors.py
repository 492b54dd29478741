"""Errors that no operation of the API makes: unknown addresses and methods, and what middleware refuses."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from datasets_app.problems import is_problem, problem

API: Final = "/api/"
REFERENCE: Final = "X-Reference"

_SENTENCES: Final = {
    400: gettext_lazy("This request cannot be read. Check how it is made and send it again."),
    403: gettext_lazy("This is not allowed. Reload the page and try again."),
    404: gettext_lazy("There is no such address. /api/v1/openapi.json lists all of them."),
    405: gettext_lazy("This address does not answer to this method. The header Allow names those it knows."),
}


@sync_and_async_middleware
def problems_of_the_api(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Middleware: every error below /api/ is a problem of RFC 9457, with the reference of its log lines."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            waiting: Awaitable[HttpResponseBase] = get_response(request)
            return _as_problem(request, await waiting)

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        return _as_problem(request, cast(HttpResponseBase, get_response(request)))

    return answer


def with_reference(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Puts the reference of a request into a problem: for answers that differ from each other anyway."""
    content = json.loads(response.content)
    content["reference"] = request.META.get("automl.request", "")
    response.content = json.dumps(content).encode()
    return response


def _as_problem(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if response.status_code < 400 or not request.path.startswith(API):
        return response
    if not is_problem(response):
        status = response.status_code
        made = problem(status, str(_SENTENCES.get(status) or _("This did not work. Try again in a moment.")))
        if status >= 500:
            made = with_reference(request, made)
        for name in ("Allow", "Retry-After"):
            if name in response:
                made[name] = response[name]
        response = made
    # Not in the body: "not yours" and "does not exist" must be the same to the last byte.
    response[REFERENCE] = request.META.get("automl.request", "")
    return response
