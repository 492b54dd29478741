"""Finds classes and ready splits in the folders of an upload."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from nas.data.archive import ArchiveListing, Entry
from nas.data.findings import make_problem
from nas.data.names import normal_label, printable
from nas.errors import Problem

Split = Literal["train", "val", "test"]

SPLIT_NAMES: Final[dict[str, Split]] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
_OTHER_FILES: Final = (
    ".txt",
    ".md",
    ".csv",
    ".tsv",
    ".json",
    ".xml",
    ".html",
    ".pdf",
    ".yaml",
    ".yml",
    ".py",
)


@dataclass(frozen=True, slots=True)
class Labelled:
    """One file with its class; `split` is None when the upload does not say."""

    entry: Entry
    label: str
    split: Split | None


@dataclass
class Layout:
    """What the folders mean.

    Attributes:
        items: Files with a class, in path order.
        problems: Files without one, odd folders.
    """

    items: list[Labelled] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def detect_layout(listing: ArchiveListing) -> Layout:
    """Reads ``<class>/*``, optionally under one common folder, optionally under train, val and test folders.

    Folders below the class folder belong to the class. A class may itself be called "train": folders are
    taken as splits only when all of them (or the train folder with class folders below) look like it.
    """
    layout = Layout()
    pictures = [e for e in listing.entries if not e.path.lower().endswith(_OTHER_FILES)]
    parents = {tuple(e.path.split("/")[:-1]) for e in pictures}
    root = _common_root(parents)
    below = {p[root:] for p in parents if len(p) > root}
    split_mode = _has_splits(below)
    use_splits = split_mode and any(SPLIT_NAMES.get(p[0].lower()) == "train" for p in below)
    if split_mode and not use_splits:
        layout.problems.append(make_problem("", "no-train-folder"))
    spellings: dict[str, set[str]] = defaultdict(set)
    for entry in listing.entries:
        parts = entry.path.split("/")[root:-1]
        split: Split | None = None
        if split_mode and parts:
            split = SPLIT_NAMES.get(parts[0].lower())
            if split is None:
                layout.problems.append(make_problem(printable(entry.path), "outside-splits"))
                continue
            parts = parts[1:]
        if not parts:
            layout.problems.append(make_problem(printable(entry.path), "unlabelled"))
            continue
        label = normal_label(parts[0])
        spellings[label].add(parts[0])
        layout.items.append(Labelled(entry, label, split if use_splits else None))
    layout.problems += _spelling_problems(spellings)
    layout.problems += _empty_folders(listing, pictures)
    return layout


def _common_root(parents: set[tuple[str, ...]]) -> int:
    """Number of leading folders that all pictures share and that are neither class nor split."""
    depth = 0
    while True:
        below = {p[depth:] for p in parents if len(p) > depth}
        firsts = {p[0] for p in below}
        if len(firsts) != 1 or not any(len(p) > 1 for p in below):
            return depth
        if next(iter(firsts)).lower() in SPLIT_NAMES:
            return depth
        depth += 1


def _has_splits(below: set[tuple[str, ...]]) -> bool:
    """Whether the first folders are splits."""
    named = {p for p in below if p[0].lower() in SPLIT_NAMES}
    if not any(len(p) > 1 for p in named):
        return False
    if len(named) == len(below):
        return True
    train_classes = {p[1] for p in named if len(p) > 1 and SPLIT_NAMES[p[0].lower()] == "train"}
    return len(train_classes) >= 2


def _spelling_problems(spellings: dict[str, set[str]]) -> list[Problem]:
    problems = [
        make_problem(printable(label), "label-merged")
        for label, seen in sorted(spellings.items())
        if len(seen) > 1
    ]
    folded: dict[str, list[str]] = defaultdict(list)
    for label in sorted(spellings):
        folded[label.casefold()].append(label)
    for labels in folded.values():
        if len(labels) > 1:
            names = ", ".join(f"'{printable(label)}'" for label in labels)
            problems.append(make_problem(printable(labels[0]), "label-case", names=names))
    return problems


def _empty_folders(listing: ArchiveListing, pictures: Sequence[Entry]) -> list[Problem]:
    """Folders with an entry of their own and nothing below (refused files count as something)."""
    used: set[str] = set()
    for path in [*(e.path for e in pictures), *(p.path for p in listing.problems), *listing.folders]:
        parts = path.split("/")[:-1]
        for i in range(len(parts)):
            used.add("/".join(parts[: i + 1]))
    return [make_problem(printable(f), "empty-folder") for f in sorted(set(listing.folders)) if f not in used]
