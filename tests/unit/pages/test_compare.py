"""Comparison pages: who may see them, what they warn of, and that no difference is claimed without one."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.test import Client

from nas.evaluation.predictions import load_predictions, predictions_file, save_predictions
from nas.hardware.device_table import KEPT_TABLE
from nas.hardware.timings import table_from_timings
from search_app.models import SearchRun
from search_app.run_pair import side_of, verdict_of, warnings_of
from tests import factories
from tests.finished import evaluated, finished
from tests.unit.hardware.tables import small_manifest, timings

ClientOf = Callable[[User | None], Client]
RUNS_QUERIES, NETWORKS_QUERIES = 9, 5

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(owner: User) -> SearchRun:
    return evaluated(owner, n_test=60, side=16)


def text_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def answered(run: SearchRun, right: np.ndarray) -> None:
    """Writes answers of the recommended model that are right on the given photos only."""
    path = predictions_file(run.workdir, "model-9")
    found = load_predictions(path)
    answers = np.where(right, found.labels, (found.labels + 1) % found.n_classes)
    shares = np.eye(found.n_classes, dtype=np.float32)[answers]
    save_predictions(path, replace(found, probabilities=shares, answers=answers, int8_probabilities=None))


def twin(run: SearchRun, owner: User) -> SearchRun:
    """Another run with models and answers on the same photos."""
    other = finished(owner, like=run)
    for model in run.models.all():
        factories.TrainedModelFactory(run=other, candidate_number=model.candidate_number, name=model.name)
        found = load_predictions(predictions_file(run.workdir, model.name))
        save_predictions(predictions_file(other.workdir, model.name), found)
    return other


def test_photo_by_photo_a_clear_difference_is_told_and_chance_is_not(owner: User, run: SearchRun) -> None:
    other = twin(run, owner)
    all_right = np.ones(60, bool)
    answered(run, all_right)
    answered(other, np.arange(60) >= 3)
    assert "no difference is shown" in verdict_of(side_of(run), side_of(other))
    answered(other, np.arange(60) >= 12)
    told = verdict_of(side_of(run), side_of(other))
    assert f"the best of {run.name} is more accurate" in told and "12" in told
    assert f"the best of {run.name} is more accurate" in verdict_of(side_of(other), side_of(run))


def test_other_photos_devices_and_minutes_are_warned_of(owner: User, run: SearchRun) -> None:
    phone = finished(owner, like=run, device="phone-cpu", device_title="A phone", minutes=20.0)
    found = " ".join(warnings_of(side_of(run), side_of(phone)))
    assert "different devices" in found and "20" in found and "different photos" not in found
    assert "times as fast" not in verdict_of(side_of(run), side_of(phone))
    version = factories.DatasetVersionFactory(
        dataset=run.dataset_version.dataset, number=2, content_hash="f" * 64
    )
    later = finished(owner, dataset_version=version)
    assert "different photos" in " ".join(warnings_of(side_of(run), side_of(later)))
    assert "cannot be told" in verdict_of(side_of(run), side_of(later))
    assert warnings_of(side_of(run), side_of(twin(run, owner))) == []


def test_without_answers_overlapping_intervals_are_no_difference(owner: User, run: SearchRun) -> None:
    assert "intervals overlap" in verdict_of(side_of(run), side_of(finished(owner, like=run)))
    empty: SearchRun = factories.SearchRunFactory(owner=owner, state=SearchRun.State.FAILED)
    assert "found no network" in verdict_of(side_of(run), side_of(empty))


def test_the_page_of_two_searches(
    client_of: ClientOf, owner: User, run: SearchRun, django_assert_num_queries: Any
) -> None:
    other = finished(owner, like=run, device="phone-cpu", device_title="A phone", minutes=20.0)
    client = client_of(owner)
    with django_assert_num_queries(RUNS_QUERIES):
        text = text_of(client, f"/searches/compare/?a={run.id}&b={other.id}")
    assert 'class="differs"' in text and "A phone" in text
    assert "same search" in text_of(client, f"/searches/compare/?a={run.id}&b={run.id}")
    assert "Choose two searches" in text_of(client, "/searches/compare/")
    assert "Choose two searches" in text_of(client, f"/searches/compare/?a={run.id}")
    running: SearchRun = factories.SearchRunFactory(owner=owner, state=SearchRun.State.RUNNING)
    assert "still runs" in text_of(client, f"/searches/compare/?a={run.id}&b={running.id}")


def test_searches_of_others_do_not_exist(
    client_of: ClientOf, owner: User, stranger: User, run: SearchRun
) -> None:
    theirs = finished(stranger)
    for query in (f"?a={run.id}&b={theirs.id}", f"?a={theirs.id}", "?a=nonsense"):
        assert client_of(owner).get(f"/searches/compare/{query}").status_code == 404
    assert client_of(stranger).get(f"/searches/{run.id}/compare/?a=9&b=10").status_code == 404
    assert str(run.id) not in text_of(client_of(stranger), "/searches/compare/")


def test_the_page_of_two_networks(
    client_of: ClientOf, owner: User, run: SearchRun, django_assert_num_queries: Any
) -> None:
    client = client_of(owner)
    with django_assert_num_queries(NETWORKS_QUERIES):
        text = text_of(client, f"/searches/{run.id}/compare/?a=9&b=10")
    assert "resolution 176 px → 128 px" in text and "Time of the first" not in text
    assert "goes by multiply-accumulates" in text and "McNemar" in text
    assert "They are the same network." in text_of(client, f"/searches/{run.id}/compare/?a=9&b=9")
    assert 'value="9" selected' in text_of(client, f"/searches/{run.id}/compare/?a=9")
    for query in ("?a=999", "?a=7&b=9"):  # 7 failed
        assert client.get(f"/searches/{run.id}/compare/{query}").status_code == 404
    empty: SearchRun = factories.SearchRunFactory(owner=owner)
    assert "no two networks yet" in text_of(client, f"/searches/{empty.id}/compare/")


def test_times_of_stages_come_from_the_device_that_was_searched_for(
    client_of: ClientOf, owner: User, run: SearchRun
) -> None:
    manifest = small_manifest()
    table_from_timings(timings(manifest), manifest).save(run.workdir / KEPT_TABLE)
    text = text_of(client_of(owner), f"/searches/{run.id}/compare/?a=9&b=10")
    assert "By predicted time on the device" in text and "Time of the first" in text


def test_the_boxes_show_the_networks_that_are_compared(
    run: SearchRun, client_of: ClientOf, owner: User
) -> None:
    first = run.candidates.get(number=9)
    factories.make_candidate(
        run, 50, refines=9, fidelity="final", label="Trained further"
    )  # 9 counts no more
    text = text_of(client_of(owner), f"/searches/{run.pk}/compare/?a=9&b=50")
    for number, label in ((9, first.label), (50, "Trained further")):
        assert re.search(rf'<option value="{number}" selected[^>]*>[^<]*{re.escape(label)}', text)
