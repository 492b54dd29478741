"""What the tests of uploads share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User

from datasets_app import tasks
from tests.unit.uploads.wire import Browser

Browsers = Callable[[User | None], Awaitable[Browser]]


@pytest.fixture(autouse=True)
def site(settings: Any, storage: Path, tmp_path: Path) -> None:
    settings.ALLOWED_HOSTS = ["localhost"]
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "tmp"
    settings.FILE_UPLOAD_TEMP_DIR.mkdir()


@pytest.fixture
def hints(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Collects what the workers are told, instead of a broker."""
    told: list[object] = []
    monkeypatch.setattr(tasks, "hint_checker", told.append)
    return told


@pytest.fixture
def browser_of() -> Browsers:
    """Returns a function from a user to a signed-in browser; None gives an anonymous one."""
    return database_sync_to_async(Browser)


@pytest.fixture
async def browser(owner: User, browser_of: Browsers, hints: list[object]) -> Browser:
    return await browser_of(owner)
