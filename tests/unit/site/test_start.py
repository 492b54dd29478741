"""Start-up: refusals in one sentence, secrets, the sign-in link, a web process without torch."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.test import Client

from automl_site import env, startup, welcome
from automl_site.management.commands import up

ROOT = Path(__file__).resolve().parents[3]


def test_the_web_server_believes_nobodys_forwarded_address() -> None:
    web = next(child for child in up._children() if child.name == "web")
    assert "--no-proxy-headers" in web.command


def test_the_web_process_does_not_load_torch(tmp_path: Path) -> None:
    code = "import sys, automl_site.asgi; from django.urls import get_resolver; get_resolver().url_patterns\n"
    code += "sys.exit(str({'torch', 'timm', 'onnxruntime'} & set(sys.modules) or 'light'))"
    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "AUTOML_VAR_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "automl_site.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.stderr.strip() == "light"


def test_a_used_port_is_named_with_the_way_out() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(startup.StartError, match=rf"Port {port} is in use.*AUTOML_PORT=\d+ make run"):
            startup.check_port("127.0.0.1", port)


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "MIN_FREE_BYTES", 10**18)
    with pytest.raises(startup.StartError, match=r"is full: \d+ MB are free"):
        startup.check_disk(tmp_path)


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(startup.StartError, match="cannot be written"):
        startup.check_disk(tmp_path / "file" / "var")


def test_a_second_start_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    with startup.prepare_runtime_dir(tmp_path / "run"):
        assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o700
        with pytest.raises(startup.StartError, match=f"process {os.getpid()}"):
            startup.prepare_runtime_dir(tmp_path / "run")
    startup.prepare_runtime_dir(tmp_path / "run").close()


def test_the_secret_is_made_once_private_and_also_by_two_at_once(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "secret_key"
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(env.env_secret("AUTOML_NO_SECRET", path)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(found) == 8
    assert len(found[0]) > 50
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    env.VARIABLES -= {"AUTOML_NO_SECRET", "AUTOML_NO_SECRET_FILE"}


@pytest.mark.parametrize("value", ["maybe", "2", "ja"])
def test_a_switch_that_is_none_stops_the_start(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("AUTOML_DEBUG", value)
    with pytest.raises(ImproperlyConfigured, match="AUTOML_DEBUG"):
        env.env_bool("AUTOML_DEBUG", default=False)


@pytest.mark.parametrize("value", ["eighty", "0", "70000", "8e3"])
def test_a_number_out_of_range_stops_the_start(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("AUTOML_PORT", value)
    with pytest.raises(ImproperlyConfigured, match="AUTOML_PORT"):
        env.env_int("AUTOML_PORT", 8000, low=1, high=65535)


def test_sockets_move_out_of_directories_that_are_too_deep(tmp_path: Path) -> None:
    assert env.runtime_dir(Path("/short")) == Path("/short/run")
    deep = tmp_path / ("x" * 100)
    short = env.runtime_dir(deep)
    assert len(str(short / "redis.sock")) <= env.SOCKET_PATH_LIMIT
    assert short != env.runtime_dir(tmp_path / ("y" * 100))


def test_the_embedded_broker_is_found_and_listens_to_no_port(tmp_path: Path) -> None:
    command = startup.redis_command(tmp_path / "redis", tmp_path / "s")
    assert Path(command[0]).name in {"valkey-server", "redis-server"}
    assert command[command.index("--port") + 1] == "0"
    assert command[command.index("--unixsocketperm") + 1] == "600"


def test_the_broker_that_the_library_ships_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    program = startup.redis_program()
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    assert "v=8" in answer.stdout


@pytest.fixture
def cache_table(db: None) -> None:
    call_command("createcachetable", verbosity=0)


@pytest.mark.usefixtures("cache_table")
class TestWelcome:
    def test_the_link_signs_the_admin_in_once(self, client_of: Callable[[Any], Client]) -> None:
        path = welcome.make_link(welcome.ensure_admin())
        client = client_of(None)
        assert client.get(path).status_code == 302
        assert User.objects.get(pk=client.session["_auth_user_id"]).is_superuser
        assert client_of(None).get(path).status_code == 404

    def test_an_unknown_or_expired_link_does_not_exist(self, client_of: Callable[[Any], Client]) -> None:
        path = welcome.make_link(welcome.ensure_admin())
        token = path.strip("/").split("/")[-1]
        cache.delete("welcome:" + hashlib.sha256(token.encode()).hexdigest())
        assert client_of(None).get(path).status_code == 404
        assert client_of(None).get("/welcome/no-such-token/").status_code == 404

    def test_the_token_itself_is_kept_nowhere(self) -> None:
        from django.db import connection

        path = welcome.make_link(welcome.ensure_admin())
        with connection.cursor() as cursor:
            cursor.execute("SELECT cache_key, value FROM site_cache")
            assert path.strip("/").split("/")[-1] not in str(cursor.fetchall())

    def test_there_is_one_admin_however_often_it_starts(self) -> None:
        assert welcome.ensure_admin() == welcome.ensure_admin()
        assert not welcome.ensure_admin().has_usable_password()


def test_health_answers(client_of: Callable[[Any], Client], db: None) -> None:
    for address in ("/livez", "/readyz"):
        assert client_of(None).get(address).status_code == 200


def test_every_variable_is_documented() -> None:
    """Reads the sources too: a variable in a branch that did not run counts as well."""
    import automl_site.settings

    assert automl_site.settings.PORT
    sources = [path.read_text() for path in (ROOT / "automl_site").glob("*.py")]
    called = {name for text in sources for name in re.findall(r'env_\w+\(\s*"([A-Z_]+)"', text)}
    engine = [path.read_text() for path in (ROOT / "nas").rglob("*.py")]  # knows nothing of the settings
    called |= {name for text in engine for name in re.findall(r'os\.environ\.get\("(AUTOML_[A-Z_]+)"', text)}
    example = (ROOT / ".env.example").read_text()
    page = (ROOT / "docs" / "configuration.md").read_text()
    for name in env.VARIABLES | called:
        assert re.search(rf"^#? ?{name}=", example, re.MULTILINE), f"{name} is missing in .env.example"
        assert f"`{name}`" in page, f"{name} is missing in docs/configuration.md"
    documented = set(re.findall(r"^#? ?([A-Z_]+)=", example, re.MULTILINE))
    assert documented <= env.VARIABLES | called, "documented, but never read"
