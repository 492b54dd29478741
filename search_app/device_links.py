"""Links by which a device without an account measures itself: signed, short-lived, good for one result.

The signature carries the time of making, so that forged and old links are turned away without a look at the
database. The row of the device holds its newest link, which makes every older one worthless.
"""

from __future__ import annotations

import secrets
from typing import Final

from django.core import signing

OPEN_SECONDS: Final = 30 * 60
"""A measurement must begin within this time."""

RESULT_SECONDS: Final = 75 * 60
"""And its result must be here within this one: an old phone takes long for a round."""

_SALT = "search_app.device"


class ExpiredLinkError(Exception):
    """The link was genuine once."""


def new_token() -> str:
    """Returns the token of a link that is made now; nobody can guess it."""
    return signing.TimestampSigner(salt=_SALT).sign(secrets.token_urlsafe(12))


def check_token(token: str, max_age: int) -> None:
    """Refuses a token that is forged or old.

    Args:
        token: Part of an address, from anywhere.
        max_age: Seconds that it is good for.

    Raises:
        ExpiredLinkError: If it is older.
        signing.BadSignature: If this site never made it.
    """
    try:
        signing.TimestampSigner(salt=_SALT).unsign(token, max_age=max_age)
    except signing.SignatureExpired as error:
        raise ExpiredLinkError from error
