"""What a running search tells its caller. The caller saves each event before anything else happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

EventKind = Literal[
    "phase_started",  # phase, message
    "phase_finished",  # phase, seconds
    "candidate_finished",  # candidate: Candidate.to_json() (status finished or failed)
    "progress",  # phase, fraction [0, 1], spent_seconds, eta_seconds, message
    "plan",  # plan: nas.planner.Plan.to_json(), reasons: plain sentences; comes again when it changes
    "method",  # strategy, step, values: {name: number}, shares: {option: number in [0, 1]}
    "log",  # message: one plain sentence
    "model_exported",  # model: {"name", "candidate", "directory", ...}, see nas.export.bundle
    "model_completed",  # the same model, once int8 was tried: with the file, or the reason why there is none
    "run_finished",  # reason: "done" | "stopped", report: relative path
]


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    Attributes:
        kind: What happened.
        payload: JSON-ready details; the keys of each kind stand beside `EventKind`.
    """

    kind: EventKind
    payload: dict[str, Any] = field(default_factory=dict)


OnEvent = Callable[[Event], None]
ShouldStop = Callable[[], bool]
