"""Request bodies, before Django: uploads in pieces go to the disk as they come, all others are bounded.

Django's ASGI handler reads a whole body into a temporary file before any view runs. A connection that breaks
would lose all of it, and whoever is refused would have filled the disk first. So here

* a PATCH of an upload is shown to Django with an empty body. Its view looks at session, CSRF token, owner and
  offset, and only with its grant the body is read and written (`automl_site/pieces.py`);
* every other body is refused before it is read when it is longer than its address takes; an archive sent in
  one request also when it does not tell its length, nobody is signed in or there is no room for it.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable
from importlib import import_module
from io import BytesIO
from typing import Final

import structlog
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse

from automl_site.api_access import RefusedTokenError, user_of_archive
from automl_site.pieces import Message, Receive, Scope, in_thread, store_piece
from datasets_app import quota, tus
from datasets_app.receiving import RefusedError, Verdict
from nas.data.findings import human_bytes

Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

UPLOAD_PATH: Final = re.compile(r"/uploads/[0-9a-f-]{36}/")
ARCHIVE_PATH: Final = "/api/v1/datasets"
MAX_BODY_BYTES: Final = 4_000_000
"""Of everything but archives: forms and JSON."""
FORM_BYTES: Final = 1_000_000
"""What a form adds to the archive in it."""
LINGER_SECONDS: Final = 3.0

log = structlog.get_logger(__name__)


class BodyGuard:
    """Stands between the web server and Django's ASGI application."""

    def __init__(self, application: Application) -> None:
        """Takes Django's application."""
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one HTTP request."""
        scope = _with_real_method(scope)
        if scope["method"] == "PATCH" and UPLOAD_PATH.fullmatch(scope["path"]):
            await self._take_piece(scope, receive, send)
        else:
            await self._pass_on(scope, receive, send)

    async def _take_piece(self, scope: Scope, receive: Receive, send: Send) -> None:
        verdict = Verdict()
        judged: list[Message] = []

        async def keep(message: Message) -> None:
            judged.append(message)

        await self._application({**scope, tus.SCOPE_KEY: verdict}, _no_body(), keep)
        if verdict.grant is None:
            await _send_unread(judged, scope, receive, send)
            return
        response, read_to_the_end = await store_piece(verdict.grant, receive)
        messages = _messages(response)
        if read_to_the_end:
            await _send_all(messages, send)
        else:
            await _send_unread(messages, scope, receive, send)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_archive = scope["method"] == "POST" and scope["path"] == ARCHIVE_PATH
        limit = settings.MAX_UPLOAD_BYTES + FORM_BYTES if is_archive else MAX_BODY_BYTES
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            _check_length(_content_length(scope), limit)
            if is_archive:
                await in_thread(_judge_archive, scope)
            await self._application(scope, _counted(receive, limit), watched)
        except RefusedError as error:
            await _send_unread(_messages(tus.refusal(error.status, str(error))), scope, receive, send)
        except OSError as error:
            # Django was writing the body into its temporary file.
            if started or error.errno not in quota.FULL_DISK:
                raise
            log.warning("no room for a request's body", error=str(error))
            await _send_unread(_messages(tus.refusal(507, quota.DISK_FULL)), scope, receive, send)


def _judge_archive(scope: Scope) -> None:
    """Refuses an archive in one request before it is read: nobody is signed in, or there is no room.

    Raises:
        RefusedError: 401, 411, 413 or 507.
    """
    user = _user_of(ASGIRequest(scope, BytesIO()))
    n_bytes = _content_length(scope)
    if n_bytes is None:
        # Quota and disk are judged by it: counted as it comes, it would have filled the disk first.
        raise RefusedError(
            411,
            "This request does not say how long it is. Send the archive with a Content-Length, "
            "or in pieces to /uploads/.",
        )
    try:
        quota.check_quota(user, n_bytes)
        quota.check_disk(n_bytes)
    except ValidationError as error:
        raise RefusedError(quota.STATUS_OF_CODE[error.code or ""], " ".join(error.messages)) from error


def _user_of(request: ASGIRequest) -> User:
    """Whose request it is, by token or session.

    Raises:
        RefusedError: 401, 403 or 429.
    """
    try:
        owner = user_of_archive(request)
    except RefusedTokenError as error:
        told = json.loads(error.response.content)
        raise RefusedError(error.response.status_code, told["detail"]) from error
    if owner is not None:
        return owner
    engine = import_module(settings.SESSION_ENGINE)
    request.session = engine.SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    user = get_user(request)
    if not isinstance(user, User):
        raise RefusedError(401, "You are not signed in. Sign in and try again.")
    return user


def _counted(receive: Receive, limit: int) -> Receive:
    """The same body, refused as soon as more came than `limit`: not every body tells its length."""
    n_bytes = 0

    async def counted() -> Message:
        nonlocal n_bytes
        message = await receive()
        n_bytes += len(message.get("body", b""))
        _check_length(n_bytes, limit)
        return message

    return counted


def _check_length(n_bytes: int | None, limit: int) -> None:
    if n_bytes is not None and n_bytes > limit:
        raise RefusedError(
            413, f"This is too large: at most {human_bytes(limit)} are taken here. Send less at a time."
        )


def _no_body() -> Receive:
    """The body that Django sees of a PATCH: empty, and then nothing happens any more."""
    first = True

    async def receive() -> Message:
        nonlocal first
        if not first:
            await asyncio.Event().wait()  # Django waits for a disconnect here and is cancelled by itself
        first = False
        return {"type": "http.request", "body": b"", "more_body": False}

    return receive


async def _send_all(messages: list[Message], send: Send) -> None:
    for message in messages:
        await send(message)


async def _send_unread(messages: list[Message], scope: Scope, receive: Receive, send: Send) -> None:
    """Answers while the client may still be sending.

    A connection that is closed with unread bytes is reset, and the reset may overtake the answer. So the
    answer goes out first, and then some more of the body is read and thrown away before it closes.
    """
    if not messages or not _has_body(scope):
        await _send_all(messages, send)
        return
    start, *bodies = messages
    await send({**start, "headers": [*start.get("headers", ()), (b"connection", b"close")]})
    for message in bodies:
        await send({**message, "more_body": True})
    deadline = time.monotonic() + LINGER_SECONDS
    more = True
    while more and (left := deadline - time.monotonic()) > 0:
        try:
            async with asyncio.timeout(left):
                more = (await receive()).get("more_body", False)
        except TimeoutError:
            break
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _messages(response: HttpResponse) -> list[Message]:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.items()]
    if response.status_code != 204:
        headers.append((b"Content-Length", str(len(response.content)).encode()))
    return [
        {"type": "http.response.start", "status": response.status_code, "headers": headers},
        {"type": "http.response.body", "body": response.content, "more_body": False},
    ]


def _with_real_method(scope: Scope) -> Scope:
    """The tus protocol lets clients send PATCH and DELETE as POST and say so in a header, for old proxies."""
    if scope["method"] != "POST" or not scope["path"].startswith("/uploads/"):
        return scope
    method = _header(scope, b"x-http-method-override").decode("latin-1").upper()
    return {**scope, "method": method} if method in {"PATCH", "DELETE"} else scope


def _has_body(scope: Scope) -> bool:
    return bool(_content_length(scope) or _header(scope, b"transfer-encoding"))


def _content_length(scope: Scope) -> int | None:
    text = _header(scope, b"content-length")
    return int(text) if text.isdigit() else None


def _header(scope: Scope, name: bytes) -> bytes:
    return next((value for key, value in scope["headers"] if key.lower() == name), b"")
