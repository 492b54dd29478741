"""What templates say about sharing: whose a thing is, with whom it is shared, what the reader may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import template
from django.template.context import Context

from datasets_app.access import Right, has_right
from datasets_app.models import Shared

register = template.Library()


@dataclass(frozen=True)
class Rights:
    """What the reader may do with a thing.

    Attributes:
        mine: It belongs to them.
        change: They may change it.
        delete: They may delete it.
    """

    mine: bool
    change: bool
    delete: bool


@register.simple_tag(takes_context=True)
def rights_on(context: Context, thing: Shared) -> Rights:
    """Returns what the reader may do with a thing: no query for one's own."""
    user = context["user"]
    return Rights(
        getattr(thing, "owner_id", None) == user.pk,
        has_right(user, thing, Right.CHANGE),
        has_right(user, thing, Right.DELETE),
    )


@register.inclusion_tag("includes/shared_mark.html", takes_context=True)
def shared_mark(context: Context, thing: Shared) -> dict[str, Any]:
    """Says with which team a thing is shared, and whose it is if it is not the reader's."""
    return {"thing": thing, "mine": getattr(thing, "owner_id", None) == context["user"].pk}
