"""Requests that are sent twice are carried out once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError

from datasets_app import services
from datasets_app.models import Dataset
from datasets_app.quota import WORKERS_AWAY
from search_app import tasks
from search_app.forgotten import forget_old
from search_app.models import IdempotentRequest, SearchRun
from tests import images
from tests.factories import DatasetVersionFactory, SearchRunFactory, make_candidate
from tests.unit.api.conftest import Programs

DRAFT = {"name": "Photos", "confirm": True, "n_uploads": 1}


def test_the_first_answer_is_replayed(owner: User, program_of: Programs) -> None:
    program = program_of(owner)
    first = program.post("/datasets/drafts", DRAFT, key="one")
    second = program.post("/datasets/drafts", {"n_uploads": 1, "confirm": True, "name": "Photos"}, key="one")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert "Idempotency-Replayed" not in first
    assert second["Idempotency-Replayed"] == "true"
    assert Dataset.objects.count() == 1
    program.post("/datasets/drafts", DRAFT, key="two")
    program.post("/datasets/drafts", DRAFT)
    assert Dataset.objects.count() == 3


def test_refusals_of_the_work_are_replayed_and_those_of_the_input_are_not(
    owner: User, program_of: Programs
) -> None:
    program = program_of(owner)
    dataset = DatasetVersionFactory(dataset__owner=owner).dataset
    body = {"dataset_id": str(dataset.pk), "minutes": 5}
    assert program.post("/searches", {**body, "minutes": "soon"}, key="k").status_code == 422
    assert program.post("/searches", body, key="k").status_code == 201
    assert program.post("/searches", {**body, "minutes": -1}, key="r").status_code == 422
    again = program.post("/searches", {**body, "minutes": -1}, key="r")
    assert again["Idempotency-Replayed"] == "true"
    assert SearchRun.objects.count() == 1


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValidationError("Away.", code=WORKERS_AWAY), 503),
        (ValidationError("Full.", code="disk-full"), 507),
        (OperationalError("database is locked"), 503),
    ],
)
def test_answers_that_say_try_again_are_not_kept(
    owner: User, program_of: Programs, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    program = program_of(owner)

    def refuse(**_values: Any) -> Dataset:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(services, "dataset_draft_create", refuse)
        assert program.post("/datasets/drafts", DRAFT, key="one").status_code == status
    again = program.post("/datasets/drafts", DRAFT, key="one")
    assert (again.status_code, "Idempotency-Replayed" in again) == (201, False)


def test_an_export_without_a_broker_may_be_asked_for_again_with_its_key(
    owner: User, program_of: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = program_of(owner)
    run = SearchRunFactory(owner=owner)
    make_candidate(run, 0)
    path = f"/searches/{run.pk}/candidates/0/export"

    def refuse(*_values: Any) -> None:
        raise BrokerError

    monkeypatch.setattr(tasks.export_trained_model, "delay", refuse)
    assert program.post(path, key="one").status_code == 503
    monkeypatch.setattr(tasks.export_trained_model, "delay", lambda *_values: None)
    assert program.post(path, key="one").status_code == 202


def test_another_content_is_refused(owner: User, program_of: Programs) -> None:
    program = program_of(owner)
    program.post("/datasets/drafts", DRAFT, key="one")
    answer = program.post("/datasets/drafts", {**DRAFT, "name": "Others"}, key="one")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert Dataset.objects.count() == 1


def test_keys_belong_to_one_person_and_one_route(owner: User, stranger: User, program_of: Programs) -> None:
    for person in (owner, stranger):
        assert program_of(person).post("/datasets/drafts", DRAFT, key="one").status_code == 201
    fetched = program_of(owner).post("/public-sets/mnist", key="one")
    assert (fetched.status_code, "Idempotency-Replayed" in fetched) == (201, False)
    assert Dataset.objects.filter(owner=owner).count() == 2


def test_a_request_under_way_is_409_and_one_that_died_stays_so(owner: User, program_of: Programs) -> None:
    program = program_of(owner)
    program.post("/datasets/drafts", DRAFT, key="one")
    IdempotentRequest.objects.update(status=None, answer="")
    waiting = program.post("/datasets/drafts", DRAFT, key="one")
    assert (waiting.status_code, waiting.json()["code"]) == (409, "idempotency_in_flight")
    assert waiting["Retry-After"]
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(hours=2))
    dead = program.post("/datasets/drafts", DRAFT, key="one")
    assert (dead.status_code, dead.json()["code"]) == (409, "idempotency_outcome_unknown")


@pytest.mark.parametrize("key", ["", "x" * 256, "ü", "a\tb"])
def test_keys_that_are_none_are_refused(owner: User, program_of: Programs, key: str) -> None:
    assert program_of(owner).post("/datasets/drafts", DRAFT, key=key).status_code == 400


def test_uploads_are_compared_by_their_bytes(owner: User, tmp_path: Path, client_of: Any) -> None:
    archive = images.photo_zip(tmp_path / "photos.zip", n_per_class=1, size=8, n_classes=2)
    client = client_of(owner)

    def upload(content: bytes) -> Any:
        file = SimpleUploadedFile("photos.zip", content, content_type="application/zip")
        headers = {"Idempotency-Key": "one"}
        return client.post("/api/v1/datasets", {"file": file, "name": "Photos"}, headers=headers)

    assert upload(archive.read_bytes()).json() == upload(archive.read_bytes()).json()
    assert upload(archive.read_bytes()[:-1] + b"x").status_code == 422
    assert Dataset.objects.count() == 1


def test_answers_are_forgotten_after_two_days(owner: User, program_of: Programs) -> None:
    program_of(owner).post("/datasets/drafts", DRAFT, key="one")
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert forget_old() == 0
    IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(hours=49))
    assert forget_old() == 1


def test_a_repetition_during_the_work_is_told_to_wait(
    owner: User, program_of: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is there before the work begins: whoever comes meanwhile finds it."""
    program = program_of(owner)
    during: list[int] = []
    real = services.dataset_draft_create

    def slow(**values: Any) -> Dataset:
        if not during:
            during.append(program.post("/datasets/drafts", DRAFT, key="one").status_code)
        return real(**values)

    monkeypatch.setattr(services, "dataset_draft_create", slow)
    assert program.post("/datasets/drafts", DRAFT, key="one").status_code == 201
    assert during == [409]
    assert Dataset.objects.count() == 1
