"""Who may see, change and delete: the one rule for data sets, searches and devices.

A thing belongs to one person, who may do everything with it, and may be shared with one team. There the role
decides: a viewer sees and downloads, an editor also changes, searches and stops, an owner also deletes. What
somebody may not see does not exist for them; what they may see but not change gets a sentence.
"""

from __future__ import annotations

import uuid
from enum import IntEnum
from typing import Final, TypeVar

from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _

from datasets_app.team_models import Membership, Role

Person = User | AnonymousUser
Thing = TypeVar("Thing", bound=Model)

NOT_ALLOWED: Final = "role"
"""Code of the ValidationError that says that a role does not suffice."""


class Right(IntEnum):
    """What somebody wants to do; each one includes those before."""

    SEE = 1
    CHANGE = 2
    DELETE = 3


_ROLES: Final = {
    Right.SEE: tuple(Role),
    Right.CHANGE: (Role.EDITOR, Role.OWNER),
    Right.DELETE: (Role.OWNER,),
}
NOBODY: Final = Q(pk__in=[])


def allowed_to(user: Person, right: Right) -> Q:
    """Returns the condition on things with `owner` and `team` that `user` has a right on.

    Memberships are asked for in a subquery: a join would give a thing once for each member of its team.
    """
    if not user.is_authenticated or not user.is_active:
        return NOBODY
    teams = Membership.objects.filter(user_id=user.pk, role__in=_ROLES[right]).values("team_id")
    return Q(owner_id=user.pk) | Q(team_id__in=teams)


def visible_to(user: Person) -> Q:
    """Returns the condition on what `user` may see and download."""
    return allowed_to(user, Right.SEE)


def editable_by(user: Person) -> Q:
    """Returns the condition on what `user` may change."""
    return allowed_to(user, Right.CHANGE)


def one_of(visible: QuerySet[Thing], user: Person, key: uuid.UUID | str, right: Right = Right.SEE) -> Thing:
    """Returns one thing of those that the user may see, if they may do with it what they want.

    One query more than without `right` for what belongs to somebody else, none for one's own.

    Args:
        visible: What the user may see.
        user: Who asks.
        key: Id of the thing.
        right: What they want to do.

    Raises:
        DoesNotExist: Missing, or not visible; nobody can tell which.
        ValidationError: Visible, but their role does not allow it; with the code `NOT_ALLOWED`.
    """
    thing = visible.get(pk=key)
    check_right(user, thing, right)
    return thing


def has_right(user: Person, thing: Model, right: Right) -> bool:
    """True if the user has a right on something that they may see."""
    if user.pk is None:
        return False
    if getattr(thing, "owner_id") == user.pk or right == Right.SEE:  # noqa: B009 - of any of the models
        return True
    roles = Membership.objects.filter(user_id=user.pk, team_id=getattr(thing, "team_id"))  # noqa: B009
    return roles.filter(role__in=_ROLES[right]).exists()


def check_right(user: Person, thing: Model, right: Right) -> None:
    """Refuses what a role does not allow.

    Raises:
        ValidationError: With the code `NOT_ALLOWED`.
    """
    if has_right(user, thing, right):
        return
    if right == Right.CHANGE:
        sentence = _(
            "You may look at this, but not change it: it is shared with you as a viewer. Ask an owner of the "
            "team for the role of an editor."
        )
    else:
        sentence = _("Only the person it belongs to or an owner of the team may do this. Ask one of them.")
    raise ValidationError(sentence, code=NOT_ALLOWED)
