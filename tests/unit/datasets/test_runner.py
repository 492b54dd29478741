"""The worker's function under repetition, death and loss of its claim."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import F

from datasets_app import handover, runner
from datasets_app.claims import claim, release
from datasets_app.models import Dataset, DatasetState, DatasetVersion, Finding, Image
from datasets_app.services import dataset_create
from tests.images import photo_zip

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def dataset(owner: User, tmp_path: Path) -> Dataset:
    path = photo_zip(tmp_path / "a.zip", 25, 32, 2, extra={"temple/bad.jpg": b"text"})
    return dataset_create(owner=owner, name="Garden", upload=SimpleUploadedFile("a.zip", path.read_bytes()))


def assert_imported_once(dataset: Dataset, storage: Path) -> None:
    dataset.refresh_from_db()
    assert dataset.state == DatasetState.READY and dataset.lease_until is None
    version = DatasetVersion.objects.get()
    assert version.complete and version.number == 1
    assert Image.objects.count() == version.n_images == 50
    assert Finding.objects.count() == 1
    assert [p.name for p in (storage / "caches").iterdir()] == [str(version.pk)]


def expire(dataset: Dataset) -> None:
    """What 20 s without a heartbeat do."""
    Dataset.objects.filter(pk=dataset.pk).update(lease_until="2020-01-01T00:00:00Z")


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
    monkeypatch.setattr(runner, "PROGRESS_SECONDS", 0.0)
    runner.check_dataset(dataset.pk)
    dataset.refresh_from_db()
    assert dataset.progress_total == 51 and dataset.progress_done == 51


class Died(BaseException):
    """Stands for kill -9: no handler of the runner sees it."""


@pytest.mark.parametrize("moment", ["import", "rows", "end"])
def test_death_half_way_is_done_again(
    dataset: Dataset, storage: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    with monkeypatch.context() as patch:
        if moment == "import":
            patch.setattr(runner._Progress, "__call__", _die)
        elif moment == "rows":
            patch.setattr(Finding._default_manager.__class__, "bulk_create", _die_at_findings)
        else:
            patch.setattr(runner, "release", _die)
        with pytest.raises(Died):
            runner.check_dataset(dataset.pk)
    dataset.refresh_from_db()
    assert dataset.current_version is None and dataset.state == DatasetState.CHECKING
    expire(dataset)
    runner.check_dataset(dataset.pk)
    assert_imported_once(dataset, storage)


def _die(*_args: object, **_kwargs: object) -> None:
    raise Died


def _die_at_findings(manager: object, rows: list[object], **options: object) -> object:
    if isinstance(rows[0], Finding):
        raise Died
    return manager.get_queryset().bulk_create(rows, **options)  # type: ignore[attr-defined]


def test_worker_that_lost_its_claim_writes_nothing(
    dataset: Dataset, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def steal(*_args: object) -> None:
        Dataset.objects.filter(pk=dataset.pk).update(fence=F("fence") + 1)

    real = runner.import_archive
    monkeypatch.setattr(runner, "import_archive", lambda *a, **k: (real(*a, **k), steal())[0])
    runner.check_dataset(dataset.pk)
    dataset.refresh_from_db()
    assert dataset.state == DatasetState.CHECKING
    assert not DatasetVersion.objects.exists() and list((storage / "caches").iterdir()) == []


def test_deleted_during_the_check_leaves_nothing(
    dataset: Dataset, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "PROGRESS_SECONDS", 0.0)
    real = runner.fenced_update

    def delete_then_update(*args: object, **values: object) -> bool:
        Dataset.objects.filter(pk=dataset.pk).delete()
        return real(*args, **values)  # type: ignore[arg-type]

    monkeypatch.setattr(runner, "fenced_update", delete_then_update)
    runner.check_dataset(dataset.pk)
    assert not Dataset.objects.exists() and list((storage / "caches").iterdir()) == []


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
        patch.setattr(runner, "import_archive", _fail)
        for attempt in (1, 2):
            runner.check_dataset(dataset.pk)
            dataset.refresh_from_db()
            assert (dataset.state, dataset.attempt) == (DatasetState.CHECKING, attempt)
    held = claim(Dataset, dataset.pk)
    assert held is not None and release(held, state=DatasetState.UPLOADED)
    runner.check_dataset(dataset.pk)
    assert_imported_once(dataset, storage)


def _fail(*_args: object, **_kwargs: object) -> None:
    raise RuntimeError("the disk shelf fell over")


def test_missing_upload_is_explained(dataset: Dataset, storage: Path) -> None:
    (storage / dataset.upload_path).unlink()
    runner.check_dataset(dataset.pk)
    dataset.refresh_from_db()
    assert dataset.state == DatasetState.REJECTED and dataset.error


def test_restarts_during_an_import_are_no_failed_attempts(dataset: Dataset, storage: Path) -> None:
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
