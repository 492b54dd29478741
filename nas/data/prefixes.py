"""Names the folders below which several uploads stand together."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import takewhile
from typing import Final

from nas.data.names import is_archive_name, name_problem

_NUMBERED: Final = re.compile(r"(.+?)[ ._-]+(?:\d{3,}|part[ ._-]?\d+)", re.IGNORECASE)
_MOST_PARTS: Final = 8

Parts = tuple[str, ...]


def folders_of_uploads(names: Sequence[str], inside: Sequence[frozenset[str]]) -> list[str]:
    """A folder for each of several uploads.

    It is the name without its ending. When uploads of one name come from different folders, these count, but
    what all share at the front or at the end is left out: ``cats/photos.zip`` and ``dogs/photos.zip`` become
    ``cats`` and ``dogs``; ``train/cats.zip``, ``test/cats.zip`` and ``train/dogs.zip`` keep all. The numbered
    parts of one archive (``photos-001.zip``, ``photos-002.zip``) are one folder if classes may stand in them.

    Args:
        names: As uploaded, perhaps with folders: data, never opened.
        inside: The folders inside each upload that hold files, "" for its top.

    Returns:
        ``"cats"`` or ``"train/cats"`` for each; ``"upload-1"`` for the first if no folder can have its name.
    """
    paths = [_parts_of(name) or (f"upload-{number}",) for number, name in enumerate(names, start=1)]
    above: dict[str, set[Parts]] = defaultdict(set)
    for path in paths:
        above[path[-1]].add(path[:-1])
    clash = any(len(folders) > 1 for folders in above.values())
    paths = _shortened(paths) if clash else [path[-1:] for path in paths]
    return ["/".join(path) for path in _joined(paths, inside)]


def _parts_of(name: str) -> Parts | None:
    """The path without the ending of the archive; None when a part of it cannot name a folder."""
    while is_archive_name(name):
        name = name.rpartition(".")[0]
    if name_problem(name, max_name_bytes=255, max_depth=_MOST_PARTS):
        return None
    return tuple(name.split("/"))


def _shortened(paths: Sequence[Parts]) -> list[Parts]:
    """Without the leading folders that all share, and without the name where all in folders have one."""
    above = [path[:-1] for path in paths]
    pairs = zip(min(above), max(above), strict=False)  # what the first and the last share, all do
    n_shared = len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
    paths = [path[n_shared:] for path in paths]
    same = len({path[-1] for path in paths if len(path) > 1}) == 1
    return [path[:-1] if same and len(path) > 1 else path for path in paths]


def _joined(paths: Sequence[Parts], inside: Sequence[frozenset[str]]) -> list[Parts]:
    """Numbered parts of one archive as one folder, unless their own names must be the classes."""
    groups: dict[Parts, list[int]] = defaultdict(list)
    for number, (path, folders) in enumerate(zip(paths, inside, strict=True)):
        numbered = _NUMBERED.fullmatch(path[-1])
        if numbered and folders and "" not in folders:
            groups[*path[:-1], numbered[1]].append(number)
    joined = list(paths)
    for path, numbers in groups.items():
        if len(numbers) > 1 and len(frozenset().union(*(inside[i] for i in numbers))) > 1:
            for number in numbers:
                joined[number] = path
    return joined
