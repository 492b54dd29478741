"""What a clean-up takes, and above all what it leaves."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.core.management import call_command
from django.utils import timezone

from datasets_app.models import Dataset, DatasetState, Upload
from datasets_app.storage import cache_dir, scratch_dir, version_id
from search_app import cleanup
from search_app.cleanup import clean_daily, clean_up
from search_app.models import SearchRun
from tests import factories

Make = Callable[..., Path]


@pytest.fixture
def make(storage: Path) -> Make:
    """Returns a function that writes a file below the storage, with its directories two hours old."""

    def write(*parts: str, hours: float = 2) -> Path:
        path = storage.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(5000))
        then = time.time() - hours * 3600
        for one in (path, *path.parents[: len(parts) - 1]):
            os.utime(one, (then, then))
        return path

    return write


def removed() -> list[str]:
    return sorted(one.path for one in clean_up().removed)


def test_directories_without_rows_go_and_those_with_rows_stay(owner: User, make: Make) -> None:
    run = factories.SearchRunFactory(owner=owner)
    version = run.dataset_version
    upload = Upload.objects.create(
        dataset=version.dataset,
        filename="a.zip",
        length=9,
        path=f"uploads/{version.dataset_id}/{uuid.uuid4()}",
    )
    kept = [
        make("runs", str(run.pk), "state.json"),
        make(*version.cache_path.split("/"), "images.u8"),
        make(*upload.path.split("/")),
    ]
    gone = [make(area, str(uuid.uuid4()), "file") for area in ("runs", "uploads", "devices", "caches")]
    foreign = make("runs", "notes of the operator", "file")
    assert removed() == sorted(f"{path.parent.parent.name}/{path.parent.name}" for path in gone)
    assert all(path.exists() for path in (*kept, foreign))
    assert not any(path.parent.exists() for path in gone)


def test_photos_that_were_added_one_by_one_stay_and_their_neighbours_go(owner: User, make: Make) -> None:
    dataset = factories.DatasetFactory(owner=owner)
    path = f"uploads/{dataset.pk}/added/{uuid.uuid4()}/photo"
    Upload.objects.create(dataset=dataset, filename="a.jpg", length=5000, path=path)
    photo = make(*path.split("/"))
    forgotten = make("uploads", str(dataset.pk), "added", str(uuid.uuid4()), "photo")
    assert removed() == [f"uploads/{dataset.pk}/added/{forgotten.parent.name}"]
    assert photo.exists()


def test_nothing_that_is_younger_than_an_hour_goes(db: None, make: Make) -> None:
    directory = make("runs", str(uuid.uuid4()), "old").parent
    young = make("runs", directory.name, "deep", "young", hours=0.9)
    for one in (directory, young.parent):
        os.utime(one, (1, 1))  # the file alone says that somebody is at it
    assert removed() == []
    os.utime(young, (1, 1))
    assert removed() == [f"runs/{directory.name}"]


def test_a_dry_run_tells_the_same_and_touches_nothing(db: None, make: Make, capsys: Any) -> None:
    path = make("runs", str(uuid.uuid4()), "file")
    call_command("cleanup", "--dry-run")
    told = capsys.readouterr().out
    assert f"runs/{path.parent.name}: its row is gone" in told
    assert "would free" in told
    assert path.exists()
    call_command("cleanup")
    assert "freed" in capsys.readouterr().out
    assert not path.exists()


@pytest.mark.parametrize("state", [DatasetState.CHECKING, DatasetState.UPLOADED])
def test_files_of_a_data_set_that_is_worked_on_stay(db: None, make: Make, storage: Path, state: str) -> None:
    dataset = factories.DatasetFactory(state=state, fence=3)
    theirs = [
        make(*str(path.relative_to(storage)).split("/"), "file")
        for path in (cache_dir(version_id(dataset.pk, 3)), scratch_dir(dataset.pk, 3))
    ]
    theirs.append(make("caches", f".{version_id(dataset.pk, 3)}.partial-x1", "file"))
    theirs.append(make("uploads", str(dataset.pk), "fetch", "file"))
    assert removed() == []
    Dataset.objects.update(state=DatasetState.READY)
    assert len(removed()) == 4
    assert not any(path.exists() for path in theirs)


def test_what_becomes_needed_between_look_and_deletion_stays(
    db: None, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = factories.DatasetFactory(fence=1)
    key = version_id(dataset.pk, 1)
    path = make("caches", str(key), "images.u8")

    def publish(directory: Path) -> int:  # stands between the first look and the lock
        factories.DatasetVersionFactory(id=key, dataset=dataset, cache_path=f"caches/{key}")
        return 1

    monkeypatch.setattr(cleanup, "directory_bytes", publish)
    assert removed() == []
    assert path.exists()


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(
    ("state", "report", "days", "goes"),
    [
        (SearchRun.State.DONE, "report.json", 8, True),
        (SearchRun.State.STOPPED, "report.json", 8, True),
        (SearchRun.State.DONE, "report.json", 6, False),
        (SearchRun.State.STOPPED, "", 8, False),  # stopped before it began: it can be resumed
        (SearchRun.State.FAILED, "report.json", 8, False),
        (SearchRun.State.RUNNING, "", 8, False),
        (SearchRun.State.QUEUED, "", 8, False),
    ],
)
def test_checkpoints_go_when_their_search_has_ended_for_good(
    make: Make, state: str, report: str, days: int, goes: bool
) -> None:
    run = factories.SearchRunFactory(
        state=state, report=report, finished_at=timezone.now() - timedelta(days=days)
    )
    weights = make("runs", str(run.pk), "weights", "0.safetensors")
    checkpoint = make("runs", str(run.pk), "checkpoints", "0.safetensors")
    clean_up()
    assert checkpoint.exists() is not goes
    assert weights.exists()


def test_old_bundles_and_leftovers_of_killed_processes_go(db: None, make: Make, settings: Any) -> None:
    settings.CACHE_DAYS = 2
    make("bundles", "new.pack", hours=47)
    make("bundles", "old.pack", hours=49)
    make(".trash", "abc", "file")
    make(".restoring", "runs", "file")
    assert removed() == [".restoring/runs", ".trash/abc", "bundles/old.pack"]


def test_a_row_without_its_file_is_reported_and_kept(owner: User, make: Make) -> None:
    run = factories.SearchRunFactory(owner=owner, state=SearchRun.State.DONE, report="report.json")
    done = clean_up()
    assert f"runs/{run.pk}/report.json" in done.missing
    assert f"{run.dataset_version.cache_path}/images.u8" in done.missing
    assert SearchRun.objects.filter(pk=run.pk).exists()
    make("runs", str(run.pk), "report.json")
    assert f"runs/{run.pk}/report.json" not in clean_up().missing


def test_links_are_neither_followed_nor_removed(db: None, make: Make, storage: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"mine")
    make("runs", str(uuid.uuid4()), "file")
    link = storage / "runs" / str(uuid.uuid4())
    link.symlink_to(outside)
    assert len(removed()) == 1
    assert link.is_symlink()
    assert (outside / "file").read_bytes() == b"mine"


def test_expired_sessions_go(db: None) -> None:
    now = timezone.now()
    for name, until in (("old", now - timedelta(1)), ("new", now + timedelta(1))):
        Session.objects.create(session_key=name, session_data="", expire_date=until)
    assert clean_up(dry_run=True).n_sessions == 1
    assert clean_up().n_sessions == 1
    assert Session.objects.get().session_key == "new"


def test_of_many_processes_one_cleans_up_a_day(db: None, make: Make, settings: Any) -> None:
    call_command("createcachetable", verbosity=0)
    cache.clear()
    settings.CLEANUP_DAILY = False
    first = make("runs", str(uuid.uuid4()), "file")
    clean_daily()
    assert first.exists()
    settings.CLEANUP_DAILY = True
    clean_daily()
    assert not first.exists()
    second = make("runs", str(uuid.uuid4()), "file")
    clean_daily()
    assert second.exists()
