"""Who may call the API: a signed-in person by the session, or a program by a token and its scopes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware
from django.utils.translation import gettext as _
from ninja.security import SessionAuth
from ninja.security.http import HttpAuthBase

from automl_site.rate_limits import wait_of_refused
from datasets_app.problems import problem
from search_app.models import ApiToken
from search_app.tokens import token_for_text

READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
UPLOADS: Final = "/uploads"


class RefusedTokenError(Exception):
    """A program is not let in; holds the answer.

    Attributes:
        response: The problem to send.
    """

    def __init__(self, response: HttpResponse) -> None:
        """Takes the answer."""
        super().__init__(response.status_code)
        self.response = response


def scope_of(area: str, method: str | None) -> str:
    """Returns the scope that a method of an area needs, such as ``datasets:write``."""
    return f"{area}:{'read' if method in READING else 'write'}"


def bearer_text(request: HttpRequest) -> str | None:
    """Returns what a request sends as its token; None if it sends no such header."""
    kind, _space, text = request.headers.get("Authorization", "").partition(" ")
    return text.strip() if kind.lower() == "bearer" else None


def token_of(request: HttpRequest, scope: str) -> ApiToken | None:
    """Returns the token of a request; None if it sends none. From then on the request is its owner's.

    Raises:
        RefusedTokenError: The token is wrong, expired or revoked, or may not do this.
    """
    text = bearer_text(request)
    if text is None:
        return None
    token = token_for_text(text)
    if token is None:
        raise RefusedTokenError(
            at_the_door(request, _("This token is wrong, has expired or was revoked. Make a new one."))
        )
    if scope not in token.scopes:
        sentence = _("This token may not do this: it lacks %(scope)s. Make one that has it.")
        refusal = problem(403, sentence % {"scope": scope}, code="insufficient_scope")
        refusal["WWW-Authenticate"] = f'Bearer error="insufficient_scope", scope="{scope}"'
        raise RefusedTokenError(refusal)
    request.user = token.owner
    request.api_token = token  # type: ignore[attr-defined] # for the rate limit
    return token


def at_the_door(request: HttpRequest, sentence: str) -> HttpResponse:
    """Returns 401 with the sentence, or 429 for an address that is refused too often."""
    seconds = wait_of_refused(request)
    if seconds is not None:
        return too_many(seconds)
    refusal = problem(401, sentence)
    refusal["WWW-Authenticate"] = "Bearer"
    return refusal


def too_many(seconds: float | None) -> HttpResponse:
    """Returns 429 with the seconds to wait."""
    wait = int(seconds or 1)
    sentence = _("These were too many requests. Try again in %(n)s seconds.")
    refusal = problem(429, sentence % {"n": wait}, code="rate_limited")
    refusal["Retry-After"] = str(wait)
    return refusal


class Token(HttpAuthBase):
    """Lets programs in that send ``Authorization: Bearer`` with a token that has the area's scope."""

    openapi_scheme = "bearer"

    def __init__(self, area: str) -> None:
        """Takes the first part of the scopes, such as "datasets"."""
        super().__init__()
        self.area = area

    def __call__(self, request: HttpRequest) -> ApiToken | None:
        """Returns the token, or None if the request sends none.

        Raises:
            RefusedTokenError: It sends one that may not do this.
        """
        return token_of(request, scope_of(self.area, request.method))


class Session(SessionAuth):
    """Lets the site's own pages in: their session, and on changes the CSRF token."""

    def __init__(self) -> None:
        """Asks for the CSRF token."""
        super().__init__(csrf=True)


def access(area: str) -> list[Any]:
    """Returns who may call the operations of an area."""
    return [Token(area), Session()]


@sync_and_async_middleware
def tokens_of_uploads(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Middleware: the addresses of resumable uploads, which are no part of the API, take tokens, too."""
    if iscoroutinefunction(get_response):
        let_in = sync_to_async(_let_in)

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            if _is_program_at_uploads(request) and (refusal := await let_in(request)):
                return refusal
            waiting: Awaitable[HttpResponseBase] = get_response(request)
            return await waiting

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        if _is_program_at_uploads(request) and (refusal := _let_in(request)):
            return refusal
        return cast(HttpResponseBase, get_response(request))

    return answer


def _is_program_at_uploads(request: HttpRequest) -> bool:
    at_uploads = request.path == UPLOADS or request.path.startswith(f"{UPLOADS}/")
    return at_uploads and bearer_text(request) is not None


def _let_in(request: HttpRequest) -> HttpResponse | None:
    request.user = AnonymousUser()  # a session that comes along counts for nothing here
    try:
        token_of(request, "datasets:write")
    except RefusedTokenError as error:
        return error.response
    request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined] # no cookie let it in
    return None


def user_of_archive(request: HttpRequest) -> User | None:
    """Returns whose token an upload in one request brings; None if it sends none.

    Raises:
        RefusedTokenError: The token may not do this.
    """
    token = token_of(request, "datasets:write")
    return None if token is None else token.owner
