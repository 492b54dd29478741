"""Work on an evaluation that is asked for: done once, failures are sentences, dead workers are noticed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from datasets_app.models import Dataset
from nas.evaluation.heat_files import HeatFigures, heat_file, save_heat
from nas.evaluation.learning_file import learning_file, load_learning_curve
from nas.evaluation.photos import load_photos, photos_file
from nas.evaluation.predictions import load_predictions, predictions_file
from search_app import tasks
from search_app.evaluation_runner import draw_heat_map, evaluate_further
from search_app.evaluation_work import heat_map_ask, heat_state, work_ask, work_file, work_state, work_told
from search_app.models import TrainedModel
from tests.finished import evaluated

pytestmark = pytest.mark.django_db


@pytest.fixture
def model(owner: User) -> TrainedModel:
    found: TrainedModel = evaluated(owner, n_test=60, side=64).models.get(candidate_number=9)
    return found


@pytest.fixture
def hints(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What would go to the broker; unit tests have none."""
    sent: list[tuple[Any, ...]] = []
    for task in (tasks.evaluate_further, tasks.draw_heat_map):
        monkeypatch.setattr(task, "delay", lambda *arguments: sent.append(arguments))
    return sent


def test_photos_are_measured_once(model: TrainedModel, hints: list[Any]) -> None:
    assert work_state(model, "photos") == {"state": "none"}
    assert work_ask(model=model, kind="photos") == {"state": "waiting"}
    assert work_ask(model=model, kind="photos")["state"] == "waiting"
    assert hints == [(str(model.pk), "photos")]
    evaluate_further(*hints[0])
    assert work_state(model, "photos") == {"state": "done"}
    path = photos_file(model.run.workdir, "test")
    answers = load_predictions(predictions_file(model.run.workdir, model.name))
    assert load_photos(path).rows.tolist() == answers.rows.tolist()
    before = path.stat().st_mtime_ns
    evaluate_further(*hints[0])  # a doubled message
    assert path.stat().st_mtime_ns == before


def test_too_few_photos_for_a_curve_are_a_sentence(model: TrainedModel, hints: list[Any]) -> None:
    work_ask(model=model, kind="learning")
    evaluate_further(*hints[0])
    found = work_state(model, "learning")
    assert found["state"] == "failed"
    assert "at least 8 training photos a class" in found["error"]


def test_a_curve_of_enough_photos_is_kept_for_all_models(owner: User, hints: list[Any]) -> None:
    run = evaluated(owner, n_test=120, side=32)
    first, second = run.models.all()[:2]
    work_ask(model=first, kind="learning")
    evaluate_further(*hints[0])
    assert load_learning_curve(learning_file(run.workdir)) is not None
    assert work_ask(model=second, kind="learning") == {"state": "done"}
    assert len(hints) == 1


def test_a_worker_that_died_is_noticed_and_the_work_can_be_asked_for_again(
    model: TrainedModel, hints: list[Any]
) -> None:
    work_told(model, "learning", state="working", stage="Describing the photos", done=3, total=10)
    found = work_ask(model=model, kind="learning")
    assert (found["state"], found["stage"], found["done"], found["total"]) == (
        "working", "Describing the photos", 3, 10,
    )  # fmt: skip
    told = json.loads(work_file(model, "learning").read_text())
    work_file(model, "learning").write_text(json.dumps({**told, "at": time.time() - 121}))
    assert work_state(model, "learning") == {"state": "none"}
    assert work_ask(model=model, kind="learning") == {"state": "waiting"}
    assert len(hints) == 1


def test_without_a_broker_it_is_refused_and_nothing_waits(model: TrainedModel) -> None:
    with pytest.raises(ValidationError, match="workers cannot be reached"):
        work_ask(model=model, kind="photos")
    assert work_state(model, "photos") == {"state": "none"}
    with pytest.raises(ValidationError, match="workers cannot be reached"):
        heat_map_ask(model=model, row=60, target=0)


def test_a_run_that_goes_on_is_not_evaluated_further(model: TrainedModel, hints: list[Any]) -> None:
    model.run.state = "RUNNING"
    with pytest.raises(ValidationError, match="when the search has ended"):
        work_ask(model=model, kind="photos")
    assert hints == []


def test_a_curve_is_not_trained_for_who_lost_the_data_set(
    model: TrainedModel, hints: list[Any], owner: User, stranger: User, client_of: Callable[[User], Client]
) -> None:
    Dataset.objects.update(owner=stranger)
    model = TrainedModel.objects.get(pk=model.pk)
    with pytest.raises(Dataset.DoesNotExist):
        work_ask(model=model, kind="learning")
    path = reverse("search:model_work", args=[model.run_id, model.pk, "learning"])
    assert client_of(owner).post(path).status_code == 404
    assert (hints, work_state(model, "learning")) == ([], {"state": "none"})
    assert work_ask(model=model, kind="photos") == {"state": "waiting"}


def test_a_heat_map_that_is_there_is_not_drawn_again(model: TrainedModel, hints: list[Any]) -> None:
    assert heat_map_ask(model=model, row=61, target=2) == {"state": "waiting"}
    figures = HeatFigures(probability=0.9, without_hottest=0.2, without_random=0.8, cells=6)
    save_heat(heat_file(model.run.workdir, model.name, 61, 2), b"png", figures)
    assert heat_map_ask(model=model, row=61, target=2) == {"state": "done", **vars(figures)}
    assert hints == [(str(model.pk), 61, 2)]


def test_a_failed_heat_map_says_why_and_can_be_asked_for_again(model: TrainedModel, hints: list[Any]) -> None:
    heat_map_ask(model=model, row=61, target=2)
    draw_heat_map(*hints[0])  # its files are not there
    found = heat_state(model, 61, 2)
    assert found["state"] == "failed"
    assert found["error"]
    assert "/" not in found["error"]
    assert heat_map_ask(model=model, row=61, target=2) == {"state": "waiting"}
    assert heat_state(model, 61, 2) == {"state": "none"}
