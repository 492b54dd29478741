"""Takes generated uploads through the public API of one running stack and watches what its worker takes."""

from __future__ import annotations

import csv
import io
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from PIL import Image

from datasets_app.findings import CHECK_KINDS
from tests.images import photo_files
from tests.integration.sender import Sender
from tests.integration.stack import Person, Stack, wait_for

PHOTOS: Final = dict(photo_files(6, 32, 2))
"""The good photos that most uploads hold beside the odd ones: six of a temple, six of a flower."""

GOOD: Final = {path: path.split("/")[0] for path in PHOTOS}
WORKING: Final = frozenset({"UPLOADING", "UPLOADED", "CHECKING", "PREVIEW"})
SECONDS: Final = 300
# Of the checks, which look at the pixels, and the notice that six photos are few: no business of these rows.
_OTHER_BUSINESS: Final = CHECK_KINDS | {"few-images"}


def nothing_more(_outcome: Outcome) -> None:
    """For rows whose findings and images say everything."""


@dataclass(frozen=True)
class Case:
    """One row of the list.

    Attributes:
        name: Number and name.
        build: Writes the upload into a directory and returns its path.
        named: (path, kind) of each finding of the import, in any order.
        images: Path -> class of each image that must be imported.
        refused: Words of the refusal, when the upload as a whole must be refused.
        state: Of the data set in the end.
        prove: What else must be true.
        send: How it is sent; by default in one request.
        published: True to look as soon as the images are there, before they are checked.
    """

    name: str
    build: Callable[[Path], Path]
    named: tuple[tuple[str, str], ...] = ()
    images: Mapping[str, str] | None = field(default_factory=lambda: GOOD)
    refused: str = ""
    state: str = "READY"
    prove: Callable[[Outcome], None] = nothing_more
    send: Callable[[Hall, Path], str] | None = None
    published: bool = False


@dataclass
class Outcome:
    """What became of a case.

    Attributes:
        person: Whose data set it is.
        dataset: As the API shows it.
        upload: The file that was sent.
        seconds: From the last byte sent to the end; includes waiting for other data sets.
    """

    person: Person
    dataset: dict[str, Any]
    upload: Path
    seconds: float

    @property
    def address(self) -> str:
        """Of the data set in the API."""
        return f"/datasets/{self.dataset['id']}"

    def all_findings(self) -> list[dict[str, Any]]:
        """Findings of the import and of the checks."""
        return self._all("findings")

    def findings(self) -> list[dict[str, Any]]:
        """Findings of the import."""
        return [one for one in self.all_findings() if one["kind"] not in _OTHER_BUSINESS]

    def finding(self, path: str) -> dict[str, Any]:
        """The only finding about a path."""
        (found,) = (one for one in self.findings() if one["path"] == path)
        return found

    def images(self) -> list[dict[str, Any]]:
        """Images in use."""
        return self._all("images")

    def _all(self, what: str) -> list[dict[str, Any]]:
        """All pages of a list."""
        items: list[dict[str, Any]] = []
        while True:
            where = {"limit": 1000, "offset": len(items)}
            page = self.person.call("GET", f"{self.address}/{what}", params=where)
            items += page["items"]
            if not page["items"]:
                assert len(items) == page["total"]
                return items

    def image(self, path: str) -> dict[str, Any]:
        """One image."""
        (found,) = (one for one in self.images() if one["path"] == path)
        return found

    def table(self) -> list[list[str]]:
        """The downloaded findings, row by row, without the header."""
        answer = self.person.get(f"/api/v1{self.address}/findings.csv")
        return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))[1:]

    def thumbnail(self, path: str) -> tuple[Mapping[str, str], bytes]:
        """Headers and bytes of an image as browsers get it."""
        answer = self.person.get(f"/api/v1{self.address}/thumbnails/{self.image(path)['row']}")
        assert answer.status_code == 200
        return answer.headers, answer.content

    def colour(self, path: str, x: float = 0.5, y: float = 0.5) -> tuple[int, ...]:
        """RGB at a place of an image, given as shares of its width and height."""
        with Image.open(io.BytesIO(self.thumbnail(path)[1])) as image:
            at = int(x * (image.width - 1)), int(y * (image.height - 1))
            pixel = image.convert("RGB").getpixel(at)
        assert isinstance(pixel, tuple)
        return pixel


