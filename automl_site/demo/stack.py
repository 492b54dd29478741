"""A private copy of the whole application: `manage.py up` in a child process, on a free port."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType

from automl_site.demo.errors import DemoError
from automl_site.processes import die_with_parent

LINK = re.compile(r"https?://\S+?/welcome/[^\s/]+/?")


def free_port() -> int:
    """Returns a TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class PrivateStack:
    """Starts `manage.py up` and stops it again; a context manager.

    Attributes:
        base_url: ``http://127.0.0.1:<port>``.
        log_path: File with everything that the processes print.
        link: The one-time sign-in link, once `wait_for_link` has returned.
    """

    def __init__(self, var_dir: Path, log_path: Path) -> None:
        """Chooses a port; nothing is started yet.

        Args:
            var_dir: Folder of the stack's data; emptied at the start.
            log_path: Where its output goes; outside `var_dir`.
        """
        self.var_dir = var_dir
        self.log_path = log_path
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.link: str | None = None
        self._process: subprocess.Popen[str] | None = None
        self._link_seen = threading.Event()
        self._reader: threading.Thread | None = None

    def __enter__(self) -> PrivateStack:
        """Empties the folder and starts the processes."""
        shutil.rmtree(self.var_dir, ignore_errors=True)
        self.var_dir.mkdir(parents=True)
        environment = {name: value for name, value in os.environ.items() if not _is_setting(name)}
        environment |= {
            "AUTOML_VAR_DIR": str(self.var_dir),
            "AUTOML_HOST": "127.0.0.1",
            "AUTOML_PORT": str(self.port),
            "PYTHONUNBUFFERED": "1",
        }
        # A session of its own: Ctrl-C reaches the demo alone, which then stops the stack in order.
        self._process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=Path(__file__).resolve().parents[2],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            # Whatever ends the demo, kill -9 included, the stack is told to end.
            preexec_fn=lambda: die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - no thread yet
        )
        self._reader = threading.Thread(target=self._copy_output, daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stops the processes."""
        self.stop()

    def wait_for_link(self, timeout: float = 90.0) -> str:
        """Returns the one-time link that the stack prints.

        Raises:
            DemoError: If the stack ends or prints no link in time.
        """
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self._link_seen.wait(0.2) and self.link is not None:
                return self.link
            self.check_alive()
        raise DemoError(f"No sign-in link was printed within {timeout:.0f} s; read {self.log_path}.")

    def check_alive(self) -> None:
        """Raises DemoError if the stack has ended."""
        if self._process is not None and self._process.poll() is not None:
            raise DemoError(
                f"The application ended by itself with exit code {self._process.returncode}; "
                f"read the end of {self.log_path}."
            )

    def stop(self, patience: float = 45.0) -> None:
        """Ends the stack: politely first, by force after `patience` seconds. Safe to call twice."""
        if self._process is None:
            return
        process, self._process = self._process, None
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if self._reader is not None:
            self._reader.join(5)

    def _copy_output(self) -> None:
        process = self._process
        assert process is not None and process.stdout is not None
        with self.log_path.open("w", encoding="utf-8") as log:
            for line in process.stdout:
                log.write(line)
                log.flush()
                match = LINK.search(line)
                if match and self.link is None:
                    self.link = match.group()
                    self._link_seen.set()


def _is_setting(name: str) -> bool:
    # The demo is a stack of its own even where the caller's shell points at a real database or broker.
    return name.startswith("AUTOML_") or name in {"DATABASE_URL", "REDIS_URL"}
