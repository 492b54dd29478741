"""Shuts the present process in before it decodes bytes that strangers made.

Three walls, each for what the others let through. Limits of the system (memory, processor time, length of a
file, open files) hold everywhere on Unix. Landlock (Linux 5.13, `landlock(7)`) lets the process read the
interpreter and the given files, and write, make, remove and start nothing; descriptors that are open already
keep working. A seccomp filter (`seccomp(2)`) refuses new processes, programs, sockets, what reaches into
other processes, and changes of files that Landlock does not judge. Both are inherited and cannot be taken
back. `python -m nas.data.confine` tells what this machine offers; where one is missing, the others still
hold.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import resource
import struct
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import nas

_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_SECCOMP: Final = 22
_SECCOMP_MODE_FILTER: Final = 2

_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_RULE_PATH_BENEATH: Final = 1
_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_FS_RIGHTS: Final = ((1, 13), (2, 14), (3, 15), (5, 16))
"""From which version of Landlock on so many rights of files exist, lowest bits first."""
_NET_RIGHTS: Final = 0b11  # bind and connect by TCP, from version 4 on
_SCOPES: Final = 0b11  # abstract sockets and signals to others, from version 6 on

_LOAD: Final = 0x20  # a word of the call at hand
_IF_EQUAL: Final = 0x15
_IF_AT_LEAST: Final = 0x35
_IF_ANY_BIT: Final = 0x45
_ANSWER: Final = 0x06
_ALLOW: Final = 0x7FFF0000
_FAIL: Final = 0x00050000
_EPERM: Final = 1
_ENOSYS: Final = 38
_CLONE_THREAD: Final = 0x10000
_X32: Final = 0x40000000


class _Calls(NamedTuple):
    """Numbers of system calls on one kind of processor.

    Attributes:
        audit_arch: The processor's name in the kernel.
        clone: Allowed for threads only.
        refused: Refused whatever their words are.
        prlimit: Allowed for the calling process only.
        tgkill: Allowed within the process only: `abort` and `raise` need it.
    """

    audit_arch: int
    clone: int
    refused: tuple[int, ...]
    prlimit: int
    tgkill: int


# socket, connect, execve, execveat, ptrace, kill, process_vm_readv/_writev, bpf, io_uring_setup, unshare,
# setns, mount, keyctl, perf_event_open, userfaultfd, pidfd_open, pidfd_getfd; on x86 also fork and vfork.
# Then what Landlock does not judge (truncate before version 3, rights, owners and extended attributes of
# files never): truncate, chmod, fchmod, chown, fchown, lchown, fchownat, fchmodat, fchmodat2, the families of
# setxattr and removexattr. Last, other ways to send a signal: tkill, rt_sigqueueinfo, rt_tgsigqueueinfo, and
# pidfd_send_signal, which takes an open directory of /proc for a process.
_CALLS: Final = {
    "x86_64": _Calls(
        0xC000003E, 56,
        (41, 42, 59, 322, 101, 62, 310, 311, 321, 425, 272, 308, 165, 250, 298, 323, 434, 438, 57, 58,
         76, 90, 91, 92, 93, 94, 260, 268, 452, 188, 189, 190, 463, 197, 198, 199, 466,
         200, 129, 297, 424),
        302, 234,
    ),
    "aarch64": _Calls(
        0xC00000B7, 220,
        (198, 203, 221, 281, 117, 129, 270, 271, 280, 425, 97, 268, 40, 219, 241, 282, 434, 438,
         45, 53, 52, 54, 55, 452, 5, 6, 7, 463, 14, 15, 16, 466,
         130, 138, 240, 424),
        261, 131,
    ),
}  # fmt: skip
_CLONE3: Final = 435


class Walls(NamedTuple):
    """What holds a process.

    Attributes:
        landlock: Version of Landlock, 0 where the kernel has none.
        seccomp: True if the filter of system calls is set.
    """

    landlock: int
    seccomp: bool


def limit_resources(*, memory_bytes: int, file_bytes: int, n_files: int) -> None:
    """Sets limits that the process cannot raise again.

    Args:
        memory_bytes: Address space.
        file_bytes: Length to which a file can grow.
        n_files: Number of files that may be opened in addition to those that are open.
    """
    held = Path("/proc/self/fd")
    n_open = len(list(held.iterdir())) if held.is_dir() else 64
    for kind, wanted in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_NOFILE, n_open + n_files),
        (resource.RLIMIT_CORE, 0),
    ):
        _, most = resource.getrlimit(kind)
        value = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(kind, (value, value))


def allow_processor_seconds(seconds: float) -> None:
    """Lets the process use so many more seconds of the processor; then the kernel ends it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime + seconds) + 1, most))


