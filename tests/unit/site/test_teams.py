"""Teams: who may do what, invitations, and that nothing of a team stays with whoever left it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from automl_site.account_services import account_delete
from datasets_app import sharing, teams
from datasets_app.access import Right, has_right
from datasets_app.models import Action, AuditEntry, Dataset, Invitation, Membership, Role, Team
from datasets_app.selectors import datasets_of_user, searchable_datasets
from search_app.devices import places_of
from search_app.fronts import earlier_runs
from search_app.models import Device, SearchRun
from search_app.selectors import search_runs_of_user
from search_app.services import search_run_start
from tests.factories import DatasetVersionFactory, SearchRunFactory, UserFactory

FIGURES = {"blocks": 1, "networks": 1, "reference_ms": 1.5, "spread": 0.1, "drift": 0.1}
ClientOf = Callable[[User | None], Client]
pytestmark = pytest.mark.django_db


@pytest.fixture
def team(owner: User, teammate: User) -> Team:
    """The owner's, with the teammate as an editor."""
    team = teams.team_create(user=owner, name="Otter lab")
    Membership.objects.create(team=team, user=teammate, role=Role.EDITOR)
    return team


@pytest.fixture
def run(owner: User, team: Team) -> SearchRun:
    """A run of the owner's that the team sees."""
    run = SearchRunFactory(owner=owner, state=SearchRun.State.DONE)
    for thing in (run.dataset_version.dataset, run):
        sharing.share(thing=thing, team=team, user=owner)
    return run


def member(team: Team, user: User) -> Membership:
    return Membership.objects.get(team=team, user=user)


def link_in(page: str) -> str:
    found = re.search(r"http://testserver(/invitations/[\w-]+/)", page)
    assert found is not None
    return found[1]


def invite(client: Client, team: Team, **values: str) -> str:
    page = client.post(f"/teams/{team.pk}/", {"action": "invite", "role": "viewer", **values})
    assert page.status_code == 200
    return link_in(page.content.decode())


def test_what_is_shared_can_be_shared_and_found(run: SearchRun, teammate: User, stranger: User) -> None:
    dataset = run.dataset_version.dataset
    assert list(datasets_of_user(teammate)) == [dataset]
    assert list(search_runs_of_user(teammate)) == [run]
    assert not datasets_of_user(stranger).exists()
    assert not search_runs_of_user(stranger).exists()
    assert {model.__name__ for model in teams.shared_models()} == {"Dataset", "SearchRun", "Device"}


def test_a_thing_shows_once_however_many_members(run: SearchRun, owner: User, team: Team) -> None:
    for _ in range(3):
        Membership.objects.create(team=team, user=UserFactory(), role=Role.OWNER)
    assert datasets_of_user(owner).count() == search_runs_of_user(owner).count() == 1


@pytest.mark.parametrize(
    ("role", "rights"),
    [(Role.VIEWER, {Right.SEE}), (Role.EDITOR, {Right.SEE, Right.CHANGE}), (Role.OWNER, set(Right))],
)
def test_each_role_has_its_rights(
    run: SearchRun, team: Team, teammate: User, role: Role, rights: set[Right]
) -> None:
    Membership.objects.filter(user=teammate).update(role=role)
    assert {right for right in Right if has_right(teammate, run, right)} == rights
    assert searchable_datasets(teammate).exists() == (Right.CHANGE in rights)


def test_a_search_is_seen_only_while_its_photos_are(run: SearchRun, owner: User, teammate: User) -> None:
    dataset = run.dataset_version.dataset
    sharing.unshare(thing=dataset, user=owner)
    assert not search_runs_of_user(teammate).exists()
    assert search_runs_of_user(owner).count() == 1


def test_a_search_needs_shared_photos_first(owner: User, team: Team, client_of: ClientOf) -> None:
    run = SearchRunFactory(owner=owner)
    answer = client_of(owner).post(f"/share/search/{run.pk}/", {"team": team.pk})
    assert answer.status_code == 422
    assert "Share its data set with this team first" in answer.content.decode()
    run.refresh_from_db()
    assert run.team is None


