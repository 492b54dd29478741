"""`manage.py up`: starts, serves, survives its children, ends without leaving anything behind."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.images import digits_zip
from tests.integration.stack import READY_SECONDS, ROOT, Person, Stack, wait_for

SECOND_START_SECONDS = 15


def alive(pid: int) -> bool:
    """Returns whether a process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture(scope="module")
def var_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("installation")


def test_it_starts_serves_restarts_what_dies_and_ends_cleanly(var_dir: Path) -> None:
    with Stack(var_dir) as stack:
        assert httpx.get(f"{stack.base_url}/readyz", trust_env=False).status_code == 200
        with Person(stack) as person:
            assert person.call("GET", "/searches")["items"] == []
        assert httpx.get(stack.link, trust_env=False).status_code == 404, "the link works once"
        assert stat.S_IMODE((var_dir / "run" / "redis.sock").stat().st_mode) == 0o600
        assert stat.S_IMODE((var_dir / "secret_key").stat().st_mode) == 0o600

        (web,) = stack.children("uvicorn")
        os.kill(web, signal.SIGKILL)
        wait_for(lambda: stack.children("uvicorn") not in ([], [web]), 30, "the web server did not come back")
        assert "web was killed (SIGKILL). It starts again" in stack.log()

        family = stack.family()
        assert len(family) >= 5
        assert stack.stop() == 0
        assert not [pid for pid in family if alive(pid)]
        assert "All processes have ended." in stack.log()


def test_a_second_start_is_quick_and_a_kill_leaves_no_orphans(var_dir: Path) -> None:
    with Stack(var_dir) as stack:
        assert stack.seconds_to_ready < SECOND_START_SECONDS
        wait_for(lambda: stack.log().count("ready.") >= 2, 30, "the workers are not ready")
        family = stack.family()
        os.kill(stack.process.pid, signal.SIGKILL)
        wait_for(lambda: not [pid for pid in family if alive(pid)], 15, "orphans are left")


def test_a_broker_that_dies_comes_back_and_work_goes_on(var_dir: Path, tmp_path: Path) -> None:
    archive = digits_zip(tmp_path / "digits.zip", n_per_class=10, digits=range(2))
    with Stack(var_dir) as stack, Person(stack) as person:
        wait_for(lambda: stack.log().count("ready.") >= 2, 30, "the workers are not ready")
        socket_file = str(var_dir / "run" / "redis.sock")
        (broker,) = [pid for pid in stack.children() if socket_file in stack.command_of(pid)]
        os.kill(broker, signal.SIGKILL)
        assert person.upload(archive)["state"] in {"READY", "NEEDS_ATTENTION"}
        assert "broker was killed (SIGKILL)" in stack.log()
        assert len(stack.children("-Q")) == 2, "the workers live"


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        answer = subprocess.run(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env={**os.environ, "AUTOML_VAR_DIR": str(tmp_path), "AUTOML_PORT": str(port)},
            capture_output=True,
            text=True,
            timeout=READY_SECONDS,
            check=False,
        )
    assert answer.returncode == 1
    assert f"Port {port} is in use" in answer.stderr
    assert "AUTOML_PORT=" in answer.stderr
    assert "Traceback" not in answer.stderr
