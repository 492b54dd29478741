"""Reads devices, and says who may see them: their owners, and whoever holds the newest link of one."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.core import signing
from django.db.models import QuerySet
from django.utils import timezone

from datasets_app.access import Right, one_of, visible_to
from search_app.device_links import OPEN_SECONDS, check_token
from search_app.models import Device

SILENT_SECONDS = 45
"""After so long without a word from a measuring device its page says so."""


def devices_of_user(user: User | AnonymousUser) -> QuerySet[Device]:
    """Returns the devices that the user may see, newest first."""
    return Device.objects.filter(visible_to(user)).select_related("owner", "team")


def measured_devices_of_user(user: User | AnonymousUser) -> QuerySet[Device]:
    """Returns those of the user's devices that have a table."""
    return devices_of_user(user).filter(measured_at__isnull=False)


def device_for_user(
    user: User | AnonymousUser, device_id: uuid.UUID | str, right: Right = Right.SEE
) -> Device:
    """Returns one device that the user may see, and do with what they want.

    Raises:
        Device.DoesNotExist: If it is missing, not the user's, or `device_id` is no id at all.
        ValidationError: If it is shared with the user, whose role does not allow it.
    """
    try:
        key = uuid.UUID(str(device_id))
    except ValueError as error:
        raise Device.DoesNotExist from error
    return one_of(devices_of_user(user), user, key, right)


def device_for_link(token: str, max_age: int) -> Device:
    """Returns the device that a link was made for.

    Args:
        token: The token of the link.
        max_age: Seconds that it is good for.

    Raises:
        Device.DoesNotExist: If the link is forged, was replaced by a newer one, or its device is gone.
        ExpiredLinkError: If it is genuine and too old.
    """
    try:
        check_token(token, max_age)
    except signing.BadSignature as error:
        raise Device.DoesNotExist from error
    return Device.objects.select_related("owner").get(link_token=token, owner__is_active=True)


def device_state(device: Device) -> dict[str, Any]:
    """Returns what its page follows while it is measured."""
    now = timezone.now()
    heard = device.heard_at or device.link_made_at
    return {
        "state": device.state,
        "progress": device.progress,
        "eta_seconds": device.eta_seconds,
        "silent": device.state == Device.State.MEASURING and now - heard > timedelta(seconds=SILENT_SECONDS),
        "link_open": link_is_open(device),
    }


def link_is_open(device: Device) -> bool:
    """True while the device's link can begin a measurement."""
    age = timezone.now() - device.link_made_at
    return device.state != Device.State.READY and age < timedelta(seconds=OPEN_SECONDS)
