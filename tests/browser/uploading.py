"""What the tests of uploads share: ways to choose files, and a gate between two pieces."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from playwright.sync_api import Page, Route, expect

from tests import images
from tests.integration.stack import Stack

PIECE = 8 * 1024 * 1024
DATASET = re.compile(r"/datasets/[0-9a-f-]{36}/")
FILES = """(files) => {
  const transfer = new DataTransfer();
  for (const [name, content] of files) {
    const bytes = Uint8Array.from(atob(content), (sign) => sign.charCodeAt(0));
    transfer.items.add(new File([bytes], name));
  }
  return transfer;
}"""


def drop(page: Page, *files: tuple[str, bytes]) -> None:
    """Drops files that exist in the page only."""
    encoded = [[name, base64.b64encode(content).decode()] for name, content in files]
    page.dispatch_event("#drop", "drop", {"dataTransfer": page.evaluate_handle(FILES, encoded)})


def drop_paths(page: Page, *paths: Path) -> None:
    """Drops files and folders from the disk, as a file manager does."""
    box = page.locator("#drop").bounding_box()
    assert box is not None
    place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    devtools = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        devtools.send("Input.dispatchDragEvent", {"type": kind, **place, "data": data})
    devtools.detach()


def write_folder(folder: Path, files: Iterable[tuple[str, bytes]]) -> Path:
    for name, content in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def large_zip(path: Path, pieces: float = 1.5) -> Path:
    """Photos, and noise that no zip makes smaller."""
    noise = os.urandom(int(pieces * PIECE))
    return images.photo_zip(path, n_per_class=6, n_classes=2, extra={"noise.bin": noise})


def choose(page: Page, *files: Path) -> None:
    page.set_input_files("#file", files)
    expect(page.locator("#chosen li")).to_have_count(len(files))


def until(page: Page, condition: Callable[[], bool]) -> None:
    """Lets the page go on until the condition holds."""
    for _ in range(400):
        if condition():
            return
        page.wait_for_timeout(50)
    raise AssertionError("waited 20 s in vain")


class Gate:
    """Lets so many pieces through and holds the others back until the test opens it.

    The line breaks in the first `n_broken` pieces.
    """

    def __init__(self, page: Page, pieces: int, n_broken: int = 0) -> None:
        self.left = pieces
        self.n_broken = n_broken
        self.held: list[Route] = []
        self.offsets: list[int] = []
        page.route(re.compile(r"/uploads/[0-9a-f-]{36}/$"), self._judge)

    def _judge(self, route: Route) -> None:
        if route.request.method != "PATCH":
            route.continue_()
            return
        self.offsets.append(int(route.request.headers["upload-offset"]))
        if self.n_broken:
            self.n_broken -= 1
            route.abort("connectionreset")
        elif self.left:
            self.left -= 1
            route.continue_()
        else:
            self.held.append(route)

    def open(self) -> None:
        self.left = 1_000_000
        for route in self.held:
            route.continue_()
        self.held.clear()


def begin(page: Page, archive: Path, pieces: int = 1) -> Gate:
    """Starts sending, and stops the world before the piece after so many."""
    gate = Gate(page, pieces)
    page.goto("/datasets/new/")
    choose(page, archive)
    page.click("#send")
    until(page, lambda: bool(gate.held))
    return gate


def stored(stack: Stack, page: Page) -> list[Path]:
    """The files that the server has of the data set that the page shows."""
    dataset = page.url.rstrip("/").rsplit("/", 1)[1]
    return [path for path in (stack.var_dir / "storage" / "uploads" / dataset).rglob("*") if path.is_file()]


def assert_arrived(stack: Stack, page: Page, archive: Path) -> None:
    page.wait_for_url(DATASET)
    (path,) = stored(stack, page)
    assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(archive.read_bytes()).digest()
