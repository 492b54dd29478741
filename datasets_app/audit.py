"""Writes the audit log, and forgets what is older than its time."""

from __future__ import annotations

import unicodedata
from datetime import timedelta
from typing import Final

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from datasets_app.at_hand import request_at_hand
from datasets_app.models import Action, AuditEntry

_KINDS: Final = {"searchrun": "search", "trainedmodel": "model"}


def record(
    action: Action,
    *,
    actor: User | AnonymousUser | None = None,
    target: Model | None = None,
    detail: str = "",
    request: HttpRequest | None = None,
) -> AuditEntry:
    """Adds one row, in the transaction at hand: what is rolled back was not done.

    Args:
        action: What was done.
        actor: Who did it; without one whoever is signed in at the request.
        target: To what; its kind, id and name are copied.
        detail: What else matters; put on one line and cut after 300 signs.
        request: Where it came from; without one the request at hand, if there is one.
    """
    request = request or request_at_hand.get()
    if actor is None and request is not None:
        actor = getattr(request, "user", None)
    known = actor if actor is not None and actor.is_authenticated else None
    return AuditEntry.objects.create(
        action=action,
        actor_id=known.pk if known else None,
        actor=known.get_username()[:150] if known else "",
        target_kind=_kind(target)[:20] if target is not None else "",
        target_id=str(target.pk)[:40] if target is not None else "",
        target=one_line(str(target), 200) if target is not None else "",
        detail=one_line(detail, 300),
        ip=client_ip(request) if request is not None else None,
        request=str(request.META.get("automl.request", ""))[:40] if request is not None else "",
    )


def client_ip(request: HttpRequest) -> str | None:
    """Returns the client's address; forwarded ones count only from as many proxies as the settings trust."""
    try:
        found: str | None = get_adapter(request).get_client_ip(request)
    except (ImproperlyConfigured, PermissionDenied):  # fewer proxies than are trusted, or a unix socket
        return None
    return found


def one_line(text: str, longest: int) -> str:
    """Returns the text without line breaks and other control signs, so that no row can look like two."""
    kept = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in text)
    return " ".join(kept.split())[:longest]


def forget_old() -> int:
    """Removes rows older than ``AUTOML_AUDIT_DAYS``; returns how many. The one way by which rows go."""
    limit = timezone.now() - timedelta(days=settings.AUDIT_DAYS)
    old: QuerySet[AuditEntry] = AuditEntry.objects.filter(at__lt=limit)
    return int(old._raw_delete(old.db))  # delete() itself is refused


def _kind(target: Model) -> str:
    name = str(target._meta.model_name)
    return _KINDS.get(name, name)
