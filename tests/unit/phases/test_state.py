from __future__ import annotations

from pathlib import Path

from nas.files import write_atomically
from nas.phases.state import RunState


def test_state_survives_a_restart(tmp_path: Path):
    state = RunState(spent_seconds=12.5, phase_ends={"scaling": 40.0}, values={"base": 3})
    state.save(tmp_path)
    assert RunState.load(tmp_path) == state


def test_no_state_yet(tmp_path: Path):
    assert RunState.load(tmp_path) is None


def test_a_torn_write_leaves_the_previous_file(tmp_path: Path):
    path = tmp_path / "state.json"
    write_atomically(path, b"old")
    (tmp_path / "state.json.part").write_bytes(b"ha")  # what kill -9 leaves in the middle of a write
    assert path.read_bytes() == b"old"
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert not list(tmp_path.glob("*.part"))
