"""The parent's side of the import: a few child processes, each guarded against what it reads.

Plain child processes instead of ``multiprocessing`` or ``concurrent.futures``: a Celery worker's child is
daemonic, and those refuse to work there. The children are fresh interpreters that import Pillow only, so
they start in a fraction of a second and inherit no locks. One thread serves all of them by ``poll``.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import nas
from nas.data.archive import ArchiveLimits, Entry
from nas.data.protocol import Answer, Refused, Task, pack_tasks, unpack_answers

_FEW: Final = 64  # up to so many files, one reader is faster than starting several
_FIRST_LINE: Final = 4  # files in the first line of tasks; grows while lines are answered quickly
_LONGEST_LINE: Final = 128
_LINE_SECONDS: Final = 0.05
_LINE_BYTES: Final = 24_000  # two lines that wait must fit into a pipe (64 kB), so that writing never blocks
_TASK_BYTES: Final = 120
_START_SECONDS: Final = 60.0
READER: Final = (sys.executable, "-P", "-m", "nas.data.worker")


@dataclass(frozen=True)
class PoolConfig:
    """How entries are read.

    Attributes:
        archives: The zip or tar for each source; None for files on disk.
        output: Pixels go to this existing file at index * cache_size^2 * 3.
        limits: Limits of one file.
        seconds: Time for one file before its reader is killed.
        memory_bytes: Address space of one reader.
        n_workers: Number of readers; None takes the cores this process may use.
        readable: Files on disk, or directories of them, that the readers may open.
        output_bytes: Length to which the file of pixels may grow.
    """

    archives: Sequence[Path | None]
    output: Path
    limits: ArchiveLimits
    seconds: float = 20.0
    memory_bytes: int = 2 * 1024**3
    n_workers: int | None = None
    readable: Sequence[Path] = ()
    output_bytes: int = 256 * 1024**3


class _ReaderDied(Exception):  # noqa: N818
    """The child ended or hangs."""


class ReaderPool:
    """Reader processes, started when needed and kept from one `run` to the next; a context manager."""

    def __init__(self, config: PoolConfig) -> None:
        """Starts nothing yet."""
        self._config = config
        self._readers: list[_Reader] = []

    def __enter__(self) -> Self:
        """Returns itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Ends all readers."""
        self._end()

    def run(self, entries: Sequence[Entry], cache_size: int) -> Iterator[list[tuple[int, Answer]]]:
        """Reads all entries and yields (index, answer) in the order of completion, some at a time.

        Closing the iterator early ends the work.

        Args:
            entries: Files to read; the index of each is its place in the pixel file.
            cache_size: Side C of the stored square in pixels; 0 reads headers only and stores nothing.

        Raises:
            OSError: The pixels cannot be written (for example a full disk), or no reader can be started.
        """
        cores = self._config.n_workers or len(os.sched_getaffinity(0))
        n = cores if len(entries) > _FEW else 1
        queue = _Queue(entries)
        while len(self._readers) < n:
            self._readers.append(_Reader(self._config))
        try:
            for reader in self._readers[:n]:
                reader.feed(queue, cache_size)
            while any(reader.waiting for reader in self._readers):
                for i in self._talking():
                    try:
                        found = self._readers[i].receive()
                    except _ReaderDied:
                        yield from self._one_by_one(i, cache_size)
                        found = []
                    self._readers[i].feed(queue, cache_size)
                    if found:
                        yield found
        except BaseException:
            self._end()
            raise

    def _end(self) -> None:
        while self._readers:
            self._readers.pop().close()

    def _talking(self) -> list[int]:
        """Readers with an answer, those that died, and those that hang: `receive` tells which."""
        poll = select.poll()
        for reader in self._readers:
            if reader.waiting:
                poll.register(reader.output, select.POLLIN)
        first = min(reader.heard_at for reader in self._readers if reader.waiting)
        left = max(0.0, first + self._config.seconds - time.monotonic())
        ready = {descriptor for descriptor, _ in poll.poll(left * 1000)}
        late = time.monotonic() - self._config.seconds
        return [
            i
            for i, reader in enumerate(self._readers)
            if reader.waiting and (reader.output in ready or reader.heard_at <= late)
        ]

    def _one_by_one(self, i: int, cache_size: int) -> Iterator[list[tuple[int, Answer]]]:
        """Reads again what a dead reader left, file by file: only one that kills again is lost."""
        tasks = self._replace(i)
        for task in tasks:
            reader = self._readers[i]
            try:
                reader.send([task], cache_size, one_by_one=True)
                yield reader.receive_within(self._config.seconds)
            except _ReaderDied:
                self._replace(i)
                seconds = f"{self._config.seconds:.0f}"
                yield [(task[0], Refused("too-slow", {"seconds": seconds}))]

    def _replace(self, i: int) -> list[Task]:
        """Puts a new reader in the place of one that died; returns the tasks that it left."""
        self._readers[i].close()
        left = list(self._readers[i].waiting)
        self._readers[i] = _Reader(self._config)
        return left


class _Queue:
    """Hands out files in order."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries
        self._next = 0

    def take(self, n: int) -> list[Task]:
        """Up to n tasks, fewer when their names on disk are long: see `_LINE_BYTES`."""
        first, end = self._next, min(self._next + n, len(self._entries))
        n_bytes = 0
        while self._next < end and n_bytes < _LINE_BYTES:
            n_bytes += _TASK_BYTES + 6 * len(self._entries[self._next].source)
            self._next += 1
        return list(enumerate(self._entries[first : self._next], start=first))


