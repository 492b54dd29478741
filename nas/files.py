"""Files that survive a crash: written as a whole or not at all, and ledgers of JSON lines."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_atomically(path: Path, content: bytes | str) -> None:
    """Writes a file so that it is there as a whole or not at all, also after a power cut.

    Args:
        path: The file, replaced if it is there; text is written as UTF-8.
        content: All of it.
    """
    temporary = path.with_name(path.name + ".part")  # of one name, so that nothing of a killed writer stays
    with temporary.open("wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def append_json_line(path: Path, row: Mapping[str, Any]) -> None:
    """Adds one line to a ledger and waits until it is on the disk."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """Returns the whole lines of a ledger, none if it is missing; cuts off the torn last line of a crash."""
    drop_torn_line(path)
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def drop_torn_line(path: Path) -> None:
    """Cuts off what a crash left of a last line."""
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) != len(content):
        path.write_bytes(whole)
