"""What every page's template may use."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, object]:
    """Returns whether people may sign up by themselves, and whether mails leave this installation."""
    return {"signup_open": settings.SIGNUP_OPEN, "mails": bool(settings.EMAIL_HOST)}