def test_editors_search_and_their_searches_are_the_teams(
    run: SearchRun, team: Team, teammate: User, owner: User
) -> None:
    dataset = Dataset.objects.get(pk=run.dataset_version.dataset_id)
    theirs = search_run_start(owner=teammate, dataset=dataset, minutes=5)
    assert (theirs.owner, theirs.team) == (teammate, team)
    assert theirs in search_runs_of_user(owner)
    Membership.objects.filter(user=teammate).update(role=Role.VIEWER)
    with pytest.raises(ValidationError, match="as a viewer"):
        search_run_start(owner=teammate, dataset=dataset, minutes=5)
    teams.member_remove(membership=member(team, teammate))
    with pytest.raises(Dataset.DoesNotExist):
        search_run_start(owner=teammate, dataset=dataset, minutes=5)


def test_earlier_searches_that_are_not_shared_stay_unseen(
    run: SearchRun, owner: User, teammate: User
) -> None:
    own = SearchRunFactory(owner=owner, dataset_version=run.dataset_version, n_candidates=3, name="quiet")
    SearchRun.objects.filter(pk=own.pk).update(created_at=run.created_at - timedelta(days=1))
    assert [one.pk for one in earlier_runs(run, owner)] == [own.pk]
    assert list(earlier_runs(run, teammate)) == []


def test_a_shared_device_is_offered_and_its_link_is_not_shown(
    owner: User, team: Team, teammate: User, client_of: ClientOf
) -> None:
    device = Device.objects.create(
        owner=owner, name="Phone", spaces=[], link_token="secretlink", link_made_at=timezone.now(), team=team,
        results_left=1, figures=FIGURES, threads=1, measured_at=timezone.now(), state=Device.State.WAITING,
    )  # fmt: skip
    Membership.objects.filter(user=teammate).update(role=Role.VIEWER)
    assert f"device:{device.pk}" in {place.value for place in places_of(teammate)}
    page = client_of(teammate).get(f"/devices/{device.pk}/").content.decode()
    assert "secretlink" not in page
    assert 'value="delete"' not in page
    assert "secretlink" in client_of(owner).get(f"/devices/{device.pk}/").content.decode()
    assert client_of(teammate).post(f"/devices/{device.pk}/", {"action": "delete"}).status_code == 409
    assert Device.objects.filter(pk=device.pk).exists()


def test_pages_of_a_viewer_hide_what_they_may_not_do(
    run: SearchRun, teammate: User, owner: User, client_of: ClientOf
) -> None:
    Membership.objects.filter(user=teammate).update(role=Role.VIEWER)
    for path in (
        f"/searches/{run.pk}/",
        f"/searches/{run.pk}/result/",
        f"/datasets/{run.dataset_version.dataset_id}/",
    ):
        theirs, mine = (client_of(user).get(path).content.decode() for user in (teammate, owner))
        assert "owner shares it with the team Otter lab" in theirs, path
        assert f"/share/{'dataset' if 'datasets' in path else 'search'}/" in mine
        assert "/share/" not in theirs
    assert "<div hidden>" in client_of(teammate).get(f"/searches/{run.pk}/").content.decode()


def test_an_invitation_lets_one_person_in_once(
    team: Team, owner: User, stranger: User, client_of: ClientOf
) -> None:
    link = invite(client_of(owner), team)
    secret = link.split("/")[2]
    assert secret not in str(list(Invitation.objects.values()))
    anonymous = client_of(None).get(link)
    assert anonymous["Location"] == f"/accounts/login/?next={link}"
    assert "Otter lab" in client_of(stranger).get(link).content.decode()
    assert client_of(stranger).post(link)["Location"] == f"/teams/{team.pk}/"
    assert member(team, stranger).role == Role.VIEWER
    assert client_of(UserFactory()).post(link).status_code == 404
    assert secret not in " ".join(AuditEntry.objects.values_list("detail", flat=True))


@pytest.mark.parametrize("spoil", ["expired", "withdrawn", "inviter gone", "forged"])
def test_a_spoilt_invitation_does_not_exist(
    team: Team, owner: User, stranger: User, client_of: ClientOf, spoil: str
) -> None:
    link = invite(client_of(owner), team)
    if spoil == "expired":
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif spoil == "withdrawn":
        number = Invitation.objects.get().pk
        client_of(owner).post(f"/teams/{team.pk}/", {"action": "withdraw", "invitation": number})
    elif spoil == "inviter gone":
        User.objects.filter(pk=owner.pk).update(is_active=False)
    else:
        link = link[:-5] + "AAAA/"
    assert client_of(stranger).get(link).status_code == client_of(stranger).post(link).status_code == 404
    assert not Membership.objects.filter(user=stranger).exists()


