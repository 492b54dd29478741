"""Reads teams, and says who may see them: their members."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ValidationError
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.utils.translation import gettext as _

from datasets_app.access import NOT_ALLOWED
from datasets_app.models import Membership, Role, Team


def teams_of_user(user: User | AnonymousUser) -> QuerySet[Team]:
    """Returns the teams that the user is in, by name, each with `n_members` and the user's `role`."""
    if not user.is_authenticated or not user.is_active:
        return Team.objects.none()
    mine = Membership.objects.filter(user_id=user.pk)
    role = mine.filter(team=OuterRef("pk")).values("role")[:1]
    found = Team.objects.filter(pk__in=mine.values("team_id"))
    return found.annotate(n_members=Count("memberships"), role=Subquery(role))


def membership_of(user: User | AnonymousUser, team_id: uuid.UUID) -> Membership:
    """Returns the user's own membership of a team, with the team.

    Raises:
        Membership.DoesNotExist: No such team, or the user is not in it; nobody can tell which.
    """
    if not user.is_authenticated or not user.is_active:
        raise Membership.DoesNotExist
    return Membership.objects.select_related("team", "user").get(user_id=user.pk, team_id=team_id)


def check_owner(membership: Membership) -> None:
    """Refuses what only an owner of the team may do.

    Raises:
        ValidationError: With the code `NOT_ALLOWED`.
    """
    if membership.role != Role.OWNER:
        raise ValidationError(
            _("Only an owner of the team may do this. Ask one of them; the list of members names them."),
            code=NOT_ALLOWED,
        )
