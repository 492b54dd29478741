"""One mail at the end of a search: to its owner, once, in their language, and never in the way."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client

from search_app import services
from search_app.models import Candidate, SearchRun
from search_app.notices import MAX_TRIES, send_notices
from tests.factories import DatasetVersionFactory, SearchRunFactory, make_candidate
from tests.integration.servers import free_port

State = SearchRun.State


@pytest.fixture
def run(owner: User, settings: Any) -> SearchRun:
    settings.BASE_URL = "https://automl.example"
    return SearchRunFactory(owner=owner, state=State.DONE, n_candidates=7, best_accuracy=0.934)


def test_the_end_is_mailed_once_with_a_link(run: SearchRun) -> None:
    assert (send_notices(), send_notices(), send_notices(again=True)) == (1, 0, 0)
    (sent,) = mail.outbox
    assert sent.to == ["owner@example.org"]
    assert sent.subject == "Search finished: Tiles in 10 minutes"
    assert f"https://automl.example/searches/{run.pk}/result/" in sent.body
    assert "It tried 7 networks. The best is right on 93.4% of the validation photos." in sent.body
    assert "https://automl.example/account/notices/" in sent.body


def test_a_failure_is_told_with_its_reason(run: SearchRun) -> None:
    SearchRun.objects.update(state=State.FAILED, error="The images <b>are</b> gone.", name="A & B")
    send_notices()
    assert mail.outbox[0].subject == "Search failed: A & B"
    assert "The images <b>are</b> gone." in mail.outbox[0].body, "plain text is not escaped"


@pytest.mark.parametrize("state", [State.QUEUED, State.RUNNING, State.PAUSED, State.STOPPED])
def test_what_runs_or_was_stopped_by_hand_is_not_mailed(run: SearchRun, state: str) -> None:
    SearchRun.objects.update(state=state)
    assert send_notices() == 0


def test_a_mail_that_cannot_be_sent_is_tried_again_and_given_up(run: SearchRun, settings: Any) -> None:
    settings.EMAIL_BACKEND = "tests.unit.search.test_notices.no_such_backend"
    assert send_notices() == 0
    run.refresh_from_db()
    assert (run.noticed_at, run.notice_tries, run.state) == (None, 1, State.DONE)
    assert send_notices() == 0
    run.refresh_from_db()
    assert run.notice_tries == 1, "tried again once a minute only"
    for _ in range(MAX_TRIES):
        send_notices(again=True)
    run.refresh_from_db()
    assert run.notice_tries == MAX_TRIES
    assert run.noticed_at is not None


def test_a_run_that_goes_on_after_a_failure_is_told_of_anew(run: SearchRun, settings: Any) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    SearchRun.objects.update(state=State.FAILED)
    send_notices()
    services.search_run_resume(run=run)
    SearchRun.objects.update(state=State.DONE)
    assert send_notices() == 1


def test_whoever_wants_no_mail_gets_none(
    run: SearchRun, owner: User, client_of: Callable[[User | None], Client]
) -> None:
    client = client_of(owner)
    assert 'name="mail" value="yes" checked' in client.get("/account/notices/").content.decode()
    answer = client.post("/account/notices/", {}, follow=True)
    assert "No more mails." in answer.content.decode()
    assert 'value="yes" checked' not in answer.content.decode()
    assert send_notices() == 0
    client.post("/account/notices/", {"mail": "yes"})
    SearchRun.objects.update(noticed_at=None)
    assert send_notices() == 1


def test_the_language_of_whoever_starts_it_is_kept_for_the_mail(
    owner: User, client_of: Callable[[User | None], Client]
) -> None:
    version = DatasetVersionFactory(dataset__owner=owner)
    client = client_of(owner)
    body = {"dataset_id": str(version.dataset_id), "minutes": 5}
    options: Any = {"content_type": "application/json", "headers": {"Accept-Language": "de"}}
    assert client.post("/api/v1/searches", body, **options).status_code == 201
    assert SearchRun.objects.get().language == "de"


def test_the_migration_fills_keys_and_mails_nothing_of_the_past(run: SearchRun) -> None:
    migration = importlib.import_module("search_app.migrations.0007_live")
    candidate = make_candidate(run, 0)
    key = candidate.twin
    assert 0 < key < 2**48
    Candidate.objects.update(twin=0)
    migration.fill_twins(apps, None)
    candidate.refresh_from_db()
    assert candidate.twin == key
    migration.mark_old_ends(apps, None)
    assert send_notices(again=True) == 0


def test_a_mail_server_that_is_away_ends_the_pass(run: SearchRun, owner: User, settings: Any) -> None:
    SearchRunFactory(owner=owner, state=State.DONE)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()
    assert send_notices() == 0
    tries = SearchRun.objects.values_list("notice_tries", flat=True)
    assert sorted(tries) == [0, 1], "the second mail would only have waited for the same server"
    assert not SearchRun.objects.exclude(noticed_at=None).exclude(notice_tries=0).exists()
