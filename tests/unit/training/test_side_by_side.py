"""Work in several processes: results, progress, stop, failures and memory."""

import os
import time
from collections import defaultdict

import pytest
import torch

from nas import side_by_side as module
from nas.errors import EvaluationError
from nas.side_by_side import Messenger, processes_that_fit, side_by_side


def until_stopped(task: str, messenger: Messenger) -> tuple[str, int, int]:
    """Fails, dies, or goes on until it is stopped."""
    messenger.progress(0.1)
    if task == "fail":
        raise EvaluationError("The training diverged.")
    if task == "die":
        os._exit(3)
    deadline = time.monotonic() + 120
    while not messenger.should_stop():
        assert time.monotonic() < deadline, "nobody stopped this"
        time.sleep(0.01)
    messenger.progress(0.5)
    return task, torch.get_num_threads(), os.getpid()


def test_a_wish_to_stop_reaches_all_and_keeps_what_they_have() -> None:
    told: dict[int, list[float]] = defaultdict(list)
    results = side_by_side(
        until_stopped,
        ["a", "b"],
        at_once=2,
        on_progress=lambda number, part: told[number].append(part),
        should_stop=lambda: len(told) == 2,
    )
    assert [result[0] for result in results] == ["a", "b"]
    assert {result[1] for result in results} == {1}  # thread
    assert len({os.getpid(), *(result[2] for result in results)}) == 3
    assert dict(told) == {0: [0.1, 0.5], 1: [0.1, 0.5]}
    assert side_by_side(until_stopped, []) == []


def test_a_failure_stops_the_others_and_is_raised_here() -> None:
    with pytest.raises(EvaluationError, match="diverged"):
        side_by_side(until_stopped, ["long", "fail"], at_once=2)


def test_a_process_that_dies_is_a_sentence() -> None:
    with pytest.raises(EvaluationError, match="without an answer"):
        side_by_side(until_stopped, ["die"], at_once=1)


def test_memory_bounds_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_memory_available", lambda: 5_000)
    assert processes_that_fit(8, 4, 1_000) == 4
    assert processes_that_fit(8, 4, 2_000) == 2
    assert processes_that_fit(1, 4, 2_000) == 1
    assert processes_that_fit(8, 4, 9_000) == 1
