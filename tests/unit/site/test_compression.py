"""What is sent compressed: static files, pages and JSON; and what is not."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import FileResponse, HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from automl_site.compression import PageCompression, StaticFiles, compressed_copy

GZIP = {"HTTP_ACCEPT_ENCODING": "gzip"}


@pytest.fixture
def static_files(settings: Any) -> StaticFiles:
    settings.WHITENOISE_AUTOREFRESH = False
    return StaticFiles(lambda request: HttpResponse("no such file", status=404))


def test_own_and_vendored_files_are_sent_compressed_and_revalidated(static_files: StaticFiles) -> None:
    for url in ("/static/css/tokens.css", "/static/vendor/tabler/tabler.min.css"):
        plain = static_files(RequestFactory().get(url))
        small = static_files(RequestFactory().get(url, **GZIP))
        assert small["Content-Encoding"] == "gzip"
        assert small["Vary"] == "Accept-Encoding"
        assert gzip.decompress(b"".join(small.streaming_content)) == b"".join(plain.streaming_content)
        again = static_files(RequestFactory().get(url, **GZIP, HTTP_IF_NONE_MATCH=small["ETag"]))
        assert again.status_code == 304


def test_a_changed_file_gets_another_copy(tmp_path: Path) -> None:
    file = tmp_path / "a.css"
    file.write_text("a" * 2000)
    first = compressed_copy(file)
    file.write_text("b" * 2000)
    second = compressed_copy(file)
    assert first is not None
    assert second is not None
    assert first != second
    assert gzip.decompress(second.read_bytes()) == b"b" * 2000


def test_pages_are_compressed(owner: User, client: Client) -> None:
    client.force_login(owner)
    answer = client.get("/", **GZIP)
    assert answer["Content-Encoding"] == "gzip"
    assert b"</html>" in gzip.decompress(answer.content)


def test_photos_and_downloads_are_left_alone(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(b"0" * 5000)
    answers = (HttpResponse(b"0" * 5000, content_type="image/png"), FileResponse(archive.open("rb")))
    request = RequestFactory().get("/", **GZIP)
    for answer in answers:

        def view(_: HttpRequest, answer: HttpResponse | FileResponse = answer) -> HttpResponse | FileResponse:
            return answer

        assert "Content-Encoding" not in PageCompression(view)(request)
