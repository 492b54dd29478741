"""Findings: which are still open, what one click does about them, and what the owner says is fine."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from datasets_app.changes import change_create, change_undo
from datasets_app.findings import KINDS, kind_counts, open_findings
from datasets_app.models import Dataset, DatasetState, Finding
from datasets_app.remedies import finding_dismiss, finding_remedy
from nas.data.findings import _TEXTS
from tests.factories import DatasetVersionFactory, make_images

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(owner: User) -> Dataset:
    made: Dataset = DatasetVersionFactory(dataset__owner=owner).dataset
    make_images(made, ["glass", "metal"] * 5)  # parts: train, val, test in turn
    return made


def find(dataset: Dataset, kind: str, row: int | None = None, **columns: Any) -> Finding:
    return Finding.objects.create(
        dataset=dataset, kind=kind, row=row, **{"refused": False, "reason": "Because.", **columns}
    )


def still_open(dataset: Dataset) -> set[int]:
    return set(open_findings(dataset).values_list("pk", flat=True))


def left_out(dataset: Dataset) -> list[int]:
    return list(dataset.images.filter(excluded=True).order_by("row").values_list("row", flat=True))


def test_every_kind_of_the_engine_has_a_title() -> None:
    assert not sorted(set(_TEXTS) - set(KINDS))


def test_findings_are_done_when_their_photo_is_left_out(dataset: Dataset) -> None:
    dark, copy, of_class = (
        find(dataset, "dark", 0),
        find(dataset, "near-copy", 1, other_row=0),
        find(dataset, "imbalance"),
    )
    change_create(dataset=dataset, kind="exclude", rows=[0])
    assert still_open(dataset) == {of_class.pk}
    change_undo(dataset=dataset)
    assert still_open(dataset) == {dark.pk, copy.pk, of_class.pk}


def test_leaving_out_exact_copies_keeps_the_twin_that_a_person_has_to_decide_on(dataset: Dataset) -> None:
    dataset.images.filter(row__in=(0, 1, 3)).update(group=7)
    find(dataset, "copy-two-labels", 1, other_row=0)
    find(dataset, "exact-copy", 3, other_row=1)
    finding_remedy(dataset=dataset, kind="exact-copy")
    assert left_out(dataset) == [3]
    assert [f.kind for f in open_findings(dataset)] == ["copy-two-labels"]


def test_doubted_class_is_done_when_it_was_changed_to_whatever(dataset: Dataset) -> None:
    doubted = find(dataset, "wrong-label", 0, label="glass", suggestion="metal")
    blurred = find(dataset, "blurred", 0, label="glass")
    change_create(dataset=dataset, kind="relabel", rows=[0], label="paper")
    assert still_open(dataset) == {blurred.pk}
    change_undo(dataset=dataset)
    change_create(dataset=dataset, kind="rename", labels=["glass"], label="jars")
    assert still_open(dataset) == {doubted.pk, blurred.pk}


def test_copies_are_done_when_they_agree(dataset: Dataset) -> None:
    find(dataset, "copy-two-labels", 0, other_row=1, label="glass")
    find(dataset, "split-copy", 3, other_row=5)
    change_create(dataset=dataset, kind="relabel", rows=[1], label="glass")
    change_create(dataset=dataset, kind="move", rows=[3], split="test")
    assert not still_open(dataset)


def test_dismissed_findings_are_not_open_and_can_be_opened_again(dataset: Dataset) -> None:
    one, other = find(dataset, "dark", 0), find(dataset, "dark", 1)
    assert finding_dismiss(dataset=dataset, ids=[one.pk]) == 1
    assert still_open(dataset) == {other.pk}
    finding_dismiss(dataset=dataset, ids=[one.pk], dismissed=False)
    assert still_open(dataset) == {one.pk, other.pk}


def test_data_set_is_ready_when_everything_was_decided(dataset: Dataset) -> None:
    Dataset.objects.filter(pk=dataset.pk).update(state=DatasetState.NEEDS_ATTENTION)
    small = find(dataset, "small-class", path="paper", refused=True)
    find(dataset, "copy-two-labels", 0, other_row=1, label="glass")
    finding_dismiss(dataset=dataset, ids=[small.pk])
    dataset.refresh_from_db()
    assert dataset.state == DatasetState.NEEDS_ATTENTION
    change_create(dataset=dataset, kind="exclude", rows=[1])
    dataset.refresh_from_db()
    assert dataset.state == DatasetState.READY
    change_undo(dataset=dataset)
    dataset.refresh_from_db()
    assert dataset.state == DatasetState.NEEDS_ATTENTION


def test_kinds_are_counted_with_what_one_click_does(dataset: Dataset) -> None:
    find(dataset, "dark", 0)
    find(dataset, "dark", 1, dismissed=True)
    find(dataset, "truncated", path="a.jpg", refused=True)
    find(dataset, "new-kind", 2)
    dark, truncated, new = kind_counts(dataset)
    assert (dark["kind"], dark["n"], dark["n_open"], dark["action"]) == ("dark", 2, 1, "exclude")
    assert dark["title"] and dark["action_label"]
    assert (truncated["action"], truncated["action_label"]) == (None, "") and new["title"] == "New kind"


@pytest.mark.parametrize("kind", ["dark", "bright", "blurred", "near-uniform", "odd-size", "odd-aspect"])
def test_bad_photos_are_left_out_by_one_click(dataset: Dataset, kind: str) -> None:
    for row in (2, 4):
        find(dataset, kind, row)
    change = finding_remedy(dataset=dataset, kind=kind)
    assert left_out(dataset) == [2, 4] and change.text.startswith("2 photos left out (")
    with pytest.raises(ValidationError, match="Nothing is left"):
        finding_remedy(dataset=dataset, kind=kind)
    change_undo(dataset=dataset)
    assert left_out(dataset) == []


def test_some_findings_can_be_chosen(dataset: Dataset) -> None:
    chosen, dismissed, _ = (
        find(dataset, "dark", 0),
        find(dataset, "dark", 1, dismissed=True),
        find(dataset, "dark", 2),
    )
    finding_remedy(dataset=dataset, kind="dark", ids=[chosen.pk, dismissed.pk])
    assert left_out(dataset) == [0]


def test_suggested_classes_are_taken_where_they_still_exist(dataset: Dataset) -> None:
    find(dataset, "wrong-label", 0, label="glass", suggestion="metal")
    find(dataset, "wrong-label", 1, label="metal", suggestion="glass")
    gone = find(dataset, "wrong-label", 2, label="glass", suggestion="gone")
    before = list(dataset.images.values_list("row", "label"))
    finding_remedy(dataset=dataset, kind="wrong-label")
    assert list(dataset.images.filter(row__lt=3).order_by("row").values_list("label", flat=True)) == [
        "metal", "glass", "glass",
    ]  # fmt: skip
    assert still_open(dataset) == {gone.pk}
    with pytest.raises(ValidationError, match="do not exist any more"):
        finding_remedy(dataset=dataset, kind="wrong-label")
    change_undo(dataset=dataset)
    assert list(dataset.images.values_list("row", "label")) == before


def test_of_each_group_of_copies_one_photo_stays(dataset: Dataset) -> None:
    dataset.images.filter(row__in=[0, 1, 2, 3]).update(group=7)
    dataset.images.filter(row__in=[5, 6]).update(group=8)
    for row, other in ((1, 0), (2, 1), (3, 2), (0, 3)):  # a ring: each is the copy of another
        find(dataset, "near-copy", row, other_row=other)
    find(dataset, "exact-copy", 6, other_row=5)
    find(dataset, "split-copy", 5, other_row=6)  # the same pair the other way round
    finding_remedy(dataset=dataset, kind="near-copy")
    assert len(left_out(dataset)) == 3
    finding_remedy(dataset=dataset, kind="exact-copy")
    assert {5, 6} & set(left_out(dataset)) == {6}
    with pytest.raises(ValidationError, match="Nothing is left"):
        finding_remedy(dataset=dataset, kind="split-copy")


def test_copies_without_a_group_keep_one_of_each_pair(dataset: Dataset) -> None:
    find(dataset, "near-copy", 1, other_row=0)
    find(dataset, "near-copy", 0, other_row=1)
    finding_remedy(dataset=dataset, kind="near-copy")
    assert left_out(dataset) == [1]


@pytest.mark.parametrize("kind", ["copy-two-labels", "shortcut", "imbalance", "truncated", "unheard-of"])
def test_what_a_person_must_decide_has_no_remedy(dataset: Dataset, kind: str) -> None:
    find(dataset, kind, 0)
    with pytest.raises(ValidationError, match="person"):
        finding_remedy(dataset=dataset, kind=kind)
    assert left_out(dataset) == []


def test_nothing_is_decided_while_a_worker_is_at_it(dataset: Dataset) -> None:
    found = find(dataset, "dark", 0)
    Dataset.objects.filter(pk=dataset.pk).update(state=DatasetState.CHECKING)
    for act in (finding_dismiss, finding_remedy):
        options = {"ids": [found.pk]} if act is finding_dismiss else {"kind": "dark"}
        with pytest.raises(ValidationError, match="being worked on"):
            act(dataset=dataset, **options)


def test_findings_of_others_are_not_touched(dataset: Dataset, stranger: User) -> None:
    other = DatasetVersionFactory(dataset__owner=stranger).dataset
    make_images(other, ["glass"])
    theirs = find(other, "dark", 0)
    with pytest.raises(ValidationError, match="do not exist"):
        finding_dismiss(dataset=dataset, ids=[theirs.pk])
    with pytest.raises(ValidationError, match="Nothing is left"):
        finding_remedy(dataset=dataset, kind="dark", ids=[theirs.pk])
    theirs.refresh_from_db()
    assert not theirs.dismissed and left_out(other) == []
