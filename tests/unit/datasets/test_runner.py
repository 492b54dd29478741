"""The import under repetition, death and loss of its claim; what all jobs have in common."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F

from datasets_app import attempt, check_job, finding_rows, handover, import_job, runner, version_job
from datasets_app.claims import claim, release
from datasets_app.models import Dataset, DatasetState, DatasetVersion, Finding, Image, Job, Upload
from datasets_app.services import dataset_delete, dataset_recheck, dataset_version_create
from tests.unit.datasets.jobs import (
    Died,
    after,
    assert_imported_once,
    caches,
    die,
    die_at_call,
    edit,
    expire,
    fail,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_same_message_many_times_imports_once(dataset: Dataset, storage: Path) -> None:
    for _ in range(3):
        runner.check_dataset(str(dataset.pk))
    assert_imported_once(dataset, storage)


def test_claimed_data_set_is_left_alone(dataset: Dataset) -> None:
    assert claim(Dataset, dataset.pk)
    runner.check_dataset(dataset.pk)
    dataset.refresh_from_db()
    assert dataset.state == DatasetState.CHECKING and not DatasetVersion.objects.exists()


def test_progress_is_saved_and_then_hidden(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    real = attempt.fenced_update

    def watch(held: Any, **values: Any) -> bool:
        told.append((values.get("stage"), values.get("progress_done"), values.get("progress_total")))
        return real(held, **values)

    monkeypatch.setattr(attempt, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(attempt, "fenced_update", watch)
    runner.check_dataset(dataset.pk)
    assert ("Opening photos", 51, 51) in told and len({stage for stage, _, _ in told if stage}) >= 3
    dataset.refresh_from_db()
    assert (dataset.stage, dataset.progress_done, dataset.progress_total) == ("", 0, 0)


@pytest.mark.parametrize("moment", ["import", "images", "findings", "publish", "checks", "end"])
def test_death_in_an_import_is_done_again(
    dataset: Dataset, storage: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    with monkeypatch.context() as patch:
        if moment == "import":
            patch.setattr(attempt.Attempt, "progress", die)
        elif moment == "images":
            patch.setattr(import_job, "ROWS_AT_ONCE", 20)
            die_at_call(patch, import_job, "insert_rows", 2)
        elif moment == "findings":
            patch.setattr(finding_rows, "insert_rows", die)
        elif moment == "publish":
            patch.setattr(DatasetVersion.objects, "create", die)
        elif moment == "checks":
            patch.setattr(check_job, "run_checks", die)
        else:
            patch.setattr(attempt, "release", die)
        with pytest.raises(Died):
            runner.check_dataset(dataset.pk)
    dataset.refresh_from_db()
    published = moment in {"checks", "end"}
    assert (dataset.current_version is not None) == published and dataset.state == DatasetState.CHECKING
    assert dataset.job == (Job.RECHECK if published else Job.IMPORT)
    expire(dataset)
    runner.check_dataset(dataset.pk)
    assert_imported_once(dataset, storage)


def test_checks_that_fail_cost_nothing_of_the_import(
    dataset: Dataset, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_job, "run_checks", fail)
    runner.check_dataset(dataset.pk)
    assert_imported_once(dataset, storage)
    found = Finding.objects.get(kind="checks-failed")
    assert not found.refused and "RuntimeError" in found.reason and "again" in found.remedy
    monkeypatch.undo()
    dataset_recheck(dataset=dataset)
    runner.check_dataset(dataset.pk)
    assert not Finding.objects.filter(kind="checks-failed").exists()


def test_checks_that_kill_their_workers_cost_nothing_of_the_import(
    dataset: Dataset, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_job, "run_checks", die)
    for _ in range(4):
        with pytest.raises(Died):
            runner.check_dataset(dataset.pk)
        expire(dataset)
    runner.check_dataset(dataset.pk)
    assert_imported_once(dataset, storage)
    assert "interrupted 3 times" in Finding.objects.get(kind="checks-failed").reason


@pytest.mark.parametrize("job", ["import", "version", "recheck"])
def test_worker_that_lost_its_claim_writes_nothing(
    dataset: Dataset, storage: Path, monkeypatch: pytest.MonkeyPatch, job: str
) -> None:
    def steal(*_args: object) -> None:
        Dataset.objects.filter(pk=dataset.pk).update(fence=F("fence") + 1)

    module, name = {
        "import": (import_job, "import_sources"),
        "version": (version_job, "write_version"),
        "recheck": (check_job, "run_checks"),
    }[job]
    if job != "import":
        runner.check_dataset(dataset.pk)
        edit(dataset)
        (dataset_version_create if job == "version" else dataset_recheck)(dataset=dataset)
    before = (list(DatasetVersion.objects.values()), list(Finding.objects.values()))
    before_files = caches(storage) if job != "import" else []
    after(monkeypatch, module, name, steal)
    runner.check_dataset(dataset.pk)
    dataset.refresh_from_db()
    assert dataset.state == DatasetState.CHECKING
    assert (list(DatasetVersion.objects.values()), list(Finding.objects.values())) == before
    assert caches(storage) == before_files
    assert Image.objects.count() == (0 if job == "import" else 50)


@pytest.mark.parametrize("job", ["import", "version"])
def test_deleted_during_the_work_leaves_nothing(
    dataset: Dataset, storage: Path, monkeypatch: pytest.MonkeyPatch, job: str
) -> None:
    if job == "version":
        runner.check_dataset(dataset.pk)
        edit(dataset)
        dataset_version_create(dataset=dataset)
    kept = caches(storage) if job == "version" else []
    monkeypatch.setattr(attempt, "PROGRESS_SECONDS", 0.0)
    real = attempt.fenced_update

    def delete_then_update(*args: Any, **values: Any) -> bool:
        Dataset.objects.filter(pk=dataset.pk).delete()
        return real(*args, **values)

    monkeypatch.setattr(attempt, "fenced_update", delete_then_update)
    runner.check_dataset(dataset.pk)
    assert not Dataset.objects.exists() and caches(storage) == kept  # these are the deletion's to remove


def test_deleted_before_its_checks_is_no_error(
    dataset: Dataset, storage: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = check_job.run_checks

    def delete_then_run(*args: Any, **options: Any) -> Any:
        dataset_delete(dataset=dataset)
        return real(*args, **options)

    monkeypatch.setattr(check_job, "run_checks", delete_then_run)
    runner.check_dataset(dataset.pk)
    assert not Dataset.objects.exists() and not Finding.objects.exists() and caches(storage) == []
    assert [one for one in caplog.records if one.levelno >= logging.ERROR or one.exc_info] == []
    assert "deleted or taken over" in caplog.text


def test_what_kills_its_workers_is_given_up_with_a_sentence(dataset: Dataset) -> None:
    for _ in range(3):
        assert claim(Dataset, dataset.pk)
        expire(dataset)
    runner.check_dataset(dataset.pk)
    dataset.refresh_from_db()
    assert dataset.state == DatasetState.REJECTED and "interrupted 3 times" in dataset.error


def test_unexpected_failure_is_tried_again_then_explained(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, storage: Path
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(import_job, "import_sources", fail)
        for number in (1, 2):
            runner.check_dataset(dataset.pk)
            dataset.refresh_from_db()
            assert (dataset.state, dataset.attempt) == (DatasetState.CHECKING, number)
    held = claim(Dataset, dataset.pk)
    assert held is not None and release(held, state=DatasetState.UPLOADED)
    runner.check_dataset(dataset.pk)
    assert_imported_once(dataset, storage)


def test_missing_upload_is_explained(dataset: Dataset) -> None:
    dataset.uploads.get().file.unlink()
    runner.check_dataset(dataset.pk)
    dataset.refresh_from_db()
    assert dataset.state == DatasetState.REJECTED and "is gone" in dataset.error


def test_upload_that_did_not_arrive_as_sent_is_rejected(dataset: Dataset) -> None:
    Upload.objects.update(expected_sha256="0" * 64)
    runner.check_dataset(dataset.pk)
    dataset.refresh_from_db()
    assert dataset.state == DatasetState.REJECTED and "checksum" in dataset.error


def test_restarts_are_no_failed_attempts(dataset: Dataset, storage: Path) -> None:
    try:
        handover.request_handover()
        for _ in range(5):  # more often than a failing import is tried
            runner.check_dataset(dataset.pk)
    finally:
        handover._flag[0] = 0
    dataset.refresh_from_db()
    assert dataset.state == DatasetState.CHECKING and dataset.lease_until is None
    runner.check_dataset(dataset.pk)
    assert_imported_once(dataset, storage)


def test_restart_during_the_checks_goes_on_with_the_checks(
    dataset: Dataset, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hand_over(*_args: object, **_options: object) -> None:
        raise handover.HandedOverError

    with monkeypatch.context() as patch:
        patch.setattr(check_job, "run_checks", hand_over)
        runner.check_dataset(dataset.pk)
        patch.setattr(import_job, "import_sources", fail)
        patch.undo()
        patch.setattr(import_job, "import_sources", fail)
        runner.check_dataset(dataset.pk)
    assert_imported_once(dataset, storage)


def test_large_data_set_is_saved_in_short_transactions(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, storage: Path
) -> None:
    monkeypatch.setattr(import_job, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(finding_rows, "ROWS_AT_ONCE", 1)
    runner.check_dataset(dataset.pk)
    assert_imported_once(dataset, storage)
