"""The page of a data set in each state, and each of its tabs, through Django's client."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from datasets_app.changes import change_create
from datasets_app.models import Dataset, DatasetState, Finding, Image, Job, Upload
from datasets_app.pages import TABS
from tests import factories

HOSTILE = '<script>alert("x")</script>'
HEALTH = {
    "leak": {"sentence": "Copies would have raised the result by 3 points."},
    "shortcuts": [{"name": "Border", "score": "97%", "chance": "25%", "alarm": True, "class": HOSTILE}],
    "failed": ["The map could not be drawn."],
}
ClientOf = Callable[[User | None], Client]
Read = Callable[..., str]

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(owner: User) -> Dataset:
    """Four photos in two classes, a doubt about one of them, one skipped file."""
    made: Dataset = factories.DatasetFactory(owner=owner, name=HOSTILE)
    counts = {"train": {HOSTILE: 2, "whole": 2}, "val": {}, "test": {}}
    factories.DatasetVersionFactory(
        dataset=made, classes=[HOSTILE, "whole"], counts=counts, n_images=4, n_refused=1
    )
    for row in range(4):
        label = "whole" if row % 2 else HOSTILE
        Image.objects.create(
            dataset=made, row=row, path=f"{HOSTILE}/{row}.jpg", label=label, original_label=label,
            split="train", sha256=f"{row:064x}", width=9, height=9,
        )  # fmt: skip
    Finding.objects.create(dataset=made, kind="dark", row=0, path="a.jpg", reason="Dark.", refused=False)
    Finding.objects.create(dataset=made, kind="truncated", path=f"{HOSTILE}.jpg", reason="Damaged.")
    return made


@pytest.fixture
def read(client_of: ClientOf, owner: User, dataset: Dataset) -> Read:
    def page(tab: str = "overview", **values: Any) -> str:
        Dataset.objects.filter(pk=dataset.pk).update(**values)
        return client_of(owner).get(f"/datasets/{dataset.pk}/?tab={tab}").content.decode()

    return page


def heading(text: str, name: str) -> str:
    found = re.search(rf'<h2 id="{name}">(.*?)</h2>', text)
    assert found, f"no heading {name}"
    return found.group(1)


@pytest.mark.parametrize("tab", TABS)
def test_each_tab_shows_names_as_text_and_needs_no_inline_code(read: Read, tab: str) -> None:
    text = read(tab)
    assert re.search(rf'<a href="\?tab={tab}" aria-current="page">', text)
    assert "<script>alert" not in text
    assert not re.search(r"\sstyle=|\son[a-z]+=|javascript:", text)
    assert all('src="' in tag or "application/json" in tag for tag in re.findall(r"<script[^>]*>", text))


def test_overview_tells_what_was_found_and_what_one_click_does(read: Read) -> None:
    text = read()
    assert heading(text, "findings-title") == "4 images ready, 1 skipped"
    assert re.search(r"tab=findings&amp;kind=dark.*?Too dark.*?Leave these photos out", text, re.S)
    assert 'title="photos to look at">1<' in text


def test_overview_rings_the_shortcut_alarm_and_tells_the_effect_of_copies(
    read: Read, dataset: Dataset
) -> None:
    alarm = Finding.objects.create(
        dataset=dataset, kind="shortcut", reason=f"The border alone knows {HOSTILE}.", refused=False
    )
    text = read(health=HEALTH)
    assert "Shortcut alarm." in text
    assert "The border alone knows &lt;script&gt;" in text
    assert "raised the result by 3 points" in text
    assert re.search(r"Border <strong.*?>alarm<.*?97%.*?25%.*?&lt;script&gt;", text, re.S)
    assert "The map could not be drawn." in text
    Finding.objects.filter(pk=alarm.pk).update(dismissed=True)
    assert "Shortcut alarm." not in read()


def test_overview_names_what_waits_for_a_decision(read: Read, dataset: Dataset) -> None:
    Finding.objects.create(dataset=dataset, kind="two-labels", path="a.jpg", reason="Twice.", refused=False)
    text = read(state=DatasetState.NEEDS_ATTENTION)
    assert re.search(r"Please decide:.*?Same image in two classes \(1\)</a>", text)


def test_pending_edits_show_on_every_tab_and_count_in_the_classes(read: Read, dataset: Dataset) -> None:
    assert re.search(r'id="pending"[^>]* hidden', read())
    change_create(dataset=dataset, kind="relabel", rows=[0], label="whole")
    for tab in TABS:
        text = read(tab)
        assert '<span id="pending-count">1 change</span>' in text
        assert "Make version 2" in text
    assert re.search(r'title="Show the photos of whole">.*?<span class="num">3</span>', read(), re.S)
    assert "1 photo: " in read("versions")


def test_nothing_can_be_edited_while_a_worker_has_it(read: Read, dataset: Dataset) -> None:
    change_create(dataset=dataset, kind="exclude", rows=[0])
    working = {"state": DatasetState.CHECKING, "job": Job.VERSION, "stage": "Writing the index"}
    text = read("photos", **working, progress_done=3, progress_total=4)
    assert heading(text, "work-title") == "Making a new version"
    assert re.search(r'<progress id="import"[^>]*max="4" value="3"', text)
    assert "Writing the index" in text
    for absent in ('id="undo"', 'id="make-version"', 'id="delete"', "Start a search"):
        assert absent not in text


def test_files_on_their_way_are_counted_and_can_be_resumed(client_of: ClientOf, owner: User) -> None:
    sending = factories.DatasetFactory(owner=owner, state=DatasetState.UPLOADING, n_uploads=2)
    for offset in (100, 24):
        Upload.objects.create(dataset=sending, filename="a.zip", length=100, offset=offset, path=f"{offset}")
    client = client_of(owner)
    text = client.get(f"/datasets/{sending.pk}/").content.decode()
    assert "62% has arrived." in text
    assert f"/datasets/new/?dataset={sending.pk}" in text
    assert "62% sent. Open it to resume." in client.get("/datasets/").content.decode()


def test_a_data_set_to_be_confirmed_asks_its_owner(client_of: ClientOf, owner: User) -> None:
    waiting = factories.DatasetFactory(owner=owner, state=DatasetState.PREVIEW, preview={})
    client = client_of(owner)
    assert 'id="preview"' in client.get(f"/datasets/{waiting.pk}/").content.decode()
    assert "Waiting for you" in client.get("/datasets/").content.decode()


def test_a_rejected_upload_lists_what_was_wrong(client_of: ClientOf, owner: User) -> None:
    rejected = factories.DatasetFactory(owner=owner, state=DatasetState.REJECTED, error="Nothing is left.")
    Finding.objects.create(dataset=rejected, kind="truncated", path="a.jpg", reason="Damaged.")
    text = client_of(owner).get(f"/datasets/{rejected.pk}/").content.decode()
    assert "Nothing is left." in text
    assert "a.jpg" in text
    assert 'class="tabs"' not in text


def test_a_stranger_gets_404(client_of: ClientOf, stranger: User, dataset: Dataset) -> None:
    for key in (dataset.pk, uuid.uuid4()):
        assert client_of(stranger).get(f"/datasets/{key}/?tab=photos").status_code == 404
