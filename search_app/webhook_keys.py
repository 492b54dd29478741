"""Signatures of webhooks, as Standard Webhooks has them (https://www.standardwebhooks.com).

The secret of an endpoint is derived of the installation's key and a random salt, so that no table holds it:
it is shown once, and a copy of the database gives none away. A new key of the installation changes all of
them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Final

from django.utils.crypto import salted_hmac

PREFIX: Final = "whsec_"


def secret_of(salt: str) -> str:
    """Returns the secret of an endpoint, ``whsec_`` and 256 bits in base64."""
    digest = salted_hmac("search_app.webhooks", salt, algorithm="sha256").digest()
    return PREFIX + base64.b64encode(digest).decode()


def signature(secret: str, message_id: str, timestamp: int, body: str) -> str:
    """Returns the value of ``webhook-signature``: HMAC SHA-256 of id, time and body.

    Args:
        secret: As `secret_of` returns it.
        message_id: Value of ``webhook-id``; the same for every try.
        timestamp: Value of ``webhook-timestamp``, seconds since 1970.
        body: As it is sent.
    """
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{timestamp}.{body}".encode()
    return f"v1,{base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()}"
