"""What is forgotten of programs and webhooks: kept answers, old deliveries, tokens long out of use."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db.models import Q
from django.utils import timezone

from search_app.models import ApiToken, IdempotentRequest, WebhookDelivery

ANSWERS_KEPT: Final = timedelta(days=2)
DELIVERIES_KEPT: Final = timedelta(days=30)
TOKENS_KEPT: Final = timedelta(days=90)
"""After a token was revoked or expired: until then its line says when it was last used."""


def forget_old() -> int:
    """Removes rows that nobody asks for any more; returns how many."""
    now = timezone.now()
    n_answers, _of = IdempotentRequest.objects.filter(created_at__lt=now - ANSWERS_KEPT).delete()
    told = WebhookDelivery.objects.exclude(state=WebhookDelivery.State.PENDING)
    n_deliveries, _of = told.filter(created_at__lt=now - DELIVERIES_KEPT).delete()
    dead = Q(revoked_at__lt=now - TOKENS_KEPT) | Q(expires_at__lt=now - TOKENS_KEPT)
    n_tokens, _of = ApiToken.objects.filter(dead).delete()
    return n_answers + n_deliveries + n_tokens
