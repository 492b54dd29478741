"""Process settings that make training on CPUs fast. Called once at the start of a process that trains."""

from __future__ import annotations

import ctypes
import os
import platform
import sys

import torch

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_LARGEST_INT = 2**31 - 1


def tune_process(threads: int | None = None) -> None:
    """Sets allocator, denormals and threads.

    glibc returns large blocks to the kernel at each free and gets them back page by page; keeping them is
    worth a good part of the training speed of networks with depthwise convolutions. Denormal numbers make
    CPU convolutions many times slower, so they are flushed to zero.

    Args:
        threads: Number of threads for PyTorch; the cores at hand if None.
    """
    if sys.platform == "linux" and platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGEST_INT)
        libc.mallopt(_M_TRIM_THRESHOLD, _LARGEST_INT)
    torch.set_flush_denormal(True)
    torch.set_num_threads(threads or available_cores())


def available_cores() -> int:
    """Returns the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine_facts() -> dict[str, str | int]:
    """Returns what a reader must know of the machine to judge seconds and milliseconds."""
    return {
        "cpu": _cpu_name(),
        "cores": available_cores(),
        "threads": torch.get_num_threads(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def _cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123 - a kernel file, not a path
            names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or "unknown"
