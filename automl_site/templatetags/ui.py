"""Small helpers of the templates: form widgets and figures for people."""

from __future__ import annotations

from typing import Any

from django import template
from django.forms import BoundField, CheckboxInput, Select
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from datasets_app.words import figures
from datasets_app.words.engine import said
from nas.report.words import count
from search_app.pages import PHASE_NAMES
from search_app.proof import ProofRow, proof_rows

register = template.Library()

STATE_NAMES = {
    "QUEUED": _("Waiting"),
    "RUNNING": _("Running"),
    "PAUSED": _("Paused"),
    "STOPPING": _("Stopping"),
    "DONE": _("Finished"),
    "STOPPED": _("Stopped"),
    "FAILED": _("Failed"),
    "WAITING": _("Waiting for the device"),
    "MEASURING": _("Measuring"),
    "READY": _("Ready"),
    "REFUSED": _("Refused"),
}


@register.filter
def widget_kind(field: BoundField) -> str:
    """Returns ``"checkbox"``, ``"select"`` or ``"input"``."""
    widget = field.field.widget
    if isinstance(widget, CheckboxInput):
        return "checkbox"
    return "select" if isinstance(widget, Select) else "input"


@register.filter
def with_class(field: BoundField, css: str) -> SafeString:
    """Returns the field's widget with a class; a field with errors is marked and tied to their text."""
    attrs: dict[str, str | bool] = {"class": f"{css} is-invalid" if field.errors else css}
    if field.errors:
        attrs |= {"aria-invalid": "true", "aria-describedby": f"{field.auto_id}_error"}
    return field.as_widget(attrs=attrs)


register.filter("percent", figures.percent)
register.filter("milliseconds", figures.milliseconds)
register.filter("quantity", figures.quantity)
register.filter("minutes", figures.length_of_time)
register.filter("said", said)


@register.filter
def range_words(bounds: tuple[int, int]) -> str:
    """Returns a range of whole numbers: ``"about 8"``, ``"about 8 to 12"``."""
    return _range(*map(str, bounds))


@register.filter
def range_minutes(bounds: tuple[float, float]) -> str:
    """Returns a range of times in words: ``"about 40 s"``, ``"about 40 s to 2 min"``."""
    return _range(*map(figures.length_of_time, bounds))


@register.filter
def proof(parity: dict[str, Any]) -> list[ProofRow]:
    """Returns the lines of a model's certificate in plain words."""
    return proof_rows(parity)


@register.simple_tag
def interval(low: float, value: float, high: float, floor: float = 0.0) -> SafeString:
    """Returns an accuracy and its interval as a small SVG on a scale from `floor` to 1."""
    span = max(1e-9, 1.0 - floor)
    place = [round(4 + 168 * (min(max(x, floor), 1.0) - floor) / span, 1) for x in (low, value, high)]
    return format_html(
        '<svg class="interval" viewBox="0 0 176 14" aria-hidden="true">'
        '<line class="rail" x1="4" x2="172" y1="7" y2="7"/><line class="span" x1="{}" x2="{}" y1="7" y2="7"/>'
        '<circle class="dot" cx="{}" cy="7" r="4"/></svg>',
        place[0],
        place[2],
        place[1],
    )


@register.filter
def sample_rows(n_images: int) -> list[int]:
    """Returns up to four rows spread over a data set, for the strip of its card."""
    return sorted({n_images * part // 4 for part in range(4)}) if n_images else []


@register.filter
def phase_name(phase: str) -> str:
    """Returns the phase of a search in words."""
    return str(PHASE_NAMES.get(phase, phase.replace("_", " ")))


@register.filter
def state_name(state: str) -> str:
    """Returns the state of a search or a device in words."""
    return str(STATE_NAMES.get(state, state))


@register.filter
def times(value: float | None, factor: float) -> int:
    """Returns a product as a whole number, 0 for no value."""
    return round((value or 0.0) * factor)


def _range(low: str, high: str) -> str:
    if low == high:
        return gettext("about %(n)s") % {"n": low}
    return gettext("about %(low)s to %(high)s") % {"low": low, "high": high}


@register.filter
def macs(value: float | None) -> str:
    """Returns multiply-accumulates as ``"3.4 M"``, a dash if there are none."""
    return count(value)


@register.filter
def unlocalized(value: float) -> str:
    """Returns a number as scripts read it, whatever the language of the page."""
    return repr(value)
