"""Webhooks: a person's endpoints, what they are told, and which message is due."""

from __future__ import annotations

import json
import secrets
import uuid
from datetime import timedelta
from typing import Any, Final

from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from search_app.models import SearchRun, WebhookDelivery, WebhookEndpoint
from search_app.webhook_addresses import checked_address, target_of
from search_app.webhook_keys import secret_of

MOST_ENDPOINTS: Final = 10
"""Of one person."""
AT_ONCE: Final = 100
TOLD_WITHIN: Final = timedelta(days=3)
"""Ends that are older when they are seen are told to nobody; below the time that deliveries are kept."""
WAITS: Final = (30, 300, 1800, 7200, 18_000, 36_000, 36_000)
"""Seconds after each try that failed; after the last one the message is given up, about a day later."""

KINDS: Final = {
    SearchRun.State.DONE: "search.done",
    SearchRun.State.FAILED: "search.failed",
    SearchRun.State.STOPPED: "search.stopped",
}
TEST: Final = "test"
State = WebhookDelivery.State


def webhook_create(*, owner: User, url: str) -> tuple[WebhookEndpoint, str]:
    """Makes an endpoint; returns it and its signing secret, which is shown once.

    Raises:
        ValidationError: Messages may not go there, or there are too many endpoints.
    """
    target = target_of(url.strip())
    checked_address(target)  # before the transaction: a slow name server must not hold SQLite's write lock
    with transaction.atomic():
        if WebhookEndpoint.objects.filter(owner=owner).count() >= MOST_ENDPOINTS:
            sentence = _("You have %(n)s webhooks already. Delete one that you no longer need.")
            raise ValidationError(sentence % {"n": MOST_ENDPOINTS})
        endpoint = WebhookEndpoint.objects.create(owner=owner, url=url.strip(), salt=secrets.token_hex(32))
    return endpoint, secret_of(endpoint.salt)


def webhook_delete(*, endpoint: WebhookEndpoint) -> None:
    """Deletes an endpoint and what was sent to it."""
    endpoint.delete()


def webhook_switch(*, endpoint: WebhookEndpoint, active: bool) -> None:
    """Lets an endpoint be told of ends, or not; of what ended while it was off it is not told."""
    changed = WebhookEndpoint.objects.filter(pk=endpoint.pk, active=not active)
    changed.update(active=active, since=timezone.now())


def webhooks_begin_anew() -> None:
    """In a restored copy: what waits is not sent, and only what ends from now on is told."""
    WebhookDelivery.objects.filter(state=State.PENDING).update(state=State.FAILED, lease_until=None)
    WebhookEndpoint.objects.update(since=Now())


def webhook_test(*, endpoint: WebhookEndpoint) -> WebhookDelivery:
    """Puts a message in line that tells of nothing; sent within seconds, tried once."""
    return WebhookDelivery.objects.create(
        endpoint=endpoint,
        kind=TEST,
        body=_body(TEST, {"message": "This is a test."}),
        tries=len(WAITS),
    )


def delivery_resend(*, delivery: WebhookDelivery) -> None:
    """Sends a message anew, with the same id: a receiver can tell that it has it already."""
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        state=State.PENDING, tries=0, next_at=timezone.now(), lease_until=None, problem="", status=None
    )


def webhooks_of_user(user: User | AnonymousUser) -> QuerySet[WebhookEndpoint]:
    """Returns a person's endpoints."""
    mine = WebhookEndpoint.objects.filter(owner_id=user.pk)
    return mine if user.is_authenticated and user.is_active else mine.none()


def webhook_for_user(user: User | AnonymousUser, endpoint_id: uuid.UUID) -> WebhookEndpoint:
    """Returns one endpoint.

    Raises:
        WebhookEndpoint.DoesNotExist: Missing, or someone else's.
    """
    return webhooks_of_user(user).get(pk=endpoint_id)


def queue_ends() -> int:
    """Puts a message in line for each end of a run that an endpoint has not been told of; returns how many.

    The table's constraint lets one of several sweepers do it. A run that goes on after a failure and ends
    again has another fence, and so another message.
    """
    since = timezone.now() - TOLD_WITHIN
    queued = 0
    for endpoint in WebhookEndpoint.objects.filter(active=True, owner__is_active=True):
        told = WebhookDelivery.objects.filter(endpoint=endpoint, run=OuterRef("pk"), fence=OuterRef("fence"))
        due = SearchRun.objects.filter(
            ~Exists(told),
            owner_id=endpoint.owner_id,
            state__in=SearchRun.ended_states,
            finished_at__gt=max(since, endpoint.since),
        )
        due = due.select_related("dataset_version__dataset").order_by("finished_at")
        made = [_delivery(endpoint, run) for run in due[:AT_ONCE]]
        queued += len(WebhookDelivery.objects.bulk_create(made, ignore_conflicts=True))
    return queued


def _delivery(endpoint: WebhookEndpoint, run: SearchRun) -> WebhookDelivery:
    kind = KINDS[SearchRun.State(run.state)]
    body = _body(kind, _told(run))
    return WebhookDelivery(endpoint=endpoint, run=run, fence=run.fence, kind=kind, body=body)


def _told(run: SearchRun) -> dict[str, Any]:
    """What a message tells of a run: enough to decide whether to ask the API for more."""
    assert run.finished_at is not None
    return {
        "search_id": str(run.pk),
        "name": run.name,
        "state": str(run.state),
        "dataset_id": str(run.dataset_version.dataset_id),
        "dataset_name": run.dataset_version.dataset.name,
        "best_accuracy": run.best_accuracy,
        "n_candidates": run.n_candidates,
        "spent_seconds": run.spent_seconds,
        "error": run.error or None,
        "finished_at": run.finished_at.isoformat(),
    }


def _body(kind: str, data: dict[str, Any]) -> str:
    return json.dumps({"type": kind, "timestamp": timezone.now().isoformat(), "data": data})
