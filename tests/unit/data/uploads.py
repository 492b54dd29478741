"""Uploads that exist only as lists of names, with the content of their tables."""

from __future__ import annotations

from collections.abc import Mapping

from nas.data.archive import ArchiveListing, Entry
from nas.data.interpretation import Interpretation, Reader, interpret, propose
from nas.data.layout import Layout

Found = dict[str, tuple[str, str | None]]


class Upload:
    """Files of an upload; images have no content, and reading one fails the test."""

    def __init__(self, *images: str) -> None:
        self.listing = ArchiveListing([Entry(p, size=1) for p in sorted(images)], archives=[None])
        self._tables: dict[str, bytes] = {}

    def table(self, path: str, content: str | bytes, encoding: str = "utf-8") -> Upload:
        """Adds a table."""
        data = content if isinstance(content, bytes) else content.encode(encoding)
        self._tables[path] = data
        self.listing.entries = sorted([*self.listing.entries, Entry(path, size=len(data))])
        return self

    @property
    def read(self) -> Reader:
        """Gives the content of tables only."""

        def read(entry: Entry, max_bytes: int) -> bytes:
            return self._tables[entry.path][:max_bytes]

        return read

    def propose(self) -> Interpretation:
        """What is proposed for it."""
        return propose(self.listing, self.read)

    def interpret(self, chosen: Interpretation | None = None) -> Layout:
        """What comes of a reading, or of the proposed one."""
        return interpret(self.listing, self.read, chosen or self.propose())

    def found(self, chosen: Interpretation | None = None) -> Found:
        """{path: (label, part)}."""
        return found(self.interpret(chosen))


def found(layout: Layout) -> Found:
    """{path: (label, part)} of a layout."""
    return {item.entry.path: (item.label, item.split) for item in layout.items}


def labels(found: Mapping[str, tuple[str, str | None]]) -> set[str]:
    """The classes."""
    return {label for label, _ in found.values()}


def kinds(layout: Layout) -> list[str]:
    """Kinds of the findings."""
    return sorted(p.kind for p in layout.problems)
