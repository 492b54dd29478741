"""What comes to the API as JSON, in queries and in forms, refused early where no column could hold it."""

from __future__ import annotations

import json
import math
from typing import Any, Final, NoReturn

from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from ninja.parser import Parser
from ninja.renderers import JSONRenderer

DEEPEST: Final = 64
LARGEST: Final = 2**63


class InputError(Exception):
    """A request that cannot be read.

    Attributes:
        status: HTTP status, 400, 415 or 422.
        sentence: What to correct.
    """

    def __init__(self, status: int, sentence: str) -> None:
        """Takes the answer."""
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


class StrictParser(Parser):
    """Reads JSON as RFC 8259 has it, without signs and numbers that databases refuse."""

    def parse_body(self, request: HttpRequest) -> Any:
        """Reads a body of JSON.

        Raises:
            InputError: It is none, or holds what cannot be kept.
        """
        kind = (request.content_type or "").lower()
        if kind != "application/json" and not kind.endswith("+json"):
            raise InputError(415, _("Send JSON, with the header Content-Type: application/json."))
        data = strict_json(request.body)
        if not isinstance(data, dict):  # ninja would take anything for an object whose members are left out
            raise InputError(422, _("Send an object of JSON, in braces."))
        return data

    def parse_querydict(
        self, data: MultiValueDict[str, Any], list_fields: list[str], request: HttpRequest
    ) -> dict[str, Any]:
        """Reads a query or a form.

        Raises:
            InputError: A value holds a sign that cannot be kept.
        """
        for name, values in data.lists():
            _check_text(name)
            for value in values:
                if isinstance(value, str):
                    _check_text(value)
        return dict(super().parse_querydict(data, list_fields, request))


class StrictRenderer(JSONRenderer):
    """Writes JSON that every program can read: numbers that are none become null."""

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> Any:
        """Returns the text."""
        try:
            return json.dumps(data, cls=self.encoder_class, allow_nan=False)
        except ValueError:
            return json.dumps(_finite(data), cls=self.encoder_class)


def strict_json(body: bytes) -> Any:
    """Reads JSON.

    Raises:
        InputError: It is none, is nested too deeply, or holds NaN, a number beyond 64 bits, a NUL sign or
            half of a surrogate pair.
    """
    try:
        data = json.loads(body, parse_constant=_no_number)
    except RecursionError as error:
        raise InputError(422, _too_deep()) from error
    except ValueError as error:  # also bytes that are no UTF-8, and numbers of thousands of digits
        raise InputError(400, _("This is no JSON. Correct it and send it again.")) from error
    _check(data)
    return data


def _check(data: Any) -> None:
    """Looks at every value, level by level: no recursion that a sender could exhaust."""
    level = [data]
    depth = 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise InputError(422, _too_deep())
        below: list[Any] = []
        for value in level:
            if isinstance(value, str):
                _check_text(value)
            elif isinstance(value, dict):
                below.extend(value)
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value)
            elif isinstance(value, int | float):
                _check_number(value)
        level = below


def _check_number(value: float) -> None:
    if not -LARGEST <= value < LARGEST if isinstance(value, int) else not math.isfinite(value):
        raise InputError(422, _("A number is too large. Send numbers of 64 bits at most."))


def _check_text(text: str) -> None:
    if "\0" in text:
        raise InputError(422, _("A text holds a NUL sign. Take it out and send it again."))
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InputError(422, _("A text holds half of a character. Send it as whole UTF-8.")) from error


def _no_number(_word: str) -> NoReturn:
    raise ValueError("JSON has no such number")


def _too_deep() -> str:
    return _("This is nested too deeply. Send at most %(n)s levels.") % {"n": DEEPEST}


def _finite(data: Any) -> Any:
    if isinstance(data, dict):
        return {name: _finite(value) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data
