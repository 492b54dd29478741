"""Figures for people, in the active language: `93.4%` is `93,4 %` in German."""

from __future__ import annotations

import re
from typing import Final

from django.utils.formats import number_format
from django.utils.translation import gettext

from nas.report import words

_UNITS: Final = (
    "ms", "s", "min", "h", "B", "kB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "px", "mJ", "k", "M", "G",
)  # fmt: skip
_NUMBER: Final = re.compile(r"(?<![\w.,])([+-]?)(\d[\d,]*)(?:\.(\d+))?(?:(%)|(?=[^\w]|$))")
_FIGURES: Final = re.compile(
    rf"(?:[+-]?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?[%×]?(?: (?:{'|'.join(_UNITS)})\b)?(?:[\s()/–-]+|, |$))+"
)


def localised(text: str) -> str | None:
    """Returns figures with the decimal point of the language, e.g. ``"12 ms"``; None for other text."""
    return _NUMBER.sub(_number, text) if _FIGURES.fullmatch(text) else None


def _number(match: re.Match[str]) -> str:
    sign, before, after, share = match.groups()
    grouped = "," in before
    number = number_format(
        f"{before.replace(',', '')}{f'.{after}' if after else ''}",
        decimal_pos=len(after or ""),
        force_grouping=grouped,
    )
    return sign + (gettext("%(value)s%%") % {"value": number} if share else number)


def whole(n: float) -> str:
    """Returns a whole number with separated thousands: ``"1,234"``."""
    return number_format(round(n), decimal_pos=0, force_grouping=True)


def decimal(value: float, places: int) -> str:
    """Returns a number with a fixed number of decimals, thousands separated: ``"1,234.5"``."""
    return number_format(f"{value:.{places}f}", decimal_pos=places, force_grouping=True)


def percent(value: float | None, places: int = 1) -> str:
    """Returns a fraction as ``"93.4%"``, a dash if there is none."""
    return "–" if value is None else gettext("%(value)s%%") % {"value": decimal(100 * value, places)}


def milliseconds(value: float | None) -> str:
    """Returns ``"3.21 ms"``, with fewer decimals the larger it is; a dash if there is none."""
    if value is None:
        return "–"
    return f"{decimal(value, 2 if value < 10 else 1)} ms"


def report_milliseconds(value: float | None) -> str:
    """Returns three significant digits as the report has them: ``"3.23 ms"``."""
    text = words.milliseconds(value)
    return localised(text) or text


def macs(value: float | None) -> str:
    """Returns multiply-accumulates as ``"3.4 M"``, a dash if there are none."""
    text = words.count(value)
    return localised(text) or text


def quantity(value: float) -> str:
    """Returns a figure with three digits or as a whole number: ``"0.117"``, ``"68.2"``, ``"2,097,152"``."""
    if abs(value) >= 1000:
        return whole(value)
    text = f"{value:.3g}"
    return text if "e" in text else decimal(value, len(text.partition(".")[2]))


def length_of_time(seconds: float | None) -> str:
    """Returns a length of time in words: ``"40 s"``, ``"12 min"``, ``"2 h 05 min"``."""
    if seconds is None:
        return "–"
    total = max(0, round(seconds))
    if total < 90:
        return f"{total} s"
    if total < 5400:
        return f"{round(total / 60)} min"
    rest = total % 3600 // 60
    return f"{total // 3600} h {rest:02d} min" if rest else f"{total // 3600} h"
