"""The page that shows every token and every component in every state, for whoever builds pages."""

from __future__ import annotations

import re
from pathlib import Path

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from automl_site.icons import ICONS

_COLOUR = re.compile(r"^  (--(?:app|series|chart)-[\w-]+):", re.MULTILINE)
_SIZE = re.compile(r"^  (--(?:text|space|radius|shadow)-[\w]+): ([^;]+);", re.MULTILINE)
STATES = tuple(
    """
    QUEUED RUNNING PAUSED STOPPING DONE STOPPED FAILED UPLOADING PREVIEW CHECKING NEEDS_ATTENTION READY
    REJECTED
    WAITING MEASURING REFUSED
    """.split()  # noqa: SIM905 (a word each is easier to read)
)


class SampleForm(forms.Form):
    """One field of each kind, two of them wrong."""

    text = forms.CharField(label="Text", help_text="A hint says what happens with it.")
    number = forms.FloatField(label="Number", required=False, min_value=1)
    choice = forms.ChoiceField(label="Choice", choices=[("a", "First"), ("b", "Second")])
    tick = forms.BooleanField(label="Tick", required=False, help_text="On or off.")


@require_GET
@login_required
def styleguide(request: HttpRequest) -> HttpResponse:
    """Tokens and components, side by side in light and dark."""
    sheet = (Path(settings.BASE_DIR) / "static/css/tokens.css").read_text(encoding="utf-8")
    themes = ("light", "dark")
    forms_of = {theme: SampleForm({"number": "0"}, auto_id=f"{theme}_%s") for theme in themes}
    context = {
        "themes": [(theme, forms_of[theme]) for theme in themes],
        "colours": _COLOUR.findall(sheet),
        "sizes": _SIZE.findall(sheet),
        "states": STATES,
        "icons": ICONS,
        "tabs": [
            ("#one", "Overview", None, True),
            ("#two", "Photos", 128, False),
            ("#three", "Notes", 0, False),
        ],
        "page": Paginator(range(30), 10).page(2),
    }
    return render(request, "styleguide/page.html", context)
