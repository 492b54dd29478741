"""The command line's ledger: every event of a run as one JSON line, written before anything else happens."""

from __future__ import annotations

from pathlib import Path

from nas.candidate import Candidate
from nas.events import Event
from nas.files import append_json_line, drop_torn_line, read_json_lines


class Ledger:
    """An append-only file of events. A torn last line (power cut, kill -9) is dropped when it is opened.

    Attributes:
        path: The file; created by the first event.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        drop_torn_line(self.path)

    def append(self, event: Event) -> None:
        """Writes one event and waits until it is on the disk."""
        append_json_line(self.path, {"kind": event.kind, "payload": event.payload})

    def events(self) -> list[Event]:
        """Returns all events in their order."""
        return [Event(kind=row["kind"], payload=row["payload"]) for row in read_json_lines(self.path)]

    def candidates(self) -> list[Candidate]:
        """Returns the finished and failed candidates in the order of their numbers."""
        found = [
            Candidate.from_json(event.payload["candidate"])
            for event in self.events()
            if event.kind == "candidate_finished"
        ]
        return sorted(found, key=lambda candidate: candidate.number)
