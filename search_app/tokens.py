"""Tokens of programs: made, found and revoked.

A token reads ``aml_<prefix>_<secret>``. The prefix finds its row by an index; the 256 random bits of the
secret are compared as SHA-256 in constant time. A slow hash would protect nothing: nobody guesses 256 bits.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from datetime import timedelta
from typing import Final

from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from datasets_app.audit import record
from datasets_app.models import Action
from search_app.models import ApiToken

SCOPES: Final = {
    "datasets:read": gettext_lazy("See data sets, photos and findings"),
    "datasets:write": gettext_lazy("Upload, change and delete data sets"),
    "searches:read": gettext_lazy("See searches and follow them"),
    "searches:write": gettext_lazy("Start, stop, change and delete searches"),
    "models:read": gettext_lazy("Download models and reports"),
    "models:write": gettext_lazy("Ask for exports"),
    "devices:read": gettext_lazy("See devices"),
    "devices:write": gettext_lazy("Add, measure and delete devices"),
}
"""What a token can be allowed to do. There is none for tokens, webhooks, passwords or accounts."""

MOST_TOKENS: Final = 50
"""Usable ones of one person."""
LONGEST_DAYS: Final = 3650
USED_EVERY: Final = timedelta(minutes=1)

_FORM: Final = re.compile(r"aml_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


@transaction.atomic
def token_create(
    *, owner: User, name: str, scopes: Collection[str], days: int | None = None
) -> tuple[ApiToken, str]:
    """Makes a token; returns its row and the token itself, which nobody can read again.

    Args:
        owner: Whose programs it lets in.
        name: What it is for.
        scopes: Names of `SCOPES`, at least one.
        days: Until it expires; None: never.

    Raises:
        ValidationError: If something is missing or unknown, or there are too many tokens.
    """
    cleaned = " ".join(name.split())[:100]
    if not cleaned:
        raise ValidationError(_("Give the token a name by which you will know what it is for."))
    if not scopes or not set(scopes) <= set(SCOPES):
        raise ValidationError(_("Choose at least one thing that the token may do."))
    if days is not None and not 1 <= days <= LONGEST_DAYS:
        raise ValidationError(_("Choose between 1 and %(n)s days.") % {"n": LONGEST_DAYS})
    now = timezone.now()
    usable = ApiToken.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), owner=owner, revoked_at=None)
    if usable.count() >= MOST_TOKENS:
        raise ValidationError(
            _("You have %(n)s tokens already. Revoke one that you no longer need.") % {"n": MOST_TOKENS}
        )
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        owner=owner,
        name=cleaned,
        prefix=prefix,
        secret_sha256=_hash(secret),
        scopes=[scope for scope in SCOPES if scope in scopes],
        expires_at=None if days is None else now + timedelta(days=days),
    )
    record(Action.TOKEN_CREATE, actor=owner, target=token, detail=", ".join(token.scopes))
    return token, f"aml_{prefix}_{secret}"


def token_revoke(*, token: ApiToken) -> None:
    """Ends a token at once: the next request with it is refused."""
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
        record(Action.TOKEN_REVOKE, target=token)


def tokens_of_user(user: User | AnonymousUser) -> QuerySet[ApiToken]:
    """Returns the tokens of a person, newest first."""
    return ApiToken.objects.filter(owner_id=user.pk) if user.is_authenticated else ApiToken.objects.none()


def token_for_text(text: str) -> ApiToken | None:
    """Returns the usable token that a program has sent, its owner at hand; None for everything else."""
    parts = _FORM.fullmatch(text)
    if parts is None:
        return None
    prefix, secret = parts.groups()
    token = ApiToken.objects.select_related("owner").filter(prefix=prefix).first()
    # Compared also when there is no such prefix: the answer takes as long.
    known = token.secret_sha256 if token is not None else "0" * 64
    right = hmac.compare_digest(known, _hash(secret))
    if token is None or not right or not token.usable or not token.owner.is_active:
        return None
    _note_use(token)
    return token


def _note_use(token: ApiToken) -> None:
    """Once a minute at most, and in the audit log once a day: a program must not cost a write a request."""
    now, before = timezone.now(), token.last_used_at
    if before is None or now - before >= USED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    if before is None or now.date() != before.date():
        record(Action.TOKEN_USE, actor=token.owner, target=token)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
