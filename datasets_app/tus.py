"""The addresses of resumable uploads: tus 1.0.0 (https://tus.io/protocols/resumable-upload).

These views judge and answer; they never see a body. For a PATCH the view only leaves a `Grant` in the scope
of the request, and the entry of the web process (`automl_site/bodies.py`) then writes the body to the disk as
it comes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import uuid
from collections.abc import Callable
from functools import wraps
from typing import Final, cast

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import http_date

from datasets_app.models import Dataset, Upload
from datasets_app.problems import problem
from datasets_app.quota import STATUS_OF_CODE
from datasets_app.receiving import CHECKSUMS, GONE, WRONG_OFFSET, Checksum, Grant, RefusedError, Verdict
from datasets_app.selectors import datasets_of_user
from datasets_app.upload_selectors import upload_for_user
from datasets_app.uploads import upload_cancel, upload_create
from datasets_app.words.engine import said, said_by

VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,termination,expiration,checksum"
BODY_TYPE: Final = "application/offset+octet-stream"
SCOPE_KEY: Final = "upload_verdict"
"""Under this name the entry of the web process puts a `Verdict` into the scope of a PATCH."""

MAX_METADATA: Final = 16_384

_NUMBER = re.compile(r"[0-9]{1,18}")

View = Callable[..., HttpResponse]


def _speaks_tus(*methods: str) -> Callable[[View], View]:
    """Wraps a view in what all answers of the protocol have in common."""

    def decorate(view: View) -> View:
        @wraps(view)
        def answer(request: HttpRequest, **kwargs: uuid.UUID) -> HttpResponse:
            if request.method == "OPTIONS":
                return _options()
            try:
                _check_request(request, methods)
                response = view(request, **kwargs)
            except ObjectDoesNotExist:
                response = refusal(404, GONE)
            except ValidationError as error:
                status = STATUS_OF_CODE.get(getattr(error, "code", None) or "", 422)
                response = refusal(status, said_by(error))
            except RefusedError as error:
                response = refusal(error.status, str(error))
            if response.status_code == 405:
                response["Allow"] = ", ".join(("OPTIONS", *methods))
            return _marked(response)

        return answer

    return decorate


@_speaks_tus("POST")
def uploads(request: HttpRequest) -> HttpResponse:
    """Announces a file (creation)."""
    if "Upload-Length" not in request.headers:
        raise RefusedError(400, "The header Upload-Length is missing: say how many bytes the file has.")
    marks = _metadata(request.headers.get("Upload-Metadata", ""))
    user = cast(User, request.user)
    upload = upload_create(
        owner=user,
        length=_number(request, "Upload-Length"),
        filename=marks.get("filename", ""),
        dataset=_named_dataset(user, marks["dataset"]) if marks.get("dataset") else None,
        name=marks.get("name", ""),
        fingerprint=marks.get("fingerprint", ""),
        sha256=marks.get("sha256", ""),
        confirm=marks.get("confirm") == "1",
    )
    response = HttpResponse(status=201)
    response["Location"] = reverse("datasets:upload", args=[upload.pk])
    response["X-Dataset"] = str(upload.dataset_id)
    return _with_expiry(response, upload)


@_speaks_tus("HEAD", "PATCH", "DELETE")
def upload(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """Tells how far a file is, takes more of it, or forgets it."""
    found = upload_for_user(request.user, upload_id)
    if request.method == "DELETE":
        upload_cancel(upload=found)
        return HttpResponse(status=204)
    if found.expires_at is not None and found.expires_at < timezone.now():
        raise RefusedError(410, "This upload was not finished in time. Choose the file again to start anew.")
    return _head(found) if request.method == "HEAD" else _patch(request, found)


def received(upload: Upload) -> HttpResponse:
    """The answer to a PATCH whose body was written up to `upload.offset`."""
    response = HttpResponse(status=204)
    response["Upload-Offset"] = str(upload.offset)
    return _marked(_with_expiry(response, upload))


def refusal(status: int, sentence: str) -> HttpResponse:
    """An answer in the API's one form of errors."""
    return _marked(problem(status, said(sentence)))