def shut_in(readable: Sequence[Path]) -> Walls:
    """Raises the walls of the kernel, as many as it has.

    Args:
        readable: Files and directories that may be read besides the interpreter and its libraries.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if not sys.platform.startswith("linux") or libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return Walls(0, False)
    landlock = _landlock(libc, [*_libraries(), *readable])
    seccomp = _seccomp(libc)
    if not seccomp:  # of everybody but root: no new processes, and no threads either
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    return Walls(landlock, seccomp)


def _libraries() -> list[Path]:
    """What an interpreter reads when it imports one more module."""
    site = [path for path in sys.path if path.endswith("-packages")]
    names = (
        sys.prefix, sys.base_prefix, sys.exec_prefix, *site, "/usr", "/lib", "/lib64", "/etc/ld.so.cache",
        "/dev/null", "/dev/urandom",
    )  # fmt: skip
    return [Path(nas.__file__).parent, *map(Path, names)]


def _landlock(libc: ctypes.CDLL, readable: Iterable[Path]) -> int:
    version = int(libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1))
    if version < 1:
        return 0
    n_rights = max(n for since, n in _FS_RIGHTS if version >= since)
    words = [(1 << n_rights) - 1 & ~_READ_DIR]
    words += [_NET_RIGHTS] if version >= 4 else []
    words += [_SCOPES] if version >= 6 else []
    rights = struct.pack(f"={len(words)}Q", *words)
    ruleset = int(libc.syscall(_CREATE_RULESET, rights, ctypes.c_size_t(len(rights)), 0))
    if ruleset < 0:
        return 0
    try:
        for path in readable:
            _allow_reading(libc, ruleset, path)
        return version if libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0 else 0
    finally:
        os.close(ruleset)


def _allow_reading(libc: ctypes.CDLL, ruleset: int, path: Path) -> None:
    with suppress(OSError):  # what is not there need not be read
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            rule = struct.pack("=Qi", _READ_FILE, beneath)
            libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0)
        finally:
            os.close(beneath)


def _seccomp(libc: ctypes.CDLL) -> bool:
    calls = _CALLS.get(platform.machine())
    if calls is None:
        return False
    program = _program(calls)
    code = b"".join(struct.pack("=HBBI", *step) for step in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("@HP", len(program), ctypes.addressof(buffer))
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, head, 0, 0) == 0)


def _program(calls: _Calls) -> list[tuple[int, int, int, int]]:
    """Steps (what, how far to jump if so, and if not, value) over the number and words of a system call."""
    refuse = (_ANSWER, 0, 0, _FAIL | _EPERM)
    steps = [
        (_LOAD, 0, 0, 4),
        (_IF_EQUAL, 1, 0, calls.audit_arch),
        refuse,  # calls of another kind of processor have other numbers
        (_LOAD, 0, 0, 0),
        (_IF_AT_LEAST, 0, 1, _X32),
        refuse,
        (_IF_EQUAL, 0, 1, _CLONE3),
        (_ANSWER, 0, 0, _FAIL | _ENOSYS),  # its words lie in memory; the C library then takes clone
    ]
    for number in calls.refused:
        steps += [(_IF_EQUAL, 0, 1, number), refuse]
    for number, whom in ((calls.prlimit, 0), (calls.tgkill, os.getpid())):
        steps += [
            (_IF_EQUAL, 0, 6, number),
            (_LOAD, 0, 0, 16),
            (_IF_EQUAL, 0, 3, whom),
            (_LOAD, 0, 0, 20),
            (_IF_EQUAL, 0, 1, 0),
            (_ANSWER, 0, 0, _ALLOW),
            refuse,
        ]
    steps += [
        (_IF_EQUAL, 0, 3, calls.clone),
        (_LOAD, 0, 0, 16),
        (_IF_ANY_BIT, 1, 0, _CLONE_THREAD),  # threads may be
        refuse,
        (_ANSWER, 0, 0, _ALLOW),
    ]
    return steps


if __name__ == "__main__":
    sys.stdout.write(json.dumps(shut_in([])._asdict()) + "\n")
