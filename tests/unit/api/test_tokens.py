"""Tokens: shown once, kept as hashes, bounded by scopes, ended at once."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from automl_site.api import api
from datasets_app.models import AuditEntry
from search_app.models import ApiToken
from search_app.tokens import SCOPES, token_create, token_for_text, token_revoke
from tests.factories import DatasetVersionFactory, SearchRunFactory
from tests.unit.api.conftest import Program, Programs


def test_a_token_is_kept_as_a_hash_and_found_again(owner: User) -> None:
    row, text = token_create(owner=owner, name=" CI\n", scopes=["models:read"], days=30)
    assert row.name == "CI"
    assert text.startswith(f"aml_{row.prefix}_")
    kept = " ".join(str(value) for value in ApiToken.objects.filter(pk=row.pk).values_list()[0])
    assert text.split("_", 2)[2] not in kept
    found = token_for_text(text)
    assert found is not None
    assert found.pk == row.pk
    wrong = text[:-1] + ("A" if text[-1] != "A" else "B")
    for other in (wrong, text[:20], "", "aml_" + "0" * 12 + "_" + "x" * 43, text + "\n", "é" * 60):
        assert token_for_text(other) is None, other


def test_a_token_acts_for_its_owner_without_cookie_and_csrf_token(owner: User, program_of: Programs) -> None:
    dataset = DatasetVersionFactory(dataset__owner=owner).dataset
    program = program_of(owner, "searches:read", "searches:write")
    made = program.post("/searches", {"dataset_id": str(dataset.pk), "minutes": 5})
    assert made.status_code == 201
    assert [one["id"] for one in program.get("/searches").json()["items"]] == [made.json()["id"]]
    assert ApiToken.objects.get().last_used_at is not None


def test_a_request_costs_one_query_for_its_token(
    owner: User, program_of: Programs, django_assert_max_num_queries: Any
) -> None:
    program = program_of(owner)
    program.get("/devices")  # notes the use
    with django_assert_max_num_queries(3):
        program.get("/devices")


def test_scopes_are_asked_for_each_operation(owner: User, program_of: Programs) -> None:
    run = SearchRunFactory(owner=owner)
    program = program_of(owner, "searches:read")
    assert program.get(f"/searches/{run.pk}").status_code == 200
    for answer in (
        program.post(f"/searches/{run.pk}/stop"),
        program.get(f"/searches/{run.pk}/models"),
        program.get("/datasets"),
        program.get("/devices"),
    ):
        assert answer.status_code == 403
        assert answer.json()["code"] == "insufficient_scope"
        assert "scope=" in answer["WWW-Authenticate"]


def test_every_operation_has_a_scope_and_none_reaches_accounts() -> None:
    for path, methods in api.get_openapi_schema()["paths"].items():
        assert (
            "token" not in path and "account" not in path and "webhook" not in path and "password" not in path
        )
        for method, operation in methods.items():
            assert operation["x-scope"] in SCOPES, (path, method)
            assert operation["x-scope"].endswith(":read") == (method in {"get", "head"})


def test_pages_and_accounts_do_not_know_tokens(owner: User, program_of: Programs) -> None:
    program = program_of(owner)
    for path in (
        "/account/",
        "/account/tokens/",
        "/account/webhooks/",
        "/account/export/",
        "/accounts/email/",
    ):
        assert program.send("GET", path).status_code == 302
        assert program.send("POST", path).status_code in {302, 403}
    assert ApiToken.objects.count() == 1


def test_expired_revoked_and_unknown_tokens_are_answered_alike(owner: User, program_of: Programs) -> None:
    expired, revoked = program_of(owner, days=1), program_of(owner)
    first, second = ApiToken.objects.order_by("pk")
    ApiToken.objects.filter(pk=first.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert revoked.get("/datasets").status_code == 200
    token_revoke(token=second)  # with effect on the next request
    answers = [one.get("/datasets") for one in (expired, revoked, Program("aml_x"), Program("secret"))]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert all(answer["WWW-Authenticate"] == "Bearer" for answer in answers)


def test_a_token_of_somebody_deactivated_lets_nobody_in(owner: User, program_of: Programs) -> None:
    program = program_of(owner)
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert program.get("/datasets").status_code == 401


def test_a_wrong_token_is_not_rescued_by_a_session(owner: User) -> None:
    client = Client()
    client.force_login(owner, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/api/v1/datasets", headers={"Authorization": "Bearer aml_no"}).status_code == 401
    assert client.get("/api/v1/datasets").status_code == 200


def test_no_token_stands_in_a_log(owner: User, program_of: Programs, caplog: Any) -> None:
    text = token_create(owner=owner, name="x", scopes=["datasets:read"])[1]
    with caplog.at_level(logging.DEBUG):
        Program(text).get("/datasets")
        Program(text).post("/datasets/drafts")
        Program(text + "x").get("/datasets")
        Program(None).get(f"/datasets?token={text}")
    assert text.split("_", 2)[2] not in caplog.text


def test_nonsense_makes_no_token(owner: User, settings: Any) -> None:
    for wrong in (
        {"name": " ", "scopes": ["datasets:read"]},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["tokens:write"]},
        {"name": "x", "scopes": ["datasets:read"], "days": 0},
    ):
        with pytest.raises(ValidationError):
            token_create(owner=owner, **wrong)  # type: ignore[arg-type]
    assert not ApiToken.objects.exists()


def test_uploads_in_pieces_take_tokens(owner: User, stranger: User, program_of: Programs) -> None:
    tus = {"Tus-Resumable": "1.0.0"}
    writer, reader = program_of(owner, "datasets:write"), program_of(owner, "datasets:read")
    announced = writer.send("POST", "/uploads/", **tus, **{"Upload-Length": "10"})
    assert announced.status_code == 201
    place = announced["Location"]
    assert writer.send("HEAD", place, **tus)["Upload-Offset"] == "0"
    assert reader.send("HEAD", place, **tus).status_code == 403
    assert program_of(stranger, "datasets:write").send("HEAD", place, **tus).status_code == 404
    assert Program("aml_x").send("DELETE", place, **tus).status_code == 401
    assert writer.send("DELETE", place, **tus).status_code == 204


def test_a_page_makes_a_token_shows_it_once_and_revokes_it(
    owner: User, stranger: User, client_of: Any
) -> None:
    client = client_of(owner)
    form = {"name": "<b>CI</b>", "days": "30", "scopes": ["datasets:read", "models:read"]}
    page = client.post("/account/tokens/", form)
    row = ApiToken.objects.get()
    text = page.context["secret"]
    assert text in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert token_for_text(text) is not None
    again = client.get("/account/tokens/").content.decode()
    assert text not in again
    assert row.prefix in again
    assert "<b>CI</b>" not in again
    assert client_of(stranger).post("/account/tokens/", {"revoke": row.pk}).status_code == 404
    assert client.post("/account/tokens/", {"revoke": "x"}).status_code == 404
    assert client.post("/account/tokens/", {"revoke": row.pk}).status_code == 302
    assert token_for_text(text) is None
    assert client.post("/account/tokens/", {"name": "x"}).status_code == 422


def test_the_audit_log_tells_of_a_token_when_it_is_made_first_used_and_revoked(
    owner: User, program_of: Programs
) -> None:
    program = program_of(owner, "devices:read")
    for _ in range(2):
        assert program.get("/devices").status_code == 200
    token = ApiToken.objects.get()
    token_revoke(token=token)
    token_revoke(token=token)
    rows = AuditEntry.objects.filter(action__startswith="token").order_by("pk")
    assert [row.action for row in rows] == ["token-create", "token-use", "token-revoke"]
    assert {row.target for row in rows} == {str(token)}
