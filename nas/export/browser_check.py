"""Asks a real browser what it makes of an exported file: onnxruntime-web in a Chromium without a window.

No driver library: a server on this machine, at a path that nobody can guess, gives a page the files and the
images, and the page posts its answers back. docs/decisions/0035 has the reasons.
"""

from __future__ import annotations

import json
import os
import queue
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np

from nas.export.demo import RUNTIME

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
"""Where a Chromium is looked for, unless AUTOML_CHROMIUM names one; `off` there switches the check off."""

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
"""The sandbox needs rights that containers rarely have; nothing but our own page and files is opened."""

_PAGE = Path(__file__).parent / "checked_page"
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".json": "application/json",
}
BROWSER_SECONDS = 90.0
"""Time that a browser gets for one file."""

LEAST_BROWSER_SECONDS = 6.0
"""With less time it is better not to begin: start and images took 3.6 seconds on a busy core."""

SECONDS_OF_IMAGES = 3.0
"""After so many seconds a slow browser gets no further images."""

_FEWEST_IMAGES = 8
_MOST_BYTES = 100_000_000


class BrowserUnavailable(Exception):  # noqa: N818 - not an error: the certificate says it
    """The browser gave no answer; the text says why."""


@dataclass(frozen=True)
class BrowserAnswer:
    """What a browser made of a file.

    Attributes:
        browser: Name and version.
        probabilities: (N, K) float64 of the first N images.
        latency_ms: Median of one image, milliseconds; resizing included.
    """

    browser: str
    probabilities: np.ndarray
    latency_ms: float


def find_chromium() -> str:
    """Returns the path of a Chromium.

    Raises:
        BrowserUnavailable: If there is none, or it is switched off.
    """
    named = os.environ.get("AUTOML_CHROMIUM", "").strip()
    if named == "off":
        raise BrowserUnavailable("switched off (AUTOML_CHROMIUM)")
    for name in (named,) if named else PROGRAMS:
        if program := shutil.which(name):
            return program
    raise BrowserUnavailable("no Chromium on this machine")


def ask_browser(
    model: Path, runtime: Path, images_u8: np.ndarray, *, seconds: float = BROWSER_SECONDS
) -> BrowserAnswer:
    """Runs a file of `nas.export.onnx_model.export_onnx` in a browser.

    Args:
        model: The file.
        runtime: Directory with the files of `nas.export.demo.RUNTIME`.
        images_u8: (N, S, S, 3) uint8, at least one image; a slow browser is asked about the first ones only.
        seconds: Time for everything.

    Raises:
        BrowserUnavailable: If there is no browser or no runtime, or it gives no answer in time.
    """
    program = find_chromium()
    files = {path.name: path for path in (model, *(runtime / name for name in RUNTIME))}
    if not all(path.is_file() for path in files.values()):
        raise BrowserUnavailable("onnxruntime-web is not on this machine")
    files |= {path.name: path for path in _PAGE.iterdir()}
    made = {"job.json": json.dumps(_job(model, images_u8)).encode(), "images.bin": packed(images_u8)}
    answers: queue.Queue[tuple[str, bytes]] = queue.Queue()
    try:
        with _serving(files, made, answers) as address, _running(program, address) as browser:
            agent, body = _wait(answers, browser, seconds)
    except OSError as error:  # not executable, no free port, no room for a profile
        raise BrowserUnavailable("the browser did not start") from error
    return _read(body, _version(agent), len(images_u8))


def packed(images_u8: np.ndarray) -> bytes:
    """Returns the images as the page reads them: bytes, image after image, row after row, RGB."""
    return np.ascontiguousarray(images_u8, dtype=np.uint8).tobytes()


def _job(model: Path, images_u8: np.ndarray) -> dict[str, Any]:
    return {
        "model": model.name,
        "images": len(images_u8),
        "side": images_u8.shape[1],
        "seconds": SECONDS_OF_IMAGES,
        "fewest": min(_FEWEST_IMAGES, len(images_u8)),
    }


class _Server(ThreadingHTTPServer):
    """Says nothing about a browser that is killed while it reads."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing."""


@contextmanager
def _serving(
    files: Mapping[str, Path], made: Mapping[str, bytes], answers: queue.Queue[tuple[str, bytes]]
) -> Iterator[str]:
    """Serves files by name below a secret path, and takes answers; gives the address of the page."""
    secret = secrets.token_urlsafe(24)

    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def do_GET(self) -> None:
            name = self.path.removeprefix(f"/{secret}/")
            if name in made:
                return self.send(made[name], Path(name).suffix)
            if name in files:
                return self.send(files[name].read_bytes(), files[name].suffix)
            return self.send_error(404)

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if self.path != f"/{secret}/answer" or not (length.isascii() and length.isdigit()):
                return self.send_error(404)
            if len(length) > 12 or int(length) > _MOST_BYTES:
                return self.send_error(413)
            answers.put((self.headers.get("User-Agent", ""), self.rfile.read(int(length))))
            return self.send(b"", ".json")

        def send(self, body: bytes, suffix: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", _KINDS.get(suffix, "application/octet-stream"))
            self.send_header("Content-Length", str(len(body)))
            # isolated from other origins: only then is the browser's clock finer than 0.1 ms
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/{secret}/check.html"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def _running(program: str, address: str) -> Iterator[subprocess.Popen[bytes]]:
    """Runs the browser with a profile of its own and ends it with all its children."""
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as profile:
        command = [program, *FLAGS, f"--user-data-dir={profile}", "--no-proxy-server", address]
        browser = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "HOME": profile},
        )
        try:
            yield browser
        finally:
            with suppress(ProcessLookupError):
                os.killpg(browser.pid, signal.SIGKILL)
            browser.wait()


def _wait(
    answers: queue.Queue[tuple[str, bytes]], browser: subprocess.Popen[bytes], seconds: float
) -> tuple[str, bytes]:
    """Returns the first answer with the browser's name for itself."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        try:
            return answers.get(timeout=0.25)
        except queue.Empty:
            if browser.poll() is not None:
                raise BrowserUnavailable("the browser did not start") from None
    raise BrowserUnavailable(f"the browser gave no answer within {seconds:.0f} seconds")


def _version(agent: str) -> str:
    for word in agent.split():
        if word.startswith(("HeadlessChrome/", "Chrome/")):
            return f"Chromium {word.partition('/')[2].partition('.')[0]}"
    return "Chromium"


def _read(body: bytes, browser: str, n_images: int) -> BrowserAnswer:
    """Returns the answer; values that are no numbers (the browser sends null) become NaN."""
    try:
        found = json.loads(body)
        if "error" in found:
            said = " ".join(str(found["error"]).replace("|", "/").split())
            raise BrowserUnavailable(f"the browser could not run it: {said[:200]}")
        probabilities = np.array(found["probabilities"], dtype=np.float64)
        if probabilities.ndim != 2 or not 0 < len(probabilities) <= n_images:
            raise ValueError("probabilities of another shape")
        latency_ms = float(np.median(np.array(found["milliseconds"], dtype=np.float64)))
    except (ValueError, KeyError, TypeError) as error:
        raise BrowserUnavailable("the browser's answer cannot be read") from error
    return BrowserAnswer(browser, probabilities, latency_ms)
