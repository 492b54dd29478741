"""Errors of the API in one form: RFC 9457, ``application/problem+json``."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any, Final

from django.http import HttpResponse

PROBLEM_TYPE: Final = "application/problem+json"


def problem(status: int, detail: str, **more: Any) -> HttpResponse:
    """Returns an error as the API tells it.

    Args:
        status: HTTP status, 400 or more.
        detail: One sentence for people, with the next step, in their language.
        **more: Further members, such as `code` for programs.
    """
    try:
        title = HTTPStatus(status).phrase
    except ValueError:
        title = "Error"
    content = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return HttpResponse(json.dumps(content), status=status, content_type=PROBLEM_TYPE)


def is_problem(response: Any) -> bool:
    """True for answers that this module made."""
    return bool(response.get("Content-Type", "").startswith(PROBLEM_TYPE))