class Watch(threading.Thread):
    """Notes the highest resident memory of the processes that handle uploads, as the kernel counts it.

    Attributes:
        peaks: ``worker`` (a Celery process) or ``reader`` (a child that opens images) -> bytes.
    """

    def __init__(self, stack: Stack) -> None:
        super().__init__(daemon=True)
        self.peaks = {"worker": 0, "reader": 0}
        self.ended = threading.Event()
        self._stack = stack

    def run(self) -> None:
        """Looks until it is told to end."""
        while not self.ended.wait(0.05):
            self.look()

    def look(self) -> None:
        """Looks at all processes of the stack once."""
        for process in self._stack.family():
            command = self._stack.command_of(process)
            kind = (
                "reader" if "nas.data.worker" in command else "worker" if "-Q interactive" in command else ""
            )
            if kind:
                self.peaks[kind] = max(self.peaks[kind], _highest(process))


def _highest(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0  # it ended meanwhile
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


class Hall:
    """Sends cases, confirms what the preview proposes, and waits for the ends.

    Attributes:
        stack: The installation.
        person: Who uploads.
        watch: Looks at the memory meanwhile.
        previews: Id of a data set -> its first preview.
        workers_at_first: Process ids of the workers before anything was sent.
        peaks_of_refusals: Highest memory after the uploads that are refused as a whole.
    """

    def __init__(self, stack: Stack, person: Person, directory: Path) -> None:
        self.stack = stack
        self.person = person
        self.watch = Watch(stack)
        self.previews: dict[str, dict[str, Any]] = {}
        wait_for(lambda: re.search(r"interactive@\S+ ready\.", stack.log()), 60, "no worker became ready")
        self.workers_at_first = self.workers()  # all of them: a worker forks before it says that it is ready
        self.peaks_of_refusals: dict[str, int] = {}
        self._directory = directory
        self._sent: dict[str, tuple[Case, str, Path, float]] = {}
        self._ended: dict[str, Outcome] = {}

    def workers(self) -> set[int]:
        """Process ids of the workers that handle uploads."""
        return {one for one in self.stack.family() if "-Q interactive" in self.stack.command_of(one)}

    @property
    def sender(self) -> Sender:
        """Speaks the protocol of resumable uploads for this person."""
        return Sender(self.stack, self.person)

    def send(self, case: Case) -> None:
        """Generates and sends an upload."""
        folder = self._directory / case.name
        folder.mkdir()
        file = case.build(folder)
        key = case.send(self, file) if case.send else self.post(file)
        self._sent[case.name] = case, key, file, time.monotonic()

    def post(self, file: Path) -> str:
        """Sends a file in one request; returns the id of the data set."""
        with file.open("rb") as stream:
            data = {"name": file.parent.name, "confirm": "true"}
            made = self.person.call("POST", "/datasets", data=data, files={"file": (file.name, stream)})
        return str(made["id"])

    def piece(self, path: str, offset: int, content: bytes) -> httpx.Response:
        """Sends one piece of a resumable upload in a request of its own."""
        headers = {name: text for name, text in self.sender.headers.items() if name != "Host"}
        headers |= {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset)}
        return self.person.patch(path, content=content, headers=headers)

    def outcome(self, case: Case) -> Outcome:
        """Waits until a case that was sent has come to its end."""
        wait_for(lambda: self._step() or case.name in self._ended, SECONDS, f"{case.name} did not end")
        return self._ended[case.name]

    def _step(self) -> None:
        """Asks after everything that is not at its end, and confirms previews."""
        for name in [name for name in self._sent if name not in self._ended]:
            case, key, file, since = self._sent[name]
            dataset = self.person.call("GET", f"/datasets/{key}")
            if dataset["state"] == "PREVIEW":
                self.previews[key] = self.person.call("GET", f"/datasets/{key}/preview")
                chosen = {"interpretation": self.previews[key]["interpretation"]}
                self.person.call("POST", f"/datasets/{key}/import", json=chosen)
            elif dataset["state"] not in WORKING or (case.published and dataset["version"]):
                self._ended[name] = Outcome(self.person, dataset, file, time.monotonic() - since)
