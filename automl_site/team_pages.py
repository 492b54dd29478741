"""Pages of teams: who is in them, invitations, and what is shared with them."""

from __future__ import annotations

import uuid
from typing import Any, Final

import structlog
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from automl_site.team_forms import InvitationForm, TeamForm
from datasets_app import teams
from datasets_app.access import NOT_ALLOWED
from datasets_app.models import Invitation, Membership, Role
from datasets_app.selectors import datasets_of_user
from datasets_app.team_selectors import check_owner, membership_of, teams_of_user
from search_app.device_selectors import devices_of_user
from search_app.publish import publish_recheck
from search_app.selectors import search_runs_of_user

MOST_SHOWN: Final = 50
"""Shared things of each kind on the page of a team; the lists have all of them."""

log = structlog.get_logger(__name__)


@require_http_methods(["GET", "POST"])
@login_required
def team_list(request: HttpRequest) -> HttpResponse:
    """My teams, and a new one."""
    user = request.user
    assert user.is_authenticated
    form = TeamForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            return redirect("team", teams.team_create(user=user, name=form.cleaned_data["name"]).pk)
        except ValidationError as error:
            form.add_error(None, error)
    context = {"teams": teams_of_user(user), "form": form}
    return render(request, "teams/list.html", context, status=422 if form.errors else 200)


@never_cache
@require_http_methods(["GET", "POST"])
@login_required
def team(request: HttpRequest, team_id: uuid.UUID) -> HttpResponse:
    """One team, for its members; buttons send `action` here."""
    try:
        mine = membership_of(request.user, team_id)
    except Membership.DoesNotExist as error:
        raise Http404 from error
    if request.method != "POST":
        return _page(request, mine)
    action = request.POST.get("action", "")
    if action not in _ACTIONS:
        raise Http404
    try:
        answer = _ACTIONS[action](request, mine)
        publish_recheck()  # somebody may see less than before
        return answer
    except ValidationError as error:
        status = 409 if getattr(error, "code", None) == NOT_ALLOWED else 422
        return _page(request, mine, problem=" ".join(error.messages), status=status)


@never_cache
@require_http_methods(["GET", "POST"])
@login_required
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Asks whether to join; an unknown, spent, withdrawn or expired link is 404."""
    user = request.user
    assert user.is_authenticated
    try:
        found = teams.invitation_for_secret(token)
        if request.method == "POST":
            joined = teams.invitation_accept(user=user, secret=token)
            messages.success(request, _("Welcome to %(name)s.") % {"name": joined.name})
            return redirect("team", joined.pk)
    except Invitation.DoesNotExist as error:
        raise Http404 from error
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("teams")
    return render(request, "teams/invitation.html", {"invitation": found})


def _page(
    request: HttpRequest,
    mine: Membership,
    *,
    problem: str = "",
    link: str = "",
    form: InvitationForm | None = None,
    status: int = 200,
) -> HttpResponse:
    here = mine.team
    owns = mine.role == Role.OWNER
    context: dict[str, Any] = {
        "team": here,
        "mine": mine,
        "owns": owns,
        "members": here.memberships.select_related("user"),
        "invitations": teams.open_invitations(here).select_related("invited_by") if owns else [],
        "roles": Role.choices,
        "form": form or InvitationForm(),
        "problem": problem,
        "link": link,
        "days": teams.INVITATION_DAYS,
        "datasets": datasets_of_user(request.user).filter(team=here)[:MOST_SHOWN],
        "runs": search_runs_of_user(request.user).filter(team=here)[:MOST_SHOWN],
        "devices": devices_of_user(request.user).filter(team=here)[:MOST_SHOWN],
    }
    return render(request, "teams/detail.html", context, status=status)


def _invite(request: HttpRequest, mine: Membership) -> HttpResponse:
    check_owner(mine)
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return _page(request, mine, form=form, status=422)
    values = form.cleaned_data
    made, secret = teams.invitation_create(team=mine.team, user=mine.user, **values)
    path = reverse("invitation", args=[secret])
    if made.email and settings.EMAIL_HOST:
        _mail(request, made, mine.user, path)
    return _page(request, mine, link=request.build_absolute_uri(path))


def _mail(request: HttpRequest, made: Invitation, sender: User, path: str) -> None:
    """Sends the link; one that cannot be sent stands on the page all the same."""
    text = render_to_string(
        "mail/invitation.txt",
        {
            "invitation": made,
            "sender": sender,
            "link": f"{settings.BASE_URL}{path}",
            "days": teams.INVITATION_DAYS,
        },
    )
    subject = " ".join((_("You are invited to the team %(name)s") % {"name": made.team.name}).split())
    try:
        send_mail(subject, text, None, [made.email])
    except OSError as error:  # smtplib's errors, too
        log.warning("an invitation was not mailed", error=repr(error)[:200])
        messages.warning(request, _("The mail could not be sent. Pass the link on yourself."))


def _withdraw(request: HttpRequest, mine: Membership) -> HttpResponse:
    check_owner(mine)
    number = request.POST.get("invitation", "")
    found = (
        teams.open_invitations(mine.team)
        .filter(pk=number if number.isdecimal() and len(number) < 16 else -1)
        .first()
    )
    if found is not None:
        teams.invitation_withdraw(invitation=found)
    return redirect("team", mine.team_id)


def _role(request: HttpRequest, mine: Membership) -> HttpResponse:
    check_owner(mine)
    teams.member_role_set(membership=_member(request, mine), role=request.POST.get("role", ""))
    return redirect("team", mine.team_id)


def _remove(request: HttpRequest, mine: Membership) -> HttpResponse:
    member = _member(request, mine)
    if member.pk != mine.pk:
        check_owner(mine)
    teams.member_remove(membership=member)
    return redirect("teams") if member.user_id == mine.user_id else redirect("team", mine.team_id)


def _delete(request: HttpRequest, mine: Membership) -> HttpResponse:
    check_owner(mine)
    name = mine.team.name
    teams.team_delete(team=mine.team)
    messages.success(request, _("The team %(name)s is deleted.") % {"name": name})
    return redirect("teams")


def _member(request: HttpRequest, mine: Membership) -> Membership:
    number = request.POST.get("member", "")
    members = mine.team.memberships.select_related("team", "user")
    found = members.filter(pk=number if number.isdecimal() and len(number) < 16 else -1).first()
    if found is None:
        raise Http404
    return found


_ACTIONS: Final = {
    "invite": _invite,
    "withdraw": _withdraw,
    "role": _role,
    "remove": _remove,
    "delete": _delete,
}
