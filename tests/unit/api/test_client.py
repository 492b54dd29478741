"""The Python client against a real server: the example of docs/api.md, from an archive to a model."""

from __future__ import annotations

import io
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from django.conf import settings as site
from django.contrib.auth.models import User
from django.utils import timezone

import automl_client
from automl_client import ApiError, Client
from datasets_app import tasks as dataset_tasks
from datasets_app.models import Dataset
from datasets_app.runner import check_dataset
from nas.events import Event
from search_app import tasks as search_tasks
from search_app.models import ApiToken, SearchRun
from search_app.record import record_event
from search_app.tokens import SCOPES, token_create, token_revoke
from tests import factories, images
from tests.integration.servers import free_port

pytestmark = pytest.mark.django_db(transaction=True)
EXAMPLE = re.compile(r"```python\n(import os\n.*?)```", re.DOTALL)


def finish(key: Any) -> None:
    """What a worker would do, in a moment."""
    run = SearchRun.objects.get(pk=key)
    if run.ended:
        return
    record_event(run.pk, Event("phase_started", {"phase": "base_search", "message": "Searching"}))
    for number in range(3):
        record_event(run.pk, Event("candidate_finished", {"candidate": factories.candidate_json(number)}))
    folder = run.workdir / "models" / "first"
    folder.mkdir(parents=True)
    (folder / "labels.json").write_text(json.dumps(["flower", "temple"]))
    factories.TrainedModelFactory(run=run, files=[{"name": "labels.json", "bytes": 20, "sha256": "0" * 64}])
    SearchRun.objects.filter(pk=key).update(state="DONE", finished_at=timezone.now())


@pytest.fixture
def url(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server on a port of its own; whoever it would give work to does it at once."""
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    settings.REDIS_URL = f"unix://{tmp_path}/no.sock"
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    monkeypatch.setattr(dataset_tasks, "hint_checker", check_dataset)
    monkeypatch.setattr(search_tasks, "hint_worker", finish)
    from automl_site.asgi import application

    port = free_port()
    server = uvicorn.Server(uvicorn.Config(application, port=port, lifespan="off", log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def token(owner: User) -> str:
    return token_create(owner=owner, name="client", scopes=list(SCOPES))[1]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return images.photo_zip(tmp_path / "photos.zip", n_per_class=25, size=32, n_classes=2)


def test_the_example_of_the_documentation_works(
    url: str, token: str, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    example = EXAMPLE.search((Path(site.BASE_DIR) / "docs" / "api.md").read_text())
    assert example is not None
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUTOML_URL", url)
    monkeypatch.setenv("AUTOML_TOKEN", token)
    monkeypatch.setattr(automl_client, "PIECE_BYTES", archive.stat().st_size // 3)  # several pieces
    exec(compile(example[1], "docs/api.md", "exec"), {})  # noqa: S102 - our own documentation
    told = capsys.readouterr().out
    assert "candidate_finished" in told
    assert Dataset.objects.get().name == "Flowers and temples"
    with zipfile.ZipFile(tmp_path / "models" / "first.zip") as bundle:
        assert json.loads(bundle.read("labels.json")) == ["flower", "temple"]


def test_what_the_site_hands_out_runs_alone(url: str, token: str, tmp_path: Path) -> None:
    """With nothing of the project beside it, as people have it."""
    source = Client(url, token)._open("GET", "/api/v1/client.py", None, {}).read()
    (tmp_path / "automl_client.py").write_bytes(source)
    clean = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME"}}

    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "automl_client.py", "--url", url, *words]
        environment = {**clean, "AUTOML_TOKEN": token, **more}
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    assert run("list").returncode == 0
    refused = run("follow", "00000000-0000-4000-8000-000000000000")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "does not exist, or it is not yours" in refused.stderr
    assert run("list", AUTOML_TOKEN="").returncode == 2


def test_errors_say_what_the_server_said(url: str, token: str) -> None:
    client = Client(url, token)
    with pytest.raises(ApiError, match="1 to 1000 files") as refused:
        client.post("/datasets/drafts", {"n_uploads": 10**6})
    assert refused.value.status == 422
    token_revoke(token=ApiToken.objects.get())
    with pytest.raises(ApiError) as out:
        client.get("/datasets")
    assert out.value.status == 401


def test_an_archive_in_one_request_takes_a_token_too(url: str, token: str, archive: Path) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="photos.zip"\r\n\r\n'
        + archive.read_bytes()
        + b"\r\n--x--\r\n"
    )
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    with Client(url, token)._open("POST", "/api/v1/datasets", body, headers) as answer:
        assert answer.status == 201
    with pytest.raises(ApiError) as out:
        Client(url, "aml_wrong")._open("POST", "/api/v1/datasets", body, headers)
    assert out.value.status == 401


class Cutting:
    """A real server of sockets that keeps an upload; `cuts` says how the first connections end."""

    def __init__(self, *cuts: str) -> None:
        self.cuts = list(cuts)
        self.kept = b""
        self.asked: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _address = self._socket.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                self._answer(connection, stream)

    def _answer(self, connection: socket.socket, stream: Any) -> None:
        method = stream.readline().split()[0].decode()
        headers = dict(
            line.decode().strip().lower().split(": ", 1) for line in iter(stream.readline, b"\r\n")
        )
        body = stream.read(int(headers.get("content-length", 0)))
        self.asked.append(method)
        cut = self.cuts.pop(0) if self.cuts else ""
        if cut == "reset":  # closing with nothing lingering sends RST
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        if cut in {"close", "reset"}:
            return
        if method == "PATCH":
            self.kept += body
        promised = 20 if cut == "short" else 2
        told = (
            f"Upload-Offset: {len(self.kept)}\r\nContent-Length: {0 if method == 'PATCH' else promised}\r\n"
        )
        content = b"" if method in {"PATCH", "HEAD"} else b"{}"
        connection.sendall(f"HTTP/1.1 200 OK\r\nConnection: close\r\n{told}\r\n".encode() + content)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def cutting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    made: list[Cutting] = []

    def make(*cuts: str) -> Cutting:
        made.append(Cutting(*cuts))
        return made[-1]

    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    yield make
    for server in made:
        server.close()


@pytest.mark.parametrize("cut", ["close", "reset", "short"])
def test_a_request_whose_answer_is_cut_off_is_sent_again(cutting: Any, cut: str) -> None:
    server = cutting(cut)
    assert Client(server.url, "aml_x").post("/searches", {}, key="one") == {}
    assert server.asked == ["POST", "POST"]


def test_an_upload_outlives_a_server_that_is_away_when_it_is_asked_for_the_offset(cutting: Any) -> None:
    server = cutting("close", "reset", "close")
    content = io.BytesIO(b"photos")
    Client(server.url, "aml_x")._send_pieces(content, "/uploads/1", 6)
    assert server.kept == b"photos"
    assert server.asked == ["PATCH", "HEAD", "HEAD", "HEAD", "PATCH"]


def test_an_upload_that_goes_on_breaking_ends(cutting: Any) -> None:
    server = cutting(*["close"] * 20)
    with pytest.raises(automl_client.BROKEN):
        Client(server.url, "aml_x")._send_pieces(io.BytesIO(b"photos"), "/uploads/1", 6)
    assert len(server.asked) == automl_client.TRIES