def _head(found: Upload) -> HttpResponse:
    response = HttpResponse(status=200)
    response["Upload-Offset"] = str(found.offset)
    response["Upload-Length"] = str(found.length)
    marks = {
        "filename": found.filename,
        "fingerprint": found.fingerprint,
        "sha256": found.expected_sha256,
    }
    response["Upload-Metadata"] = ",".join(
        f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in marks.items() if value
    )
    return _with_expiry(response, found)


def _patch(request: HttpRequest, found: Upload) -> HttpResponse:
    """Judges a PATCH; its body comes after the grant."""
    if request.content_type != BODY_TYPE:
        raise RefusedError(415, f"Send the bytes of the file as {BODY_TYPE}.")
    offset = _number(request, "Upload-Offset")
    if offset != found.offset:
        raise RefusedError(409, WRONG_OFFSET)
    announced = request.META.get("CONTENT_LENGTH") or "0"
    if not _NUMBER.fullmatch(announced) or offset + int(announced) > found.length:
        raise RefusedError(413, "This is more than the file was announced to have. Start this upload again.")
    checksum = _checksum(request)
    if found.completed_at is not None:
        return received(found)
    verdict = getattr(request, "scope", {}).get(SCOPE_KEY)
    if not isinstance(verdict, Verdict):
        raise RefusedError(501, "This server was started in a way that cannot take uploads in pieces.")
    verdict.grant = Grant(found, checksum)
    return HttpResponse(status=204)


def _options() -> HttpResponse:
    response = HttpResponse(status=204)
    response["Tus-Version"] = VERSION
    response["Tus-Extension"] = EXTENSIONS
    response["Tus-Max-Size"] = str(settings.MAX_UPLOAD_BYTES)
    response["Tus-Checksum-Algorithm"] = ",".join(CHECKSUMS)
    return _marked(response)


def _check_request(request: HttpRequest, methods: tuple[str, ...]) -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        raise RefusedError(
            412, f"This server speaks tus {VERSION}. Send the header Tus-Resumable: {VERSION}."
        )
    if not request.user.is_authenticated:
        raise RefusedError(401, "You are not signed in. Sign in and try again.")
    if request.method not in methods:
        raise RefusedError(405, f"This address answers {', '.join(methods)}.")


def _named_dataset(user: User, text: str) -> Dataset:
    try:
        return datasets_of_user(user).get(pk=uuid.UUID(text), owner_id=user.pk)
    except ValueError as error:
        raise Dataset.DoesNotExist from error


def _number(request: HttpRequest, header: str) -> int:
    text = request.headers.get(header, "")
    if not _NUMBER.fullmatch(text):
        raise RefusedError(400, f"The header {header} must be a whole number of bytes.")
    return int(text)


def _metadata(header: str) -> dict[str, str]:
    """Reads ``Upload-Metadata``: pairs of a key and a base64 value, separated by commas."""
    malformed = RefusedError(400, "The header Upload-Metadata must be pairs of a key and a base64 value.")
    if len(header) > MAX_METADATA:
        raise malformed
    marks: dict[str, str] = {}
    for pair in header.split(","):
        key, _, value = pair.strip().partition(" ")
        if not key:
            continue
        try:
            text = base64.b64decode(value.strip(), validate=True).decode("utf-8", "replace")
        except (binascii.Error, ValueError) as error:
            raise malformed from error
        marks[key] = text.replace("\0", "")
    return marks


def _checksum(request: HttpRequest) -> Checksum | None:
    header = request.headers.get("Upload-Checksum")
    if header is None:
        return None
    algorithm, _, value = header.strip().partition(" ")
    if algorithm not in CHECKSUMS:
        raise RefusedError(400, f"Checksums are taken as {', '.join(CHECKSUMS)}.")
    try:
        digest = base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != hashlib.new(algorithm, usedforsecurity=False).digest_size:
        raise RefusedError(400, f"Upload-Checksum must hold the {algorithm} of the body in base64.")
    return Checksum(algorithm, digest)


def _with_expiry(response: HttpResponse, upload: Upload) -> HttpResponse:
    if upload.expires_at is not None:
        response["Upload-Expires"] = http_date(upload.expires_at.timestamp())
    return response


def _marked(response: HttpResponse) -> HttpResponse:
    response["Tus-Resumable"] = VERSION
    response["Tus-Version"] = VERSION
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response
