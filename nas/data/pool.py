"""The parent's side of the import: a few child processes, each guarded against what it reads.

Plain child processes instead of ``multiprocessing`` or ``concurrent.futures``: a Celery worker's child is
daemonic, and those refuse to work there. The children are fresh interpreters that import Pillow only, so
they start in a fraction of a second and inherit no locks.
"""

from __future__ import annotations

import json
import os
import queue
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import nas
from nas.data.archive import ArchiveLimits, Entry

_BATCH: Final = 8  # tasks written ahead of their answers; small enough to fit into a pipe
_FEW: Final = 64  # up to so many files, one reader is faster than starting several
_START_SECONDS: Final = 60.0


@dataclass(frozen=True)
class PoolConfig:
    """How entries are read.

    Attributes:
        archive: The zip, or None for a directory import.
        output: Pixels go to this existing file at index * cache_size^2 * 3.
        limits: Limits of one file.
        seconds: Time for one file before its reader is killed.
        memory_bytes: Address space of one reader.
        n_workers: Number of readers; None takes the cores this process may use.
    """

    archive: Path | None
    output: Path
    limits: ArchiveLimits
    seconds: float = 20.0
    memory_bytes: int = 2 * 1024**3
    n_workers: int | None = None


Answer = dict[str, Any]
_Item = tuple[int, Answer] | BaseException | None


class _ReaderDied(Exception):  # noqa: N818
    """The child ended or was too slow."""


class ReaderPool:
    """Reader processes, started when needed and kept from one `run` to the next; a context manager."""

    def __init__(self, config: PoolConfig) -> None:
        """Starts nothing yet."""
        self._config = config
        self._idle: list[_Reader] = []
        self._stop = threading.Event()

    def __enter__(self) -> Self:
        """Returns itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Ends all readers."""
        self._stop.set()
        while self._idle:
            self._idle.pop().close()

    def run(self, tasks: Sequence[tuple[int, Entry]], cache_size: int) -> Iterator[tuple[int, Answer]]:
        """Reads all entries and yields (index, answer) in the order of completion.

        An answer holds ``w``, ``h`` and ``sha256``, or ``kind`` and ``details`` of a finding. Closing the
        iterator early ends the work.

        Args:
            tasks: Index (place in the pixel file) and entry.
            cache_size: Side C of the stored square in pixels; 0 reads headers only and stores nothing.

        Raises:
            OSError: The pixels cannot be written (for example a full disk), or no reader can be started.
        """
        cores = self._config.n_workers or len(os.sched_getaffinity(0))
        n = cores if len(tasks) > _FEW else 1
        batches = iter([tasks[i : i + _BATCH] for i in range(0, len(tasks), _BATCH)])
        results: queue.Queue[_Item] = queue.Queue(maxsize=64 * n)
        lock = threading.Lock()

        def next_batch() -> Sequence[tuple[int, Entry]] | None:
            with lock:
                return None if self._stop.is_set() else next(batches, None)

        def put(item: _Item) -> None:
            while not self._stop.is_set():
                try:
                    results.put(item, timeout=0.2)
                    return
                except queue.Full:
                    continue

        threads = [
            threading.Thread(target=self._drive, args=(next_batch, put, cache_size), daemon=True)
            for _ in range(n)
        ]
        for thread in threads:
            thread.start()
        try:
            yield from _drain(results, n)
        except BaseException:
            self._stop.set()
            raise
        finally:
            for thread in threads:
                thread.join()

    def _drive(
        self,
        next_batch: Callable[[], Sequence[tuple[int, Entry]] | None],
        put: Callable[[_Item], None],
        cache_size: int,
    ) -> None:
        """One thread: feeds one reader, replaces it when it dies."""
        reader = self._idle.pop() if self._idle else None
        try:
            while (batch := next_batch()) is not None:
                waiting = list(batch)
                while waiting and not self._stop.is_set():
                    reader = reader or _Reader(self._config, self._stop)
                    try:
                        reader.send(waiting, cache_size)
                        while waiting:
                            answer = reader.receive(self._config.seconds)
                            index, _ = waiting.pop(0)
                            put((index, answer))
                    except _ReaderDied:
                        # The first one without an answer killed it; the rest goes to a new reader.
                        reader.close()
                        reader = None
                        index, _ = waiting.pop(0)
                        put(
                            (
                                index,
                                {"kind": "too-slow", "details": {"seconds": f"{self._config.seconds:.0f}"}},
                            )
                        )
            put(None)
        except BaseException as error:
            put(error)
        finally:
            if reader is not None:
                if self._stop.is_set():
                    reader.close()
                else:
                    self._idle.append(reader)


def _drain(results: queue.Queue[_Item], n: int) -> Iterator[tuple[int, Answer]]:
    """Yields what the threads put until each has said None; raises what one of them put."""
    while n:
        item = results.get()
        if item is None:
            n -= 1
        elif isinstance(item, BaseException):
            raise item
        else:
            yield item


class _Reader:
    """One child process."""

    def __init__(self, config: PoolConfig, stop: threading.Event) -> None:
        self._stop = stop
        root = str(Path(nas.__file__).resolve().parent.parent)
        environment = {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "nas.data.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            bufsize=0,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout.fileno()
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)
        self._buffer = b""
        head = {
            "archive": str(config.archive) if config.archive else "",
            "output": str(config.output),
            "max_pixels": config.limits.max_pixels,
            "max_entry_bytes": config.limits.max_entry_bytes,
            "memory_bytes": config.memory_bytes,
        }
        try:
            self._write(json.dumps(head).encode() + b"\n")
            self.receive(_START_SECONDS)
        except _ReaderDied as error:
            self.close()
            raise OSError("The image reader could not be started.") from error

    def send(self, tasks: Sequence[tuple[int, Entry]], cache_size: int) -> None:
        """Writes tasks ahead of their answers."""
        lines = []
        for index, e in tasks:
            fields = [e.offset, e.end, e.packed, e.size, e.method, e.crc, e.name_crc, e.source]
            lines.append(json.dumps({"i": index, "e": fields, "size": cache_size}).encode() + b"\n")
        self._write(b"".join(lines))

    def receive(self, seconds: float) -> Answer:
        """The next answer, within so many seconds."""
        end = time.monotonic() + seconds
        while b"\n" not in self._buffer:
            ready = False
            while not ready and not self._stop.is_set() and (left := end - time.monotonic()) > 0:
                ready = bool(self._poll.poll(min(left, 0.2) * 1000))
            chunk = os.read(self._out, 65_536) if ready else b""
            if not chunk:
                raise _ReaderDied
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        answer: Answer = json.loads(line)
        if "fatal" in answer:
            raise OSError(answer["fatal"], os.strerror(answer["fatal"]))
        return answer

    def close(self) -> None:
        """Ends the child, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[self._in.write(view) :]
        except OSError as error:
            raise _ReaderDied from error
