"""Changes devices. Refusals are ValidationErrors whose text is one plain sentence with the next step."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from datasets_app.audit import record
from datasets_app.models import Action
from datasets_app.services import clean_name
from nas.errors import NasError
from nas.hardware.effort import EXTENTS
from nas.spaces import SPACES
from search_app.device_bundles import manifest_for
from search_app.device_links import new_token
from search_app.models import Device

if TYPE_CHECKING:
    from nas.hardware.device_table import DeviceTable

MOST_DEVICES = 100
"""Of one person."""
MOST_RESULTS = 20
"""That one link may send until one is accepted: each costs the server some tenths of a second."""
MOST_BYTES = 2_400_000
"""Of a file of timings; `nas.hardware.effort.samples_sent` keeps what a device sends below it."""
LONGEST_ETA = 24 * 3600.0

State = Device.State
log = structlog.get_logger(__name__)


@transaction.atomic
def device_create(
    *, owner: User, name: str, kind: str, spaces: Sequence[str], extent: str = "quick"
) -> Device:
    """Makes a device that waits to be measured.

    Args:
        owner: Whose it becomes.
        name: What people call it.
        kind: One of `Device.Kind`.
        spaces: Names of the search spaces whose blocks are measured, at least one.
        extent: A key of `EXTENTS`.

    Raises:
        ValidationError: If something is missing or unknown, or there are too many devices.
    """
    cleaned = clean_name(name)[:100]
    if not cleaned:
        raise ValidationError("Give the device a name by which you will know it.")
    if not spaces or not set(spaces) <= set(SPACES):
        raise ValidationError(f"Choose at least one of these search spaces: {', '.join(SPACES)}.")
    for value, known in ((kind, Device.Kind.values), (extent, list(EXTENTS))):
        if value not in known:
            raise ValidationError(f"There is no {value!r} here. Choose one of {', '.join(known)}.")
    if Device.objects.filter(owner=owner).count() >= MOST_DEVICES:
        raise ValidationError(f"You have {MOST_DEVICES} devices already. Delete one that you no longer need.")
    return Device.objects.create(
        owner=owner, name=cleaned, kind=kind, spaces=sorted(set(spaces)), extent=extent, **_fresh_link()
    )


def device_link_renew(*, device: Device) -> Device:
    """Makes a new link, which ends the old one; a table that was accepted before is kept."""
    Device.objects.filter(pk=device.pk).update(
        state=State.WAITING, progress=0.0, eta_seconds=None, heard_at=None, refusal="", **_fresh_link()
    )
    device.refresh_from_db()
    return device


@transaction.atomic
def device_delete(*, device: Device) -> None:
    """Deletes a device with its table."""
    directory = device.directory
    record(Action.DELETE, target=device)
    device.delete()
    transaction.on_commit(lambda: shutil.rmtree(directory, ignore_errors=True))


def device_progress(*, device: Device, progress: float = 0.0, eta_seconds: float | None = None) -> None:
    """Notes how far a device is; the first call says that it has begun.

    Args:
        device: As `device_for_link` found it.
        progress: From 0 to 1.
        eta_seconds: Seconds to the end, if the device can tell.

    Raises:
        ValidationError: If the link has done its work, or the values are no such numbers.
    """
    if not _within(progress, 1.0) or not (eta_seconds is None or _within(eta_seconds, LONGEST_ETA)):
        raise ValidationError("The progress should be from 0 to 1, the seconds to the end a day at most.")
    noted = _open_rows(device).update(
        state=State.MEASURING, progress=progress, eta_seconds=eta_seconds, heard_at=timezone.now(), refusal=""
    )
    if not noted:
        raise _spent()


def device_result(*, device: Device, content: bytes) -> Device:
    """Takes the timings that a device has sent: they become its table, or a refusal that its page shows.

    The same content again is answered as before: the answer may have been lost on the way to the device.

    Args:
        device: As `device_for_link` or `device_for_user` found it.
        content: The file, JSON of format ``nas-block-timings``.

    Raises:
        ValidationError: With code ``"spent"`` if the link has done its work or was used too often,
            ``"too_large"``, or ``"refused"`` if the timings cannot be trusted.
    """
    _refuse_large(content)
    digest = hashlib.sha256(content).hexdigest()
    if not _open_rows(device).filter(results_left__gt=0).update(results_left=F("results_left") - 1):
        return _accepted_before(device, digest)
    try:
        table = _table_of(content, device)
    except NasError as error:
        _open_rows(device).update(
            state=State.REFUSED, refusal=str(error), eta_seconds=None, heard_at=timezone.now()
        )
        raise ValidationError(str(error), code="refused") from error
    if not _keep(device, table, digest):
        return _accepted_before(device, digest)
    device.refresh_from_db()
    return device


def device_upload(*, device: Device, content: bytes) -> Device:
    """Takes timings that the owner uploads; they replace earlier ones.

    Raises:
        ValidationError: As `device_result`.
    """
    _refuse_large(content)  # before the new link, which would end the state that the device is in
    if device.state == State.READY or not device.results_left:
        device_link_renew(device=device)
    return device_result(device=device, content=content)


def _table_of(content: bytes, device: Device) -> DeviceTable:
    """Returns the checked table, by the name that the owner gave.

    Raises:
        NasError: If the timings cannot be trusted.
    """
    from nas.hardware.timings import table_from_timings  # loads onnx

    try:
        data: Any = json.loads(content)
    except (ValueError, RecursionError):
        data = None  # refused below: it is no object
    table = table_from_timings(data, manifest_for(device))
    return replace(table, device=replace(table.device, name=device.name))


@transaction.atomic
def _keep(device: Device, table: DeviceTable, digest: str) -> bool:
    """Writes table and row, once: of two results at the same time the second returns False."""
    if _open_rows(device).select_for_update().first() is None:
        return False
    table.save(device.table_file)
    Device.objects.filter(pk=device.pk).update(
        state=State.READY,
        progress=1.0,
        eta_seconds=None,
        refusal="",
        heard_at=timezone.now(),
        measured_at=timezone.now(),
        hardware=table.device.hardware,
        runtime=table.device.runtime,
        threads=table.device.threads,
        figures={
            "blocks": len(table.blocks),
            "networks": len(table.networks),
            "reference_ms": table.reference_ms,
            "spread": table.spread,
            "drift": table.drift,
            "digest": digest,
        },
    )
    log.info("a device was measured", device=str(device.pk), runtime=table.device.runtime)
    return True


def _accepted_before(device: Device, digest: str) -> Device:
    """Returns the device if its link has brought this very content.

    Raises:
        ValidationError: With code ``"spent"`` if not.
    """
    rows = Device.objects.filter(pk=device.pk, link_token=device.link_token, state=State.READY)
    found = rows.filter(figures__digest=digest).first()
    if found is None:
        raise _spent()
    return found


def _refuse_large(content: bytes) -> None:
    if len(content) > MOST_BYTES:
        raise ValidationError(
            f"Files of timings are not larger than {MOST_BYTES / 1e6:g} MB. Send timings.json as it is.",
            code="too_large",
        )


def _open_rows(device: Device) -> Any:
    """The row of a device as long as its link is the newest and has not done its work."""
    return Device.objects.filter(pk=device.pk, link_token=device.link_token).exclude(state=State.READY)


def _fresh_link() -> dict[str, Any]:
    return {"link_token": new_token(), "link_made_at": timezone.now(), "results_left": MOST_RESULTS}


def _spent() -> ValidationError:
    return ValidationError(
        "This link has done its work. To measure again, make a new one on the page of the device.",
        code="spent",
    )


def _within(value: object, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most
