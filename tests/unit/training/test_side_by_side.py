"""Work in several processes: results, progress, stop, failures and memory."""

import os
import time
from collections import defaultdict

import pytest
import torch

from nas import side_by_side as module
from nas.errors import EvaluationError
from nas.side_by_side import Messenger, processes_that_fit, side_by_side


def square(task: int, messenger: Messenger) -> tuple[int, int, int]:
    messenger.progress(0.5)
    messenger.progress(1.0)
    return task**2, torch.get_num_threads(), os.getpid()


def until_stopped(task: str, messenger: Messenger) -> str:
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
    return f"{task} stopped"


def test_results_come_in_order_from_processes_of_one_thread() -> None:
    told = defaultdict(list)
    results = side_by_side(
        square, [3, 4], at_once=2, on_progress=lambda number, part: told[number].append(part)
    )
    assert [result[0] for result in results] == [9, 16]
    assert {result[1] for result in results} == {1}
    assert len({os.getpid(), *(result[2] for result in results)}) == 3
    assert dict(told) == {0: [0.5, 1.0], 1: [0.5, 1.0]}
    assert side_by_side(square, []) == []


def test_a_wish_to_stop_reaches_all_and_keeps_what_they_have() -> None:
    begun: set[int] = set()
    results = side_by_side(
        until_stopped,
        ["a", "b"],
        at_once=2,
        on_progress=lambda number, _: begun.add(number),
        should_stop=lambda: len(begun) == 2,
    )
    assert results == ["a stopped", "b stopped"]


@pytest.mark.parametrize(("task", "message"), [("fail", "diverged"), ("die", "without an answer")])
def test_a_failure_stops_the_others_and_is_raised_here(task: str, message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        side_by_side(until_stopped, ["long", task], at_once=2)


def test_memory_bounds_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_memory_available", lambda: 5_000)
    assert processes_that_fit(8, 4, 1_000) == 4
    assert processes_that_fit(8, 4, 2_000) == 2
    assert processes_that_fit(1, 4, 2_000) == 1
    assert processes_that_fit(8, 4, 9_000) == 1
