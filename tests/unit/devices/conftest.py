"""A device whose bundle is small, and the paper device's answers to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from nas.hardware.effort import EXTENTS, Extent
from search_app.device_bundles import manifest_for
from search_app.device_services import device_create
from search_app.models import Device
from tests.unit.hardware.tables import timings

TINY = Extent(blocks=30, networks=8, seconds=0.1)


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """A third extent, so that tests do not write hundreds of graphs."""
    monkeypatch.setitem(EXTENTS, "tiny", TINY)


@pytest.fixture
def phone(owner: User) -> Device:
    return device_create(owner=owner, name="Phone", kind="browser", spaces=["lite-elastic"], extent="tiny")


@pytest.fixture
def answer_of() -> Callable[..., bytes]:
    """Returns a function from a device to the timings it would send."""

    def make(device: Device, change: Callable[[dict[str, Any]], None] = lambda _: None, **how: Any) -> bytes:
        data = timings(manifest_for(device), **how)
        change(data)
        return json.dumps(data).encode()

    return make
