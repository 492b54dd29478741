"""Reads classes and parts from the folders of an upload."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nas.data.archive import ArchiveListing, Entry
from nas.data.layout import (
    Labelled,
    Layout,
    empty_folders,
    folders_below,
    is_document,
    left_out_folders,
    pictures_of,
    take_part,
    without_class,
)
from nas.data.partnames import Split, part_of, parts_of
from nas.data.reading import Interpretation

_Folders = tuple[str, ...]
_DEEPEST_PART = 3


@dataclass(frozen=True)
class Tree:
    """The folders that hold images.

    Attributes:
        root: Leading folders that all share, joined by '/'.
        below: Folders of each image below the root -> number of images.
    """

    root: str
    below: Mapping[_Folders, int]


def read_tree(pictures: Sequence[Entry]) -> Tree:
    """Counts the images of each folder and finds the folders that all share."""
    counts = Counter(e.path.rpartition("/")[0] for e in pictures)
    parents = {tuple(p.split("/")) if p else (): n for p, n in counts.items()}
    depth = _common_root(set(parents))
    root = next((p[:depth] for p in parents if len(p) >= depth), ())
    below: Counter[_Folders] = Counter()
    for parent, n in parents.items():
        below[parent[depth:]] += n
    return Tree("/".join(root), below)


def propose_folders(listing: ArchiveListing) -> Interpretation:
    """Best guess for ``<class>/*``, ``<part>/<class>/*`` and ``<class>/<part>/*``, below any common folder.

    Folders below the class folder belong to the class. A class may itself be called "train": folders are
    taken as parts only when all of them (or the train folder with class folders below) look like it.
    """
    tree = read_tree(pictures_of(listing.entries))
    parts, level = find_parts(tree)
    chosen = Interpretation(root=tree.root, split_folders=dict(parts), split_level=level)
    return replace(chosen, label_level=_label_level(listing, tree, chosen))


def folder_alternatives(listing: ArchiveListing, best: Interpretation) -> list[Interpretation]:
    """Other sensible readings of the folders: another level as the class, or parts not used."""
    tree = read_tree(pictures_of(listing.entries))
    names = _names_by_level(tree, best)
    found = [
        replace(best, label_level=level)
        for level in sorted(names)
        if level != best.label_level and len(names[level]) > 1
    ]
    depths = {len(_without_part(folders, best)) for folders in tree.below} - {0}
    if len(depths) > 1 and best.label_level != -1:
        found.append(replace(best, label_level=-1))
    if best.divides:
        found.append(replace(best, splits_used=not best.splits_used))
        if best.split_level == 0:
            found.append(replace(best, split_folders={}, label_level=0))
    return found


def read_folders(listing: ArchiveListing, chosen: Interpretation) -> Layout:
    """Gives each file the class and part that its folders say.

    Args:
        listing: The files.
        chosen: Of kind "folders".
    """
    layout = Layout()
    left_out: Counter[str] = Counter()
    known: dict[str, tuple[Split | None, str, str | None]] = {}
    for entry in listing.entries:
        parent = entry.path.rpartition("/")[0]
        if parent not in known:
            known[parent] = _meaning(entry.path, chosen)
        part, label, kind = known[parent]
        if kind == "ignore":
            left_out[label] += 1
        elif kind is not None or is_document(entry.path):
            layout.problems.append(without_class(entry.path, kind or ""))
        else:
            layout.items.append(Labelled(entry, label, part))
    layout.problems += left_out_folders(left_out)
    layout.problems += empty_folders(listing, pictures_of(listing.entries))
    return layout


def _meaning(path: str, chosen: Interpretation) -> tuple[Split | None, str, str | None]:
    """(part, class, kind of a finding) of all files of one folder; an ignored folder stands for the class."""
    folders = folders_below(path, chosen.root)
    if not folders:
        return None, "", "unlabelled"
    part, rest, kind = take_part(folders, chosen)
    if kind == "ignore":
        return None, next(f for f in folders if chosen.split_folders.get(f) == "ignore"), kind
    level = len(rest) - 1 if chosen.label_level == -1 else chosen.label_level
    if kind is None and not 0 <= level < len(rest):
        kind = "unlabelled"
    return part, rest[level] if kind is None else "", kind


def find_parts(tree: Tree) -> tuple[dict[str, Split], int]:
    """Folders that are parts, and their level below the root; an empty dict when there are none."""
    parts = parts_of({p[0] for p in tree.below if p})
    if parts and _are_parts(tree, parts):
        return parts, 0
    for level in range(1, _DEEPEST_PART + 1):
        names = {p[level] for p in tree.below if len(p) > level}
        deep = sum(n for p, n in tree.below.items() if len(p) > level)
        inner = parts_of(names)
        if (
            names == set(inner)
            and "train" in inner.values()
            and len(set(inner.values())) > 1
            and deep >= 0.95 * sum(tree.below.values())
        ):
            return inner, level
    return {}, 0


def _are_parts(tree: Tree, parts: Mapping[str, Split]) -> bool:
    """Whether the first folders that are named like parts are not simply classes of these names."""
    below = [p for p in tree.below if p]
    named = [p for p in below if p[0] in parts]
    if not any(len(p) > 1 for p in named):
        # Images directly in train and test: their classes stand elsewhere, but certainly not there.
        return len(named) == len(below) and len(set(parts.values())) > 1
    if len(named) == len(below):
        return True
    return len({p[1:] for p in named if len(p) > 1 and parts[p[0]] == "train"}) >= 2


def _common_root(parents: set[_Folders]) -> int:
    """Number of leading folders that all images share and that are neither class nor part."""
    depth = 0
    while True:
        below = {p[depth:] for p in parents if len(p) > depth}
        firsts = {p[0] for p in below}
        if len(firsts) != 1 or not any(len(p) > 1 for p in below) or part_of(next(iter(firsts))):
            return depth
        depth += 1


def _without_part(folders: _Folders, chosen: Interpretation) -> _Folders:
    """The folders that may name a class; none for images outside the parts."""
    if not chosen.divides:
        return folders
    level = chosen.split_level
    if len(folders) <= level or folders[level] not in chosen.split_folders:
        return ()
    return folders[:level] + folders[level + 1 :]


def _names_by_level(tree: Tree, chosen: Interpretation) -> dict[int, set[str]]:
    names: dict[int, set[str]] = defaultdict(set)
    for folders in tree.below:
        for level, name in enumerate(_without_part(folders, chosen)):
            names[level].add(name)
    return names


def _label_level(listing: ArchiveListing, tree: Tree, chosen: Interpretation) -> int:
    """First level whose names tell images apart.

    Levels are skipped that hold a single folder in each part (``train/images/cat``), and the names of
    numbered uploads of one set (``photos-001.zip``, ``photos-002.zip``).
    """
    level = 0
    while True:
        names: dict[str, set[str]] = defaultdict(set)
        deeper = False
        for folders in tree.below:
            rest = _without_part(folders, chosen)
            if len(rest) > level:
                part = folders[chosen.split_level] if chosen.divides else ""
                names[part].add(rest[level])
                deeper = deeper or len(rest) > level + 1
        uniform = all(len(seen) == 1 for seen in names.values())
        numbered = level == 0 and not chosen.divides and _are_numbered(listing, names[""])
        if not deeper or not (uniform or numbered):
            return level
        level += 1


def _are_numbered(listing: ArchiveListing, names: set[str]) -> bool:
    """Whether the first folders are several uploads that differ in a number only."""
    if len(listing.archives) < 2 or len(names) != len(listing.archives):
        return False
    return len({re.sub(r"\d+", "", name) for name in names}) == 1
