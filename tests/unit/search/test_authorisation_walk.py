"""Walks every address of the site as everybody; an address without a rule fails.

Everybody: nobody, the owner, a stranger, an administrator, a viewer and an editor of a team that the owner
shares with, and somebody who was in that team.

The owner's things exist: images imported from a real zip, a run with candidates, events and a model's files.
So a 404 for the stranger means "not yours" and not "nothing there".
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from datasets_app.models import BULKY, Dataset, Membership, Role, Team
from datasets_app.teams import member_remove
from search_app.models import ApiToken, Device, SearchRun
from search_app.tokens import SCOPES, token_create, token_revoke
from tests.authorisation import World, living_world
from tests.factories import UserFactory
from tests.unit.search.access import OPERATIONS, PAGES, UPLOADS, D, Rule, S
from tests.unit.search.addresses import (
    Address,
    addresses,
    content,
    is_page,
    send,
    without_ids,
)


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[World]:
    """Built once, in the test database itself; every test works in a transaction that is rolled back."""
    with django_db_blocker.unblock(), living_world(tmp_path_factory.mktemp("world")) as built:
        yield built


@pytest.fixture(autouse=True)
def storage_of_the_world(world: World, settings: Any, storage: Path, db: None) -> None:
    settings.STORAGE_DIR = world.storage


@pytest.fixture
def owner(world: World) -> User:
    return User.objects.get(username="owner")


ALL = addresses()
RULED = [address for address in ALL if address.rule is not None]
IDS = [f"{address.method} {address.route}" for address in RULED]


def test_every_address_has_a_rule() -> None:
    missing = sorted({address.key for address in ALL if address.rule is None})
    assert not missing, f"write down who may use {missing}"


def test_every_rule_has_an_address() -> None:
    known = {address.key for address in ALL}
    assert not sorted(key for key in (*PAGES, *OPERATIONS, *UPLOADS) if key not in known)


def test_stranger_gets_404_and_learns_nothing(
    world: World, stranger: User, client_of: Any, subtests: pytest.Subtests
) -> None:
    nobodys = {
        **world.ids,
        "dataset_id": str(uuid.uuid4()),
        "run_id": str(uuid.uuid4()),
        "device_id": str(uuid.uuid4()),
        "upload_id": str(uuid.uuid4()),
        "endpoint_id": str(uuid.uuid4()),
        "team_id": str(uuid.uuid4()),
        "thing_id": str(uuid.uuid4()),
    }
    for address in RULED:
        assert address.rule is not None
        with subtests.test(f"{address.method} {address.route}"):
            client = client_of(stranger)  # a new one each time: one of the addresses signs out
            answer = send(client, address, world.ids, world)
            if address.rule.kind == "object" and not (is_page(address) and address.method == "POST"):
                assert answer.status_code == 404
                missing = send(client, address, nobodys, world)
                assert missing.status_code == 404
                assert without_ids(answer, world.ids) == without_ids(missing, nobodys)
            elif address.rule.kind == "object":
                assert answer.status_code in {403, 404, 405}
            elif address.rule.kind == "staff":
                assert answer.status_code in {302, 403, 404}
            else:
                assert answer.status_code < 500 or answer.status_code in address.rule.owner
            for secret in world.secrets:
                assert (
                    secret not in content(answer).decode("utf-8", "replace") if not answer.streaming else True
                )
    assert world.fingerprint() == world.built


@pytest.fixture
def team(world: World) -> Team:
    """The owner's team; data set, run and device are shared with it."""
    team = Team.objects.get(pk=world.ids["team_id"])
    for model in (Dataset, SearchRun, Device):
        model._default_manager.filter(owner__username="owner").update(team=team)
    return team


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR])
def test_member_of_the_team_gets_what_the_role_allows(
    world: World, team: Team, teammate: User, client_of: Any, role: Role, subtests: pytest.Subtests
) -> None:
    Membership.objects.create(team=team, user=teammate, role=role)
    for address in RULED:
        assert address.rule is not None
        if address.rule.kind != "object":
            continue
        with subtests.test(f"{address.method} {address.route}"), transaction.atomic():
            answer = send(client_of(teammate), address, world.ids, world)
            if is_page(address) and address.method == "POST":
                assert answer.status_code < 500
            else:
                allowed = address.rule.of_member(address.method, edits=role == Role.EDITOR)
                assert answer.status_code in allowed, content(answer)[:300]
            if answer.status_code == 409 and not is_page(address):
                assert "Ask" in json.loads(content(answer))["detail"]
            transaction.set_rollback(True)


