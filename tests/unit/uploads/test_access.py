"""Who may send what: owners only, with the token, within their share; and refusals come before the body."""

from __future__ import annotations

import re
import shutil
from collections import namedtuple
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from datasets_app import quota
from datasets_app.models import Dataset, DatasetState, Upload
from datasets_app.upload_selectors import storage_used
from tests.factories import DatasetFactory
from tests.unit.uploads.conftest import Browsers
from tests.unit.uploads.wire import BODY_TYPE, Answer, Browser

pytestmark = pytest.mark.django_db(transaction=True)
NO_UPLOADS = b'{"items": [], "total": 0, "next": null}'
METHODS = ("HEAD", "PATCH", "DELETE")


@pytest.fixture
async def path(browser: Browser) -> AsyncIterator[str]:
    """An upload of the owner that nothing may have changed afterwards."""
    answer = await browser.create(1000, filename="photos.zip")
    await browser.patch(answer.headers["location"], 0, [b"x" * 100])
    yield answer.headers["location"]
    upload = await Upload.objects.aget()
    assert (upload.offset, upload.file.read_bytes()) == (100, b"x" * 100)


async def ask(browser: Browser, method: str, path: str) -> Answer:
    return await browser.tus(
        method, path, [b"y" * 100], Upload_Offset=100, Content_Type=BODY_TYPE, Content_Length=100
    )


@pytest.mark.parametrize("method", METHODS)
async def test_stranger_gets_404(path: str, stranger: User, browser_of: Browsers, method: str) -> None:
    browser = await browser_of(stranger)
    answer = await ask(browser, method, path)
    missing = await ask(browser, method, re.sub(r"[0-9a-f]{12}/$", "0" * 12 + "/", path))
    assert answer.status == missing.status == 404
    assert (answer.body, answer.headers) == (missing.body, missing.headers)
    assert answer.taken == 0 or method != "PATCH"


async def test_stranger_cannot_add_to_a_data_set(path: str, stranger: User, browser_of: Browsers) -> None:
    dataset = await Dataset.objects.aget()
    answer = await (await browser_of(stranger)).create(10, filename="b.zip", dataset=str(dataset.pk))
    assert answer.status == 404


@pytest.mark.parametrize("method", ["POST", *METHODS])
async def test_nobody_is_told_to_sign_in(path: str, browser_of: Browsers, method: str) -> None:
    answer = await ask(await browser_of(None), method, "/uploads/" if method == "POST" else path)
    assert answer.status == 401
    assert answer.taken == 0 or method != "PATCH"


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
async def test_every_change_needs_the_csrf_token(path: str, browser: Browser, method: str) -> None:
    del browser.headers["X-CSRFToken"]
    answer = await ask(browser, method, "/uploads/" if method == "POST" else path)
    assert answer.status == 403
    assert answer.taken == 0 or method != "PATCH"
    overridden = await browser.tus("POST", path, [b"y"], X_HTTP_Method_Override=method)
    assert overridden.status in {403, 405}


async def test_deactivated_owner_is_out(path: str, browser: Browser) -> None:
    await User.objects.aupdate(is_active=False)
    assert (await ask(browser, "PATCH", path)).status == 401


async def test_quota_counts_stored_and_announced_bytes(
    browser: Browser, owner: User, stranger: User, browser_of: Browsers, settings: Any
) -> None:
    settings.QUOTA_BYTES = 5000
    assert (await browser.create(4000, filename="a.zip")).status == 201
    assert await sync_to_async(storage_used)(owner) == 4000
    answer = await browser.create(1001, filename="b.zip")
    assert answer.status == 413
    assert "4.0 kB of the 5.0 kB" in answer.detail
    assert "1.0 kB" in answer.detail
    assert (await browser.create(1000, filename="b.zip")).status == 201
    assert (await (await browser_of(stranger)).create(5000, filename="c.zip")).status == 201


async def test_cancelled_upload_gives_its_share_back(browser: Browser, settings: Any) -> None:
    settings.QUOTA_BYTES = 5000
    made = await browser.create(4000, filename="a.zip")
    await browser.tus("DELETE", made.headers["location"])
    assert (await browser.create(5000, filename="b.zip")).status == 201


async def test_too_large_and_too_little_disk_are_refused(
    browser: Browser, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MAX_UPLOAD_BYTES = 2000
    answer = await browser.create(2001, filename="a.zip")
    assert answer.status == 413
    assert "2.0 kB" in answer.detail
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(9000, 6001, 2999))
    answer = await browser.create(2000, filename="a.zip")
    assert answer.status == 507
    assert "3.0 kB of disk are free" in answer.detail
    assert not await Dataset.objects.aexists()


async def test_data_sets_that_wait_are_few(browser: Browser, owner: User) -> None:
    for _ in range(quota.MAX_DRAFTS):
        await sync_to_async(DatasetFactory)(owner=owner, state=DatasetState.UPLOADING)
    answer = await browser.create(100, filename="a.zip")
    assert answer.status == 422
    assert "still wait for their files" in answer.detail


async def test_browser_that_comes_back_finds_its_uploads(
    path: str, browser: Browser, stranger: User, browser_of: Browsers
) -> None:
    upload = await Upload.objects.select_related("dataset").aget()
    answer = await browser.request("GET", "/api/v1/uploads")
    assert answer.status == 200
    assert f'"id": "{upload.pk}"' in answer.body.decode()
    assert '"offset": 100' in answer.body.decode()
    assert (await (await browser_of(stranger)).request("GET", "/api/v1/uploads")).body == NO_UPLOADS
    assert (await (await browser_of(None)).request("GET", "/api/v1/uploads")).status == 401