def test_a_member_who_opens_a_link_does_not_spend_it(
    team: Team, owner: User, teammate: User, stranger: User, client_of: ClientOf
) -> None:
    link = invite(client_of(owner), team, role="owner")
    client_of(teammate).post(link)
    assert member(team, teammate).role == Role.EDITOR, "a link changes no role"
    assert client_of(stranger).post(link).status_code == 302


@pytest.mark.parametrize("action", ["remove", "role"])
def test_links_of_whoever_owns_the_team_no_longer_are_withdrawn(
    team: Team, owner: User, teammate: User, client_of: ClientOf, action: str
) -> None:
    teams.member_role_set(membership=member(team, teammate), role=Role.OWNER)
    theirs = invite(client_of(teammate), team, role="owner")
    mine = invite(client_of(owner), team)
    teams.member_role_set(membership=member(team, teammate), role=Role.OWNER)
    assert client_of(UserFactory()).get(theirs).status_code == 200, "an owner who stays one keeps them"
    values = {"action": action, "role": "editor", "member": member(team, teammate).pk}
    assert client_of(owner).post(f"/teams/{team.pk}/", values).status_code == 302
    assert client_of(teammate).get(theirs).status_code == client_of(teammate).post(theirs).status_code == 404
    assert client_of(UserFactory()).post(mine).status_code == 302
    withdrawn = AuditEntry.objects.get(action=Action.INVITE_WITHDRAWN)
    assert (withdrawn.actor, withdrawn.target_id) == ("owner", str(team.pk))


def test_invitations_are_mailed_where_mails_leave(
    team: Team, owner: User, client_of: ClientOf, settings: Any
) -> None:
    invite(client_of(owner), team, email="new@example.org")
    assert mail.outbox == []
    settings.EMAIL_HOST, settings.BASE_URL = "mail.example.org", "https://automl.example.org"
    Team.objects.filter(pk=team.pk).update(name="Otters\r\nBcc: all@example.org")
    link = invite(client_of(owner), team, email="new@example.org")
    (sent,) = mail.outbox
    assert sent.to == ["new@example.org"]
    assert f"https://automl.example.org{link}" in sent.body
    assert "\n" not in sent.subject


def test_invitations_of_an_hour_are_bounded_though_withdrawn(
    team: Team, owner: User, client_of: ClientOf, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teams, "MAX_INVITATIONS", 2)
    settings.EMAIL_HOST = "mail.example.org"
    for _ in range(2):
        invite(client_of(owner), team, email="new@example.org")
        teams.invitation_withdraw(invitation=Invitation.objects.get())
    values = {"action": "invite", "role": "viewer", "email": "new@example.org"}
    refused = client_of(owner).post(f"/teams/{team.pk}/", values)
    assert refused.status_code == 422
    assert "Many invitations of this team are open" in refused.content.decode()
    assert len(mail.outbox) == 2
    later = timezone.now() + timedelta(minutes=61)
    with monkeypatch.context() as patch:
        patch.setattr(timezone, "now", lambda: later)
        teams.invitation_create(team=team, user=owner, role=Role.VIEWER)


@pytest.mark.parametrize("action", ["invite", "withdraw", "role", "remove", "delete"])
def test_only_owners_look_after_a_team(
    team: Team, owner: User, teammate: User, client_of: ClientOf, action: str
) -> None:
    values = {"action": action, "role": "viewer", "member": member(team, owner).pk, "invitation": "1"}
    answer = client_of(teammate).post(f"/teams/{team.pk}/", values)
    assert answer.status_code == 409
    assert "Only an owner of the team may do this" in answer.content.decode()
    assert member(team, owner).role == Role.OWNER
    assert not Invitation.objects.exists()


