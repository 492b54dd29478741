"""Finds work that nobody works on: lost hints, expired leases, whatever a dead worker left behind."""

from __future__ import annotations

import threading
import time
from typing import NamedTuple

import structlog
from celery import current_app
from django.db import DatabaseError, connection
from django.db.models import F
from kombu.exceptions import OperationalError

from datasets_app.claims import Claimable, claimable_rows
from datasets_app.models import Dataset
from datasets_app.uploads import remove_expired
from search_app.cleanup import clean_daily
from search_app.models import SearchRun
from search_app.notices import send_notices
from search_app.webhook_sending import deliver_forever

SWEEP_SECONDS = 5.0
CLEAN_SECONDS = 60.0
HINTS_AT_ONCE = 20

log = structlog.get_logger(__name__)


class Work(NamedTuple):
    """A table of claimable rows, the task that works on one of them, and the queue of that task."""

    model: type[Claimable]
    task: str
    queue: str


WORK = (
    Work(Dataset, "datasets_app.tasks.check_dataset", "interactive"),
    Work(SearchRun, "search_app.tasks.advance_search_run", "search"),
)


def sweep() -> int:
    """Sends a hint for each row that could be worked on; returns how many were sent.

    Nothing is sent while hints still wait in a queue: a busy worker must not find thousands of them.
    """
    sent = 0
    with current_app.connection_for_write() as broker:
        for work in WORK:
            if _waiting_hints(broker.default_channel, work.queue):
                continue
            rows = claimable_rows(work.model).order_by(F("lease_until").asc(nulls_last=True), "created_at")
            for key in rows.values_list("pk", flat=True)[:HINTS_AT_ONCE]:
                current_app.send_task(work.task, args=[str(key)], queue=work.queue, connection=broker)
                sent += 1
    return sent


def _waiting_hints(channel: object, queue: str) -> int:
    # The Redis transport keeps each queue in one list and counts it on a declaration.
    return int(channel.queue_declare(queue=queue).message_count)  # type: ignore[attr-defined]


def sweep_forever(end: threading.Event | None = None) -> None:
    """Sweeps every few seconds until `end` is set; an unreachable broker or database is tried again.

    Beside it, in a thread of its own, webhooks are sent. It also mails that searches have ended, removes
    uploads that nobody finished in time once a minute, and once a day what nothing needs.
    """
    end = end or threading.Event()
    threading.Thread(target=deliver_forever, args=[end], name="webhooks", daemon=True).start()
    cleaned = float("-inf")
    while not end.is_set():
        try:
            clean = time.monotonic() - cleaned >= CLEAN_SECONDS
            if clean:
                cleaned = time.monotonic()
                remove_expired()
            sweep()
            send_notices(again=clean)
            clean_daily()
        except (OperationalError, DatabaseError, OSError) as error:
            log.warning("sweep failed; trying again", error=str(error)[:200])
        finally:
            connection.close()  # also: no open SQLite file may be inherited by a worker's forked child
        end.wait(SWEEP_SECONDS)
