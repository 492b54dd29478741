"""Bodies that are no pieces of an upload: bounded, and refused before they are read."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from automl_site import bodies
from datasets_app.models import Dataset
from tests import images
from tests.unit.uploads.conftest import Browsers
from tests.unit.uploads.wire import Browser

pytestmark = pytest.mark.django_db(transaction=True)
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "multipart/form-data; boundary=BOUNDARY"}


def form(content: bytes) -> bytes:
    head = b'--BOUNDARY\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
    return head + content + b"\r\n--BOUNDARY--\r\n"


@pytest.fixture(autouse=True)
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "LINGER_SECONDS", 0.1)


@pytest.mark.parametrize("path", ["/api/v1/searches", "/accounts/login/", "/uploads/", "/nowhere"])
async def test_large_body_is_refused_before_it_is_read(browser: Browser, path: str) -> None:
    headers = {**JSON, "Content-Length": str(bodies.MAX_BODY_BYTES + 1)}
    answer = await browser.request("POST", path, headers, [b"x" * 1000])
    assert answer.status == 413
    assert answer.taken == 0
    assert "at most 4.0 MB" in answer.detail
    assert answer.headers["connection"] == "close"


async def test_body_that_hides_its_length_is_stopped(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "MAX_BODY_BYTES", 3000)
    headers = {**JSON, "Transfer-Encoding": "chunked"}
    answer = await browser.request("POST", "/api/v1/searches", headers, [b"x" * 1000] * 100)
    assert answer.status == 413
    assert answer.taken == 4


async def test_archive_of_nobody_is_refused_before_it_is_read(browser_of: Browsers) -> None:
    browser = await browser_of(None)
    answer = await browser.request("POST", "/api/v1/datasets", {**FORM, "Content-Length": "50000000"}, [b"x"])
    assert answer.status == 401
    assert answer.taken == 0


@pytest.mark.parametrize(("setting", "value"), [("QUOTA_BYTES", 2_000_000), ("MAX_UPLOAD_BYTES", 2_000_000)])
async def test_archive_without_room_is_refused_before_it_is_read(
    browser: Browser, settings: Any, setting: str, value: int
) -> None:
    setattr(settings, setting, value)
    answer = await browser.request("POST", "/api/v1/datasets", {**FORM, "Content-Length": "4000000"}, [b"x"])
    assert answer.status == 413
    assert answer.taken == 0


@pytest.mark.parametrize("length", [{"Transfer-Encoding": "chunked"}, {"Content-Length": "many"}])
async def test_archive_that_hides_its_length_is_refused_before_it_is_read(
    browser: Browser, settings: Any, length: dict[str, str]
) -> None:
    settings.QUOTA_BYTES = 1000
    answer = await browser.request("POST", "/api/v1/datasets", {**FORM, **length}, [b"x" * 2000])
    assert answer.status == 411
    assert answer.taken == 0
    assert "Content-Length" in answer.detail and "/uploads/" in answer.detail


async def test_archive_of_the_owner_is_taken(browser: Browser, tmp_path: Path) -> None:
    archive = images.photo_zip(tmp_path / "photos.zip", n_per_class=2, size=32, n_classes=2)
    body = form(archive.read_bytes())
    answer = await browser.request(
        "POST", "/api/v1/datasets", {**FORM, "Content-Length": str(len(body))}, [body[:100], body[100:]]
    )
    assert answer.status == 201, answer.body
    assert (await Dataset.objects.aget()).size_bytes == archive.stat().st_size


@pytest.fixture
def full_spool(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Django's temporary file lies on a disk without room: /dev/full is a real one."""
    with Path("/dev/full").open("r+b", buffering=0) as full:
        monkeypatch.setattr(tempfile, "TemporaryFile", lambda *_, **__: full)
        yield


async def test_full_disk_while_a_body_is_spooled_is_said(
    browser: Browser, owner: User, full_spool: None
) -> None:
    headers = {**FORM, "Content-Length": str(5 * 2**20)}
    answer = await browser.request("POST", "/api/v1/datasets", headers, [b"x" * 2**20] * 5)
    assert answer.status == 507
    assert "disk of this server is full" in answer.detail
