"""What the import's parent and its reader processes tell each other: one JSON line for many files.

Lines of many files instead of one each, and lists instead of objects: with small images the talking would
otherwise cost more than the decoding.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from nas.data.archive import Entry


class Facts(NamedTuple):
    """What a reader found out about one image.

    Attributes:
        width: Width in pixels as seen (after EXIF rotation).
        height: Height in pixels as seen.
        sha256: Hash of the file's bytes; "" when only the header was read.
        format: What its content is, e.g. ``"JPEG"``.
        mode: Pillow's mode before the conversion, e.g. ``"RGB"``.
        camera: Make and model by EXIF, or "".
        has_exif: Whether it holds EXIF data.
        animated: Whether there are more frames than the one used.
    """

    width: int
    height: int
    sha256: str = ""
    format: str = ""
    mode: str = ""
    camera: str = ""
    has_exif: bool = False
    animated: bool = False


@dataclass(frozen=True)
class Refused:
    """Why one file cannot be used: kind and details of a finding."""

    kind: str
    details: Mapping[str, Any]


Answer = Facts | Refused
Task = tuple[int, Entry]
"""(index, file); the index is also the place of its pixels."""


def pack_tasks(tasks: Sequence[Task], cache_size: int, one_by_one: bool) -> bytes:
    """A line for a reader.

    Args:
        tasks: Files to read, in the order of their answers.
        cache_size: Side of the stored square in pixels; 0 reads headers only.
        one_by_one: Answer after each file, so that it shows which one kills the reader.
    """
    rows = [[index, *entry[1:]] for index, entry in tasks]
    return json.dumps([cache_size, one_by_one, rows], separators=(",", ":")).encode() + b"\n"


def unpack_tasks(line: bytes) -> tuple[list[Task], int, bool]:
    """Reads what `pack_tasks` wrote."""
    cache_size, one_by_one, rows = json.loads(line)
    return [(row[0], Entry("", *row[1:])) for row in rows], cache_size, one_by_one


def pack_answers(answers: Sequence[Answer]) -> bytes:
    """A line for the parent, in the order of the tasks."""
    rows = [(a.kind, dict(a.details)) if isinstance(a, Refused) else a for a in answers]
    return json.dumps(rows, separators=(",", ":")).encode() + b"\n"


def pack_failure(number: int) -> bytes:
    """A line that ends the import: the pixels cannot be written, for this errno."""
    return json.dumps(number).encode() + b"\n"


def unpack_answers(line: bytes) -> list[Answer]:
    """Reads what `pack_answers` wrote.

    Raises:
        OSError: The reader could not write the pixels.
    """
    rows = json.loads(line)
    if isinstance(rows, int):
        raise OSError(rows, "The pixels could not be written.")
    return [Refused(*row) if isinstance(row[0], str) else Facts(*row) for row in rows]
