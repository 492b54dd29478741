"""Files with their class and part: what the reading of folders, tables or file names results in."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from nas.data.archive import ArchiveListing, Entry
from nas.data.findings import make_problem
from nas.data.names import normal_label, printable
from nas.data.partnames import Split
from nas.data.reading import Interpretation
from nas.errors import Problem

_OTHER_FILES: Final = (
    ".txt", ".md", ".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".xml", ".html", ".pdf", ".yaml", ".yml",
    ".py", ".ipynb", ".mat", ".npy", ".npz", ".pkl", ".parquet", ".doc", ".docx", ".xls", ".xlsx", ".rtf",
    ".log", ".ini", ".db", ".mp4", ".avi", ".mov",
)  # fmt: skip
_TABLES: Final = (".csv", ".tsv", ".jsonl", ".ndjson")
_UNUSED_TABLE: Final = (
    "The table was not used to read the classes.",
    "Nothing to do, unless it should: then choose it, and write paths in it as they stand in the upload.",
)


class Labelled(NamedTuple):
    """One file with its class; `split` is None when the upload does not say."""

    entry: Entry
    label: str
    split: Split | None


@dataclass
class Layout:
    """What an upload means.

    Attributes:
        items: Files with a class, in path order.
        problems: Files without one, odd folders and names.
    """

    items: list[Labelled] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def is_document(path: str) -> bool:
    """Whether the ending is that of a well-known kind that is no image."""
    return path[-9:].lower().endswith(_OTHER_FILES)


def pictures_of(entries: Iterable[Entry]) -> list[Entry]:
    """Entries that may be images; what they really are, their content tells later."""
    return [e for e in entries if not is_document(e.path)]


def folders_below(path: str, root: str) -> list[str] | None:
    """Folders between the root and the file, or None when it lies elsewhere."""
    if root:
        if not path.startswith(f"{root}/"):
            return None
        path = path[len(root) + 1 :]
    return path.split("/")[:-1]


def take_part(folders: list[str], chosen: Interpretation) -> tuple[Split | None, list[str], str | None]:
    """Finds the part's folder among the folders of a file.

    Returns:
        (part, the other folders, kind of a finding or None). The kind "ignore" says that the folder is left
        out by choice.
    """
    if any(folder in chosen.split_folders and chosen.split_folders[folder] == "ignore" for folder in folders):
        return None, folders, "ignore"
    if not chosen.divides:
        return None, folders, None
    level = chosen.split_level
    part = chosen.split_folders.get(folders[level]) if len(folders) > level else None
    if part is None:
        return None, folders, "outside-splits" if folders else None
    return part, folders[:level] + folders[level + 1 :], None  # type: ignore[return-value]


def finish_layout(layout: Layout, chosen: Interpretation) -> Layout:
    """Applies renames, merges and dropped classes, and names classes that look alike.

    Args:
        layout: Its labels are still as written in the upload.
        chosen: The corrections.
    """
    spellings: dict[str, set[str]] = defaultdict(set)
    dropped: Counter[str] = Counter()
    refused = set(chosen.dropped)
    used = chosen.splits_used
    items: list[Labelled] = []
    final: dict[str, tuple[str, bool]] = {}
    for item in layout.items:
        if item.label not in final:
            written = printable(normal_label(item.label))
            label = chosen.final_label(written)
            final[item.label] = (label, label in refused)
            if written == label:
                spellings[label].add(item.label)
        label, is_dropped = final[item.label]
        if is_dropped:
            dropped[label] += 1
        elif label == item.label and (used or item.split is None):
            items.append(item)
        else:
            items.append(Labelled(item.entry, label, item.split if used else None))
    layout.items = items
    layout.problems += [make_problem(label, "class-left-out", n=n) for label, n in sorted(dropped.items())]
    layout.problems += _spelling_problems(
        {label: s for label, s in spellings.items() if label not in refused}
    )
    return layout


def without_train(layout: Layout) -> Layout:
    """Divides anew when there are parts but none to train on, and says so."""
    if any(i.split for i in layout.items) and not any(i.split == "train" for i in layout.items):
        layout.items = [Labelled(i.entry, i.label, None) for i in layout.items]
        layout.problems.append(make_problem("", "no-train-folder"))
    return layout


def without_class(path: str, kind: str) -> Problem:
    """The finding for a file whose class is not known; for a document rather that it is no image."""
    if path.lower().endswith(_TABLES):
        return Problem(printable(path), "not-an-image", *_UNUSED_TABLE)
    if is_document(path):
        return make_problem(printable(path), "not-an-image", looks="a text, table or other document")
    return make_problem(printable(path), kind)


def left_out_folders(left_out: Mapping[str, int]) -> list[Problem]:
    """Notices of folders that were left out by choice.

    Args:
        left_out: Folder -> number of files.
    """
    return [make_problem(printable(name), "folder-left-out", n=n) for name, n in sorted(left_out.items())]


def _spelling_problems(spellings: dict[str, set[str]]) -> list[Problem]:
    problems = [
        make_problem(label, "label-merged") for label, seen in sorted(spellings.items()) if len(seen) > 1
    ]
    folded: dict[str, list[str]] = defaultdict(list)
    for label in sorted(spellings):
        folded[label.casefold()].append(label)
    for labels in folded.values():
        if len(labels) > 1:
            names = ", ".join(f"'{label}'" for label in labels)
            problems.append(make_problem(labels[0], "label-case", names=names))
    return problems


def empty_folders(listing: ArchiveListing, pictures: Sequence[Entry]) -> list[Problem]:
    """Folders with an entry of their own and nothing below (refused files count as something)."""
    if not listing.folders:
        return []
    used: set[str] = set()
    for path in [*(e.path for e in pictures), *(p.path for p in listing.problems), *listing.folders]:
        folder = path.rpartition("/")[0]
        while folder and folder not in used:
            used.add(folder)
            folder = folder.rpartition("/")[0]
    return [make_problem(printable(f), "empty-folder") for f in sorted(set(listing.folders)) if f not in used]
