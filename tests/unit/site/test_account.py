"""One's own account: the page, the language, and the deletion with all that belongs to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from datasets_app.models import Dataset
from search_app.models import Device, SearchRun
from tests import factories

ClientOf = Callable[[User | None], Client]
pytestmark = pytest.mark.django_db


def test_the_name_is_kept_and_shown(client_of: ClientOf, owner: User) -> None:
    client = client_of(owner)
    answer = client.post("/account/", {"name": "<b>Ada</b>"}, follow=True)
    owner.refresh_from_db()
    assert owner.first_name == "<b>Ada</b>"
    assert "&lt;b&gt;Ada&lt;/b&gt;" in answer.content.decode()
    assert "<b>Ada" not in answer.content.decode()


def test_the_language_is_chosen_and_kept(client_of: ClientOf, owner: User) -> None:
    client = client_of(owner)
    answer = client.post(
        "/i18n/setlang/", {"language": "de"}, headers={"referer": "http://testserver/account/"}
    )
    assert answer["Location"].endswith("/account/")
    assert '<html lang="de">' in client.get("/account/").content.decode()


def test_the_part_about_messages_is_shown_where_there_is_one(
    client_of: ClientOf, owner: User, settings: Any, tmp_path: Path
) -> None:
    part = tmp_path / "templates/account/notices.html"
    part.parent.mkdir(parents=True)
    part.write_text("<p>The part about {{ user.username }}</p>")
    first = settings.TEMPLATES[0]
    settings.TEMPLATES = [{**first, "DIRS": [tmp_path / "templates", *first["DIRS"]]}]
    assert "<p>The part about owner</p>" in client_of(owner).get("/account/").content.decode()


def test_sign_in_offers_the_languages(client_of: ClientOf) -> None:
    text = client_of(None).get("/accounts/login/").content.decode()
    assert 'value="de" lang="de"' in text


def test_what_is_kept_can_be_taken_along(client_of: ClientOf, owner: User, stranger: User) -> None:
    mine, theirs = (factories.SearchRunFactory(owner=user) for user in (owner, stranger))
    answer = client_of(owner).get("/account/export/")
    assert answer["Content-Disposition"].startswith("attachment")
    told = answer.json()
    assert told["account"]["user_name"] == "owner"
    assert [run["id"] for run in told["searches"]] == [str(mine.pk)]
    assert [one["name"] for one in told["data_sets"]] == [mine.dataset_version.dataset.name]
    assert str(theirs.pk) not in answer.content.decode()
    assert "password" not in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_deletion_takes_everything_and_nothing_of_others(
    client_of: ClientOf, owner: User, stranger: User, storage: Path
) -> None:
    runs = [factories.SearchRunFactory(owner=user, state=SearchRun.State.DONE) for user in (owner, stranger)]
    for run in runs:
        run.workdir.mkdir(parents=True)
    client = client_of(owner)
    answer = client.post("/account/delete/", {"name": "owner", "password": "correct horse battery"})
    assert answer["Location"] == "/accounts/login/"
    assert list(User.objects.all()) == [stranger]
    assert list(SearchRun.objects.all()) == [runs[1]]
    assert Dataset.objects.count() == 1
    assert not Device.objects.exists()
    assert [run.workdir.exists() for run in runs] == [False, True]
    assert client.get("/").status_code == 302


@pytest.mark.parametrize(
    ("name", "password", "sentence"),
    [
        ("own", "correct horse battery", "This is not your user name"),
        ("owner", "wrong", "This is not your password"),
    ],
)
def test_a_slip_deletes_nothing(
    client_of: ClientOf, owner: User, name: str, password: str, sentence: str
) -> None:
    answer = client_of(owner).post("/account/delete/", {"name": name, "password": password})
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert User.objects.filter(pk=owner.pk).exists()


def test_who_signed_in_without_a_password_confirms_by_name(client_of: ClientOf, owner: User) -> None:
    owner.set_unusable_password()
    owner.save()
    client = client_of(owner)
    assert "current-password" not in client.get("/account/delete/").content.decode()
    client.post("/account/delete/", {"name": "owner"})
    assert not User.objects.filter(pk=owner.pk).exists()


def test_a_running_search_keeps_the_account(client_of: ClientOf, owner: User) -> None:
    factories.SearchRunFactory(owner=owner, state=SearchRun.State.DONE)
    factories.SearchRunFactory(owner=owner, state=SearchRun.State.RUNNING)
    given = {"name": "owner", "password": "correct horse battery"}
    answer = client_of(owner).post("/account/delete/", given)
    assert answer.status_code == 422
    assert "A search of yours is still running" in answer.content.decode()
    assert SearchRun.objects.count() == 2


def test_the_last_administrator_stays(client_of: ClientOf, owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(is_superuser=True)
    given = {"name": "owner", "password": "correct horse battery"}
    assert "only administrator" in client_of(owner).post("/account/delete/", given).content.decode()
    factories.UserFactory(is_superuser=True)
    client_of(owner).post("/account/delete/", given)
    assert not User.objects.filter(pk=owner.pk).exists()
