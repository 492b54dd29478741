"""A decoder that a photo has taken over, in the real reader: what it tries comes to nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from nas.data import confine, pool
from nas.data.archive import ArchiveLimits, Entry
from nas.data.pool import PoolConfig, ReaderPool
from nas.data.protocol import Answer, Facts, Refused

HOSTILE = Path(__file__).with_name("hostile_reader.py")
WALLS = pytest.mark.skipif(
    not sys.platform.startswith("linux") or confine.platform.machine() not in confine._CALLS,
    reason="the filter of system calls knows Linux on x86-64 and arm64",
)


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Returns a function that has the hostile decoder do some deeds, one for each photo."""
    monkeypatch.setattr(pool, "READER", (sys.executable, "-P", str(HOSTILE)))

    def run(*deeds: str, seconds: float = 5.0) -> list[Answer]:
        folder = tmp_path / "photos"
        folder.mkdir(exist_ok=True)
        entries = []
        for number, deed in enumerate(deeds):
            photo = folder / f"{number}.jpg"
            photo.write_text(deed)
            entries.append(Entry(path=photo.name, size=len(deed), source=str(photo)))
        output = tmp_path / "pixels"
        output.touch()
        config = PoolConfig(
            [None],
            output,
            ArchiveLimits(),
            seconds=seconds,
            n_workers=1,
            readable=[folder],
            output_bytes=10_000,
        )
        with ReaderPool(config) as readers:
            found = dict(pair for some in readers.run(entries, 4) for pair in some)
        return [found[number] for number in range(len(deeds))]

    return run


def told(answer: Answer) -> str:
    assert isinstance(answer, Facts), answer
    return answer.camera


@WALLS
def test_no_process_program_socket_or_signal(ask: object) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        fork, run, connect, kill, threads, fine = ask(  # type: ignore[operator]
            "fork", "run", f"connect {port}", f"signal {os.getpid()}", "threads", "ok"
        )
    refused = f"refused {1}"  # EPERM
    assert [told(one) for one in (fork, run, connect, kill)] == [refused] * 4
    assert (told(threads), told(fine)) == ("threads 1", "fine")


@WALLS
def test_no_other_way_to_signal_and_no_limit_of_another_process(ask: object) -> None:
    parent = os.getpid()
    tkill, sigqueue = {"x86_64": (200, 129), "aarch64": (130, 138)}[confine.platform.machine()]
    tgkill = confine._CALLS[confine.platform.machine()].tgkill
    *others, mine = ask(  # type: ignore[operator]
        f"tkill-self {tkill}",  # to itself: from version 6 on Landlock refuses the others
        f"call {sigqueue} {parent} 0 0",
        f"call {tgkill} {parent} {parent} 0",
        "signal-directory",
        f"limit {parent}",
        "signal-self",
    )
    assert [told(one) for one in others] == ["refused 1"] * 5  # EPERM
    assert told(mine) == "raised"


@WALLS
def test_no_file_is_cut_and_no_right_changed(ask: object, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.write_text("otter")
    foreign.chmod(0o600)
    changed, cut = ask(f"chmod {foreign}", f"truncate {foreign}")  # type: ignore[operator]
    assert (told(changed), told(cut)) == ("refused 1", "refused 1")  # EPERM
    assert foreign.stat().st_mode & 0o777 == 0o600
    assert foreign.read_text() == "otter"


@WALLS
def test_no_file_is_written_removed_or_read(ask: object, tmp_path: Path) -> None:
    if not landlock_here():
        pytest.skip("this kernel has no Landlock")
    secret = tmp_path / "secret_key"
    secret.write_text("otter")
    new = tmp_path / "new"
    write, overwrite, remove, read = ask(  # type: ignore[operator]
        f"write {new}", f"write {secret}", f"remove {secret}", f"read {secret}"
    )
    assert [told(one) for one in (write, overwrite, remove, read)] == ["refused 13"] * 4  # EACCES
    assert not new.exists()
    assert secret.read_text() == "otter"


def test_memory_length_and_number_of_files_are_bounded(ask: object) -> None:
    allocate, grow, fine, files = ask("allocate", "grow", "ok", "files")  # type: ignore[operator]
    assert allocate == Refused("memory", {})
    assert told(grow) == "refused 27"  # EFBIG
    assert told(files) == "refused 24"  # EMFILE
    assert told(fine) == "fine"


def test_a_loop_costs_its_own_photo_only(ask: object) -> None:
    first, loop, last = ask("ok", "loop", "ok", seconds=1.0)  # type: ignore[operator]
    assert isinstance(loop, Refused)
    assert loop.kind == "too-slow"
    assert (told(first), told(last)) == ("fine", "fine")


def test_the_kernel_ends_a_loop_that_nobody_watches() -> None:
    script = "from nas.data.confine import *; allow_processor_seconds(0.2)\nwhile True: pass"
    root = Path(confine.__file__).parents[2]
    ended = subprocess.run([sys.executable, "-c", script], cwd=root, timeout=60, check=False)
    assert ended.returncode == -signal.SIGXCPU


def landlock_here() -> bool:
    """Asked of a child: the walls of the asking process could not be taken down again."""
    child = os.fork()
    if child == 0:
        os._exit(0 if confine.shut_in([]).landlock else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
