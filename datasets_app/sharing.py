"""Shares what belongs to a person with a team, and takes it back."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from datasets_app.access import NOT_ALLOWED
from datasets_app.audit import record
from datasets_app.models import Action, Membership, Role, Shared, Team


@transaction.atomic
def share(*, thing: Shared, team: Team, user: User) -> None:
    """Shows a thing to a team, and no longer to the one that it was shared with.

    Args:
        thing: A data set, search or device.
        team: One that the user is in.
        user: Whom the thing belongs to.

    Raises:
        ValidationError: It belongs to somebody else, or the user is not in the team.
    """
    if getattr(thing, "owner_id") != user.pk:  # noqa: B009 - a column of each of them
        raise ValidationError(_("Only the person it belongs to can share this. Ask them."), code=NOT_ALLOWED)
    # The membership is locked: whoever is being removed shares nothing at the same moment.
    if not Membership.objects.select_for_update().filter(team=team, user=user).exists():
        raise ValidationError(_("You are not in this team. Choose one of yours."))
    _set(thing, team)
    record(Action.SHARE, actor=user, target=thing, detail=f"team {team.name}")


@transaction.atomic
def unshare(*, thing: Shared, user: User) -> None:
    """Ends the sharing of a thing; it stays with the person it belongs to.

    Args:
        thing: A data set, search or device.
        user: Whom it belongs to, or an owner of its team.

    Raises:
        ValidationError: The user is neither.
    """
    if thing.team is None:
        return
    owns_team = Membership.objects.filter(team=thing.team, user=user, role=Role.OWNER).exists()
    if getattr(thing, "owner_id") != user.pk and not owns_team:  # noqa: B009 - a column of each of them
        raise ValidationError(
            _("Only the person it belongs to or an owner of the team may do this. Ask one of them."),
            code=NOT_ALLOWED,
        )
    record(Action.UNSHARE, actor=user, target=thing, detail=f"team {thing.team.name}")
    _set(thing, None)


def _set(thing: Shared, team: Team | None) -> None:
    type(thing)._default_manager.filter(pk=thing.pk).update(team=team)
    thing.team = team
