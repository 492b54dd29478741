"""The page on which a data set, a search or a device is shared with a team."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from automl_site.team_forms import ShareForm
from datasets_app import sharing
from datasets_app.access import NOT_ALLOWED
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
def share(request: HttpRequest, kind: str, thing_id: uuid.UUID) -> HttpResponse:
    """Chooses the team that a thing is shared with, or nobody."""
    user = request.user
    assert user.is_authenticated
    if kind not in KINDS:
        raise Http404
    find, page = KINDS[kind]
    try:
        thing: Shared = find(user, thing_id)
    except ObjectDoesNotExist as error:
        raise Http404 from error
    mine = list(teams_of_user(user))
    form = ShareForm(request.POST or None, initial={"team": str(thing.team_id or "")})
    form.fields["team"].choices = [  # type: ignore[attr-defined] # of a ChoiceField
        ("", _("Nobody")),
        *((str(one.pk), one.name) for one in mine),
    ]
    if request.method == "POST" and form.is_valid():
        chosen = next((one for one in mine if str(one.pk) == form.cleaned_data["team"]), None)
        try:
            if chosen is None:
                sharing.unshare(thing=thing, user=user)
            else:
                check_photos_are_shared(thing, chosen)
                sharing.share(thing=thing, team=chosen, user=user)
        except ValidationError as error:
            form.add_error(None, error)
            status = 409 if getattr(error, "code", None) == NOT_ALLOWED else 422
            return _page(request, kind, thing, form, status)
        publish_recheck()  # a team may see less than before
        messages.success(request, _("Saved."))
        return redirect(page, thing_id) if thing.shared or _is_mine(thing, request) else redirect("teams")
    return _page(request, kind, thing, form, 422 if form.errors else 200)


def _is_mine(thing: Shared, request: HttpRequest) -> bool:
    return bool(getattr(thing, "owner_id", None) == request.user.pk)


def _page(request: HttpRequest, kind: str, thing: Shared, form: ShareForm, status: int) -> HttpResponse:
    context = {
        "kind": kind,
        "thing": thing,
        "page": KINDS[kind][1],
        "form": form,
        "teams": form.fields["team"].choices[1:],  # type: ignore[attr-defined] # of a ChoiceField
        "is_mine": _is_mine(thing, request),
    }
    return render(request, "teams/share.html", context, status=status)
