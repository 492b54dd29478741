"""Several trainings at once, one thread each: together they see more images a second than one after another.

A small network leaves much of a second core unused, because its many short operations wait for one another.
Trainings that share nothing do not. They are processes, not threads: each has its own allocator settings and
interpreter, and gives all its memory back when it ends.
"""

from __future__ import annotations

import os
import queue
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from nas.errors import EvaluationError
from nas.events import ShouldStop
from nas.runtime import available_cores, tune_process

Task = TypeVar("Task")
Result = TypeVar("Result")

_POLL_SECONDS = 0.1
MEMORY_OF_A_TRAINING = 2_000_000_000
"""Bytes that a training takes at most: Lite0 at 224 px in batches of 32, with all that Python imports."""


@dataclass(frozen=True)
class Messenger:
    """What a piece of work hears and tells.

    Attributes:
        number: Of the task, from 0.
    """

    number: int
    _parent: int = field(default_factory=os.getppid)

    def progress(self, fraction: float) -> None:
        """Tells how much is done, in [0, 1]."""
        _shared["progress"].put((self.number, fraction))

    def should_stop(self) -> bool:
        """True if the others failed, the caller wants to stop or is gone."""
        return bool(_shared["stop"].is_set()) or os.getppid() != self._parent


_shared: dict[str, Any] = {}
"""In a process that works: the queue and the event that it shares with the caller."""


def side_by_side(
    work: Callable[[Task, Messenger], Result],
    tasks: Sequence[Task],
    *,
    at_once: int | None = None,
    memory_each: int = MEMORY_OF_A_TRAINING,
    on_progress: Callable[[int, float], None] | None = None,
    should_stop: ShouldStop | None = None,
) -> list[Result]:
    """Does the same work on several tasks in processes of one torch thread each.

    Args:
        work: A function of a module, called with a task and a `Messenger`. It is asked to ask `should_stop`
            often and to return then with what it has.
        tasks: What to work on; they and the results must be picklable.
        at_once: Most processes; the cores at hand if None. Fewer run where memory is short.
        memory_each: Bytes that a process may take.
        on_progress: Called here with a task's number and its fraction.
        should_stop: Asked here ten times a second.

    Returns:
        The results in the order of the tasks.

    Raises:
        EvaluationError: If a process died, as of too little memory.
        Exception: The first one that the work raised, once the others have stopped.
    """
    if not tasks:
        return []
    context = get_context("spawn")  # a fork would inherit locks of torch's threads
    messages, stop = context.Queue(), context.Event()
    with ProcessPoolExecutor(
        processes_that_fit(len(tasks), at_once, memory_each),
        mp_context=context,
        initializer=_begin,
        initargs=(messages, stop),
        max_tasks_per_child=1,  # memory goes back with the process
    ) as pool:
        futures = [pool.submit(_do, work, number, task) for number, task in enumerate(tasks)]
        try:
            failure = _watch(futures, messages, stop, on_progress=on_progress, should_stop=should_stop)
        finally:
            stop.set()  # leaving the context waits for all
    _pass_on(messages, on_progress)  # what was told with the last breath
    if isinstance(failure, BrokenProcessPool):
        raise EvaluationError(
            "A training process ended without an answer; the memory may be too small for several at once."
        ) from failure
    if failure is not None:
        raise failure
    return [future.result() for future in futures]


def processes_that_fit(tasks: int, at_once: int | None, memory_each: int) -> int:
    """Returns how many processes may run at once: at least one."""
    fitting = _memory_available() // memory_each
    return max(1, min(tasks, at_once or available_cores(), fitting))


def _watch(
    futures: Sequence[Future[Result]],
    messages: Any,
    stop: Any,
    *,
    on_progress: Callable[[int, float], None] | None,
    should_stop: ShouldStop | None,
) -> BaseException | None:
    """Waits for all, passes on what they tell, and returns the first failure."""
    failure: BaseException | None = None
    pending = set(futures)
    while pending:
        done, pending = wait(pending, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
        failure = failure or next((error for each in done if (error := each.exception())), None)
        if failure is not None or (should_stop is not None and should_stop()):
            stop.set()
        _pass_on(messages, on_progress)
    return failure


def _pass_on(messages: Any, on_progress: Callable[[int, float], None] | None) -> None:
    while True:
        try:
            number, fraction = messages.get_nowait()
        except queue.Empty:
            return
        if on_progress is not None:
            on_progress(number, fraction)


def _begin(messages: Any, stop: Any) -> None:
    tune_process(1)
    _shared.update(progress=messages, stop=stop)


def _do(work: Callable[[Task, Messenger], Result], number: int, task: Task) -> Result:
    return work(task, Messenger(number))


def _memory_available() -> int:
    """Returns the bytes that may still be taken, of the machine and of this control group."""
    found = []
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
        group = Path("/sys/fs/cgroup")
        limit, used = (
            (group / name).read_text(encoding="ascii") for name in ("memory.max", "memory.current")
        )
        found.append(int(limit) - int(used))
    except (OSError, ValueError):  # not Linux, or a group without a limit
        pass
    return min(found, default=2**62)
