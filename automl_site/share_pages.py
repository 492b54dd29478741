"""The page on which a data set, a search or a device is shared with a team."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from automl_site.team_forms import ShareForm
from datasets_app import sharing
from datasets_app.access import NOT_ALLOWED, Right, check_right
from datasets_app.models import Shared
from datasets_app.selectors import dataset_for_user
from datasets_app.team_selectors import teams_of_user
from search_app.device_selectors import device_for_user
from search_app.publish import publish_recheck
from search_app.selectors import search_run_for_user
from search_app.sharing import check_photos_are_shared

KINDS: Final[dict[str, tuple[Callable[..., Any], str]]] = {
    "dataset": (dataset_for_user, "datasets:detail"),
    "search": (search_run_for_user, "search:live"),
    "device": (device_for_user, "search:device"),
}
"""Kind of a thing -> how it is found and the name of its page."""


@require_http_methods(["GET", "POST"])
@login_required
def share(request: HttpRequest, what: str, thing_id: uuid.UUID) -> HttpResponse:
    """Chooses the team that a thing is shared with, or nobody."""
    user = request.user
    assert user.is_authenticated
    if what not in KINDS:
        raise Http404
    thing: Shared | None = None
    try:
        thing = KINDS[what][0](user, thing_id)
        assert thing is not None
        check_right(user, thing, Right.DELETE)
        form = _form(request, thing)
        if request.method == "POST" and form.is_valid():
            _save(thing, user, form.cleaned_data["team"])
            messages.success(request, _("Saved."))
            return redirect(KINDS[what][1], thing_id) if _may_see(user, what, thing_id) else redirect("teams")
    except ObjectDoesNotExist as error:
        raise Http404 from error
    except ValidationError as error:
        status = 409 if getattr(error, "code", None) == NOT_ALLOWED else 422
        return _page(request, what, thing, problem=" ".join(error.messages), status=status)
    return _page(request, what, thing, form=form, status=422 if form.errors else 200)


def _form(request: HttpRequest, thing: Shared) -> ShareForm:
    """The form with the teams that the thing may be shared with: of somebody else's, only the present one."""
    form = ShareForm(request.POST or None, initial={"team": str(thing.team_id or "")})
    teams = teams_of_user(request.user)
    if getattr(thing, "owner_id", None) != request.user.pk:
        teams = teams.filter(pk__in=[thing.team_id] if thing.team_id else [])
    choices = [("", _("Nobody")), *((str(team.pk), team.name) for team in teams)]
    form.fields["team"].choices = choices  # type: ignore[attr-defined] # of a ChoiceField
    return form


def _save(thing: Shared, user: User, team_id: str) -> None:
    if team_id == str(thing.team_id or ""):
        return
    if not team_id:
        sharing.unshare(thing=thing, user=user)
    else:
        team = teams_of_user(user).get(pk=team_id)
        check_photos_are_shared(thing, team)
        sharing.share(thing=thing, team=team, user=user)
    publish_recheck()  # another team may see less than before


def _may_see(user: User, what: str, thing_id: uuid.UUID) -> bool:
    try:
        KINDS[what][0](user, thing_id)
    except ObjectDoesNotExist:
        return False
    return True


def _page(
    request: HttpRequest,
    what: str,
    thing: Shared | None,
    *,
    form: ShareForm | None = None,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {"what": what, "thing": thing, "page": KINDS[what][1], "form": form, "problem": problem}
    return render(request, "teams/share.html", context, status=status)
