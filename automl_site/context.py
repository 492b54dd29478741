"""What every page's template may use."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, object]:
    """Returns whether people may sign up by themselves."""
    return {"signup_open": settings.SIGNUP_OPEN}
