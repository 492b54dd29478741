"""What every answer of the site promises a browser, and what it does not believe of a request."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from datasets_app.audit import one_line, record
from datasets_app.models import Action
from tests.factories import DatasetFactory

ROOT = Path(__file__).resolve().parents[3]
SHOWN = """
import json
from django.conf import settings
import django
django.setup()
names = ("SESSION_COOKIE_NAME", "SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "SESSION_COOKIE_SAMESITE",
         "CSRF_COOKIE_NAME", "CSRF_COOKIE_SECURE", "SECURE_HSTS_SECONDS", "LANGUAGE_COOKIE_SECURE", "DEBUG")
print(json.dumps({name: getattr(settings, name) for name in names}))
from django.core.management import call_command
call_command("check", deploy=True, fail_level="WARNING")
"""


def run(script: str, tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AUTOML_")}
    environment = {
        **kept,
        "AUTOML_VAR_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "automl_site.settings",
        **variables,
    }
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_settings_of_production_are_clean(tmp_path: Path) -> None:
    done = run(SHOWN, tmp_path, AUTOML_HTTPS="1", AUTOML_ALLOWED_HOSTS="automl.example.org")
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout, done.stdout + done.stderr
    shown = json.loads(done.stdout.splitlines()[0])
    assert shown == {
        "SESSION_COOKIE_NAME": "__Host-sessionid",
        "SESSION_COOKIE_SECURE": True,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "CSRF_COOKIE_NAME": "__Host-csrftoken",
        "CSRF_COOKIE_SECURE": True,
        "SECURE_HSTS_SECONDS": 31_536_000,
        "LANGUAGE_COOKIE_SECURE": True,
        "DEBUG": False,
    }


def test_the_secret_key_is_made_once_and_is_ours_alone(tmp_path: Path) -> None:
    script = "from django.conf import settings; print(settings.SECRET_KEY)"
    first, second = (run(script, tmp_path).stdout for _ in range(2))
    assert first == second
    assert len(first.strip()) >= 50
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600


@pytest.mark.django_db
def test_pages_forbid_foreign_code_and_frames(owner: User, client_of: Any) -> None:
    for client, path in (
        (Client(), "/accounts/login/"),
        (client_of(owner), "/"),
        (client_of(owner), "/teams/"),
    ):
        answer = client.get(path)
        policy = answer["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        for word in ("object-src 'none'", "frame-ancestors 'none'", "base-uri 'self'", "form-action 'self'"):
            assert word in policy
        assert "unsafe-inline" not in policy
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "localhost@evil.example", "[::1", ""]
)
def test_a_foreign_host_is_refused(host: str, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["localhost"]
    assert Client().get("/accounts/login/", headers={"Host": host}).status_code == 400
    assert (
        Client().post("/accounts/password/reset/", {"email": "a@b.org"}, headers={"Host": host}).status_code
        == 400
    )


@pytest.mark.django_db
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://testserver.evil.example"])
def test_a_form_of_another_site_changes_nothing(owner: User, origin: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner, backend="django.contrib.auth.backends.ModelBackend")
    client.get("/account/")
    token = client.cookies["csrftoken"].value
    for path in ("/account/", "/teams/", reverse("account_logout")):
        sent = {"name": "x", "csrfmiddlewaretoken": token}
        assert client.post(path, sent, headers={"Origin": origin}).status_code == 403
    assert client.post("/account/", {"name": "x", "csrfmiddlewaretoken": token}).status_code == 302


@pytest.mark.django_db
def test_a_language_form_sends_nobody_elsewhere() -> None:
    answer = Client().post("/i18n/setlang/", {"language": "de", "next": "https://evil.example/"})
    assert answer["Location"] == "/"


def test_a_line_break_makes_no_second_line_in_the_log(tmp_path: Path) -> None:
    script = (
        "import django; django.setup(); import structlog, logging\n"
        "name = 'x\\n2026-01-01 [info] admin signed in\\x1b[2K\\r'\n"
        "structlog.get_logger('a').warning('refused', name=name)\n"
    )
    for form in ("text", "json"):
        done = run(script, tmp_path, AUTOML_LOG_FORMAT=form)
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert "\x1b" not in done.stderr


@pytest.mark.django_db
def test_a_line_break_makes_no_second_row_in_the_audit_log(owner: User) -> None:
    dataset = DatasetFactory(owner=owner, name="otter\r\n\u2028=cmd\x1b[2K\u202e")
    row = record(Action.DELETE, actor=owner, target=dataset, detail="a\nb")
    assert (row.target, row.detail) == ("otter =cmd [2K", "a b")
    assert one_line("\0" * 400 + "x" * 400, 300) == "x" * 300
