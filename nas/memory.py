"""Gives freed memory back to the operating system."""

from __future__ import annotations

import ctypes
import gc
import platform
import sys


def give_back_memory() -> None:
    """Returns what was freed but is still held by the allocator; a long-lived worker would keep it for good.

    glibc returns the end of its heaps by itself, not the holes between what is in
    use. Elsewhere nothing happens.
    """
    gc.collect()
    if sys.platform == "linux" and platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)