class _Reader:
    """One child process.

    Attributes:
        output: Descriptor of its answers.
        waiting: Tasks without an answer, in their order.
        heard_at: When it last answered, or began to have something to do; in the future while it starts.
    """

    def __init__(self, config: PoolConfig) -> None:
        root = str(Path(nas.__file__).resolve().parent.parent)
        environment = {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            READER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            bufsize=0,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._in, self.output = self._process.stdin, self._process.stdout.fileno()
        self._buffer = b""
        self._started = False
        self._line = _FIRST_LINE
        self.waiting: deque[Task] = deque()
        self.heard_at = time.monotonic() + _START_SECONDS
        head = {
            "archives": [str(path) if path is not None else None for path in config.archives],
            "output": str(config.output),
            "max_pixels": config.limits.max_pixels,
            "max_entry_bytes": config.limits.max_entry_bytes,
            "memory_bytes": config.memory_bytes,
            "output_bytes": config.output_bytes,
            "readable": [str(path.absolute()) for path in config.readable],
            "seconds": config.seconds,
        }
        self._write(json.dumps(head).encode() + b"\n")

    def feed(self, queue: _Queue, cache_size: int) -> None:
        """Sends tasks ahead, so that the child never waits."""
        while len(self.waiting) <= self._line and (tasks := queue.take(self._line)):
            self.send(tasks, cache_size)

    def send(self, tasks: Sequence[Task], cache_size: int, *, one_by_one: bool = False) -> None:
        """Sends one line of tasks; that the child died shows when its answer is awaited."""
        if not self.waiting:
            self.heard_at = max(self.heard_at, time.monotonic())
        self.waiting.extend(tasks)
        self._write(pack_tasks(tasks, cache_size, one_by_one))

    def receive(self) -> list[tuple[int, Answer]]:
        """The answers that have arrived; none when a line is not yet complete.

        Raises:
            _ReaderDied: There will be no more.
            OSError: It could not be started, or could not write the pixels.
        """
        poll = select.poll()
        poll.register(self.output, select.POLLIN)
        chunk = os.read(self.output, 1 << 16) if poll.poll(0) else b""
        if not chunk and not self._started:
            raise OSError("The image reader could not be started.")
        if not chunk:
            raise _ReaderDied
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        now = time.monotonic()
        found = [answer for line in lines for answer in unpack_answers(line)]
        if found and self._started:
            speed = len(found) / max(now - self.heard_at, 1e-6)
            self._line = max(1, min(_LONGEST_LINE, int(speed * _LINE_SECONDS)))
        if lines:
            self.heard_at, self._started = now, True
        return [(self.waiting.popleft()[0], answer) for answer in found]

    def receive_within(self, seconds: float) -> list[tuple[int, Answer]]:
        """The next answers, within so many seconds from when the child could begin.

        Raises:
            _ReaderDied: There are none.
        """
        poll = select.poll()
        poll.register(self.output, select.POLLIN)
        found: list[tuple[int, Answer]] = []
        while not found:
            left = self.heard_at + seconds - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                raise _ReaderDied
            found = self.receive()
        return found

    def close(self) -> None:
        """Ends the child, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        with contextlib.suppress(BrokenPipeError):
            while view:
                view = view[self._in.write(view) :]
