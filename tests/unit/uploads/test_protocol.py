"""tus 1.0.0, as any client of the protocol expects it."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as site
from django.utils import timezone

from datasets_app.models import Dataset, DatasetState, Job, Upload
from datasets_app.receiving import CHECKSUMS
from tests.unit.uploads.wire import Browser

pytestmark = pytest.mark.django_db(transaction=True)
CONTENT = bytes(range(256)) * 40


async def only_upload() -> Upload:
    return await Upload.objects.select_related("dataset").aget()


async def started(browser: Browser, length: int = len(CONTENT), **marks: str) -> str:
    answer = await browser.create(length, **{"filename": "photos.zip", **marks})
    assert answer.status == 201, answer.body
    return answer.headers["location"]


async def test_server_tells_what_it_speaks(browser: Browser) -> None:
    answer = await browser.request("OPTIONS", "/uploads/")
    assert answer.status == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert answer.headers["tus-extension"] == "creation,termination,expiration,checksum"
    assert answer.headers["tus-max-size"] == str(site.MAX_UPLOAD_BYTES)
    assert {"sha1", "sha256", "md5"} <= set(answer.headers["tus-checksum-algorithm"].split(","))


@pytest.mark.parametrize("version", [None, "0.2.2"])
@pytest.mark.parametrize("method", ["POST", "HEAD", "PATCH", "DELETE"])
async def test_another_version_is_refused(browser: Browser, method: str, version: str | None) -> None:
    path = "/uploads/" if method == "POST" else await started(browser)
    answer = await browser.tus(method, path, Tus_Resumable=version, Upload_Length=5)
    assert answer.status == 412
    assert answer.headers["tus-version"] == "1.0.0"


async def test_creation_makes_a_data_set_that_waits(browser: Browser) -> None:
    answer = await browser.create(
        10, filename="photos.zip", name="My tiles", fingerprint="abc", sha256="A" * 64, confirm="1"
    )
    assert answer.status == 201
    made = await only_upload()
    assert answer.headers["location"] == f"/uploads/{made.pk}/"
    assert answer.headers["x-dataset"] == str(made.dataset_id)
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert "upload-expires" in answer.headers
    assert (made.filename, made.length, made.offset, made.fingerprint) == ("photos.zip", 10, 0, "abc")
    assert made.expected_sha256 == "a" * 64
    assert made.path == f"uploads/{made.dataset_id}/{made.pk}.part"
    dataset = made.dataset
    assert (dataset.name, dataset.state, dataset.confirm) == ("My tiles", DatasetState.UPLOADING, True)


async def test_head_tells_how_far_it_is(browser: Browser) -> None:
    path = await started(browser, fingerprint="ab c")
    await browser.patch(path, 0, [CONTENT[:100]])
    answer = await browser.tus("HEAD", path)
    assert answer.status == 200
    assert answer.headers["upload-offset"] == "100"
    assert answer.headers["upload-length"] == str(len(CONTENT))
    assert answer.headers["cache-control"] == "no-store"
    pairs = dict(pair.split(" ") for pair in answer.headers["upload-metadata"].split(","))
    assert base64.b64decode(pairs["filename"]) == b"photos.zip"
    assert base64.b64decode(pairs["fingerprint"]) == b"ab c"


async def test_pieces_become_the_file_and_the_workers_are_told(browser: Browser, hints: list[object]) -> None:
    path = await started(browser)
    first = await browser.patch(path, 0, [CONTENT[:1000], CONTENT[1000:3000]], Content_Length=3000)
    assert (first.status, first.headers["upload-offset"]) == (204, "3000")
    assert "upload-expires" in first.headers
    assert hints == []
    last = await browser.patch(path, 3000, [CONTENT[3000:]])
    assert (last.status, last.headers["upload-offset"]) == (204, str(len(CONTENT)))
    assert "upload-expires" not in last.headers
    upload = await only_upload()
    assert upload.file.read_bytes() == CONTENT
    assert upload.file.stat().st_mode & 0o777 == 0o600
    assert upload.completed_at is not None
    assert upload.expires_at is None
    dataset = upload.dataset
    assert (dataset.state, dataset.job, dataset.size_bytes) == (
        DatasetState.UPLOADED, Job.IMPORT, len(CONTENT),
    )  # fmt: skip
    assert hints == [dataset.pk]


async def test_data_set_of_several_files_waits_for_all(browser: Browser, hints: list[object]) -> None:
    answer = await browser.request(
        "POST",
        "/api/v1/datasets/drafts",
        {"Content-Type": "application/json"},
        [b'{"name": "Two", "confirm": true, "n_uploads": 2}'],
    )
    assert answer.status == 201, answer.body
    dataset = await Dataset.objects.aget()
    paths = [
        await started(browser, 100, filename=name, dataset=str(dataset.pk)) for name in ("a.zip", "b.zip")
    ]
    third = await browser.create(100, filename="c.zip", dataset=str(dataset.pk))
    assert third.status == 409
    assert "all its files" in third.detail
    await browser.patch(paths[0], 0, [CONTENT[:100]])
    await dataset.arefresh_from_db()
    assert dataset.state == DatasetState.UPLOADING
    await browser.patch(paths[1], 0, [CONTENT[:100]])
    await dataset.arefresh_from_db()
    assert (dataset.state, dataset.job, dataset.size_bytes) == (DatasetState.UPLOADED, Job.INSPECT, 200)
    assert hints == [dataset.pk]


async def test_wrong_offset_is_a_conflict(browser: Browser) -> None:
    path = await started(browser)
    await browser.patch(path, 0, [CONTENT[:100]])
    for offset in (0, 99, 101):
        answer = await browser.patch(path, offset, [CONTENT[100:]])
        assert answer.status == 409
    assert await browser.offset(path) == 100


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content_Type": "text/plain"}, 415),
        ({"Upload_Offset": None}, 400),
        ({"Upload_Offset": "-1"}, 400),
        ({"Upload_Offset": "zero"}, 400),
        ({"Content_Length": len(CONTENT) + 1}, 413),
        ({"Upload_Checksum": "crc99 AAAA"}, 400),
        ({"Upload_Checksum": "sha1 AAAA"}, 400),
        ({"Upload_Checksum": "sha1 not-base64"}, 400),
    ],
)
async def test_malformed_piece_is_refused_before_it_is_read(
    browser: Browser, headers: dict[str, Any], status: int
) -> None:
    path = await started(browser)
    answer = await browser.patch(path, **{"offset": 0, "body": [CONTENT], **headers})
    assert answer.status == status
    assert answer.detail
    assert answer.taken == 0
    assert not (await only_upload()).file.exists()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upload_Length": None}, 400),
        ({"Upload_Length": "many"}, 400),
        ({"Upload_Length": 0}, 422),
        ({"Upload_Metadata": "filename ***"}, 400),
        ({"Upload_Metadata": f"sha256 {base64.b64encode(b'12').decode()}"}, 422),
        ({"Upload_Metadata": f"fingerprint {base64.b64encode(b'f' * 201).decode()}"}, 422),
        ({"Upload_Metadata": f"dataset {base64.b64encode(b'../../etc').decode()}"}, 404),
    ],
)
async def test_malformed_creation_makes_nothing(
    browser: Browser, headers: dict[str, Any], status: int
) -> None:
    answer = await browser.tus("POST", "/uploads/", **{"Upload_Length": 10, **headers})
    assert answer.status == status, answer.body
    assert answer.detail
    assert not await Dataset.objects.aexists()


async def test_names_are_data(browser: Browser) -> None:
    await started(browser, filename="../../\x00etc/\u202epasswd\n.zip", name="")
    upload = await only_upload()
    assert upload.filename == "../../etc/ passwd .zip"
    assert upload.path == f"uploads/{upload.dataset_id}/{upload.pk}.part"
    assert upload.dataset.name == "passwd"


@pytest.mark.parametrize("algorithm", CHECKSUMS)
async def test_checksum_is_compared(browser: Browser, algorithm: str) -> None:
    path = await started(browser)
    right = base64.b64encode(hashlib.new(algorithm, CONTENT).digest()).decode()
    wrong = base64.b64encode(hashlib.new(algorithm, b"other").digest()).decode()
    answer = await browser.patch(path, 0, [CONTENT], Upload_Checksum=f"{algorithm} {wrong}")
    assert answer.status == 460
    assert await browser.offset(path) == 0
    assert (await only_upload()).file.stat().st_size == 0
    answer = await browser.patch(path, 0, [CONTENT], Upload_Checksum=f"{algorithm} {right}")
    assert (answer.status, answer.headers["upload-offset"]) == (204, str(len(CONTENT)))


async def test_termination_frees_the_bytes_and_an_empty_data_set(browser: Browser) -> None:
    path = await started(browser)
    await browser.patch(path, 0, [CONTENT[:100]])
    upload = await only_upload()
    assert upload.file.exists()
    assert (await browser.tus("DELETE", path)).status == 204
    assert not upload.file.parent.exists()
    assert (await browser.tus("HEAD", path)).status == 404
    assert (await browser.patch(path, 100, [CONTENT[100:]])).status == 404
    assert not await Dataset.objects.aexists()


async def test_complete_data_set_keeps_its_files(browser: Browser) -> None:
    path = await started(browser)
    await browser.patch(path, 0, [CONTENT])
    answer = await browser.tus("DELETE", path)
    assert answer.status == 409
    assert "data set" in answer.detail
    assert (await only_upload()).file.read_bytes() == CONTENT
    again = await browser.patch(path, len(CONTENT), [])
    assert (again.status, again.headers["upload-offset"]) == (204, str(len(CONTENT)))


async def test_upload_past_its_date_is_gone(browser: Browser) -> None:
    path = await started(browser)
    await Upload.objects.aupdate(expires_at=timezone.now() - timedelta(seconds=1))
    assert (await browser.tus("HEAD", path)).status == 410
    assert (await browser.patch(path, 0, [CONTENT])).status == 410


async def test_old_proxies_are_walked_around(browser: Browser) -> None:
    path = await started(browser)
    piece = {"Content_Type": "application/offset+octet-stream", "Upload_Offset": 0, "Content_Length": 50}
    answer = await browser.tus("POST", path, [CONTENT[:50]], X_HTTP_Method_Override="PATCH", **piece)
    assert (answer.status, answer.headers["upload-offset"]) == (204, "50")
    assert (await browser.tus("POST", path, X_HTTP_Method_Override="DELETE")).status == 204
    assert not await Upload.objects.aexists()


async def test_other_methods_are_told_which_there_are(browser: Browser) -> None:
    path = await started(browser)
    answer = await browser.tus("GET", path)
    assert (answer.status, answer.headers["allow"]) == (405, "OPTIONS, HEAD, PATCH, DELETE")
    assert (await browser.tus("GET", "/uploads/")).status == 405
