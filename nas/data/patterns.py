"""Reads classes from file names such as ``cat_001.jpg``, for images that lie together in one place."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from string import digits
from typing import Final

from nas.data.archive import ArchiveListing
from nas.data.folders import find_parts, read_tree
from nas.data.layout import (
    Labelled,
    Layout,
    folders_below,
    is_document,
    left_out_folders,
    pictures_of,
    take_part,
    without_class,
)
from nas.data.reading import Interpretation
from nas.errors import DataError

_MOST_CLASSES: Final = 1000
_LONGEST_NUMBER: Final = 3
_SEPARATORS: Final = " _.-("
_SEPARATOR: Final = re.compile(r"[_.\-]")
_FOLLOWS: Final = 0.9  # share of the images whose name must follow the pattern


@dataclass(frozen=True)
class Pattern:
    """One way of writing the class into a file name.

    Attributes:
        words: How it is explained.
        find: Takes the name without folder and ending, gives the class, "" when the name does not follow.
        has_number: Whether a running number is needed, which makes it likelier.
    """

    words: str
    find: Callable[[str], str]
    has_number: bool


def _before_number(stem: str) -> str:
    """``cat`` of ``cat_001``, ``cat.1``, ``cat (7)``, ``cat_001_2`` and ``cat001``; linear in the length."""
    rest = stem
    while True:
        body = rest.removesuffix(")")
        front = body.rstrip(digits)
        shorter = front.rstrip(_SEPARATORS)
        if front in (body, shorter) or not shorter:
            break
        rest = shorter
    return rest if rest != stem else _without_digits(stem)


def _without_digits(stem: str) -> str:
    front = stem.rstrip(digits)
    return front if front != stem else ""


def _after_number(stem: str) -> str:
    rest = stem.lstrip(digits)
    label = rest.lstrip(_SEPARATORS)
    return label if rest not in (stem, label) else ""


def _first_part(stem: str) -> str:
    parts = _SEPARATOR.split(stem, maxsplit=1)
    return parts[0] if len(parts) > 1 else ""


def _last_part(stem: str) -> str:
    parts = _SEPARATOR.split(stem)
    return parts[-1] if len(parts) > 1 else ""


PATTERNS: Final[dict[str, Pattern]] = {
    "prefix": Pattern("the text in front of the number in the file name", _before_number, True),
    "suffix": Pattern("the text behind the number in the file name", _after_number, True),
    "first-part": Pattern(
        "the text in front of the first '_', '-' or '.' in the file name", _first_part, False
    ),
    "last-part": Pattern("the text behind the last '_', '-' or '.' in the file name", _last_part, False),
}
"""Known patterns by name."""


def label_in_name(pattern: str, path: str) -> str | None:
    """The class that a file name gives, or None when it does not follow the pattern."""
    stem = path.rpartition("/")[2].rpartition(".")[0]
    return PATTERNS[pattern].find(stem).strip() or None


def propose_patterns(listing: ArchiveListing) -> list[Interpretation]:
    """Readings of the file names that give sensible classes; only for images that lie flat.

    Images lie flat when all are in one folder, or directly in folders that are parts.
    """
    pictures = pictures_of(listing.entries)
    tree = read_tree(pictures)
    parts, level = find_parts(tree)
    root = tree.root
    if len(tree.below) == 1:
        root = "/".join([*filter(None, [root]), *next(iter(tree.below))])
        parts = {}
    elif level or not parts or any(len(p) != 1 or p[0] not in parts for p in tree.below):
        return []
    # A test folder often hides its classes: the names of the training part count.
    judged = [e.path for e in pictures if _in_train(e.path, root, parts)]
    found = []
    for name, pattern in PATTERNS.items():
        labels = [label_in_name(name, path) for path in judged]
        if _is_sensible(labels):
            chosen = Interpretation(kind="pattern", root=root, split_folders=dict(parts), pattern=name)
            found.append((not pattern.has_number, len(set(labels)), chosen))
    return [chosen for *_, chosen in sorted(found, key=lambda rank: rank[:2])]


def read_pattern(listing: ArchiveListing, chosen: Interpretation) -> Layout:
    """Gives each image the class that its file name says.

    Args:
        listing: The files.
        chosen: Of kind "pattern".

    Raises:
        DataError: The pattern is not known.
    """
    if chosen.pattern not in PATTERNS:
        raise DataError(f"The file-name pattern must be one of {', '.join(PATTERNS)}. Choose one of them.")
    layout = Layout()
    left_out: Counter[str] = Counter()
    for entry in listing.entries:
        folders = folders_below(entry.path, chosen.root)
        part, _, kind = take_part(folders or [], chosen)
        label = label_in_name(chosen.pattern, entry.path)
        if kind == "ignore":
            left_out[(folders or [""])[0]] += 1
        elif folders is None or kind is not None or label is None or is_document(entry.path):
            layout.problems.append(without_class(entry.path, kind or "no-class-in-name"))
        else:
            layout.items.append(Labelled(entry, label, part))
    layout.problems += left_out_folders(left_out)
    return layout


def _in_train(path: str, root: str, parts: Mapping[str, str]) -> bool:
    folders = folders_below(path, root) or [""]
    return not parts or parts.get(folders[0]) == "train"


def _is_sensible(labels: Sequence[str | None]) -> bool:
    """Whether nearly all names follow, and the classes are few enough to be classes."""
    counts = Counter(label for label in labels if label is not None)
    if all(label.isdigit() and len(label) > _LONGEST_NUMBER for label in counts):
        return False  # years and serial numbers
    n = sum(counts.values())
    if n < _FOLLOWS * len(labels) or not 2 <= len(counts) <= min(_MOST_CLASSES, n // 2):
        return False
    return sum(1 for seen in counts.values() if seen > 1) >= 0.5 * len(counts)
