from __future__ import annotations

from pathlib import Path

from nas.candidate import Candidate
from nas.events import Event
from nas.ledger import Ledger
from nas.spaces.lite import lite0_architecture


def _candidate(number: int) -> Candidate:
    return Candidate(
        number=number,
        phase="base_search",
        source="base_search",
        fidelity="short",
        status="failed",
        label="Lite0",
        architecture=lite0_architecture(96),
        seconds=1.5,
        choices=(0, 1),
        error="It did not converge.",
    )


def test_candidates_come_back_equal_and_in_order(tmp_path: Path):
    ledger = Ledger(tmp_path / "ledger.jsonl")
    for number in (0, 1):
        ledger.append(Event("candidate_finished", {"candidate": _candidate(number).to_json()}))
        ledger.append(Event("log", {"message": "text"}))
    assert Ledger(tmp_path / "ledger.jsonl").candidates() == [_candidate(0), _candidate(1)]


def test_a_torn_last_line_is_dropped(tmp_path: Path):
    path = tmp_path / "ledger.jsonl"
    Ledger(path).append(Event("log", {"message": "whole"}))
    with path.open("a") as file:
        file.write('{"kind": "log", "payl')
    ledger = Ledger(path)
    ledger.append(Event("log", {"message": "after"}))
    assert [event.payload["message"] for event in ledger.events()] == ["whole", "after"]
