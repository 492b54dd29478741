"""Large uploads on the real server: broken, killed, in parallel, on a full disk."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.integration.sender import MIB, Content, Sender, file_of, peak_mb, sha256_of
from tests.integration.stack import Person, Stack, embedded, wait_for

MAX_MEMORY_MB = 300
# What a break may cost: bytes since the last save, and those still in the buffers of both sockets.
MAX_LOSS = 16 * MIB + 16 * MIB


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with embedded() as started:
        yield started


@pytest.fixture(scope="module")
def person(stack: Stack) -> Iterator[Person]:
    with Person(stack) as signed_in:
        yield signed_in


@pytest.fixture
def sender(stack: Stack, person: Person) -> Sender:
    return Sender(stack, person)


def web_process(stack: Stack) -> int:
    return wait_for(lambda: next(iter(stack.children("uvicorn")), None), 30, "the web server does not run")


def kill(stack: Stack) -> None:
    os.kill(web_process(stack), signal.SIGKILL)


def offset_if_it_answers(sender: Sender, path: str) -> int | None:
    try:
        return sender.offset(path)
    except OSError:  # the server that was killed had not quite let go of its port
        return None


def ended(person: Person, dataset_id: str) -> dict[str, Any]:
    def settled() -> dict[str, Any] | None:
        found: dict[str, Any] = person.call("GET", f"/datasets/{dataset_id}")
        return found if found["state"] not in {"UPLOADING", "UPLOADED", "CHECKING"} else None

    return wait_for(settled, 120, "the worker did not look at the upload")


def test_two_gigabytes_broken_five_times_are_the_same_bytes(
    stack: Stack, person: Person, sender: Sender
) -> None:
    content = Content(2_000_000_000)
    expected = content.sha256()
    path = sender.create(content.length, filename="big.zip", fingerprint="big", sha256=expected)
    peaks: list[float] = []

    def kill_the_server() -> None:
        peaks.append(peak_mb(web_process(stack)))
        kill(stack)

    def broken_at(n_bytes: int, how: Callable[[], None] | None) -> None:
        sender.send(path, content, until=n_bytes, at_the_break=how)
        kept = wait_for(lambda: offset_if_it_answers(sender, path), 30, "nothing was kept")
        print(f"broken after {n_bytes / 1e6:.0f} MB, {(n_bytes - kept) / 1e6:.1f} MB to send again")
        assert n_bytes - MAX_LOSS <= kept <= n_bytes

    broken_at(300_000_000, None)
    broken_at(700_000_000, kill_the_server)
    broken_at(1_000_000_000, None)
    broken_at(1_300_000_000, kill_the_server)
    # The client is restarted: all it has is its cookies and the file.
    sender = Sender(stack, person)
    (mine,) = (one for one in person.call("GET", "/uploads")["items"] if one["fingerprint"] == "big")
    assert mine["length"] == content.length
    assert mine["offset"] == sender.offset(path)
    reply = sender.send(path, content)
    assert reply is not None
    assert (reply.status, reply.headers["upload-offset"]) == (204, str(content.length))

    peaks.append(peak_mb(web_process(stack)))
    print(f"largest memory of the web processes: {max(peaks):.0f} MB")
    assert max(peaks) < MAX_MEMORY_MB
    assert sha256_of(file_of(stack, path)) == expected
    # The worker has compared the checksum, too: that random bytes are no archive is all it complains about.
    found = ended(person, mine["dataset"]["id"])
    assert found["state"] == "REJECTED"
    assert "checksum" not in found["error"]
    person.call("DELETE", f"/datasets/{found['id']}")


def test_worker_notices_another_checksum(person: Person, sender: Sender) -> None:
    content = Content(1000)
    path = sender.create(content.length, filename="small.zip", sha256="0" * 64)
    (mine,) = person.call("GET", "/uploads")["items"]
    sender.send(path, content)
    found = ended(person, mine["dataset"]["id"])
    assert found["state"] == "REJECTED"
    assert "did not arrive as it was sent" in found["error"]


def test_ten_at_once_are_fast_and_pages_still_open(stack: Stack, person: Person, sender: Sender) -> None:
    contents = [Content(150 * MIB) for _ in range(10)]
    paths = [sender.create(one.length, filename=f"{i}.zip") for i, one in enumerate(contents)]
    waits: list[float] = []
    with ThreadPoolExecutor(len(contents)) as pool:
        started = time.monotonic()
        sending = [pool.submit(sender.send, path, one) for path, one in zip(paths, contents, strict=True)]
        while not all(one.done() for one in sending):
            asked = time.monotonic()
            assert person.get("/datasets/").status_code == 200
            waits.append(time.monotonic() - asked)
        seconds = time.monotonic() - started
    replies = [one.result() for one in sending]
    assert all(reply is not None and reply.status == 204 for reply in replies)
    print(
        f"ten at once: {10 * 150 / seconds:.0f} MiB/s together; a page took "
        f"{statistics.median(waits) * 1000:.0f} ms (median), {max(waits) * 1000:.0f} ms (longest); "
        f"{peak_mb(web_process(stack)):.0f} MB of memory"
    )
    assert statistics.median(waits) < 1
    assert max(waits) < 5
    assert peak_mb(web_process(stack)) < MAX_MEMORY_MB
    for path, one in zip(paths, contents, strict=True):
        assert sha256_of(file_of(stack, path)) == one.sha256()


def test_one_alone_is_fast(sender: Sender) -> None:
    content = Content(1000 * MIB)
    path = sender.create(content.length, filename="fast.zip")
    started = time.monotonic()
    reply = sender.send(path, content)
    seconds = time.monotonic() - started
    assert reply is not None
    assert reply.status == 204
    print(f"one alone: {1000 / seconds:.0f} MiB/s")
    assert seconds < 60  # 100 MiB/s where nothing else runs; this only catches a blunder


@contextlib.contextmanager
def small_disk(stack: Stack, n_bytes: int) -> Iterator[Callable[[], None]]:
    """Leaves uploads `n_bytes` of room and yields a function that makes more: a file system of their own.

    Where none may be mounted, the kernel's limit on the length of a file stands for it.
    """
    directory = stack.var_dir / "storage" / "uploads"
    directory.mkdir(exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={n_bytes}", "small", str(directory)]
    if subprocess.run(mount, check=False, capture_output=True).returncode == 0:
        try:
            yield lambda: subprocess.run(["mount", "-o", "remount,size=1g", str(directory)], check=True)
        finally:
            subprocess.run(["umount", "--lazy", str(directory)], check=True)
        return
    web = web_process(stack)
    unlimited = resource.prlimit(web, resource.RLIMIT_FSIZE)
    resource.prlimit(web, resource.RLIMIT_FSIZE, (n_bytes, unlimited[1]))
    yield lambda: resource.prlimit(web, resource.RLIMIT_FSIZE, unlimited) and None
    resource.prlimit(web, resource.RLIMIT_FSIZE, unlimited)


def test_full_disk_is_said_and_the_upload_goes_on_when_there_is_room(stack: Stack, sender: Sender) -> None:
    content = Content(120 * MIB)
    with small_disk(stack, 50 * MIB) as make_room:
        path = sender.create(content.length, filename="big.zip")
        for _ in range(2):  # again and again: nothing gets worse
            reply = sender.send(path, content)
            assert reply is not None
            assert reply.status == 507
            assert b"disk of this server is full" in reply.body
            kept = sender.offset(path)
            assert 32 * MIB <= kept <= 50 * MIB
            assert file_of(stack, path).stat().st_size == kept
        make_room()
        reply = sender.send(path, content)
        assert reply is not None
        assert reply.status == 204
        assert sha256_of(file_of(stack, path)) == content.sha256()
