"""The request that is being answered, for what is written down along the way: logs and the audit log."""

from __future__ import annotations

from contextvars import ContextVar

from django.http import HttpRequest

request_at_hand: ContextVar[HttpRequest | None] = ContextVar("request", default=None)
"""Set by the site's middleware; None in workers and commands."""
