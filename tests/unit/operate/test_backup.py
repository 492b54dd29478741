"""A backup is of one moment, complete or not there."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.core import mail
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from automl_site.backup import database, restore
from automl_site.backup.create import Made, create_backup
from automl_site.backup.errors import BackupError
from automl_site.backup.reading import check_archive
from automl_site.backup.rows import dump_rows, load_rows
from datasets_app.models import Upload
from nas.data.cache import IMAGES_FILE, INDEX_FILE, MANIFEST_FILE
from nas.data.sealed import SEAL_FILE
from search_app.models import SearchRun
from search_app.notices import send_notices
from tests import factories
from tests.unit.operate.archives import listed, read_members

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(storage: Path) -> SearchRun:
    """A finished search with its report and the cache it was made on."""
    made: SearchRun = factories.SearchRunFactory(state=SearchRun.State.DONE, report="report.json")
    made.workdir.mkdir(parents=True)
    (made.workdir / "report.json").write_text("{}")
    (made.workdir / "checkpoints").mkdir()
    (made.workdir / "checkpoints" / "0").write_text("half")
    made.dataset_version.cache_dir.mkdir(parents=True)
    for name in (MANIFEST_FILE, INDEX_FILE, IMAGES_FILE):
        (made.dataset_version.cache_dir / name).write_text(name)
    return made


def back_up(target: Path, told: Any = lambda _: None, **options: Any) -> Made:
    return create_backup(target, begin=lambda _: None, told=told, **options)


def names_in(target: Path) -> set[str]:
    return {path for one in listed(read_members(target)) for path in one["paths"]}


def test_it_holds_every_row_and_every_file_and_is_private(run: SearchRun, tmp_path: Path) -> None:
    made = back_up(tmp_path / "all.tar")
    assert f"runs/{run.pk}/report.json" in names_in(tmp_path / "all.tar")
    assert made.n_files == 5
    rows = read_members(tmp_path / "all.tar")["rows.jsonl"].decode().splitlines()
    assert any(str(run.pk) in row and row.startswith("[") for row in rows)
    assert not any("sessions.session" in row for row in rows)
    assert not any("usersessions.usersession" in row for row in rows)
    assert (tmp_path / "all.tar").stat().st_mode & 0o777 == 0o600


def test_what_can_be_made_anew_is_left_out_when_asked(run: SearchRun, storage: Path, tmp_path: Path) -> None:
    (storage / "bundles").mkdir()
    (storage / "bundles" / "one.pack").write_text("pack")
    back_up(tmp_path / "all.tar")
    back_up(tmp_path / "lean.tar", caches=False)
    assert names_in(tmp_path / "all.tar") - names_in(tmp_path / "lean.tar") == {
        "bundles/one.pack",
        f"runs/{run.pk}/checkpoints/0",
    }


def test_files_without_rows_and_links_stay_outside(run: SearchRun, storage: Path, tmp_path: Path) -> None:
    (storage / "runs" / "stray").mkdir()
    (storage / "runs" / "stray" / "file").write_text("nobody's")
    (run.workdir / "link").symlink_to("/etc/passwd")
    back_up(tmp_path / "all.tar")
    assert not {name for name in names_in(tmp_path / "all.tar") if "stray" in name or "link" in name}


def test_pixels_that_versions_share_are_inside_once(run: SearchRun, tmp_path: Path) -> None:
    shared = run.dataset_version.cache_dir / "copy.u8"
    os.link(run.dataset_version.cache_dir / IMAGES_FILE, shared)
    back_up(tmp_path / "all.tar")
    members = [one for one in listed(read_members(tmp_path / "all.tar")) if len(one["paths"]) == 2]
    assert [{Path(path).name for path in one["paths"]} for one in members] == [{IMAGES_FILE, "copy.u8"}]


def test_of_an_unfinished_upload_only_what_the_row_counts_is_kept(run: SearchRun, tmp_path: Path) -> None:
    dataset = run.dataset_version.dataset
    path = f"uploads/{dataset.pk}/one.part"
    upload = Upload.objects.create(dataset=dataset, filename="a", length=9, offset=3, path=path)
    upload.file.parent.mkdir(parents=True)
    upload.file.write_bytes(b"abcdef")
    back_up(tmp_path / "all.tar")
    members = read_members(tmp_path / "all.tar")
    (name,) = [one["member"] for one in listed(members) if one["paths"] == [path]]
    assert members[name] == b"abc"


def test_a_seal_that_was_broken_after_that_moment_stays_outside(run: SearchRun, tmp_path: Path) -> None:
    (run.workdir / SEAL_FILE).write_text("{}")
    os.utime(run.workdir / SEAL_FILE, (2**32, 2**32))
    back_up(tmp_path / "done.tar")
    assert f"runs/{run.pk}/{SEAL_FILE}" in names_in(tmp_path / "done.tar")
    SearchRun.objects.update(state=SearchRun.State.RUNNING)
    back_up(tmp_path / "running.tar")
    assert f"runs/{run.pk}/{SEAL_FILE}" not in names_in(tmp_path / "running.tar")


def test_a_file_that_a_row_names_and_nobody_has_stops_it(run: SearchRun, tmp_path: Path) -> None:
    (run.workdir / "report.json").unlink()
    with pytest.raises(BackupError, match=f"the first: runs/{run.pk}/report.json"):
        back_up(tmp_path / "all.tar")
    assert not list(tmp_path.glob("*.tar")) and not list(tmp_path.glob(".all*"))
    made = back_up(tmp_path / "all.tar", allow_missing=True)
    assert made.missing == [f"runs/{run.pk}/report.json"]


def test_what_people_delete_meanwhile_is_no_loss(run: SearchRun, tmp_path: Path) -> None:
    def delete(_: int) -> None:
        (run.workdir / "report.json").unlink(missing_ok=True)
        SearchRun.objects.all().delete()

    made = back_up(tmp_path / "all.tar", told=delete)
    assert made.missing == []
    assert made.n_deleted == 1
    assert check_archive(tmp_path / "all.tar", lambda _: None).deleted["search_app.searchrun"] == [
        str(run.pk)
    ]


def test_rows_that_come_meanwhile_are_not_in_it(run: SearchRun, tmp_path: Path) -> None:
    def add(_: int) -> None:
        User.objects.get_or_create(username="latecomer")

    back_up(tmp_path / "all.tar", told=add)
    assert User.objects.filter(username="latecomer").exists()
    assert b"latecomer" not in read_members(tmp_path / "all.tar")["rows.jsonl"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_one_that_is_stopped_leaves_nothing(
    run: SearchRun, tmp_path: Path, error: type[BaseException]
) -> None:
    before = set(tmp_path.iterdir())

    def stop(_: int) -> None:
        raise error

    with pytest.raises(error):
        back_up(tmp_path / "all.tar", told=stop)
    assert set(tmp_path.iterdir()) == before


def test_it_never_replaces_a_file(run: SearchRun, tmp_path: Path) -> None:
    (tmp_path / "all.tar").write_text("the only backup")
    with pytest.raises(BackupError, match="exists"):
        back_up(tmp_path / "all.tar")
    assert (tmp_path / "all.tar").read_text() == "the only backup"


def test_rows_come_back_as_they_were(run: SearchRun, tmp_path: Path) -> None:
    run.owner.groups.add(Group.objects.create(name="staff"))
    run.owner.user_permissions.add(Permission.objects.first())
    factories.make_candidate(run, 0, details={"a": [1.5, None, {"b": "é"}]})
    first, second = tmp_path / "first", tmp_path / "second"
    with first.open("w") as file:
        n_rows = dump_rows(apps, file)
    User.objects.update(date_joined="2001-01-01T00:00:00Z")
    historical = MigrationLoader(connection).project_state().apps
    with first.open() as file:
        assert load_rows(historical, file) == n_rows
    with second.open("w") as file:
        dump_rows(apps, file)
    assert first.read_text() == second.read_text()
    assert User.objects.create(username="next").pk > run.owner.pk


def test_a_table_of_nobody_is_refused(run: SearchRun) -> None:
    historical = MigrationLoader(connection).project_state().apps
    lines = [json.dumps({"model": "search_app.nothing", "columns": ["id"]})]
    with pytest.raises(BackupError, match=r"search_app\.nothing"):
        load_rows(historical, lines)


@pytest.mark.parametrize("state", ["RUNNING", "PAUSED"])
def test_nothing_is_restored_under_a_worker_that_still_holds_a_row(
    owner: User, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = set(connection.introspection.table_names())
    monkeypatch.setattr(restore, "table_names", lambda: tables)  # the tests' database has no file
    run = factories.SearchRunFactory(owner=owner, state=state)
    restore.check_idle()
    SearchRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() + timedelta(seconds=20))
    with pytest.raises(BackupError, match="Stop all its processes"):
        restore.check_idle()


def test_ends_in_a_restored_installation_are_mailed_to_nobody(owner: User) -> None:
    for state in (SearchRun.State.DONE, SearchRun.State.RUNNING):
        factories.SearchRunFactory(owner=owner, state=state)
    database._let_go_of_claims(restore.Restored())
    assert not SearchRun.objects.exclude(state__in=SearchRun.ended_states).exists()
    assert send_notices() == 0 and mail.outbox == []
