"""Hints after commit: "look at run 7". Losing one costs a second; nothing depends on it."""

from __future__ import annotations

import uuid

import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

HINT_GROUP = "search-hints"

log = structlog.get_logger(__name__)


def publish_hint(run_id: uuid.UUID) -> None:
    """Tells all web processes, once the present transaction is saved, that the run has changed."""
    transaction.on_commit(lambda: _send(str(run_id)), robust=True)


def _send(run_id: str) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        async_to_sync(layer.group_send)(HINT_GROUP, {"type": "hint", "run": run_id})
    except Exception as error:  # whatever the broker does, the rows are saved and the tailer polls
        log.warning("a hint was not delivered; pages follow by polling", error=str(error)[:200])
