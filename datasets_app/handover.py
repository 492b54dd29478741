"""A worker that is told to end hands its work over at the next step instead of holding up the shutdown.

The flag lies in memory that the parent of a Celery worker shares with its forked children, because the
signal reaches the parent and the work runs in a child. This module must be imported before the fork.
"""

from __future__ import annotations

import mmap

_flag = mmap.mmap(-1, 1)


class HandedOverError(BaseException):
    """The worker is ending; another one goes on from the last checkpoint.

    It is a BaseException, so that a handler for failing candidates cannot swallow it.
    """


def request_handover() -> None:
    """Asks the work of this worker to hand over."""
    _flag[0] = 1


def handover_requested() -> bool:
    """Returns whether this worker is about to end."""
    return _flag[0] == 1
