"""Hints after commit: "look at run 7". Losing one costs a second; nothing depends on it."""

from __future__ import annotations

import uuid

import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

HINT_GROUP = "search-hints"
RECHECK_GROUP = "search-recheck"

log = structlog.get_logger(__name__)


def publish_hint(run_id: uuid.UUID) -> None:
    """Tells all web processes, once the present transaction is saved, that the run has changed."""
    transaction.on_commit(lambda: _send(HINT_GROUP, {"type": "hint", "run": str(run_id)}), robust=True)


def publish_recheck(user_id: int | None = None) -> None:
    """Asks sockets, once the present transaction is saved, whether their readers may still listen.

    For sign-outs, new passwords, ended sharing and deactivated accounts. A hint that is lost costs half a
    minute: each socket looks by itself as well.

    Args:
        user_id: Whose sockets; None for everybody's.
    """
    message = {"type": "recheck", "user": "" if user_id is None else str(user_id)}
    transaction.on_commit(lambda: _send(RECHECK_GROUP, message), robust=True)


def _send(group: str, message: dict[str, str]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        async_to_sync(layer.group_send)(group, message)
    except Exception as error:  # whatever the broker does, the rows are saved and the tailer polls
        log.warning("a hint was not delivered; pages follow by polling", error=str(error)[:200])
