"""The audit log: what is written down, that nothing in it changes, and the administrators' page."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from datasets_app.audit import forget_old, record
from datasets_app.audit_models import AppendOnlyError
from datasets_app.models import Action, AuditEntry
from datasets_app.services import dataset_delete
from search_app.models import SearchRun
from tests.factories import DatasetFactory, SearchRunFactory, UserFactory

ClientOf = Callable[[User | None], Client]
pytestmark = pytest.mark.django_db


@pytest.fixture
def staff() -> User:
    return UserFactory(username="chief", is_staff=True)


def write(action: Action, at: Any = None, **values: Any) -> AuditEntry:
    row = record(action, **values)
    if at is not None:
        changed = AuditEntry.objects.filter(pk=row.pk)
        models.QuerySet.update(changed, at=at)  # as nobody of ours does
    return row


def test_rows_are_neither_changed_nor_deleted(owner: User) -> None:
    row = record(Action.DELETE, actor=owner)
    row.actor = "somebody else"
    attempts: list[Callable[[], Any]] = [
        row.save,
        row.delete,
        AuditEntry.objects.all().delete,
        AuditEntry._base_manager.all().delete,
        lambda: AuditEntry.objects.update(actor="x"),
        lambda: AuditEntry._base_manager.update(actor="x"),
        lambda: AuditEntry.objects.bulk_update([row], ["actor"]),
        lambda: AuditEntry.objects.update_or_create(pk=row.pk, defaults={"actor": "x"}),
    ]
    for attempt in attempts:
        with pytest.raises(AppendOnlyError):
            attempt()
    assert AuditEntry.objects.get().actor == "owner"


def test_a_row_outlives_what_it_names(owner: User) -> None:
    dataset = DatasetFactory(owner=owner, name="Tiles")
    dataset_delete(dataset=dataset)
    number = owner.pk
    record(Action.DELETE, actor=owner)
    owner.delete()
    rows = AuditEntry.objects.order_by("pk")
    assert [(row.target_kind, row.target) for row in rows] == [("dataset", "Tiles"), ("", "")]
    assert (rows[1].actor_id, rows[1].actor) == (number, "owner")


def test_what_is_rolled_back_was_not_done(owner: User) -> None:
    run = SearchRunFactory(owner=owner)
    with pytest.raises(Exception, match="Searches still use"):
        dataset_delete(dataset=run.dataset_version.dataset)
    assert not AuditEntry.objects.exists()


def test_old_rows_go_and_younger_ones_stay(owner: User, settings: Any) -> None:
    settings.AUDIT_DAYS = 30
    now = timezone.now()
    write(Action.SIGN_IN, at=now - timedelta(days=31), actor=owner)
    young = write(Action.SIGN_IN, at=now - timedelta(days=29), actor=owner)
    assert forget_old() == 1
    assert list(AuditEntry.objects.all()) == [young]


def test_downloads_and_deletions_name_who_what_and_where(owner: User, client_of: ClientOf) -> None:
    run = SearchRunFactory(owner=owner, state=SearchRun.State.DONE, report="report.json")
    run.workdir.mkdir(parents=True)
    (run.workdir / "report.json").write_text("{}")
    client = client_of(owner)
    client.get(f"/api/v1/searches/{run.pk}/report.json", REMOTE_ADDR="198.51.100.7")
    row = AuditEntry.objects.get(action=Action.DOWNLOAD)
    assert (row.actor_id, row.target_kind, row.target_id) == (owner.pk, "search", str(run.pk))
    assert (row.detail, row.ip, len(row.request)) == ("report.json", "198.51.100.7", 8)
    client.delete(f"/api/v1/searches/{run.pk}")
    assert AuditEntry.objects.get(action=Action.DELETE).target == run.name
    client.get("/account/export/")
    assert AuditEntry.objects.filter(action=Action.ACCOUNT_EXPORT, actor="owner").count() == 1


def test_the_page_is_for_administrators(owner: User, staff: User, client_of: ClientOf) -> None:
    for path in ("/audit/", "/audit/log.csv"):
        assert client_of(owner).get(path).status_code == 404
        assert client_of(None).get(path).status_code == 302
        assert client_of(staff).get(path).status_code == 200


def test_the_page_filters_and_shows_text_as_text(owner: User, staff: User, client_of: ClientOf) -> None:
    dataset = DatasetFactory(owner=owner, name="<script>otter</script>")
    write(Action.DELETE, actor=owner, target=dataset)
    write(Action.SIGN_IN, actor=staff, at=timezone.now() - timedelta(days=10))
    client = client_of(staff)

    def shown(**query: str) -> list[AuditEntry]:
        return list(client.get("/audit/", query).context["page"])

    assert [row.action for row in shown(action="delete")] == ["delete"]
    assert [row.actor for row in shown(person="own")] == ["owner"]
    assert [row.action for row in shown(target="OTTER")] == ["delete"]
    assert [row.action for row in shown(target=str(dataset.pk))] == ["delete"]
    today = timezone.localdate()
    assert [row.action for row in shown(until=str(today - timedelta(days=5)))] == ["sign-in"]
    assert "sign-in" not in {row.action for row in shown(since=str(today), person="own")}
    for nonsense in ({"since": "2026-02-30"}, {"action": "x"}, {"page": "999999"}, {"person": "\0'\""}):
        assert client.get("/audit/", nonsense).status_code == 200
    page = client.get("/audit/", {"action": "delete"}).content.decode()
    assert "&lt;script&gt;otter" in page
    assert "<script>otter" not in page


def test_cells_of_the_csv_run_nothing(owner: User, staff: User, client_of: ClientOf) -> None:
    for name in ("=cmd|' /C calc'!A0", "+1", "-1", "@x", 'fine, "quoted"'):
        write(Action.DELETE, actor=owner, target=DatasetFactory(owner=owner, name=name))
    answer = client_of(staff).get("/audit/log.csv", {"action": "delete"})
    assert answer["Content-Disposition"] == 'attachment; filename="audit.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["target"] for row in rows] == ['fine, "quoted"', "'@x", "'-1", "'+1", "'=cmd|' /C calc'!A0"]
    assert AuditEntry.objects.first().detail == "audit log action=delete"


def test_the_page_asks_a_fixed_number_of_queries(staff: User, client_of: ClientOf) -> None:
    client = client_of(staff)
    counts = []
    for _ in range(2):
        for _ in range(20):
            write(Action.SIGN_IN, actor=staff)
        with CaptureQueriesContext(connection) as asked:
            client.get("/audit/")
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 4
