"""The whole application as people run it: `manage.py up` in a process of its own, on a free port."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

from tests.integration import servers

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"https?://\S+/welcome/\S+/")
READY_SECONDS = 90
STOP_SECONDS = 60
OURS = ("AUTOML_", "DATABASE_URL", "REDIS_URL", "DJANGO_")

Found = TypeVar("Found")


def wait_for(what: Callable[[], Found | None], seconds: float, why: str) -> Found:
    """Asks until the answer is true, ten times a second; returns it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.1)
    raise AssertionError(f"after {seconds:g} s: {why}")


class Stack:
    """One private installation; `with Stack(directory) as stack:` starts it and waits until it answers.

    Attributes:
        base_url: Address of the site.
        link: The one-time sign-in link that the start printed.
        seconds_to_ready: From the start to that link.
    """

    def __init__(self, var_dir: Path, **environment: str) -> None:
        """Takes the directory for its data, kept if it exists, and further environment variables."""
        self.var_dir = var_dir
        self.port = servers.free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.link = ""
        self.seconds_to_ready = 0.0
        self._lines: list[str] = []
        clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        self.environment = {
            **clean,
            "AUTOML_VAR_DIR": str(var_dir),
            "AUTOML_PORT": str(self.port),
            "PYTHONUNBUFFERED": "1",
            **environment,
        }

    def __enter__(self) -> Self:
        """Starts everything."""
        started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.link = wait_for(self._find_link, READY_SECONDS, "no sign-in link was printed")
        except BaseException:
            self.stop()
            raise
        self.seconds_to_ready = time.monotonic() - started
        return self

    def __exit__(self, *error: object) -> None:
        """Ends everything as Ctrl-C does."""
        self.stop()

    def stop(self) -> int:
        """Ends the stack and returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join(5)
        return self.process.returncode

    def log(self) -> str:
        """Returns everything that its processes have printed."""
        return "\n".join(self._lines)

    def children(self, *words: str) -> list[int]:
        """Returns the ids of the direct child processes whose command line contains all the words."""
        return [pid for pid in _children_of(self.process.pid) if set(words) <= set(_command_of(pid))]

    def command_of(self, pid: int) -> str:
        """Returns the command line of a process, or nothing if it is gone; servers rewrite theirs."""
        return " ".join(_command_of(pid))

    def family(self) -> set[int]:
        """Returns the ids of all processes below `manage.py up`."""
        found: set[int] = set()
        waiting = [self.process.pid]
        while waiting:
            new = [pid for pid in _children_of(waiting.pop()) if pid not in found]
            found.update(new)
            waiting += new
        return found

    def search_worker(self) -> int | None:
        """Returns the process id of the worker of the long queue, None while there is none."""
        found = self.children("-Q", "search")
        return found[0] if found else None

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.append(line.rstrip("\n"))
            sys.stdout.write(line)  # pytest shows it with the test that fails

    def _find_link(self) -> str | None:
        assert self.process.poll() is None, f"`manage.py up` ended:\n{self.log()}"
        match = LINK.search(self.log())
        return match.group() if match else None


class Person(httpx.Client):
    """A signed-in browser that speaks to the API."""

    def __init__(self, stack: Stack) -> None:
        """Prepares the browser; `with` signs it in."""
        super().__init__(base_url=stack.base_url, follow_redirects=True, timeout=30, trust_env=False)
        self._link = stack.link

    def __enter__(self) -> Self:
        """Signs in by the stack's link, which this uses up."""
        super().__enter__()
        answer = self.get(self._link)
        assert answer.status_code == 200, answer.text[:300]
        return self

    def call(self, method: str, address: str, **options: Any) -> Any:
        """Returns the JSON of an API call that must succeed."""
        headers = {
            "X-CSRFToken": self.cookies.get("csrftoken") or "",
            "Origin": str(self.base_url).rstrip("/"),
        }
        answer = self.request(method, f"/api/v1{address}", headers=headers, **options)
        assert answer.is_success, f"{method} {address}: {answer.status_code} {answer.text[:500]}"
        return answer.json() if answer.content else None

    def upload(self, archive: Path, name: str = "Test images") -> dict[str, Any]:
        """Uploads a zip and waits until it has been checked."""
        with archive.open("rb") as file:
            made = self.call("POST", "/datasets", data={"name": name}, files={"file": (archive.name, file)})

        def checked() -> dict[str, Any] | None:
            found: dict[str, Any] = self.call("GET", f"/datasets/{made['id']}")
            return found if found["state"] not in {"UPLOADED", "CHECKING"} else None

        return wait_for(checked, 60, "the upload was not checked")

    def events(self, run_id: str) -> list[dict[str, Any]]:
        """Returns all events of a run."""
        found: list[dict[str, Any]] = []
        while True:
            after = found[-1]["seq"] if found else 0
            page = self.call("GET", f"/searches/{run_id}/events", params={"after": after})["items"]
            if not page:
                return found
            found += page

    def cookie_header(self) -> str:
        """Returns the cookies as a websocket client sends them."""
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.cookies.jar)


def _children_of(parent: int) -> list[int]:
    found: list[int] = []
    for listing in Path(f"/proc/{parent}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(word) for word in listing.read_text().split()]
    return found


def _command_of(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []


@contextlib.contextmanager
def embedded(**environment: str) -> Iterator[Stack]:
    """SQLite and the private broker."""
    with contextlib.ExitStack() as exits:
        directory = exits.enter_context(tempfile.TemporaryDirectory(prefix="automl-"))
        yield exits.enter_context(Stack(Path(directory), **environment))


@contextlib.contextmanager
def grown_up(**environment: str) -> Iterator[Stack]:
    """PostgreSQL and a Redis server of its own."""
    with (
        servers.postgres() as database,
        servers.redis() as broker,
        embedded(DATABASE_URL=database, REDIS_URL=broker, **environment) as stack,
    ):
        yield stack


STACKS = {"embedded": embedded, "grown_up": grown_up}
