"""The reader of the import with a decoder that does what the photo says, as a broken one might be made to."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from nas.data import worker
from nas.data.decode import Decoded

SIDE = 4


def decode(data: bytes, cache_size: int, max_pixels: int) -> Decoded:
    """Does the deed, and tells in the camera's name what came of it."""
    deed, _, rest = data.partition(b" ")
    try:
        told = DEEDS[deed.decode()](rest.decode())
    except OSError as error:
        told = f"refused {error.errno}"
    return Decoded(
        bytes(cache_size * cache_size * 3), SIDE, SIDE, False, "JPEG", "RGB", str(told)[:80], False
    )


def loop(_: str) -> str:
    while True:
        pass


def allocate(_: str) -> str:
    return str(len(bytearray(8 * 1024**3)))


def fork(_: str) -> str:
    if os.fork() == 0:
        os._exit(0)
    return "forked"


def threads(_: str) -> str:
    done: list[int] = []
    thread = threading.Thread(target=done.append, args=(1,))
    thread.start()
    thread.join()
    return f"threads {len(done)}"


def files(_: str) -> str:
    held = []
    while True:
        held.append(os.open("/dev/null", os.O_RDONLY))


def grow(_: str) -> str:
    for one in Path("/proc/self/fd").iterdir():
        if one.exists() and one.readlink().name == "pixels":
            os.pwrite(int(one.name), b"x", 10**9)
            return "grown"
    return "not found"


def call(words: str) -> str:
    """A system call by its number, where the C library has no name for it or takes another one."""
    number, *rest = (int(word) for word in words.split())
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, rest)) < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return "called"


def signal_self(_: str) -> str:
    """What `abort` does, with a signal that nobody hears."""
    signal.raise_signal(signal.SIGURG)
    return "raised"


def signal_directory(_: str) -> str:
    held = os.open("/proc/self", os.O_RDONLY | os.O_DIRECTORY)
    return f"sent {signal.pidfd_send_signal(held, 0)}"


DEEDS: dict[str, Any] = {
    "ok": lambda _: "fine",
    "loop": loop,
    "allocate": allocate,
    "fork": fork,
    "threads": threads,
    "files": files,
    "grow": grow,
    "write": lambda path: f"wrote {Path(path).write_text('x')}",
    "remove": lambda path: f"removed {Path(path).unlink()}",
    "read": lambda path: f"read {Path(path).read_text()}",
    "run": lambda _: f"ran {subprocess.call([sys.executable, '--version'])}",
    "connect": lambda port: f"connected {socket.create_connection(('127.0.0.1', int(port)), 1)}",
    "signal": lambda pid: f"sent {os.kill(int(pid), 0)}",
    "signal-self": signal_self,
    "signal-directory": signal_directory,
    "tkill-self": lambda number: call(f"{number} {threading.get_native_id()} 0"),
    "call": call,
    "chmod": lambda path: f"changed {Path(path).chmod(0o777)}",
    "truncate": lambda path: f"cut {os.truncate(path, 0)}",
    "limit": lambda pid: f"limits {resource.prlimit(int(pid), resource.RLIMIT_CORE)}",
}

if __name__ == "__main__":
    worker.decode_image = decode
    worker.main()