def test_a_team_keeps_an_owner(team: Team, owner: User, teammate: User, client_of: ClientOf) -> None:
    mine = member(team, owner)
    for values in ({"action": "remove"}, {"action": "role", "role": "viewer"}):
        answer = client_of(owner).post(f"/teams/{team.pk}/", {**values, "member": mine.pk})
        assert answer.status_code == 422
        assert "only owner" in answer.content.decode()
    with pytest.raises(ValidationError, match="only owner of the team Otter lab"):
        account_delete(user=owner)
    assert User.objects.filter(pk=owner.pk).exists()


def test_whoever_leaves_takes_along_what_they_shared(
    run: SearchRun, team: Team, owner: User, teammate: User, client_of: ClientOf
) -> None:
    teams.member_role_set(membership=member(team, teammate), role=Role.OWNER)
    client_of(owner).post(f"/teams/{team.pk}/", {"action": "remove", "member": member(team, owner).pk})
    assert not datasets_of_user(teammate).exists()
    assert not search_runs_of_user(teammate).exists()
    assert search_runs_of_user(owner).get().team is None


def test_a_team_of_another_is_not_shared_with(owner: User, stranger: User, client_of: ClientOf) -> None:
    theirs = teams.team_create(user=stranger, name="Badgers")
    dataset = DatasetVersionFactory(dataset__owner=owner).dataset
    assert client_of(owner).post(f"/share/dataset/{dataset.pk}/", {"team": theirs.pk}).status_code == 422
    with pytest.raises(ValidationError, match="not in this team"):
        sharing.share(thing=dataset, team=theirs, user=owner)


def test_team_owners_end_the_sharing_of_others_things(
    run: SearchRun, team: Team, teammate: User, client_of: ClientOf
) -> None:
    Membership.objects.filter(user=teammate).update(role=Role.OWNER)
    other = teams.team_create(user=teammate, name="Second")
    path = f"/share/search/{run.pk}/"
    assert client_of(teammate).post(path, {"team": other.pk}).status_code == 422, "it is not theirs to share"
    assert client_of(teammate).post(path, {"team": ""})["Location"] == "/teams/"
    run.refresh_from_db()
    assert run.team is None


def test_a_deleted_account_takes_only_its_own_things(run: SearchRun, owner: User, teammate: User) -> None:
    lonely = teams.team_create(user=teammate, name="Lonely")
    account_delete(user=teammate)
    assert SearchRun.objects.get() == run
    assert not Team.objects.filter(pk=lonely.pk).exists()
    told = AuditEntry.objects.get(action=Action.ACCOUNT_DELETE)
    assert (told.actor, told.target) == ("teammate", "teammate")
    assert owner.memberships.count() == 1


def test_a_photo_of_an_editor_counts_against_the_owner(
    run: SearchRun, owner: User, teammate: User, client_of: ClientOf, settings: Any
) -> None:
    settings.QUOTA_BYTES = 50
    photo = SimpleUploadedFile("a.jpg", b"x" * 100)
    url = f"/api/v1/datasets/{run.dataset_version.dataset_id}/photos"
    answer = client_of(teammate).post(url, {"file": photo, "label": "whole"})
    assert answer.status_code == 413
    assert "Your uploads hold" in answer.json()["detail"]


def test_searches_that_wait_are_bounded(owner: User, settings: Any) -> None:
    settings.MAX_WAITING = 2
    dataset = DatasetVersionFactory(dataset__owner=owner).dataset
    for _ in range(2):
        search_run_start(owner=owner, dataset=dataset, minutes=5)
    with pytest.raises(ValidationError, match="2 of your searches wait"):
        search_run_start(owner=owner, dataset=dataset, minutes=5)


def test_lists_and_the_team_page_ask_a_fixed_number_of_queries(
    team: Team, owner: User, teammate: User, client_of: ClientOf
) -> None:
    client = client_of(teammate)

    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as asked:
            assert client.get(path).status_code == 200
        return len(asked)

    paths = (f"/teams/{team.pk}/", "/teams/", "/datasets/", "/searches/", "/devices/", "/")

    def add() -> None:
        run = SearchRunFactory(owner=owner, state=SearchRun.State.DONE, team=team)
        Dataset.objects.filter(pk=run.dataset_version.dataset_id).update(team=team)
        Membership.objects.create(team=team, user=UserFactory(), role=Role.VIEWER)

    add()
    few = [queries(path) for path in paths]
    for _ in range(4):
        add()
    assert [queries(path) for path in paths] == few
    assert few[0] <= 9
