"""Changes teams. Refusals are ValidationErrors whose text is one plain sentence with the next step."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any, Final

from django.apps import apps
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from datasets_app.audit import one_line, record
from datasets_app.models import Action, AuditEntry, Invitation, Membership, Role, Shared, Team

MAX_TEAMS: Final = 20
"""That one person may own."""
MAX_MEMBERS: Final = 100
MAX_INVITATIONS: Final = 50
"""That may be open at a time for one team, and that one person may make in an hour: each may be a mail."""
INVITATION_DAYS: Final = 7


def shared_models() -> list[type[Shared]]:
    """Returns the tables of what can be shared."""
    return [model for model in apps.get_models() if issubclass(model, Shared)]


@transaction.atomic
def team_create(*, user: User, name: str) -> Team:
    """Makes a team with one owner.

    Raises:
        ValidationError: No name, or too many teams.
    """
    cleaned = one_line(name, 100)
    if not cleaned:
        raise ValidationError(_("Give the team a name by which its members will know it."))
    if Membership.objects.filter(user=user, role=Role.OWNER).count() >= MAX_TEAMS:
        raise ValidationError(
            _("You own %(n)d teams already. Delete one that you no longer need.") % {"n": MAX_TEAMS}
        )
    team = Team.objects.create(name=cleaned)
    Membership.objects.create(team=team, user=user, role=Role.OWNER)
    record(Action.TEAM_CREATE, actor=user, target=team)
    return team


@transaction.atomic
def team_delete(*, team: Team) -> None:
    """Deletes a team; what was shared with it stays with those whom it belongs to."""
    record(Action.TEAM_DELETE, target=team)
    for model in shared_models():
        model._default_manager.filter(team=team).update(team=None)
    team.delete()


@transaction.atomic
def member_role_set(*, membership: Membership, role: str) -> None:
    """Gives a member another role; whoever is no owner any more has no open invitations either.

    Raises:
        ValidationError: No such role, or nobody would be left to own the team.
    """
    if role not in Role.values:
        raise ValidationError(_("There is no such role. Choose viewer, editor or owner."))
    _lock(membership.team)
    if role != Role.OWNER:
        _check_another_owner(membership)
        _withdraw_invitations(membership)
    Membership.objects.filter(pk=membership.pk).update(role=role)
    detail = f"{membership.user.get_username()}: {membership.role} -> {role}"
    record(Action.MEMBER_ROLE, target=membership.team, detail=detail)


@transaction.atomic
def member_remove(*, membership: Membership) -> None:
    """Takes a member out of the team, with whatever they had shared with it and their open invitations.

    Raises:
        ValidationError: Nobody would be left to own the team.
    """
    _lock(membership.team)
    _check_another_owner(membership)
    _withdraw_invitations(membership)
    for model in shared_models():
        things: QuerySet[Any] = model._default_manager.filter(team=membership.team)
        things.filter(owner_id=membership.user_id).update(team=None)
    record(Action.MEMBER_REMOVED, target=membership.team, detail=membership.user.get_username())
    membership.delete()


@transaction.atomic
def invitation_create(*, team: Team, user: User, role: str, email: str = "") -> tuple[Invitation, str]:
    """Makes a link that lets one person into the team.

    Args:
        team: Of which `user` is an owner.
        user: Who invites.
        role: The role of whoever accepts.
        email: To whom the link goes, or empty.

    Returns:
        The invitation, and the link's secret, which is kept nowhere.

    Raises:
        ValidationError: No such role, or too many invitations or members.
    """
    if role not in Role.values:
        raise ValidationError(_("There is no such role. Choose viewer, editor or owner."))
    _lock(team)
    made = AuditEntry.objects.filter(  # rows of invitations go when they are withdrawn; those of the log stay
        action=Action.INVITE, actor_id=user.pk, at__gt=timezone.now() - timedelta(hours=1)
    )
    if max(open_invitations(team).count(), made.count()) >= MAX_INVITATIONS:
        raise ValidationError(_("Many invitations of this team are open. Withdraw some of them first."))
    _check_room(team)
    secret = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        team=team,
        role=role,
        email=email,
        token_hash=hashed(secret),
        invited_by=user,
        expires_at=timezone.now() + timedelta(days=INVITATION_DAYS),
    )
    record(Action.INVITE, actor=user, target=team, detail=f"{role} {email}")
    return invitation, secret


@transaction.atomic
def invitation_withdraw(*, invitation: Invitation) -> None:
    """Ends an open invitation."""
    record(Action.INVITE_WITHDRAWN, target=invitation.team, detail=f"{invitation.role} {invitation.email}")
    invitation.delete()


@transaction.atomic
def invitation_accept(*, user: User, secret: str) -> Team:
    """Lets the user into the team of an invitation, which is spent by that; of two clicks one wins.

    Raises:
        Invitation.DoesNotExist: Unknown, withdrawn, expired or used; nobody can tell which.
        ValidationError: The user is a member already, or the team is full.
    """
    invitation = invitation_for_secret(secret)
    team = _lock(invitation.team)
    if Membership.objects.filter(team=team, user=user).exists():
        raise ValidationError(_("You are a member of this team already."))
    _check_room(team)
    open_one = open_invitations(team).filter(pk=invitation.pk)
    if not open_one.update(accepted_at=timezone.now()):
        raise Invitation.DoesNotExist
    Membership.objects.create(team=team, user=user, role=invitation.role)
    record(Action.JOIN, actor=user, target=team, detail=invitation.role)
    return team


def invitation_for_secret(secret: str) -> Invitation:
    """Returns the open invitation of a link.

    Raises:
        Invitation.DoesNotExist: Unknown, withdrawn, expired or used.
    """
    found = Invitation.objects.select_related("team", "invited_by")
    return found.get(
        token_hash=hashed(secret),
        accepted_at=None,
        expires_at__gt=timezone.now(),
        invited_by__is_active=True,
    )


def open_invitations(team: Team) -> QuerySet[Invitation]:
    """Returns the invitations of a team that can still be accepted, newest first."""
    return team.invitations.filter(accepted_at=None, expires_at__gt=timezone.now())


def hashed(secret: str) -> str:
    """Returns what is kept of a link's secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def check_may_leave_all(user: User) -> None:
    """Refuses while a team with others in it would lose its only owner.

    Raises:
        ValidationError: Naming the team.
    """
    for membership in user.memberships.filter(role=Role.OWNER).select_related("team"):
        others = membership.team.memberships.exclude(user=user)
        if others.exists() and not others.filter(role=Role.OWNER).exists():
            raise ValidationError(
                _("You are the only owner of the team %(name)s. Make someone else an owner, or delete it.")
                % {"name": membership.team.name}
            )


