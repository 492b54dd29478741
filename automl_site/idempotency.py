"""``Idempotency-Key``: a request that is sent twice is carried out once, and answered twice alike.

The first answer is kept for a person, a key and a route. It is replayed to the same request; another body is
422, and a request whose answer is not there yet is 409. What was refused before it was carried out (no
access, too many requests, a body that does not fit the schema) is not kept: corrected, it may use the same
key. Nor is an answer kept that says "try again": who does so with the same key must not get it for two days.

An answer of which the process died is never known: its key stays taken, because to carry the request out
again could double it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, Final, cast

from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from pydantic import BaseModel

from datasets_app.problems import problem
from search_app.models import IdempotentRequest

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotency-Replayed"
LONGEST_KEY: Final = 255
MOST_ANSWER: Final = 1_000_000
DEAD_AFTER: Final = timedelta(hours=1)

TRY_AGAIN: Final = frozenset({429, 503, 507})
"""Statuses that say nothing of the request itself, only of the moment at which it came."""

_EDGE_BYTES: Final = 2**20

View = Callable[..., Any]


def keep_answer(run: View) -> View:
    """Decorates the whole operation: its answer is kept if `once` has taken the request."""

    @wraps(run)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        response = run(request, *args, **kwargs)
        taken: IdempotentRequest | None = getattr(request, "idempotent_request", None)
        if taken is not None and isinstance(response, HttpResponse):
            _keep(taken, response)
        return response

    return answer


def once(function: View) -> View:
    """Decorates the function of an operation, after access and input were judged."""

    @wraps(function)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        key = request.headers.get(HEADER)
        if key is None or request.method != "POST":
            return function(request, *args, **kwargs)
        if not key or len(key) > LONGEST_KEY or not key.isascii() or not key.isprintable():
            sentence = _("An Idempotency-Key has 1 to %(n)s printable ASCII signs. Send a shorter one.")
            return problem(400, sentence % {"n": LONGEST_KEY})
        taken, refusal = _take(request, key, _fingerprint(kwargs))
        if refusal is not None:
            return refusal
        request.idempotent_request = taken  # type: ignore[attr-defined] # for `keep_answer`
        return function(request, *args, **kwargs)

    return answer


def _take(
    request: HttpRequest, key: str, body_sha256: str
) -> tuple[IdempotentRequest | None, HttpResponse | None]:
    """Takes the key, or returns what is to be answered instead. The table's constraint lets one win."""
    owner = cast(User, request.user)
    hashed = hashlib.sha256(f"{request.method} {request.path}\n{key}".encode()).hexdigest()
    try:
        with transaction.atomic():
            return IdempotentRequest.objects.create(owner=owner, key=hashed, body_sha256=body_sha256), None
    except IntegrityError:
        found = IdempotentRequest.objects.filter(owner=owner, key=hashed).first()
    if found is None:  # the clean-up was faster
        return None, problem(409, _("This key was forgotten just now. Send the request again."))
    return None, _answer_again(found, body_sha256)


def _answer_again(found: IdempotentRequest, body_sha256: str) -> HttpResponse:
    if found.body_sha256 != body_sha256:
        sentence = _(
            "This Idempotency-Key was used with another content. Choose a new key for a new request."
        )
        return problem(422, sentence, code="idempotency_key_reused")
    if found.status is None:
        if timezone.now() - found.created_at > DEAD_AFTER:
            sentence = _("This request was cut off. Look whether it was carried out, then choose a new key.")
            return problem(409, sentence, code="idempotency_outcome_unknown")
        response = problem(
            409, _("This request is still being worked on. Wait a moment."), code="idempotency_in_flight"
        )
        response["Retry-After"] = "1"
        return response
    response = HttpResponse(found.answer, status=found.status, content_type=found.content_type)
    response[REPLAYED] = "true"
    return response


def _keep(taken: IdempotentRequest, response: HttpResponse) -> None:
    found = IdempotentRequest.objects.filter(pk=taken.pk)
    if response.status_code in TRY_AGAIN:
        found.delete()
        return
    text = response.content.decode("utf-8", "replace")[:MOST_ANSWER]
    found.update(status=response.status_code, content_type=response.get("Content-Type", ""), answer=text)


def _fingerprint(values: dict[str, Any]) -> str:
    """Returns the SHA-256 of what the operation was asked for, as it was understood."""
    told = json.dumps({name: _told(value) for name, value in values.items()}, sort_keys=True, default=str)
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()


def _told(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return _told_file(value) if isinstance(value, UploadedFile) else value


def _told_file(file: UploadedFile) -> list[Any]:
    """Name, size, and a hash of both ends: to hash tens of gigabytes would take minutes."""
    digest = hashlib.sha256()
    size = file.size or 0
    for start in {0, max(0, size - _EDGE_BYTES)}:
        file.seek(start)
        digest.update(file.read(_EDGE_BYTES))
    file.seek(0)
    return [file.name, size, digest.hexdigest()]
