"""Backup while the site runs, loss of everything, restore: every download is what it was, to the byte."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests import images
from tests.integration import servers
from tests.integration.stack import ROOT, Person, Stack

MAKE_RUN = """
from django.contrib.auth.models import User
from datasets_app.models import Dataset
from search_app.models import SearchRun
from tests import authorisation, finished
owner = User.objects.get()
run = finished.finished(owner, dataset_version=Dataset.objects.get().current_version, report="report.json")
(run.workdir / "weights").mkdir(exist_ok=True)
for candidate in run.candidates.exclude(weights=""):
    (run.workdir / candidate.weights).write_bytes(candidate.label.encode() * 1000)
authorisation._write_model(run)
SearchRun.objects.create(owner=owner, dataset_version=run.dataset_version, name="on its way", minutes=9,
    state="RUNNING", lease_until="2100-01-01T00:00:00Z")
"""


def manage(stack: Stack, *arguments: str, succeeds: bool = True) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=stack.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode == 0) is succeeds, done.stdout + done.stderr
    return done.stdout + done.stderr


def downloads(person: Person) -> dict[str, bytes]:
    """Everything that can be had of the finished search and its photos."""
    found = {}
    (dataset,) = person.call("GET", "/datasets")
    (run,) = [run for run in person.call("GET", "/searches") if run["state"] == "DONE"]
    data, search = f"/api/v1/datasets/{dataset['id']}", f"/api/v1/searches/{run['id']}"
    addresses = [f"{data}/findings.csv", f"{data}/thumbnails/0", f"{data}/images", f"{data}/versions"]
    addresses += [
        f"{search}/{name}" for name in ("report.html", "report.json", "candidates", "chart", "events")
    ]
    models = person.call("GET", f"/searches/{run['id']}/models")
    assert models
    for model in models:
        addresses += [f"{search}/models/{model['id']}/bundle.zip", *(file["url"] for file in model["files"])]
    for address in addresses:
        answer = person.get(address)
        assert answer.status_code == 200, f"{address}: {answer.status_code}"
        found[address] = answer.content
    return found


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes], Path]:
    """An archive that was made of a running site, what could be downloaded there, and the site's directory."""
    home = tmp_path_factory.mktemp("site")
    archive = tmp_path_factory.mktemp("disk") / "all.tar"
    zipped = images.photo_zip(home / "photos.zip", n_per_class=20, size=32, n_classes=2)
    with Stack(home / "var", AUTOML_CHROMIUM="off") as stack, Person(stack) as person:
        assert person.upload(zipped)["state"] == "READY"
        manage(stack, "shell", "-v0", "-c", MAKE_RUN)
        before = downloads(person)
        told = manage(stack, "backup", str(archive))
        assert "rows and" in told
        refused = manage(stack, "restore", str(archive), "--replace", succeeds=False)
        assert "already runs" in refused
        assert downloads(person) == before
    return archive, before, home / "var"


def check_restored(stack: Stack, before: dict[str, bytes]) -> None:
    with stack, Person(stack) as person:
        assert downloads(person) == before
        (run,) = [run for run in person.call("GET", "/searches") if run["state"] == "FAILED"]
        assert "Press Resume" in run["error"]
        person.call("POST", f"/searches/{run['id']}/resume")


def test_everything_comes_back_on_the_same_machine(saved: tuple[Path, dict[str, bytes], Path]) -> None:
    archive, before, var = saved
    shutil.rmtree(var)
    stack = Stack(var, AUTOML_CHROMIUM="off")
    assert "2 searches, 1 exported models" in manage(stack, "restore", str(archive))
    with sqlite3.connect(var / "db.sqlite3") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("PRAGMA foreign_key_check").fetchone() is None
    refused = manage(stack, "restore", str(archive), succeeds=False)
    assert "not empty" in refused and "--replace" in refused
    check_restored(stack, before)


def test_a_damaged_archive_touches_nothing(
    saved: tuple[Path, dict[str, bytes], Path], tmp_path: Path
) -> None:
    archive, _, _ = saved
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "bad.tar").write_bytes(content)
    stack = Stack(tmp_path / "var")
    assert "damaged" in manage(stack, "restore", str(tmp_path / "bad.tar"), succeeds=False)
    assert not list((tmp_path / "var" / "storage").iterdir())
    assert not (tmp_path / "var" / "db.sqlite3").exists()


def test_an_archive_of_sqlite_opens_on_postgresql_and_one_of_that_again(
    saved: tuple[Path, dict[str, bytes], Path], tmp_path: Path
) -> None:
    archive, before, _ = saved
    with servers.postgres() as database, servers.redis() as broker:
        stack = Stack(tmp_path / "var", DATABASE_URL=database, REDIS_URL=broker, AUTOML_CHROMIUM="off")
        manage(stack, "restore", str(archive))
        manage(stack, "backup", str(tmp_path / "second.tar"))
        manage(
            stack, "shell", "-v0", "-c", "from search_app.models import *; SearchRun.objects.all().delete()"
        )
        shutil.rmtree(tmp_path / "var" / "storage" / "runs")
        manage(stack, "restore", str(tmp_path / "second.tar"), "--replace")
        check_restored(stack, before)
    assert not list((tmp_path / "var" / "storage").glob(".re*"))
