"""Puts the reading of an upload into words and figures, to be shown before anything is decoded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

from nas.data.archive import ArchiveListing
from nas.data.findings import is_refusal
from nas.data.layout import Labelled, Layout, folders_below
from nas.data.names import printable
from nas.data.patterns import PATTERNS
from nas.data.reading import Interpretation
from nas.data.tables import Table, TableError

_MOST_PROBLEMS: Final = 200
_MOST_FOLDERS: Final = 200
_MOST_TABLES: Final = 10
_EXAMPLES: Final = 5
_CELL: Final = 200
_LEVELS: Final = ("first", "second", "third", "fourth", "fifth")
_PARTS: Final = {"train": "to train on", "val": "to validate", "test": "to test"}


def preview_json(
    listing: ArchiveListing,
    chosen: Interpretation,
    layout: Layout,
    *,
    alternatives: Sequence[tuple[Interpretation, str]],
    tables: Sequence[Table],
) -> dict[str, Any]:
    """The preview as the website shows it.

    Args:
        listing: The files.
        chosen: How they are understood.
        layout: What comes of it.
        alternatives: Other readings with their summaries.
        tables: The tables that the upload holds.
    """
    problems = listing.problems + layout.problems
    splits: Counter[str] = Counter(item.split for item in layout.items if item.split is not None)
    return {
        "interpretation": chosen.to_json(),
        "summary": summary_of(chosen, layout),
        "classes": _classes(layout.items),
        "n_images": len(layout.items),
        "n_files": len(listing.entries) + len(listing.problems),
        "splits": {part: splits[part] for part in _PARTS} if splits else {},
        "problems": [
            {
                "path": p.path, "kind": p.kind, "reason": p.reason, "remedy": p.remedy,
                "refused": is_refusal(p),
            }
            for p in problems[:_MOST_PROBLEMS]
        ],
        "n_problems": len(problems),
        "alternatives": [{"interpretation": i.to_json(), "summary": words} for i, words in alternatives],
        "tables": [_table(table) for table in tables[:_MOST_TABLES]],
        "folders": _first_folders(listing, chosen.root),
    }  # fmt: skip


def summary_of(chosen: Interpretation, layout: Layout) -> str:
    """One or two sentences: how many images, how many classes, where they come from, which parts."""
    n, classes = len(layout.items), len({item.label for item in layout.items})
    if not n:
        return f"No image gets a class when it is {_origin(chosen)}."
    counts = f"{n:,} image{'s' if n != 1 else ''} in {classes:,} class{'es' if classes != 1 else ''}"
    return f"{counts}, {_origin(chosen)}. {_division(chosen, layout)}"


def _origin(chosen: Interpretation) -> str:
    if chosen.kind == "table":
        more = len(chosen.tables) - 1
        others = f" and {more} more like it" if more > 0 else ""
        column = printable(chosen.label_column)
        return f"read from '{column}' in the table {printable(chosen.table)}{others}"
    if chosen.kind == "pattern":
        words = PATTERNS[chosen.pattern].words if chosen.pattern in PATTERNS else "the file name"
        return f"read from {words}"
    if chosen.label_level == -1:
        return "read from the innermost folders"
    if chosen.label_level == 0:
        return "read from folders named after the class"
    level = chosen.label_level
    place = _LEVELS[level] if level < len(_LEVELS) else f"{level + 1}th"
    return f"read from the {place} level of folders"


def _division(chosen: Interpretation, layout: Layout) -> str:
    counts: Counter[str | None] = Counter(item.split for item in layout.items)
    told = [f"{counts[part]:,} {words}" for part, words in _PARTS.items() if counts[part]]
    if told:
        return f"The upload divides them already: {', '.join(told)}."
    if not chosen.splits_used:
        return "The division in the upload is not used; they are divided anew."
    return "They will be divided into parts to train on, to validate and to test."


def _classes(items: Sequence[Labelled]) -> list[dict[str, Any]]:
    """One dict a class, by name."""
    found: dict[str, dict[str, Any]] = {}
    for item in items:
        one = found.get(item.label)
        if one is None:
            one = {"name": item.label, "n": 0, "train": 0, "val": 0, "test": 0, "unsplit": 0, "examples": []}
            found[item.label] = one
        one["n"] += 1
        one[item.split or "unsplit"] += 1
        if len(one["examples"]) < _EXAMPLES:
            one["examples"].append(printable(item.entry.path))
    return [found[name] for name in sorted(found)]


def _table(table: Table) -> dict[str, Any]:
    rows = []
    try:
        for _, cells in islice(table.rows(), _EXAMPLES):
            rows.append([printable(cell[:_CELL]) for cell in cells])
    except TableError:
        pass  # what can be read is shown; the import names the rest
    return {"path": printable(table.path), "columns": table.columns, "rows": rows}


def _first_folders(listing: ArchiveListing, root: str) -> list[str]:
    """Names as they are: choices are made by them."""
    seen: dict[str, None] = {}
    for entry in listing.entries:
        folders = folders_below(entry.path, root)
        if folders and folders[0] not in seen:
            seen[folders[0]] = None
            if len(seen) == _MOST_FOLDERS:
                break
    return sorted(seen)
