"""Edits of the working copy: what they write, what they refuse, and that taking them back restores all."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasets_app.changes import change_create, change_undo
from datasets_app.class_edits import clean_label
from datasets_app.models import Change, Dataset, DatasetState, Finding
from tests.factories import DatasetFactory, DatasetVersionFactory, make_images

pytestmark = pytest.mark.django_db

LABELS = ("glass", "metal", "paper")


@pytest.fixture
def dataset(owner: User) -> Dataset:
    made: Dataset = DatasetVersionFactory(dataset__owner=owner).dataset
    make_images(made, [LABELS[i % 3] for i in range(12)])
    return made


def rows_of(dataset: Dataset) -> list[tuple[Any, ...]]:
    columns = ("row", "label", "original_label", "split", "excluded", "path", "group")
    return list(dataset.images.order_by("row").values_list(*columns))


def column(dataset: Dataset, name: str) -> list[Any]:
    return list(dataset.images.order_by("row").values_list(name, flat=True))


def test_photos_are_left_out_and_taken_back_in(dataset: Dataset) -> None:
    change = change_create(dataset=dataset, kind="exclude", rows=[1, 2, 1])
    assert change.text == "2 photos left out" and column(dataset, "excluded")[:4] == [
        False,
        True,
        True,
        False,
    ]
    change = change_create(dataset=dataset, kind="restore", rows=[0, 2])
    assert change.text == "1 photo taken back in" and change.number == 2
    assert column(dataset, "excluded") == [False, True] + [False] * 10


def test_photos_get_a_class_that_need_not_exist_yet(dataset: Dataset) -> None:
    change = change_create(dataset=dataset, kind="relabel", rows=[0, 3], label=" cloudy\u202e  glass\n")
    assert change.text == "2 photos: glass → cloudy glass"
    assert column(dataset, "label")[0] == "cloudy glass" and column(dataset, "original_label")[0] == "glass"


def test_photos_move_to_another_part(dataset: Dataset) -> None:
    change = change_create(dataset=dataset, kind="move", rows=[0, 1, 2], split="test")
    assert change.text == "2 photos moved to the test part"  # row 2 was there already
    assert column(dataset, "split")[:3] == ["test"] * 3


def test_classes_are_renamed_and_merged(dataset: Dataset) -> None:
    assert (
        "renamed to jars (4 photos)"
        in change_create(dataset=dataset, kind="rename", labels=["glass"], label="jars").text
    )
    change_create(dataset=dataset, kind="merge", labels=["jars", "metal"], label="metal")
    assert set(column(dataset, "label")) == {"metal", "paper"}


def test_findings_follow_a_renamed_class_and_come_back(dataset: Dataset) -> None:
    Finding.objects.create(dataset=dataset, kind="wrong-label", row=0, label="glass", suggestion="metal")
    change_create(dataset=dataset, kind="rename", labels=["metal"], label="tin")
    change_create(dataset=dataset, kind="merge", labels=["glass", "paper"], label="rest")
    found = Finding.objects.get()
    assert (found.label, found.suggestion) == ("rest", "tin")
    change_undo(dataset=dataset)
    change_undo(dataset=dataset)
    found = Finding.objects.get()
    assert (found.label, found.suggestion) == ("glass", "metal")


@pytest.mark.parametrize(
    ("edit", "settled"),
    [
        ({"kind": "merge", "labels": ["Été", "été"], "label": "Été"}, True),
        ({"kind": "merge", "labels": ["Été", "été"], "label": "summer"}, True),
        ({"kind": "rename", "labels": ["été"], "label": "summer"}, True),
        ({"kind": "rename", "labels": ["été"], "label": "ÉTÉ"}, False),
        ({"kind": "merge", "labels": ["paper", "été"], "label": "été"}, False),
    ],
)
def test_classes_that_differ_in_case_are_decided_once_one_is_left(
    owner: User, edit: dict[str, Any], settled: bool
) -> None:
    dataset: Dataset = DatasetVersionFactory(dataset__owner=owner).dataset
    make_images(dataset, ["Été", "été", "paper"] * 4)
    Finding.objects.create(dataset=dataset, kind="label-case", path="Été", refused=False)
    change_create(dataset=dataset, **edit)
    dataset.refresh_from_db()
    assert Finding.objects.get().dismissed == settled
    assert (dataset.state == DatasetState.READY) == settled
    change_undo(dataset=dataset)
    dataset.refresh_from_db()
    assert not Finding.objects.get().dismissed and dataset.state == DatasetState.NEEDS_ATTENTION


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ({"kind": "exclude", "rows": []}, "No photo was chosen"),
        ({"kind": "exclude", "rows": [0, 99]}, "do not exist"),
        ({"kind": "exclude", "rows": [-1]}, "do not exist"),
        ({"kind": "exclude", "rows": [2**70]}, "do not exist"),
        ({"kind": "exclude", "rows": range(100_001)}, "At most 100,000"),
        ({"kind": "restore", "rows": [0]}, "part of the data set already"),
        ({"kind": "relabel", "rows": [0], "label": "glass"}, "that class already"),
        ({"kind": "relabel", "rows": [0], "label": " \n\u200b"}, "empty"),
        ({"kind": "relabel", "rows": [0], "label": "x" * 501}, "longer than 500"),
        ({"kind": "move", "rows": [0], "split": "sealed"}, "no such part"),
        ({"kind": "move", "rows": [0], "split": "train"}, "training part already"),
        ({"kind": "rename", "labels": ["glass"], "label": "metal"}, "Merge the two"),
        ({"kind": "rename", "labels": ["glass", "metal"], "label": "x"}, "one class"),
        ({"kind": "rename", "labels": ["nothing"], "label": "x"}, "no class 'nothing'"),
        ({"kind": "merge", "labels": ["glass"], "label": "glass"}, "at least two"),
        ({"kind": "shuffle"}, "no such edit"),
    ],
)
def test_impossible_edits_are_refused_and_change_nothing(
    dataset: Dataset, edit: dict[str, Any], words: str
) -> None:
    before = rows_of(dataset)
    with pytest.raises(ValidationError, match=words):
        change_create(dataset=dataset, **edit)
    assert rows_of(dataset) == before and not Change.objects.exists()


@pytest.mark.parametrize("state", [DatasetState.UPLOADED, DatasetState.CHECKING, DatasetState.PREVIEW])
def test_nothing_is_edited_while_a_worker_is_at_it(dataset: Dataset, state: DatasetState) -> None:
    change_create(dataset=dataset, kind="exclude", rows=[0])
    Dataset.objects.filter(pk=dataset.pk).update(state=state)
    before = rows_of(dataset)
    for edit in (
        lambda: change_create(dataset=dataset, kind="exclude", rows=[1]),
        lambda: change_undo(dataset=dataset),
    ):
        with pytest.raises(ValidationError, match="being worked on"):
            edit()
    assert rows_of(dataset) == before


def test_only_pending_edits_are_taken_back(dataset: Dataset) -> None:
    change = change_create(dataset=dataset, kind="exclude", rows=[0])
    Change.objects.filter(pk=change.pk).update(version=dataset.current_version)
    with pytest.raises(ValidationError, match="nothing to take back"):
        change_undo(dataset=dataset)
    assert change_create(dataset=dataset, kind="exclude", rows=[1]).number == 2


def test_other_data_sets_are_not_touched(dataset: Dataset, stranger: User) -> None:
    other = DatasetFactory(owner=stranger)
    make_images(other, ["glass"] * 3)
    change_create(dataset=dataset, kind="rename", labels=["glass"], label="jars")
    change_create(dataset=dataset, kind="exclude", rows=[0])
    assert column(other, "label") == ["glass"] * 3 and not any(column(other, "excluded"))


def test_letters_are_composed() -> None:
    assert clean_label("Mu\u0308ll") == "Müll"


def test_joiners_belong_to_a_word() -> None:
    assert clean_label("می\u200cخواهم") == "می\u200cخواهم"
    for nothing in ("\u200c", "\u200d \u200c"):
        with pytest.raises(ValidationError, match="empty"):
            clean_label(nothing)


@pytest.mark.parametrize("label", ["two  spaces", "soft\xadhyphen", "zero\u200bwidth", "می\u200cخواهم"])
def test_a_class_that_exists_is_taken_as_it_is_written(owner: User, label: str) -> None:
    made: Dataset = DatasetVersionFactory(dataset__owner=owner).dataset
    make_images(made, [label, "glass"] * 3)
    change_create(dataset=made, kind="relabel", rows=[1], label=label)
    assert column(made, "label")[1] == label
    change_create(dataset=made, kind="merge", labels=[label, "glass"], label=label)
    assert set(column(made, "label")) == {label}


ROWS = st.lists(st.integers(0, 12), max_size=6)  # 12 does not exist
NAMES = st.sampled_from([*LABELS, "new", "newer"])
EDITS = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["exclude", "restore", "relabel", "move", "rename", "merge"]),
            "rows": ROWS,
            "labels": st.lists(NAMES, max_size=3),
            "label": NAMES,
            "split": st.sampled_from(["train", "val", "test"]),
        }
    ),
    max_size=12,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=EDITS)
def test_any_edits_taken_back_restore_every_row(dataset: Dataset, edits: list[dict[str, Any]]) -> None:
    states = [rows_of(dataset)]
    for edit in edits:
        try:
            change_create(dataset=dataset, **edit)
        except ValidationError:
            assert rows_of(dataset) == states[-1]
        else:
            states.append(rows_of(dataset))
            assert states[-1] != states[-2]
    while len(states) > 1:
        assert rows_of(dataset) == states.pop()
        change_undo(dataset=dataset)
    assert rows_of(dataset) == states[0] and not Change.objects.exists()


def test_edits_of_a_large_set_are_quick(dataset: Dataset) -> None:
    big = DatasetVersionFactory(dataset__owner=dataset.owner).dataset
    make_images(big, [str(i // 7000) for i in range(70_000)])
    start = time.process_time()
    change_create(dataset=big, kind="relabel", rows=list(range(0, 70_000, 70)), label="3")
    thousand = time.process_time()
    change_create(dataset=big, kind="rename", labels=["5"], label="five")
    renamed = time.process_time()
    change_undo(dataset=big)
    assert thousand - start < 0.4 and renamed - thousand < 1.5 and time.process_time() - renamed < 1.5
