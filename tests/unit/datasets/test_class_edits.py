"""Renamed and merged classes, checked again, then taken back: findings speak of the class that is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from datasets_app import check_job, runner
from datasets_app.changes import change_create, change_undo
from datasets_app.findings import open_findings
from datasets_app.models import Change, Dataset, Finding
from datasets_app.remedies import finding_remedy
from datasets_app.services import dataset_recheck
from nas.checks.run import ImageFinding
from tests.factories import DatasetVersionFactory, make_images

LABELS = ("glass", "metal", "paper")


@pytest.fixture
def small(owner: User, db: None) -> Dataset:
    made: Dataset = DatasetVersionFactory(dataset__owner=owner).dataset
    make_images(made, [LABELS[i % 3] for i in range(12)])
    return made


def find(dataset: Dataset, row: int, label: str, suggestion: str) -> Finding:
    return Finding.objects.create(
        dataset=dataset, kind="wrong-label", row=row, label=label, suggestion=suggestion, refused=False
    )


def names(found: Finding) -> tuple[str, str]:
    found.refresh_from_db()
    return found.label, found.suggestion


def is_open(found: Finding) -> bool:
    return open_findings(found.dataset).filter(pk=found.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_findings_of_a_check_after_a_rename_stay_open_when_it_is_taken_back(
    ready: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = ready.images.filter(label="temple").first().row  # type: ignore[union-attr]
    change_create(dataset=ready, kind="rename", labels=["flower"], label="bloom")
    change_create(dataset=ready, kind="rename", labels=["temple"], label="shrine")
    real = check_job.run_checks

    def run(cache_dir: Path, **options: Any) -> Any:
        report = real(cache_dir, **options)
        doubted = ImageFinding(
            kind="wrong-label", row=row, other_row=None, label="shrine", score=0.9, suggestion="bloom",
            reason="It is.", remedy="Look.", path="",
        )  # fmt: skip
        report.findings[:] = [doubted]
        return report

    monkeypatch.setattr(check_job, "run_checks", run)
    dataset_recheck(dataset=ready)
    runner.check_dataset(ready.pk)
    found = Finding.objects.get(kind="wrong-label")
    assert is_open(found)
    change_undo(dataset=ready)
    assert names(found) == ("temple", "bloom") and is_open(found)
    change_undo(dataset=ready)
    assert names(found) == ("temple", "flower") and is_open(found)
    finding_remedy(dataset=ready, kind="wrong-label")
    assert ready.images.get(row=row).label == "flower"


def test_a_merge_taken_back_tells_by_the_photo_which_class_a_finding_means(small: Dataset) -> None:
    change_create(dataset=small, kind="merge", labels=["glass", "metal"], label="metal")
    was_glass, was_metal = find(small, 0, "metal", "paper"), find(small, 1, "metal", "paper")
    of_paper = find(small, 2, "paper", "metal")
    change_undo(dataset=small)
    assert names(was_glass) == ("glass", "paper") and names(was_metal) == ("metal", "paper")
    assert names(of_paper) == ("paper", "metal")  # which of the two was meant, nobody can say
    assert all(map(is_open, (was_glass, was_metal, of_paper)))


def test_a_rename_taken_back_leaves_older_findings_of_the_new_name_alone(small: Dataset) -> None:
    done = find(small, 0, "jars", "glass")  # of a class that photo 0 has no more
    change_create(dataset=small, kind="rename", labels=["metal"], label="jars")
    change_undo(dataset=small)
    assert names(done) == ("jars", "glass") and not is_open(done)


def test_a_changed_class_taken_back_does_not_rewrite_what_was_found_since(small: Dataset) -> None:
    change_create(dataset=small, kind="relabel", rows=[0], label="paper")
    found = find(small, 0, "paper", "glass")
    change_undo(dataset=small)
    assert names(found) == ("paper", "glass") and not is_open(found)


def test_a_rename_from_before_this_was_kept_is_taken_back_all_the_same(small: Dataset) -> None:
    change_create(dataset=small, kind="rename", labels=["glass"], label="jars")
    change = Change.objects.get()
    change.undo = [{"rows": entry["rows"], "label": entry["label"]} for entry in change.undo]
    change.save()
    change_undo(dataset=small)
    assert set(small.images.values_list("label", flat=True)) == set(LABELS)
