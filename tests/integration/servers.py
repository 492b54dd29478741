"""Private PostgreSQL and Redis servers from the system's programs, on free ports, gone after the test."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 30


def free_port() -> int:
    """Returns a TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Waits until the server listens."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, f"the server ended with code {process.returncode}"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the server does not listen")


def postgres_program(name: str) -> str:
    """Returns a program of the newest installed PostgreSQL; Debian keeps them outside the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    program = str(found[-1]) if found else shutil.which(name)
    assert program, "PostgreSQL's server programs are needed: apt-get install postgresql"
    return program


@contextlib.contextmanager
def _running(command: list[str], directory: Path, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    with (directory / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=directory, stdout=log, stderr=subprocess.STDOUT, **options)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """Starts PostgreSQL and yields a DATABASE_URL. As root it runs as another user: it refuses root."""
    directory = Path(tempfile.mkdtemp(prefix="automl-pg-", dir="/tmp"))
    options: dict[str, Any] = {}
    if os.geteuid() == 0:
        options = {"user": _server_user(), "group": pwd.getpwnam(_server_user()).pw_gid, "extra_groups": []}
        shutil.chown(directory, _server_user())
    try:
        data = directory / "data"
        subprocess.run(
            [postgres_program("initdb"), "-D", str(data), "-U", "automl", "-A", "trust", "-E", "UTF8"],
            cwd=directory,
            check=True,
            capture_output=True,
            **options,
        )
        port = free_port()
        command = [postgres_program("postgres"), "-D", str(data), "-p", str(port), "-k", str(directory)]
        with _running([*command, "-h", "127.0.0.1"], directory, **options) as process:
            await_port(port, process)
            yield f"postgresql://automl@127.0.0.1:{port}/postgres"
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _server_user() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """Starts redis-server and yields a REDIS_URL."""
    directory = Path(tempfile.mkdtemp(prefix="automl-redis-"))
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    assert program, "redis-server is needed: apt-get install redis-server"
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(directory)]
    try:
        with _running(command, directory) as process:
            await_port(port, process)
            yield f"redis://127.0.0.1:{port}/0"
    finally:
        shutil.rmtree(directory, ignore_errors=True)