def test_viewer_changes_nothing(world: World, team: Team, teammate: User, client_of: Any) -> None:
    Membership.objects.create(team=team, user=teammate, role=Role.VIEWER)
    before = world.fingerprint()
    for address in RULED:
        if address.rule is not None and address.rule.kind == "object":
            send(client_of(teammate), address, world.ids, world)
    after = world.fingerprint()
    assert {name: after[name] for name in after} == {name: before[name] for name in before}


@pytest.mark.parametrize("person", ["removed", "administrator"])
def test_whoever_is_not_in_the_team_gets_404(
    world: World, team: Team, client_of: Any, person: str, subtests: pytest.Subtests
) -> None:
    user = UserFactory(username=person, is_staff=person != "removed", is_superuser=person != "removed")
    if person == "removed":
        member_remove(membership=Membership.objects.create(team=team, user=user, role=Role.OWNER))
    for address in RULED:
        assert address.rule is not None
        with subtests.test(f"{address.method} {address.route}"):
            if address.rule.kind == "object":
                answer = send(client_of(user), address, world.ids, world)
                posted = is_page(address) and address.method == "POST"
                assert answer.status_code in ({404, 405} if posted else {404})
            elif address.rule.kind == "staff" and not address.route.startswith("/admin/r/"):
                # Left out: Django's own, which fails for administrators by an id of the wrong form.
                answer = send(client_of(user), address, world.ids, world)
                # An administrator gets what the administration offers: ids of the walk mean nothing there.
                assert answer.status_code in ({302, 403, 404} if person == "removed" else range(200, 500))


def test_nobody_is_sent_to_the_sign_in(world: World, client_of: Any, subtests: pytest.Subtests) -> None:
    for address in RULED:
        assert address.rule is not None
        with subtests.test(f"{address.method} {address.route}"):
            answer = send(client_of(None), address, world.ids, world)
            if address.rule.kind in {"account", "object"} and not is_page(address):
                assert answer.status_code == 401
            elif address.rule.kind in {"account", "object", "staff"}:
                assert answer.status_code in {302, 401, 403, 404, 405}
                if address.method == "GET" and address.rule.kind != "staff":
                    assert answer.status_code == 302
                    assert answer.headers["Location"].startswith("/accounts/login/")
            else:
                assert answer.status_code < 500 or answer.status_code in address.rule.owner
    assert world.fingerprint() == world.built


def test_owner_is_served(world: World, owner: User, client_of: Any, subtests: pytest.Subtests) -> None:
    for address in RULED:
        assert address.rule is not None
        with subtests.test(f"{address.method} {address.route}"), transaction.atomic():
            answer = send(client_of(owner), address, world.ids, world)
            if is_page(address) and address.method == "POST":
                assert answer.status_code < 500
            elif address.rule.kind == "staff":
                assert answer.status_code in {302, 403, 404}
            else:
                assert answer.status_code in address.rule.owner, content(answer)[:300]
            transaction.set_rollback(True)


def program(user: User, *scopes: str) -> Client:
    """A client with a token alone; every change of a session would need the CSRF token."""
    text = token_create(owner=user, name="walk", scopes=scopes)[1]
    return Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {text}"})


def programs_of(world: World) -> Iterator[tuple[Address, Rule]]:
    """Yields the addresses that are for programs: those of the API and of uploads."""
    for address in RULED:
        if address.rule is not None and not is_page(address) and address.rule.kind != "public":
            yield address, address.rule


def test_a_program_may_what_its_scopes_say(world: World, owner: User, subtests: pytest.Subtests) -> None:
    whole, reader = program(owner, *SCOPES), program(owner, *(one for one in SCOPES if one.endswith(":read")))
    for address, rule in programs_of(world):
        with subtests.test(f"{address.method} {address.route}"):
            with transaction.atomic():
                assert send(whole, address, world.ids, world).status_code in rule.owner
                transaction.set_rollback(True)
            reads = address.method == "GET"
            expected = rule.owner if reads else {403}
            assert send(reader, address, world.ids, world).status_code in expected
    assert world.fingerprint() == world.built


