"""What breaks in the middle: the connection, the disk, the server, the client's patience."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site

from automl_site import bodies, pieces
from datasets_app import receiving
from datasets_app.models import Dataset, DatasetState, Upload
from datasets_app.uploads import upload_advance
from tests.unit.uploads.wire import Body, Browser

pytestmark = pytest.mark.django_db(transaction=True)
CONTENT = bytes(range(251)) * 100


@pytest.fixture(autouse=True)
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "LINGER_SECONDS", 0.05)


async def started(browser: Browser, length: int = len(CONTENT)) -> str:
    answer = await browser.create(length, filename="photos.zip")
    assert answer.status == 201, answer.body
    return answer.headers["location"]


def file_size(path: str) -> int:
    (file,) = (Path(site.STORAGE_DIR) / "uploads").glob(f"*/{path.split('/')[-2]}.part")
    return file.stat().st_size


async def reached(what: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not what():
            await asyncio.sleep(0.005)


async def test_cut_connection_keeps_what_came(browser: Browser) -> None:
    path = await started(browser)
    await browser.patch(path, 0, Body([CONTENT[:5000], CONTENT[5000:7000]], ending="cut"))
    assert await browser.offset(path) == 7000
    answer = await browser.patch(path, 7000, [CONTENT[7000:]])
    assert answer.status == 204
    assert (await Upload.objects.aget()).file.read_bytes() == CONTENT


async def test_connection_cut_after_the_last_byte_still_completes(browser: Browser) -> None:
    path = await started(browser)
    await browser.patch(path, 0, Body([CONTENT], ending="cut"))
    assert await browser.offset(path) == len(CONTENT)
    assert (await Dataset.objects.aget()).state == DatasetState.UPLOADED


async def test_cut_connection_counts_nothing_that_a_checksum_cannot_prove(browser: Browser) -> None:
    path = await started(browser)
    checksum = f"sha1 {base64.b64encode(b'x' * 20).decode()}"
    await browser.patch(path, 0, Body([CONTENT[:5000]], ending="cut"), Upload_Checksum=checksum)
    assert await browser.offset(path) == 0


async def test_silent_connection_is_given_up_and_what_came_is_kept(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "IDLE_SECONDS", 0.05)
    path = await started(browser)
    answer = await browser.patch(path, 0, Body([CONTENT[:5000]], ending="silence"))
    assert answer.status == 408
    assert answer.headers["connection"] == "close"
    assert await browser.offset(path) == 5000


async def test_bytes_are_saved_while_they_come(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(receiving, "SAVE_BYTES", 4000)
    saved: list[int] = []

    def noted(*, upload: Upload, offset: int) -> None:
        upload_advance(upload=upload, offset=offset)
        saved.append(offset)

    monkeypatch.setattr(receiving, "upload_advance", noted)
    path = await started(browser)
    body = Body([CONTENT[i : i + 1000] for i in range(0, 9000, 1000)], ending="silence")
    sending = asyncio.create_task(browser.patch(path, 0, body))
    await reached(lambda: len(saved) == 2 and body.taken == 9)
    # What a server that is killed now loses is what lies beyond this row.
    assert await browser.offset(path) == saved[-1] >= 8000
    await reached(lambda: file_size(path) == 9000)
    sending.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await sending
    assert await browser.offset(path) == 9000  # a server that is only told to end saves the rest


async def test_bytes_beyond_the_row_are_cut_off(browser: Browser) -> None:
    path = await started(browser)
    await browser.patch(path, 0, [CONTENT[:5000]])
    upload = await Upload.objects.aget()
    with upload.file.open("ab") as file:
        file.write(b"written, but never counted: the server was killed here")
    await browser.patch(path, 5000, [CONTENT[5000:5010]])
    assert upload.file.read_bytes() == CONTENT[:5010]


async def test_lost_bytes_are_not_taken_for_zeros(browser: Browser) -> None:
    path = await started(browser)
    await browser.patch(path, 0, [CONTENT[:5000]])
    upload = await Upload.objects.aget()
    with upload.file.open("r+b") as file:
        file.truncate(3000)
    assert (await browser.patch(path, 5000, [CONTENT[5000:]])).status == 409
    assert await browser.offset(path) == 3000
    assert (await browser.patch(path, 3000, [CONTENT[3000:]])).status == 204
    assert upload.file.read_bytes() == CONTENT


async def test_second_writer_is_locked_out(browser: Browser) -> None:
    path = await started(browser)
    first = Body([CONTENT[:5000]], ending="silence")
    sending = asyncio.create_task(browser.patch(path, 0, first))
    await reached(lambda: first.taken == 1)
    answer = await browser.patch(path, 0, [CONTENT])
    assert answer.status == 423
    assert "Another connection" in answer.detail
    assert await browser.offset(path) == 0
    first.ending = "cut"
    first.over.set()
    await sending
    assert (await browser.patch(path, 5000, [CONTENT[5000:]])).status == 204
    assert (await Upload.objects.aget()).file.read_bytes() == CONTENT


async def test_more_than_announced_is_refused(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "BLOCK_BYTES", 1000)
    path = await started(browser, 3000)
    answer = await browser.patch(path, 0, [b"x" * 1000] * 5)
    assert answer.status == 413
    upload = await Upload.objects.aget()
    assert upload.offset == upload.file.stat().st_size == 0


async def test_cancelled_upload_is_not_written_any_more(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "BLOCK_BYTES", 1000)
    path = await started(browser)
    gate = asyncio.Event()

    class Gated(Body):
        async def receive(self) -> dict[str, Any]:
            if self.taken == 2:
                await gate.wait()
            return await super().receive()

    body = Gated([CONTENT[:2000], CONTENT[2000:4000], CONTENT[4000:]])
    sending = asyncio.create_task(browser.patch(path, 0, body))
    await reached(lambda: body.taken == 2)
    assert (await browser.tus("DELETE", path)).status == 204
    gate.set()
    assert (await sending).status == 404
    assert not await Upload.objects.aexists()


async def test_full_disk_is_said_and_nothing_counts(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await started(browser)
    with monkeypatch.context() as full:
        # /dev/full is a real file that the kernel has no room for.
        full.setattr(receiving, "_open_locked", lambda _: FullDisk("/dev/full", "r+b"))
        answer = await browser.patch(path, 0, [CONTENT])
    assert answer.status == 507
    assert "disk of this server is full" in answer.detail
    assert await browser.offset(path) == 0
    assert (await browser.patch(path, 0, [CONTENT])).status == 204
    assert (await Upload.objects.aget()).file.read_bytes() == CONTENT


class FullDisk(io.FileIO):
    """Writing fails for real; only a device cannot be cut to a length."""

    def truncate(self, size: int | None = None) -> int:
        return size or 0
