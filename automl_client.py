#!/usr/bin/env python3
"""Client of an AutoML installation: upload photos, search, follow, download.

One file, Python 3.9 or later, the standard library alone. As a module:

    from automl_client import Client
    client = Client("https://automl.example.org", token="aml_…")
    dataset = client.upload("photos.zip")
    search = client.search(dataset["id"], minutes=30)
    for event in client.follow(search["id"]):
        print(event["kind"])
    client.download(search["id"], "models")

On the command line, with AUTOML_URL and AUTOML_TOKEN in the environment:

    python automl_client.py run photos.zip --minutes 30 --to models
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import os
import shutil
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

PIECE_BYTES = 8 * 2**20
TRIES = 6
BROKEN = (OSError, http.client.HTTPException)
"""Connections that broke: urllib wraps only what happens before the answer begins."""
ENDED = ("DONE", "STOPPED", "FAILED")
WORKING = ("UPLOADING", "UPLOADED", "CHECKING")


class ApiError(Exception):
    """The server refused; `status`, `detail` (a sentence) and `problem` (all that it said)."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        """Takes status and body of an answer."""
        self.status = status
        self.problem = problem
        self.detail = str(problem.get("detail", "The server said nothing that could be read."))
        super().__init__(f"{status}: {self.detail}")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nothing: the token must not travel to another address."""

    def redirect_request(self, *_args: Any, **_more: Any) -> None:
        return None