def test_programs_of_others_get_404_and_learn_nothing(
    world: World, stranger: User, subtests: pytest.Subtests
) -> None:
    staff = UserFactory(username="staff", is_staff=True, is_superuser=True)
    for who in (stranger, staff):
        other = program(who, *SCOPES)
        for address, rule in programs_of(world):
            with subtests.test(f"{who}: {address.method} {address.route}"), transaction.atomic():
                answer = send(other, address, world.ids, world)
                if rule.kind == "object":
                    assert answer.status_code == 404
                told = "" if answer.streaming else content(answer).decode("utf-8", "replace")
                assert not [secret for secret in world.secrets if secret in told]
                transaction.set_rollback(True)
    assert world.fingerprint() == world.built


def test_expired_and_revoked_programs_are_out(world: World, owner: User, subtests: pytest.Subtests) -> None:
    expired, revoked = program(owner, *SCOPES), program(owner, *SCOPES)
    newest, before = ApiToken.objects.filter(owner=owner).order_by("-pk")[:2]
    ApiToken.objects.filter(pk=before.pk).update(expires_at=before.created_at)
    token_revoke(token=newest)
    for address, _rule in programs_of(world):
        with subtests.test(f"{address.method} {address.route}"):
            for client in (expired, revoked):
                assert send(client, address, world.ids, world).status_code == 401
    assert world.fingerprint() == world.built


def test_no_page_is_for_programs(world: World, owner: User, subtests: pytest.Subtests) -> None:
    whole = program(owner, *SCOPES)
    for address in RULED:
        if address.rule is not None and is_page(address) and address.rule.kind != "public":
            with subtests.test(f"{address.method} {address.route}"):
                answer = send(whole, address, world.ids, world)
                assert answer.status_code in ({302} if address.method == "GET" else {302, 403, 405})
    assert world.fingerprint() == world.built


def test_every_change_needs_the_csrf_token(world: World, owner: User, subtests: pytest.Subtests) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner, backend="django.contrib.auth.backends.ModelBackend")
    for address in RULED:
        if address.method in {"GET", "HEAD"} or is_page(address):
            continue
        with subtests.test(f"{address.method} {address.route}"):
            assert send(client, address, world.ids, world).status_code in {401, 403}
    assert world.fingerprint() == world.built


def test_downloads_are_attachments_that_no_browser_interprets(
    world: World, owner: User, client_of: Any
) -> None:
    client = client_of(owner)
    base = f"/api/v1/searches/{world.ids['run_id']}/models/{world.ids['model_id']}"
    for path in (f"{base}/files/{world.ids['name']}", f"{base}/bundle.zip"):
        answer = client.get(path)
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_files_outside_the_list_do_not_exist(world: World, owner: User, client_of: Any) -> None:
    base = f"/api/v1/searches/{world.ids['run_id']}/models/{world.ids['model_id']}"
    # secret.txt lies in the model's folder, but its row does not list it.
    for name in ("..%2F..%2Fstate.json", "secret.txt", "%2Fetc%2Fpasswd", "labels.json%00.txt"):
        assert client_of(owner).get(f"{base}/files/{name}").status_code == 404, name


def test_deactivated_owner_is_out(world: World, owner: User, client_of: Any) -> None:
    client = client_of(owner)
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert client.get(f"/api/v1/searches/{world.ids['run_id']}").status_code == 401
    assert (Dataset.objects.count(), SearchRun.objects.count()) == (2, 1)


def test_only_the_address_of_the_preview_reads_it(
    world: World, owner: User, client_of: Any, subtests: pytest.Subtests
) -> None:
    shown, table = f"GET {D}/{{dataset_id}}/preview", Dataset._meta.db_table
    for address in RULED:
        again = address.key.startswith(f"POST {S}")  # a search that was stopped is read anew, once
        if again or address.rule is None or address.rule.kind in {"public", "staff"}:
            continue
        with subtests.test(address.key), transaction.atomic():
            with CaptureQueriesContext(connection) as asked:
                send(client_of(owner), address, world.ids, world)
            read = [n for n in BULKY if any(f'"{table}"."{n}"' in one["sql"] for one in asked)]
            assert read == (["preview"] if address.key == shown else [])
            transaction.set_rollback(True)
