"""Child processes that end with their parent, restart when they die, and speak with a prefix."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

RESTART_SECONDS = (0.5, 1.0, 2.0, 5.0)
HEALTHY_SECONDS = 30.0
STOP_SECONDS = 30.0


def die_with_parent(number: int) -> None:
    """Asks the kernel to send this process a signal when its parent dies, however it dies (Linux only)."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, number)


@dataclass
class Child:
    """One child process.

    Attributes:
        name: Prefix of its lines.
        command: Argument list.
        does: What stands still while it is down, for the sentence about its restart.
        niceness: Added to the process' priority value; 0 leaves it alone.
        death_signal: What it gets when this process dies.
    """

    name: str
    command: list[str]
    does: str
    niceness: int = 0
    death_signal: int = signal.SIGKILL
    process: subprocess.Popen[str] | None = field(default=None, init=False)
    started: float = field(default=0.0, init=False)
    restarts: int = field(default=0, init=False)
    restart_at: float | None = field(default=None, init=False)

    def start(self, directory: Path, write: Callable[[str, str], None]) -> None:
        """Starts the process; its lines go to `write(name, line)` from a thread."""
        parent = os.getpid()

        def prepare() -> None:  # runs in the child between fork and exec
            die_with_parent(self.death_signal)
            if os.getppid() != parent:  # the parent died before the kernel knew of our wish
                os._exit(1)
            if self.niceness:
                os.nice(self.niceness)

        self.process = subprocess.Popen(
            self.command,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            bufsize=1,
            start_new_session=True,  # Ctrl-C reaches only us; we end the children in order
            preexec_fn=prepare,  # noqa: PLW1509 - nothing in it takes a lock
        )
        self.started = time.monotonic()
        self.restart_at = None
        assert self.process.stdout is not None
        threading.Thread(target=_pump, args=(self.process.stdout, self.name, write), daemon=True).start()

    def died(self) -> int | None:
        """Returns the exit code of a process that has ended, None while it runs."""
        return None if self.process is None else self.process.poll()

    def signal(self, number: int) -> None:
        """Sends a signal if the process runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)


def _pump(stream: IO[str], name: str, write: Callable[[str, str], None]) -> None:
    for line in stream:
        write(name, line.rstrip("\n"))


class Supervisor:
    """Starts children, restarts those that die, ends them in reverse order."""

    def __init__(self, directory: Path, write: Callable[[str, str], None]) -> None:
        """Takes the working directory of the children and the function that shows their lines."""
        self._directory = directory
        self._write = write
        self._children: list[Child] = []

    def start(self, child: Child) -> None:
        """Starts a child and watches it from now on."""
        self._children.append(child)
        child.start(self._directory, self._write)

    def watch(self) -> None:
        """Restarts what has died; call it a few times a second."""
        now = time.monotonic()
        for child in self._children:
            code = child.died()
            if code is None:
                continue
            if child.restart_at is None:
                self._plan_restart(child, code, now)
            elif now >= child.restart_at:
                child.start(self._directory, self._write)

    def _plan_restart(self, child: Child, code: int, now: float) -> None:
        child.restarts = 0 if now - child.started > HEALTHY_SECONDS else child.restarts + 1
        wait = RESTART_SECONDS[min(child.restarts, len(RESTART_SECONDS) - 1)]
        child.restart_at = now + wait
        how = f"was killed ({signal.Signals(-code).name})" if code < 0 else f"ended with code {code}"
        self._write("up", f"{child.name} {how}. It starts again in {wait:g} s; until then {child.does}.")

    def stop(self) -> None:
        """Ends all children politely, the last started first; what does not end in time is killed."""
        first, others = self._children[:1], self._children[1:]
        for group in (others, first):  # the broker goes last, so that the others can say goodbye
            for child in reversed(group):
                child.signal(signal.SIGTERM)
            deadline = time.monotonic() + STOP_SECONDS
            for child in group:
                self._await_end(child, deadline)

    def _await_end(self, child: Child, deadline: float) -> None:
        if child.process is None:
            return
        try:
            child.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._write("up", f"{child.name} did not end in time and is killed.")
            child.process.kill()
            child.process.wait()
