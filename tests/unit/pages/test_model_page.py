"""The page of one model: its figures, the photos behind them, hostile names, damage, speed and queries."""

from __future__ import annotations

import html
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings

from datasets_app.models import Image
from nas.data.cache import ImageCache
from nas.evaluation.estimates import Estimate
from nas.evaluation.learning_file import LearningCurve, learning_file, save_learning_curve
from nas.evaluation.photos import PhotoFacts, measure_photos, photos_file, save_photos
from nas.evaluation.predictions import (
    Predictions,
    load_predictions,
    predictions_file,
    predictions_of,
    save_predictions,
)
from search_app.evaluation_pages import TABS
from search_app.models import SearchRun, TrainedModel
from tests.factories import UserFactory
from tests.finished import evaluated
from tests.photos_with_answers import is_dark

HOSTILE = (
    '<script>alert("x")</script>',
    "x" * 300,
    "{{ 7 }}",
    "glass & 'more'",
    '"><img src=x onerror=alert(1)>',
)
ClientOf = Callable[[User | None], Client]

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Shared:
    run: SearchRun
    owner: User
    storage: Path


@pytest.fixture(scope="module")
def shared(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[Shared]:
    """Built once, in the test database itself; tests that change files make a run of their own."""
    directory = tmp_path_factory.mktemp("shared") / "storage"
    directory.mkdir()
    with django_db_blocker.unblock(), override_settings(STORAGE_DIR=directory):
        owner = UserFactory(username="owner")
        yield Shared(evaluated(owner, n_test=120, side=64), owner, directory)
        SearchRun.objects.filter(owner=owner).delete()
        owner.delete()


@pytest.fixture
def owner(shared: Shared, db: None) -> User:
    return User.objects.get(pk=shared.owner.pk)


@pytest.fixture
def run(shared: Shared, settings: Any, storage: Path, db: None) -> SearchRun:
    settings.STORAGE_DIR = shared.storage
    return SearchRun.objects.get(pk=shared.run.pk)


@pytest.fixture
def own_run(owner: User) -> SearchRun:
    return evaluated(owner, n_test=60, side=16)


def best(run: SearchRun) -> TrainedModel:
    return run.models.get(candidate_number=9)


def kept(model: TrainedModel) -> Predictions:
    return load_predictions(predictions_file(model.run.workdir, model.name))


def address(model: TrainedModel, rest: str = "") -> str:
    return f"/searches/{model.run_id}/models/{model.pk}/{rest}"


def page_of(client: Client, model: TrainedModel, query: str = "") -> str:
    answer = client.get(address(model, f"?{query}"))
    assert answer.status_code == 200
    return html.unescape(re.sub(r"\s+", " ", answer.content.decode()))


def photos(client: Client, model: TrainedModel, **query: Any) -> dict[str, Any]:
    answer = client.get(address(model, "photos/"), query)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def data_of(client: Client, model: TrainedModel, query: str = "") -> Any:
    text = client.get(address(model, f"?{query}")).content.decode()
    found = re.search(r'<script id="model-data" type="application/json">(.*?)</script>', text, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_the_head_says_how_often_it_is_right(run: SearchRun, owner: User, client_of: ClientOf) -> None:
    model = best(run)
    text = page_of(client_of(owner), model)
    right = int((kept(model).answers == kept(model).labels).sum())
    assert f"Right for {round(100 * right / 120)} of 100 photos" in text
    assert "Judged on 120 sealed test photos" in text
    int8 = kept(model).int8_answers
    assert int8 is not None
    right8 = int((int8 == kept(model).labels).sum())
    assert right8 != right
    assert f"Right for {round(100 * right8 / 120)} of 100 photos" in page_of(
        client_of(owner), model, "file=int8"
    )


def test_a_cell_opens_its_photos_and_no_others(run: SearchRun, owner: User, client_of: ClientOf) -> None:
    model, client = best(run), client_of(owner)
    found = kept(model)
    truths, answers, counts = data_of(client, model)["cells"]
    pairs = Counter(zip(found.labels.tolist(), found.answers.tolist(), strict=True))
    assert dict(zip(zip(truths, answers, strict=True), counts, strict=True)) == dict(pairs)
    for (truth, answer), n in pairs.items():
        page = photos(client, model, truth=truth, answer=answer)
        assert page["total"] == n
        expected = {
            int(row)
            for row, label, given in zip(found.rows, found.labels, found.answers, strict=True)
            if (label, given) == (truth, answer)
        }
        assert {item["row"] for item in page["items"]} <= expected
        for item in page["items"]:
            place = found.rows.tolist().index(item["row"])
            assert item["probability"] == pytest.approx(float(found.probabilities[place, answer]), abs=1e-4)
            assert item["of_truth"] == pytest.approx(float(found.probabilities[place, truth]), abs=1e-4)


def test_mistakes_come_in_pages_most_confident_first(
    run: SearchRun, owner: User, client_of: ClientOf
) -> None:
    model, client = run.models.get(candidate_number=0), client_of(owner)
    found = kept(model)
    wrong = [i for i in range(120) if found.answers[i] != found.labels[i]]
    wrong.sort(key=lambda i: -found.probabilities[i].max())
    listed: list[int] = []
    while len(listed) < len(wrong):
        page = photos(client, model, outcome="mistake", offset=len(listed))
        assert page["total"] == len(wrong)
        assert 0 < len(page["items"]) <= 24
        listed += [item["row"] for item in page["items"]]
    assert listed == [int(found.rows[i]) for i in wrong]
    assert photos(client, model, outcome="mistake", offset=10**6)["items"] == []


@pytest.mark.parametrize("bar", [0, 60, 80, 100])
def test_outcomes_of_a_bar_are_those_of_the_slider(
    run: SearchRun, owner: User, client_of: ClientOf, bar: int
) -> None:
    model, client = best(run), client_of(owner)
    found = kept(model)
    given = found.probabilities.max(axis=1) >= np.float32(bar / 100)
    right = found.answers == found.labels
    expected = [int((given & right).sum()), int((given & ~right).sum()), int((~given).sum())]
    assert data_of(client, model, "tab=confidence")["curve"][bar] == expected
    for outcome, n in zip(("right", "wrong", "unknown"), expected, strict=True):
        assert photos(client, model, outcome=outcome, threshold=bar)["total"] == n


def test_kinds_of_photos_follow_measurement_and_open_their_photos(
    own_run: SearchRun, owner: User, client_of: ClientOf
) -> None:
    model, client = best(own_run), client_of(owner)
    assert "have not been measured yet" in page_of(client, model, "tab=kinds")
    found = kept(model)
    cache = ImageCache.open(own_run.dataset_version.cache_dir)
    save_photos(photos_file(own_run.workdir, "test"), measure_photos(cache, found.rows))
    text = page_of(client, model, "tab=kinds")
    assert "have not been measured yet" not in text
    luminance = cache.images[found.rows].astype(float) @ np.array([2, 5, 1]) / 8 / 255
    dark = set(found.rows[luminance.mean(axis=(1, 2)) < 0.25].tolist())
    assert {row for row in found.rows.tolist() if is_dark(row)} <= dark
    page = photos(client, model, slice="dark")
    assert page["total"] == len(dark)
    assert {item["row"] for item in page["items"]} <= dark
    right = [
        int(a == t)
        for r, a, t in zip(found.rows.tolist(), found.answers, found.labels, strict=True)
        if r in dark
    ]
    assert f"{100 * sum(right) / len(right):.1f}%" in text
    assert photos(client, model, slice="dark", outcome="mistake")["total"] == len(right) - sum(right)
    assert photos(client, model, slice="no such kind")["total"] == 0


def test_classes_are_sorted_as_asked(run: SearchRun, owner: User, client_of: ClientOf) -> None:
    model, client = best(run), client_of(owner)
    found = kept(model)
    recall = {
        name: float((found.answers[found.labels == i] == i).mean())
        for i, name in enumerate(run.dataset_version.classes)
    }
    text = page_of(client, model, "tab=classes&sort=-recall")
    shown = re.findall(r'<span class="clamp-2" title="([^"]+)">', text)
    assert [recall[name] for name in shown] == sorted(recall.values(), reverse=True)
    assert 'aria-sort="descending"' in text
    assert (
        page_of(client, model, "tab=classes&sort=nonsense&page=zzz").count('<span class="clamp-2" title') == 6
    )


def test_photos_that_were_left_out_or_relabelled_since_say_so(
    run: SearchRun, owner: User, client_of: ClientOf
) -> None:
    model, client = best(run), client_of(owner)
    first, second = (item["row"] for item in photos(client, model, outcome="mistake")["items"][:2])
    images = Image.objects.filter(dataset=run.dataset_version.dataset)
    images.filter(row=first).update(excluded=True)
    images.filter(row=second).update(label="stone")
    items = {item["row"]: item for item in photos(client, model, outcome="mistake")["items"]}
    assert items[first]["excluded"]
    assert items[second]["label"] == "stone"
    there = f"/api/v1/datasets/{run.dataset_version.dataset_id}/images"  # where the page's link leads
    found = client.get(there, {"row": first, "excluded": "all"}).json()
    assert [item["row"] for item in found["items"]] == [first]


def test_hostile_names_stay_text(owner: User, client_of: ClientOf, subtests: pytest.Subtests) -> None:
    model = best(evaluated(owner, classes=HOSTILE, n_test=60, side=16))
    for tab in TABS:
        with subtests.test(tab):
            answer = client_of(owner).get(address(model, f"?tab={tab}"))
            assert answer.status_code == 200
            raw = answer.content.decode()
            assert "<script>alert" not in raw
            assert "<img src=x" not in raw
            assert data_of(client_of(owner), model, f"tab={tab}")["classes"] == sorted(HOSTILE)


def test_the_learning_curve_is_a_sentence_with_its_range(
    own_run: SearchRun, owner: User, client_of: ClientOf
) -> None:
    model, client = best(own_run), client_of(owner)
    assert "Estimate it" in page_of(client, model, "tab=more")
    points = [Estimate(0.5 + i / 20, 0.45 + i / 20, 0.55 + i / 20) for i in range(6)]
    ahead = [(60, points[5]), (120, points[5]), (240, points[5])]
    curve = LearningCurve(
        "", "x", 60, 60, [10, 15, 20, 30, 45, 60], points, ahead, Estimate(0.0123, 0.004, 0.02)
    )
    save_learning_curve(learning_file(own_run.workdir), curve)
    text = page_of(client, model, "tab=more")
    assert "would bring about +1.2 points (0.4 to 2.0)." in text
    assert "This is an estimate by a stand-in, not by this model" in text


def test_validation_answers_say_that_they_flatter(
    own_run: SearchRun, owner: User, client_of: ClientOf
) -> None:
    model = best(own_run)
    path = predictions_file(own_run.workdir, model.name)
    with np.load(path) as archive:
        members = {name: archive[name] for name in archive.files}
    np.savez(path, **{**members, "part": np.array("val")})
    text = page_of(client_of(owner), model)
    assert "60 validation photos" in text
    assert "flatter" in text


def test_without_kept_answers_the_next_step_is_said(
    own_run: SearchRun, owner: User, client_of: ClientOf
) -> None:
    model = best(own_run)
    predictions_file(own_run.workdir, model.name).unlink()
    client = client_of(owner)
    assert "No answers of this model were kept" in page_of(client, model)
    assert photos(client, model) == {"total": 0, "items": []}
    assert client.post(address(model, "work/learning/")).status_code == 422


def test_damaged_answers_are_a_sentence(own_run: SearchRun, owner: User, client_of: ClientOf) -> None:
    model = best(own_run)
    predictions_file(own_run.workdir, model.name).write_bytes(b"PK")
    assert "damaged" in page_of(client_of(owner), model)
    answer = client_of(owner).get(address(model, "photos/"))
    assert answer.status_code == 422
    assert "damaged" in answer.json()["detail"]


@pytest.mark.parametrize(
    "query",
    [{"truth": "-1"}, {"answer": "9" * 30}, {"outcome": "all"}, {"order": "x"}, {"threshold": "½"}],
)
def test_addresses_that_no_page_sends_are_refused(
    run: SearchRun, owner: User, client_of: ClientOf, query: dict[str, str]
) -> None:
    answer = client_of(owner).get(address(best(run), "photos/"), query)
    assert answer.status_code == 422
    assert "choose again" in answer.json()["detail"]


def test_strangers_get_404(run: SearchRun, stranger: User, client_of: ClientOf) -> None:
    model = best(run)
    for rest in ("", "photos/", "heat/120/0/", "heat/120/0.png", "work/learning/"):
        assert client_of(stranger).get(address(model, rest)).status_code == 404


def test_heat_maps_of_other_photos_are_refused(run: SearchRun, owner: User, client_of: ClientOf) -> None:
    client = client_of(owner)
    for row, target in ((3, 0), (130, 6), (10**30, 0)):
        answer = client.post(address(best(run), f"heat/{row}/{target}/"))
        assert answer.status_code == 422, (row, target)
        assert "was not judged" in answer.json()["detail"]


@pytest.mark.parametrize("tab", TABS)
def test_a_page_asks_the_database_a_few_times(
    run: SearchRun, owner: User, client_of: ClientOf, tab: str, django_assert_max_num_queries: Any
) -> None:
    client = client_of(owner)
    model = best(run)
    with django_assert_max_num_queries(6):  # session, person, run, model, candidate; photos on one tab
        client.get(address(model, f"?tab={tab}"))
    with django_assert_max_num_queries(5):
        client.get(address(model, "photos/?outcome=mistake"))


def test_many_photos_and_classes_are_quick(owner: User, client_of: ClientOf) -> None:
    """14,000 test photos of 156 classes; the first look reads the file, all others remember."""
    run = evaluated(owner, classes=[f"breed {i:03d}" for i in range(156)], n_test=156, side=4)
    model, client = best(run), client_of(owner)
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 156, 14_000)
    raw = rng.gamma(0.1, size=(14_000, 156))
    raw[np.arange(14_000), labels] += rng.gamma(6.0, size=14_000)
    shares = (raw / raw.sum(axis=1, keepdims=True)).astype(np.float32)
    answers = predictions_of("test", "", np.arange(14_000), labels, shares, int8_probabilities=shares)
    save_predictions(predictions_file(run.workdir, model.name), answers)
    texts = np.full(14_000, "JPEG")
    some = rng.random(14_000).astype(np.float32)
    sides = np.arange(100, 14_100)
    rows = np.arange(14_000)
    facts = PhotoFacts(rows, some, some, some, sides, sides, texts, texts, texts)
    save_photos(photos_file(run.workdir, "test"), facts)
    asked = [f"?tab={tab}" for tab in TABS]
    asked += ["photos/?outcome=mistake", "photos/?truth=7", "photos/?outcome=right&threshold=70"]
    seconds = []
    for rest in asked * 4:
        started = time.process_time()  # the machine may be busy with other tests
        assert client.get(address(model, rest)).status_code == 200
        seconds.append(time.process_time() - started)
    assert sorted(seconds[len(asked) :])[-2] < 0.2
