"""Logs as readable lines or as JSON: time, level, message, and what is bound to the work at hand.

Whose request it is, and which run or data set it is about, is looked up when a line is written: most requests
write none and pay nothing.
"""

from __future__ import annotations

import json
import logging.config
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from datasets_app.at_hand import request_at_hand

SHORT_ID: Final = 8
"""So many signs of a UUID stand in a line: enough to find it, short enough to read."""

_SUBJECTS: Final = {"run_id": "run", "dataset_id": "dataset", "upload_id": "upload", "device_id": "device"}


@sync_and_async_middleware
def remember_request(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Middleware: lines that are written while a request is answered name it."""

    def begin(request: HttpRequest) -> Any:
        request.META["automl.request"] = uuid.uuid4().hex[:SHORT_ID]
        return request_at_hand.set(request)

    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            token = begin(request)
            try:
                waiting: Awaitable[HttpResponseBase] = get_response(request)
                return await waiting
            finally:
                request_at_hand.reset(token)

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        token = begin(request)
        try:
            response: HttpResponseBase = get_response(request)
            return response
        finally:
            request_at_hand.reset(token)

    return answer


def add_request(_logger: Any, _method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Adds request, user and subject of the request at hand; what the code has bound itself wins."""
    request = request_at_hand.get()
    if request is None:
        return line
    line.setdefault("request", request.META.get("automl.request"))
    # Only if somebody has asked for the user already: a line in the log must not cause a query.
    user = getattr(request, "_cached_user", None) or getattr(request, "_acached_user", None)
    if user is not None and user.pk is not None:
        line.setdefault("user", user.pk)
    matched = request.resolver_match
    for name, word in _SUBJECTS.items():
        if matched is not None and name in matched.kwargs:
            line.setdefault(word, short_id(matched.kwargs[name]))
    return line


def short_id(key: object) -> str:
    """The beginning of a UUID, as lines name it."""
    return str(key)[:SHORT_ID]


def _renderers(form: str) -> list[structlog.typing.Processor]:
    if form == "json":
        return [
            structlog.processors.EventRenamer("message"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ]
    # repr() of values keeps a line break in a user's text from faking a log line
    return [
        structlog.dev.ConsoleRenderer(
            colors=False, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
        )
    ]


def _shared(form: str) -> list[structlog.typing.Processor]:
    stamp = {"fmt": "iso", "utc": True} if form == "json" else {"fmt": "%H:%M:%S", "utc": False}
    named: list[structlog.typing.Processor] = [structlog.stdlib.add_logger_name] if form == "json" else []
    return [
        structlog.contextvars.merge_contextvars,
        add_request,
        structlog.stdlib.add_log_level,
        *named,
        structlog.processors.TimeStamper(**stamp),  # type: ignore[arg-type] # the two forms above fit
    ]


def configure_logs(level: str, form: str = "text") -> None:
    """Sends the logs of structlog and of the standard library to stderr in one form.

    Args:
        level: The least that is written, a name of the standard library.
        form: "text" for people, or "json": one object a line, for programs.
    """
    shared = _shared(form)
    structlog.configure(
        processors=[
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(_handlers(level, form, shared))


def _handlers(level: str, form: str, shared: list[structlog.typing.Processor]) -> dict[str, Any]:
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *_renderers(form),
                ],
            },
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "httpx": {"level": "WARNING"},
            "uvicorn.access": {"level": "WARNING"},
            "uvicorn.error": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            "django.server": {"level": "WARNING"},
        },
    }


def process_line(name: str, line: str, form: str) -> str:
    """Returns a child's line as `manage.py up` prints it: with the child's name in front, or inside its JSON.

    Args:
        name: Of the child.
        line: One line of its output; not all of them come from loggers.
        form: As in `configure_logs`.
    """
    if form != "json":
        return f"{name:<11} | {line}"
    try:
        known = json.loads(line)
    except ValueError:
        known = None
    return json.dumps({"process": name, **(known if isinstance(known, dict) else {"message": line})})