class Client:
    """One installation, with one token."""

    def __init__(self, url: str, token: str, timeout: float = 120.0) -> None:
        """Sends nothing yet.

        Args:
            url: Scheme, host and port, such as https://automl.example.org.
            token: From the page "API tokens" of the account.
            timeout: Seconds to wait for an answer.
        """
        self.url = url.rstrip("/")
        self._token = token
        self._timeout = timeout
        self._http = urllib.request.build_opener(_NoRedirect)

    def get(self, path: str, **query: Any) -> Any:
        """Returns the JSON of a GET below /api/v1."""
        return self._json("GET", self._path(path, query))

    def post(self, path: str, body: Any = None, key: str | None = None) -> Any:
        """Returns the JSON of a POST below /api/v1; tried again after a broken connection, carried out once.

        Args:
            path: Below /api/v1.
            body: Sent as JSON.
            key: The Idempotency-Key; a new one if left out.
        """
        return self._json("POST", self._path(path, {}), body, {"Idempotency-Key": key or uuid.uuid4().hex})

    def delete(self, path: str) -> None:
        """Sends a DELETE below /api/v1."""
        self._json("DELETE", self._path(path, {}))

    def items(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Yields every item of a list, page after page."""
        address: str | None = self._path(path, query)
        while address:
            page = self._json("GET", address)
            for item in page["items"]:
                yield item
            address = page.get("next")

    def upload(self, archive: str, name: str = "", wait: bool = True) -> dict[str, Any]:
        """Makes a data set of a zip or tar of class folders; goes on by itself after a broken connection.

        Args:
            archive: Path of the file.
            name: Of the data set; that of the file if left out.
            wait: True returns when the photos are checked.
        """
        file = Path(archive)
        draft = {"name": name or file.stem, "confirm": False, "n_uploads": 1}
        dataset: dict[str, Any] = self.post("/datasets/drafts", draft)
        place = self._announce(file, dataset["id"])
        with file.open("rb") as stream:
            self._send_pieces(stream, place, file.stat().st_size)
        return self.wait_for_dataset(dataset["id"]) if wait else dataset

    def wait_for_dataset(self, dataset_id: str, seconds: float = 24 * 3600.0) -> dict[str, Any]:
        """Returns a data set when it can be searched on.

        Raises:
            ApiError: Its files were refused, or it waits for its owner on its page.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            dataset: dict[str, Any] = self.get(f"/datasets/{dataset_id}")
            working = dataset["state"] in WORKING
            if not working and dataset["version"] is not None:
                return dataset
            if not working:
                raise ApiError(422, {"detail": dataset["error"] or "Look at the data set on its page."})
            time.sleep(1.0)
        raise ApiError(408, {"detail": "The photos were not checked in time."})

    def search(self, dataset_id: str, minutes: float, **options: Any) -> dict[str, Any]:
        """Starts a search; `options` are those of POST /searches, such as goal="speed"."""
        started: dict[str, Any] = self.post(
            "/searches", {"dataset_id": dataset_id, "minutes": minutes, **options}
        )
        return started

    def follow(self, search_id: str, after: int = 0, pause: float = 2.0) -> Iterator[dict[str, Any]]:
        """Yields each event of a search once, in order, until the search has ended."""
        while True:
            ended = self.get(f"/searches/{search_id}")["state"] in ENDED
            for event in self.items(f"/searches/{search_id}/events", after=after, compact="true"):
                after = event["seq"]
                yield event
            if ended:
                return
            time.sleep(pause)

    def download(self, search_id: str, directory: str) -> Iterator[Path]:
        """Returns the paths of the bundles of a search's models, downloaded into a directory."""
        target = Path(directory)
        target.mkdir(parents=True, exist_ok=True)
        models = list(self.items(f"/searches/{search_id}/models"))
        return iter([self._save(model["bundle"], target / _file_name(model["name"])) for model in models])

    def _announce(self, file: Path, dataset_id: str) -> str:
        marks = {"filename": file.name, "dataset": dataset_id}
        told = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in marks.items())
        headers = {"Upload-Length": str(file.stat().st_size), "Upload-Metadata": told}
        with self._open("POST", "/uploads/", None, {"Tus-Resumable": "1.0.0", **headers}) as answer:
            place: str = answer.headers["Location"]
        return urllib.parse.urlsplit(place).path

    def _send_pieces(self, stream: IO[bytes], place: str, size: int) -> None:
        """Sends the file from where the server has it; gives up when nothing arrives several times in a
        row."""
        offset, failed, known = 0, 0, True
        while offset < size:
            try:
                if not known:
                    with self._open("HEAD", place, None, {"Tus-Resumable": "1.0.0"}) as answer:
                        offset, known = int(answer.headers["Upload-Offset"]), True
                    continue  # all of it may be there
                stream.seek(offset)
                headers = {
                    "Tus-Resumable": "1.0.0",
                    "Upload-Offset": str(offset),
                    "Content-Type": "application/offset+octet-stream",
                }
                with self._open("PATCH", place, stream.read(PIECE_BYTES), headers) as answer:
                    offset = int(answer.headers["Upload-Offset"])
                failed = 0
            except (*BROKEN, ApiError) as error:
                failed, known = failed + 1, False
                if failed >= TRIES or (
                    isinstance(error, ApiError) and error.status not in (408, 409, 423, 429, 503)
                ):
                    raise
                time.sleep(2.0**failed / 2)

    def _save(self, address: str, path: Path) -> Path:
        partial = path.with_name(path.name + ".part")
        with self._open("GET", address, None, {}) as answer, partial.open("wb") as file:
            shutil.copyfileobj(answer, file)
        partial.replace(path)
        return path

    def _path(self, path: str, query: dict[str, Any]) -> str:
        told = urllib.parse.urlencode({name: value for name, value in query.items() if value is not None})
        return f"/api/v1{path}" + (f"?{told}" if told else "")

    def _json(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """Sends until an answer comes that is not "try again"; a POST carries a key, so it may be
        repeated."""
        data = None if body is None else json.dumps(body).encode()
        sent = {**(headers or {}), **({} if data is None else {"Content-Type": "application/json"})}
        for left in reversed(range(TRIES)):
            try:
                with self._open(method, path, data, sent) as answer:
                    content = answer.read()
                return json.loads(content) if content else None
            except ApiError as error:
                in_flight = error.problem.get("code") == "idempotency_in_flight"
                if not left or not (error.status in (429, 503) or in_flight):
                    raise
                time.sleep(min(float(error.problem.get("retry_after") or 1), 60.0))
            except BROKEN:
                if not left:
                    raise
                time.sleep(1.0)
        raise AssertionError("unreachable")

    def _open(self, method: str, path: str, data: bytes | None, headers: dict[str, str]) -> Any:
        request = urllib.request.Request(self.url + path, data=data, method=method)
        sent = {"Accept": "application/json", "Authorization": f"Bearer {self._token}", **headers}
        for name, value in sent.items():
            request.add_header(name, value)
        try:
            return self._http.open(request, timeout=self._timeout)
        except urllib.error.HTTPError as error:
            raise ApiError(error.code, _problem_of(error)) from error


def _problem_of(error: urllib.error.HTTPError) -> dict[str, Any]:
    try:
        found = json.loads(error.read())
    except ValueError:
        found = None
    problem = found if isinstance(found, dict) else {"detail": f"The server answered {error.code}."}
    return {**problem, "retry_after": error.headers.get("Retry-After")}


def _file_name(name: str) -> str:
    """Returns a name without anything that a file system understands."""
    return "".join(sign if sign.isalnum() or sign in "-_ ." else "_" for sign in name).strip(". ") + ".zip"


def _say(event: dict[str, Any]) -> None:
    told = event["payload"]
    candidate = told.get("candidate") or {}
    if candidate:
        accuracy = (candidate.get("metrics") or {}).get("accuracy")
        known = candidate.get("status") if accuracy is None else f"{100 * accuracy:.1f} % right"
        print(
            f"{event['seq']:>5}  network {candidate.get('number')}: {candidate.get('label')}, {known}",
            flush=True,
        )
    elif told.get("message"):
        print(f"{event['seq']:>5}  {told['message']}", flush=True)


def _follow(client: Client, search_id: str) -> bool:
    for event in client.follow(search_id):
        _say(event)
    search = client.get(f"/searches/{search_id}")
    print(f"{search['state']}: {search['error'] or search['message']}", flush=True)
    return bool(search["state"] != "FAILED")


def _run(client: Client, chosen: argparse.Namespace) -> bool:
    if chosen.command == "upload":
        print(client.upload(chosen.archive, chosen.name)["id"])
    elif chosen.command == "search":
        print(client.search(chosen.dataset, chosen.minutes, goal=chosen.goal)["id"])
    elif chosen.command == "follow":
        return _follow(client, chosen.search)
    elif chosen.command == "download":
        for path in client.download(chosen.search, chosen.to):
            print(path)
    elif chosen.command == "list":
        for search in client.items("/searches"):
            print(f"{search['id']}  {search['state']:<9} {search['name']}")
    else:
        dataset = client.upload(chosen.archive, chosen.name)
        search = client.search(dataset["id"], chosen.minutes, goal=chosen.goal)
        done = _follow(client, search["id"])
        for path in client.download(search["id"], chosen.to):
            print(path)
        return done
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Client of an AutoML installation.")
    parser.add_argument("--url", default=os.environ.get("AUTOML_URL", "http://localhost:8000"))
    words = parser.add_subparsers(dest="command", required=True)
    archive = argparse.ArgumentParser(add_help=False)
    archive.add_argument("archive", help="zip or tar of class folders")
    archive.add_argument("--name", default="", help="of the data set")
    budget = argparse.ArgumentParser(add_help=False)
    budget.add_argument("--minutes", type=float, default=30.0)
    budget.add_argument("--goal", default="balanced", choices=["balanced", "accuracy", "speed"])
    place = argparse.ArgumentParser(add_help=False)
    place.add_argument("--to", default="models", help="directory for the models")
    one = argparse.ArgumentParser(add_help=False)
    one.add_argument("search", help="id of a search")
    words.add_parser("upload", parents=[archive], help="make a data set and print its id")
    words.add_parser("search", parents=[budget], help="start a search and print its id").add_argument(
        "dataset"
    )
    words.add_parser("follow", parents=[one], help="print what a search does until it has ended")
    words.add_parser("download", parents=[one, place], help="download the models of a search")
    words.add_parser("list", help="list searches")
    words.add_parser(
        "run", parents=[archive, budget, place], help="all of it: upload, search, follow, download"
    )
    return parser


def main() -> int:
    """Runs the command line; the token is read from AUTOML_TOKEN, because others can read command lines."""
    chosen = _parser().parse_args()
    token = os.environ.get("AUTOML_TOKEN", "")
    if not token:
        print("Set AUTOML_TOKEN to a token from the page of your account.", file=sys.stderr)
        return 2
    try:
        return 0 if _run(Client(chosen.url, token), chosen) else 1
    except ApiError as error:
        print(error.detail, file=sys.stderr)
    except BROKEN as error:
        print(f"The server cannot be reached, or a file cannot be read: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
