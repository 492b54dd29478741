"""What the engine says in events, candidates and reports, in the language of whoever reads."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from django.http.cookie import parse_cookie
from django.utils.translation import get_language, get_language_from_request

from datasets_app.words.engine import said

SENTENCES: Final = frozenset(
    {
        "message", "error", "label", "labels", "reason", "unchecked", "against", "initialisation",
        "broken_limits", "how", "reasons",
    }
)  # fmt: skip
"""Fields whose text, or list of texts, comes from the engine; nothing that people typed has these names."""


def spoken(told: Any) -> Any:
    """Returns JSON-ready data with the engine's sentences in the active language; the data itself stays.

    Args:
        told: An event, a candidate, the summary of a run, or a list of such.
    """
    language = get_language()
    return told if language is None or language.startswith("en") else _spoken(told)


def _spoken(told: Any) -> Any:
    if isinstance(told, dict):
        return {
            name: _sentences(value) if name in SENTENCES else _spoken(value) for name, value in told.items()
        }
    if isinstance(told, list | tuple):
        return [_spoken(one) for one in told]
    return told


def _sentences(value: Any) -> Any:
    if isinstance(value, str):
        return said(value)
    if isinstance(value, list | tuple):
        return [_sentences(one) for one in value]
    return _spoken(value)


def language_of_socket(scope: dict[str, Any]) -> str:
    """Returns the language of a websocket's reader, from its cookie or its browser, as pages have it."""
    headers = dict(scope.get("headers") or ())
    request = HttpRequest()
    request.COOKIES = parse_cookie(headers.get(b"cookie", b"").decode("latin-1"))
    request.META["HTTP_ACCEPT_LANGUAGE"] = headers.get(b"accept-language", b"").decode("latin-1")
    return get_language_from_request(request)
