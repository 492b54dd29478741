"""Strict readers of environment variables: a value that cannot be understood stops the start.

Every name that is read is kept in `VARIABLES`, so that a test can compare it with the documentation.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import tempfile
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

VARIABLES: set[str] = set()
"""Names of all environment variables that the application has read."""

SOCKET_PATH_LIMIT = 100
"""Linux accepts 107 bytes in a unix socket's path; some are left for suffixes of the server."""

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def env_str(name: str, default: str = "") -> str:
    """Returns the variable's text, or the default if it is unset or empty."""
    VARIABLES.add(name)
    return os.environ.get(name, "").strip() or default


def env_bool(name: str, default: bool) -> bool:
    """Returns a switch.

    Raises:
        ImproperlyConfigured: If the value is neither a yes nor a no.
    """
    text = env_str(name).lower()
    if not text:
        return default
    if text not in _TRUE | _FALSE:
        raise ImproperlyConfigured(f"{name}={text!r} is not a switch. Set it to 1 or 0.")
    return text in _TRUE


def env_int(name: str, default: int, *, low: int, high: int) -> int:
    """Returns a whole number between `low` and `high`, both included.

    Raises:
        ImproperlyConfigured: If the value is no number or out of range.
    """
    text = env_str(name)
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise ImproperlyConfigured(f"{name}={text!r} must be a whole number from {low} to {high}.")
    return value


def env_list(name: str, default: list[str]) -> list[str]:
    """Returns a comma-separated list without empty parts."""
    text = env_str(name)
    return [part.strip() for part in text.split(",") if part.strip()] if text else default


def env_path(name: str, default: Path) -> Path:
    """Returns an absolute path."""
    text = env_str(name)
    return (Path(text).expanduser() if text else default).absolute()


def env_secret(name: str, fallback: Path) -> str:
    """Returns a secret from the variable, from the file that NAME_FILE names, or from `fallback`.

    The fallback file is written once with a random secret and mode 600, so that a single machine needs no
    set-up; machines that work together must share the variable instead.

    Raises:
        ImproperlyConfigured: If the named file cannot be read or is empty.
    """
    value = env_str(name)
    file_name = env_str(f"{name}_FILE")
    if value:
        return value
    if file_name:
        try:
            value = Path(file_name).read_text().strip()
        except OSError as error:
            raise ImproperlyConfigured(
                f"{name}_FILE: {file_name} cannot be read ({error.strerror})."
            ) from error
        if not value:
            raise ImproperlyConfigured(
                f"{name}_FILE: {file_name} is empty. Write a long random text into it."
            )
        return value
    return _kept_secret(fallback)


def _kept_secret(path: Path) -> str:
    """Reads the secret at `path`, or makes it; of two processes that start at once, one wins."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".secret-")  # mkstemp makes mode 600
        try:
            with os.fdopen(handle, "w") as file:
                file.write(secrets.token_urlsafe(48))
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
        finally:
            Path(draft).unlink()
    return path.read_text().strip()


def runtime_dir(var: Path) -> Path:
    """Returns the directory of sockets: inside `var`, or a short one if that path were too long."""
    inside = var / "run"
    if len(os.fsencode(inside / "redis.sock")) <= SOCKET_PATH_LIMIT:
        return inside
    digest = hashlib.sha256(os.fsencode(var)).hexdigest()[:12]
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    short = base / f"automl-{os.getuid()}-{digest}"
    if len(os.fsencode(short / "redis.sock")) > SOCKET_PATH_LIMIT:
        short = Path("/tmp") / short.name  # noqa: S108 - made with mode 700 and checked for its owner
    return short
