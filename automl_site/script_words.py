"""The catalogue of the scripts: small, and asked for again only when it changed."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language
from django.views.decorators.cache import cache_control
from django.views.decorators.http import etag
from django.views.decorators.vary import vary_on_cookie
from django.views.i18n import JavaScriptCatalog

from datasets_app.words.compile import LOCALES

OWN: Final = ("automl_site",)
"""Only this project's words: those of the admin's scripts would come along otherwise."""


@lru_cache(maxsize=1)
def _version() -> int:
    """Time of the newest catalogue; a process reads them once."""
    return max((path.stat().st_mtime_ns for path in Path(LOCALES).rglob("*.mo")), default=0)


def _tag(_request: HttpRequest, **_options: object) -> str:
    return f'"{get_language() or settings.LANGUAGE_CODE}-{_version()}"'


# A browser keeps it and asks whether it is still good: the language may have changed since.
words = vary_on_cookie(
    cache_control(private=True, no_cache=True)(etag(_tag)(JavaScriptCatalog.as_view(packages=OWN)))
)
