"""Versions and checks of edited data sets under repetition and death."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from datasets_app import attempt, check_job, runner, version_job
from datasets_app.changes import change_create
from datasets_app.models import Change, Dataset, DatasetState, DatasetVersion, Finding
from datasets_app.services import dataset_recheck, dataset_version_create
from nas.checks.run import ImageFinding
from nas.data.cache import ImageCache
from tests.unit.datasets.jobs import Died, after, assert_versioned_once, caches, die, edit, expire, fail

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("moment", ["write", "publish", "end"])
def test_death_while_a_version_is_made_is_done_again(
    ready: Dataset, storage: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    edit(ready)
    dataset_version_create(dataset=ready)
    with monkeypatch.context() as patch:
        if moment == "write":
            after(patch, version_job, "write_version", die)
        elif moment == "publish":
            patch.setattr(DatasetVersion.objects, "create", die)
        else:
            patch.setattr(attempt, "release", die)
        with pytest.raises(Died):
            runner.check_dataset(ready.pk)
    assert DatasetVersion.objects.count() == 1 and Change.objects.filter(version=None).count() == 2
    expire(ready)
    runner.check_dataset(ready.pk)
    assert_versioned_once(ready, storage)


def test_same_message_many_times_makes_one_version(ready: Dataset, storage: Path) -> None:
    edit(ready)
    dataset_version_create(dataset=ready)
    for _ in range(3):
        runner.check_dataset(ready.pk)
    assert_versioned_once(ready, storage)


def test_death_in_a_recheck_loses_nothing(
    ready: Dataset, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(ready)
    dismissed = Finding.objects.create(dataset=ready, kind="dark", row=3, refused=False, dismissed=True)
    dataset_recheck(dataset=ready)
    with monkeypatch.context() as patch:
        _find(patch, ["dark"])
        patch.setattr(attempt, "release", die)
        with pytest.raises(Died):
            runner.check_dataset(ready.pk)
        patch.undo()
        _find(patch, ["dark"])
        assert Finding.objects.filter(pk=dismissed.pk).exists()
        expire(ready)
        runner.check_dataset(ready.pk)
    ready.refresh_from_db()
    assert ready.state == DatasetState.READY and caches(storage) == [str(DatasetVersion.objects.get().pk)]
    found = Finding.objects.get(kind="dark")
    assert found.pk != dismissed.pk and found.row == 3 and found.dismissed
    assert Change.objects.filter(version=None).count() == 2


def _find(patch: pytest.MonkeyPatch, kinds: list[str]) -> None:
    """Adds findings about row 3 to whatever the real checks find."""
    real = check_job.run_checks

    def run(cache_dir: Path, **options: Any) -> Any:
        report = real(cache_dir, **options)
        cache = ImageCache.open(cache_dir)
        assert cache.labels[0] == -1 and "bloom" in cache.classes  # the edits were seen
        kept = [one for one in report.findings if one.kind not in kinds]
        more = [
            ImageFinding(
                kind=kind, row=3, other_row=None, label="bloom", score=0.9, suggestion="",
                reason="It is.", remedy="Look.", path="",
            )
            for kind in kinds
        ]  # fmt: skip
        report.findings[:] = kept + more
        return report

    patch.setattr(check_job, "run_checks", run)


def test_version_tells_of_copies_that_edits_put_on_two_sides(ready: Dataset) -> None:
    first, second = ready.images.filter(label="temple", split="train")[:2]
    assert ready.current_version is not None
    index = ready.current_version.cache_dir / "index.jsonl"
    lines = [json.loads(line) for line in index.read_text().splitlines()]
    for image in (first, second):  # as if they had been recognised as copies
        lines[image.row]["group"] = 5
    index.write_text("".join(json.dumps(line) + "\n" for line in lines))
    for _ in range(2):
        change_create(dataset=ready, kind="move", rows=[second.row], split="test")
        dataset_version_create(dataset=ready)
        runner.check_dataset(ready.pk)
        found = Finding.objects.get(kind="split-copy")
        assert found.row == first.row and not found.refused and found.remedy
        change_create(dataset=ready, kind="move", rows=[second.row], split="val")


def test_version_that_cannot_be_made_keeps_the_data_set_and_its_edits(
    ready: Dataset, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(ready)
    dataset_version_create(dataset=ready)
    with monkeypatch.context() as patch:
        patch.setattr(version_job, "write_version", fail)
        for _ in range(3):
            runner.check_dataset(ready.pk)
    ready.refresh_from_db()
    assert ready.state == DatasetState.READY and "failed 3 times" in ready.error
    assert Change.objects.filter(version=None).count() == 2
    dataset_version_create(dataset=ready)
    runner.check_dataset(ready.pk)
    assert_versioned_once(ready, storage)
