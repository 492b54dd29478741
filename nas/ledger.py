"""The command line's ledger: every event of a run as one JSON line, written before anything else happens."""

from __future__ import annotations

import json
import os
from pathlib import Path

from nas.candidate import Candidate
from nas.events import Event


class Ledger:
    """An append-only file of events. A torn last line (power cut, kill -9) is dropped when it is opened.

    Attributes:
        path: The file; created by the first event.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._drop_torn_line()

    def append(self, event: Event) -> None:
        """Writes one event and waits until it is on the disk."""
        line = json.dumps({"kind": event.kind, "payload": event.payload})
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())

    def events(self) -> list[Event]:
        """Returns all events in their order."""
        if not self.path.exists():
            return []
        rows = [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]
        return [Event(kind=row["kind"], payload=row["payload"]) for row in rows]

    def candidates(self) -> list[Candidate]:
        """Returns the finished and failed candidates in the order of their numbers."""
        found = [
            Candidate.from_json(event.payload["candidate"])
            for event in self.events()
            if event.kind == "candidate_finished"
        ]
        return sorted(found, key=lambda candidate: candidate.number)

    def _drop_torn_line(self) -> None:
        if not self.path.exists():
            return
        content = self.path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) != len(content):
            self.path.write_bytes(whole)
