"""What a run must remember between slices besides its candidates: seconds spent and decisions taken once."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nas.files import write_atomically

_NAME = "state.json"


@dataclass
class RunState:
    """The memory of a run.

    Attributes:
        spent_seconds: Working seconds of all slices so far, import included.
        phase_seconds: Working seconds by phase.
        phase_ends: Value of `spent_seconds` at which a phase must be over; set when it starts.
        values: Decisions taken once, e.g. the resolution of the parent or the seconds of a finalist.
        models: What was exported: bundle facts by name.
        test: Results of the single opening of the test part.
    """

    spent_seconds: float = 0.0
    phase_seconds: dict[str, float] = field(default_factory=dict)
    phase_ends: dict[str, float] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    models: list[dict[str, Any]] = field(default_factory=list)
    test: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def load(cls, workdir: Path) -> RunState | None:
        """Returns the saved state, None if there is none yet."""
        path = workdir / _NAME
        return cls(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None

    def save(self, workdir: Path) -> None:
        """Replaces the saved state in one step, so that a reader finds the old or the new one."""
        write_atomically(workdir / _NAME, json.dumps(asdict(self)).encode())
