"""Sends what is due to webhooks: beside the sweeper, never inside it.

A message is claimed by one conditional UPDATE with a lease, so of several processes one sends it. A sender
takes no second message of a person while one of theirs is on its way, and some threads serve everybody:
whoever owns an endpoint that does not answer holds up their own messages.
"""

from __future__ import annotations

import http.client
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Final

import structlog
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_noop

from datasets_app.words.engine import said_by
from search_app.models import WebhookDelivery, WebhookEndpoint
from search_app.webhook_addresses import target_of
from search_app.webhook_keys import secret_of, signature
from search_app.webhook_wire import post
from search_app.webhooks import WAITS, queue_ends

THREADS: Final = 4
LEASE: Final = timedelta(seconds=60)
PASS_SECONDS: Final = 2.0
GONE: Final = 410
REFUSED: Final = gettext_noop("The message was not taken.")
SILENT: Final = gettext_noop("No answer came in time, or the connection broke.")
"""Kept in English; the page says them in the reader's language."""

State = WebhookDelivery.State
log = structlog.get_logger(__name__)


def claim_due(most: int = THREADS) -> list[WebhookDelivery]:
    """Returns up to `most` messages that are due, one of each person, claimed for the caller to send."""
    return [delivery for delivery in _due()[:most] if _claim(delivery)]


def send(delivery: WebhookDelivery) -> None:
    """Sends one claimed message and writes down what came of it."""
    endpoint = delivery.endpoint
    status, problem = None, ""
    timestamp = int(time.time())
    headers = {
        "webhook-id": str(delivery.pk),
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret_of(endpoint.salt), str(delivery.pk), timestamp, delivery.body),
    }
    try:
        status = post(target_of(endpoint.url), delivery.body, headers)
        if not 200 <= status < 300:
            problem = REFUSED
    except ValidationError as error:
        problem = said_by(error)
    except (OSError, http.client.HTTPException) as error:
        log.info("no answer from a webhook", delivery=str(delivery.pk)[:8], error=type(error).__name__)
        problem = SILENT
    _write_down(delivery, status, problem)


def deliver_forever(end: threading.Event) -> None:
    """Queues and sends until `end` is set; a database that does not answer is tried again."""
    under_way: list[Future[None]] = []
    with ThreadPoolExecutor(THREADS, thread_name_prefix="webhook") as pool:
        while not end.wait(PASS_SECONDS):
            try:
                queue_ends()
                # Never more than there are threads: what waits in a pool would outlive its lease.
                under_way = [one for one in under_way if not one.done()]
                for delivery in claim_due(THREADS - len(under_way)):
                    under_way.append(pool.submit(_send_in_thread, delivery))
            except DatabaseError as error:
                log.warning("webhooks wait for the database", error=str(error)[:200])
            finally:
                connection.close()


def _due() -> list[WebhookDelivery]:
    now = timezone.now()
    under_way = WebhookDelivery.objects.filter(
        endpoint__owner=OuterRef("endpoint__owner"), lease_until__gt=now
    )
    due = WebhookDelivery.objects.filter(_free(), ~Exists(under_way), state=State.PENDING, next_at__lte=now)
    first: dict[int, WebhookDelivery] = {}
    for delivery in due.select_related("endpoint").order_by("next_at")[: 50 * THREADS]:
        first.setdefault(delivery.endpoint.owner_id, delivery)
    return list(first.values())


def _claim(delivery: WebhookDelivery) -> bool:
    now = timezone.now()
    mine = WebhookDelivery.objects.filter(_free(), pk=delivery.pk, state=State.PENDING, tries=delivery.tries)
    return bool(mine.update(lease_until=now + LEASE, tries=F("tries") + 1))


def _free() -> Q:
    return Q(lease_until=None) | Q(lease_until__lte=timezone.now())


def _write_down(delivery: WebhookDelivery, status: int | None, problem: str) -> None:
    now = timezone.now()
    mine = WebhookDelivery.objects.filter(pk=delivery.pk)
    tries = delivery.tries + 1
    if not problem:
        mine.update(state=State.DELIVERED, status=status, problem="", lease_until=None, delivered_at=now)
        return
    given_up = tries > len(WAITS) or status == GONE
    mine.update(
        state=State.FAILED if given_up else State.PENDING,
        status=status,
        problem=problem[:300],
        lease_until=None,
        next_at=now + timedelta(seconds=WAITS[min(tries, len(WAITS)) - 1]),
    )
    if status == GONE:  # the receiver asks for no more
        WebhookEndpoint.objects.filter(pk=delivery.endpoint_id).update(active=False)
    log.info("a webhook did not arrive", delivery=str(delivery.pk)[:8], tries=tries, problem=problem)


def _send_in_thread(delivery: WebhookDelivery) -> None:
    try:
        send(delivery)
    except DatabaseError as error:  # the lease ends, and the message is sent again
        log.warning("what came of a webhook could not be written down", error=str(error)[:200])
    finally:
        connection.close()
