"""The cost ledger: every second of a run, by phase and by what it was spent on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nas.candidate import Candidate
from nas.report.record import RunRecord

UNBOOKED_AT_MOST = 0.02
"""Part of the spent seconds that the books may miss."""


def ledger(record: RunRecord) -> dict[str, Any]:
    """Books every second: by phase, by kind of work, and by what became of the networks."""
    in_phases = sum(phase["seconds"] for phase in record.phases)
    on_candidates = sum(candidate.seconds for candidate in record.candidates)
    by_phase = [_phase(phase, record.candidates) for phase in record.phases]
    failed_seconds = sum(one.seconds for one in record.candidates if one.status == "failed")
    by_kind = _by_kind(record, in_phases)
    booked = sum(row["seconds"] for row in by_kind)
    return {
        "total_seconds": round(record.spent_seconds, 2),
        "promised_seconds": round(record.minutes * 60, 2),
        "before_phases_seconds": round(max(0.0, record.spent_seconds - in_phases), 2),
        "candidate_seconds": round(on_candidates, 2),
        "failed_seconds": round(failed_seconds, 2),
        "other_seconds": round(max(0.0, record.spent_seconds - on_candidates), 2),
        "by_phase": by_phase,
        "by_kind": by_kind,
        "booked_seconds": round(booked, 2),
        "unbooked_share": round(abs(record.spent_seconds - booked) / max(record.spent_seconds, 1e-9), 4),
        "threads": record.machine.get("threads"),
        "cpu": record.machine.get("cpu"),
    }


def _phase(phase: Mapping[str, Any], candidates: list[Candidate]) -> dict[str, Any]:
    mine = [one for one in candidates if one.phase == phase["phase"]]
    return {
        "phase": phase["phase"],
        "seconds": phase["seconds"],
        "candidates": len(mine),
        "failed": sum(one.status == "failed" for one in mine),
        "candidate_seconds": round(sum(one.seconds for one in mine), 2),
    }


def _by_kind(record: RunRecord, in_phases: float) -> list[dict[str, Any]]:
    """Returns `kind` and `seconds`; what a phase spent beside its networks is a kind of its own."""
    values = record.config.get("plan") or {}
    phases = {phase["phase"]: phase["seconds"] for phase in record.phases}
    finished = [one for one in record.candidates if one.status == "finished"]
    on_candidates = sum(one.seconds for one in record.candidates)
    elastic = float(values.get("elastic_seconds", 0.0))
    beside = in_phases - on_candidates - elastic - phases.get("export", 0.0)
    kinds = {
        "import": float(record.config.get("import_seconds") or 0.0),
        "set_up": float(values.get("setup_seconds", 0.0)),
        "first_model": _seconds(one for one in finished if one.source == "first_model"),
        "baselines": _seconds(one for one in finished if one.source == "baseline"),
        "elastic_training": elastic,
        "short_trainings": _seconds(
            one for one in finished if one.source in ("base_search", "scaled") and one.fidelity != "final"
        ),
        "final_trainings": _seconds(
            one for one in finished if one.source in ("base_search", "scaled") and one.fidelity == "final"
        ),
        "failed": _seconds(one for one in record.candidates if one.status == "failed"),
        "between": max(0.0, beside),
        "export": phases.get("export", 0.0),
        "report": float(values.get("report_seconds", 0.0)),
    }
    return [{"kind": kind, "seconds": round(seconds, 2)} for kind, seconds in kinds.items()]


def _seconds(candidates: Any) -> float:
    return float(sum(one.seconds for one in candidates))