@transaction.atomic
def leave_all(*, user: User) -> None:
    """Takes the user out of all teams; a team that nobody else is in goes.

    Raises:
        ValidationError: A team with others in it would lose its only owner.
    """
    check_may_leave_all(user)
    for membership in user.memberships.select_related("team", "user"):
        if membership.team.memberships.count() == 1:
            team_delete(team=membership.team)
        else:
            member_remove(membership=membership)


def _lock(team: Team) -> Team:
    """Makes other changes of this team's members wait until this transaction ends."""
    return Team.objects.select_for_update().get(pk=team.pk)


def _withdraw_invitations(membership: Membership) -> None:
    """Ends the open invitations that a member made: by such a link they could let themselves in again."""
    theirs = open_invitations(membership.team).filter(invited_by_id=membership.user_id)
    for invitation in theirs.select_related("team"):
        invitation_withdraw(invitation=invitation)


def _check_another_owner(membership: Membership) -> None:
    if membership.role != Role.OWNER:
        return
    owners = Membership.objects.filter(team_id=membership.team_id, role=Role.OWNER)
    if not owners.exclude(pk=membership.pk).exists():
        raise ValidationError(
            _("This is the only owner of the team. Make someone else an owner first, or delete the team.")
        )


def _check_room(team: Team) -> None:
    if team.memberships.count() >= MAX_MEMBERS:
        raise ValidationError(
            _("This team has %(n)d members, and more cannot join. Make another team.") % {"n": MAX_MEMBERS}
        )
