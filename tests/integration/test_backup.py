"""Backup while the site runs, loss of everything, restore: every download is what it was, to the byte."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from automl_site.backup.writing import LIST
from tests.integration import servers
from tests.integration.stack import ROOT, Person, Stack
from tests.unit.operate.archives import listed, read_members, sealed, write_tar

MAKE = """
import pathlib, sys
from automl_site.welcome import ensure_admin
from nas.checks import features, network
from search_app.models import Candidate, SearchRun
from tests import authorisation, finished
def missing(_):
    raise network.NetworkMissingError("Not needed here.")
features.pretrained_network = missing  # it starts a process with PyTorch
owner = ensure_admin()
world = authorisation.build_world(owner, pathlib.Path("{home}"))
run = SearchRun.objects.get()
finished.finished(owner, like=run, report="report.json")
for one in Candidate.objects.exclude(weights=""):
    path = one.run.workdir / one.weights
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(one.label.encode() * 1000)
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
    """Everything that can be had of the finished searches and their photos."""
    (dataset,) = [one for one in person.call("GET", "/datasets")["items"] if one["state"] == "READY"]
    data = f"/api/v1/datasets/{dataset['id']}"
    addresses = [
        f"{data}/{name}" for name in ("findings.csv", "thumbnails/0", "images", "versions", "changes")
    ]
    for run in person.call("GET", "/searches")["items"]:
        if run["state"] != "DONE":
            continue
        search = f"/api/v1/searches/{run['id']}"
        addresses += [f"{search}/{name}" for name in ("report.html", "report.json", "candidates", "events")]
        for model in person.call("GET", f"/searches/{run['id']}/models")["items"]:
            addresses.append(f"{search}/models/{model['id']}/bundle.zip")
            addresses += [file["url"] for file in model["files"]]
    found = {}
    for address in addresses:
        answer = person.get(address)
        assert answer.status_code == 200, f"{address}: {answer.status_code}"
        found[address] = answer.content
    assert any(address.endswith("bundle.zip") for address in found)
    return found


@dataclass(frozen=True)
class Saved:
    """An archive that was made of a running site, what could be had there, and the site's directory."""

    archive: Path
    before: dict[str, bytes]
    var: Path


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    home = tmp_path_factory.mktemp("site")
    archive = tmp_path_factory.mktemp("disk") / "all.tar"
    stack = Stack(home / "var")
    manage(stack, "migrate", "-v0")
    manage(stack, "shell", "-v0", "-c", MAKE.format(home=home))
    with stack, Person(stack) as person:
        before = downloads(person)
        assert "rows and" in manage(stack, "backup", str(archive))
        refused = manage(stack, "restore", str(archive), "--replace", succeeds=False)
        assert "already runs" in refused
        assert downloads(person) == before
    return Saved(archive, before, home / "var")


def test_everything_comes_back_on_the_same_machine(saved: Saved) -> None:
    shutil.rmtree(saved.var)
    stack = Stack(saved.var)
    assert "3 searches, 1 exported models" in manage(stack, "restore", str(saved.archive))
    with contextlib.closing(sqlite3.connect(saved.var / "db.sqlite3")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("PRAGMA foreign_key_check").fetchone() is None
    with stack, Person(stack) as person:
        assert downloads(person) == saved.before
        (run,) = [run for run in person.call("GET", "/searches")["items"] if run["state"] == "FAILED"]
        assert "Press Resume" in run["error"]


def test_a_restore_that_breaks_off_changes_nothing(saved: Saved, tmp_path: Path) -> None:
    members = read_members(saved.archive)
    members["rows.jsonl"] += b'{"model": "search_app.nothing", "columns": ["id"]}\n'
    lines = listed(members)
    rows = next(one for one in lines if one["member"] == "rows.jsonl")
    rows["sha256"] = hashlib.sha256(members["rows.jsonl"]).hexdigest()
    bad = write_tar(tmp_path / "bad.tar", {**members, LIST: sealed(lines)})
    before = tree(saved.var)
    told = manage(Stack(saved.var), "restore", str(bad), "--replace", succeeds=False)
    assert "search_app.nothing" in told
    assert "Use another backup" in told
    assert tree(saved.var) == before


def tree(directory: Path) -> dict[str, Any]:
    """All files of an installation, and all rows instead of the files of the database."""
    files: dict[str, Any] = {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.name not in {"up.lock", "db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm"}
    }
    with contextlib.closing(sqlite3.connect(directory / "db.sqlite3")) as database:
        return {**files, "rows": list(database.iterdump())}


def rows_of(members: dict[str, bytes]) -> list[Any]:
    """The rows without what a restore changes: fences, and the search that ran."""
    found: list[Any] = []
    columns: list[str] = []
    for line in map(json.loads, members["rows.jsonl"].splitlines()):
        if isinstance(line, dict):
            columns = line["columns"]
            found.append(line)
            continue
        row = dict(zip(columns, line, strict=True))
        for changed in ("fence", "since"):  # a restored webhook tells nothing of the past
            row.pop(changed, None)
        if row.get("name") != "on its way":
            found.append(row)
    return found


def files_of(members: dict[str, bytes]) -> dict[str, tuple[str, int]]:
    return {path: (one["sha256"], one["mtime_ns"]) for one in listed(members) for path in one["paths"]}


def test_an_archive_of_sqlite_opens_on_postgresql_and_back(saved: Saved, tmp_path: Path) -> None:
    with servers.postgres() as database:
        stack = Stack(tmp_path / "var", DATABASE_URL=database)
        manage(stack, "restore", str(saved.archive))
        refused = manage(stack, "restore", str(saved.archive), succeeds=False)
        assert "not empty" in refused
        assert "--replace" in refused
        manage(stack, "restore", str(saved.archive), "--replace")
        manage(stack, "backup", str(tmp_path / "second.tar"))
    first, second = read_members(saved.archive), read_members(tmp_path / "second.tar")
    assert files_of(second) == files_of(first)
    assert rows_of(second) == rows_of(first)
    assert not list((tmp_path / "var" / "storage").glob(".re*"))
