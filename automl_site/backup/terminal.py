"""Progress and signals of the two commands."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import NoReturn, Self

from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)


class Bar:
    """A bar with bytes, speed and time left, on stderr; a context manager."""

    def __init__(self, what: str) -> None:
        """Takes the word before the bar."""
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self._progress.add_task(what, total=None)

    def __enter__(self) -> Self:
        """Starts to draw."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leaves the bar as it is."""
        self._progress.stop()

    def begin(self, n_bytes: int) -> None:
        """Says how many bytes there are in all."""
        self._progress.update(self._task, total=n_bytes)

    def advance(self, n_bytes: int) -> None:
        """Counts bytes that were done."""
        self._progress.advance(self._task, n_bytes)


def human_size(n_bytes: int) -> str:
    """Returns a size with a decimal unit."""
    return decimal(n_bytes)


@contextmanager
def ending_on_signals() -> Iterator[None]:
    """Lets SIGTERM and SIGHUP end the work as Ctrl-C does: in order, with nothing half left behind."""

    def end(number: int, _frame: object) -> NoReturn:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
