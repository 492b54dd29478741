"""The page of one's own account: name, language, colours, notices, what is kept, and its deletion."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from automl_site.account_services import account_delete
from datasets_app.audit import record
from datasets_app.models import Action
from datasets_app.selectors import dataset_summaries, datasets_of_user
from search_app.selectors import run_summary, search_runs_of_user

NOTICES = "account/notices.html"
"""The part about notices at the end of a search, where there is one."""
TOLD_OF_TOKENS = ("name", "prefix", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at")


class ProfileForm(forms.Form):
    """How the pages call you."""

    name = forms.CharField(
        max_length=150,
        required=False,
        label=gettext_lazy("Name"),
        help_text=gettext_lazy("How the pages call you. Only you see it."),
    )


class DeletionForm(forms.Form):
    """Asks for what only the owner knows or must look up, so that no slip deletes an account."""

    name = forms.CharField(max_length=200, label=gettext_lazy("Your user name"))
    password = forms.CharField(
        max_length=500,
        label=gettext_lazy("Your password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        """Leaves the password out for people who sign in without one."""
        super().__init__(*args, **kwargs)
        self.user = user
        if not user.has_usable_password():
            del self.fields["password"]

    def clean_name(self) -> str:
        """Compares the name."""
        if self.cleaned_data["name"] != self.user.get_username():
            raise ValidationError(_("This is not your user name. It stands in the menu at the top right."))
        return str(self.cleaned_data["name"])

    def clean_password(self) -> str:
        """Compares the password."""
        if not self.user.check_password(self.cleaned_data["password"]):
            raise ValidationError(_("This is not your password."))
        return ""


@require_http_methods(["GET", "POST"])
@login_required
def account(request: HttpRequest) -> HttpResponse:
    """One's own account."""
    user = request.user
    assert user.is_authenticated
    form = ProfileForm(request.POST or None, initial={"name": user.first_name})
    if request.method == "POST" and form.is_valid():
        user.first_name = form.cleaned_data["name"]
        user.save(update_fields=["first_name"])
        messages.success(request, _("Saved."))
        return redirect("account")
    context = {"form": form, "notices": _notices()}
    return render(request, "account/account.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@login_required
def deletion(request: HttpRequest) -> HttpResponse:
    """Asks, then deletes the account with all that belongs to it."""
    user = request.user
    assert user.is_authenticated
    form = DeletionForm(request.POST or None, user=user)
    if request.method == "POST" and form.is_valid():
        try:
            account_delete(user=user)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            logout(request)
            messages.success(request, _("Your account and everything that belonged to it are deleted."))
            return redirect("account_login")
    return render(request, "account/delete.html", {"form": form}, status=422 if form.errors else 200)


@require_GET
@login_required
def export(request: HttpRequest) -> HttpResponse:
    """What the site keeps about one's account, as a file; photos and models are downloaded on their pages."""
    user = request.user
    assert user.is_authenticated
    told = ("id", "name", "kind", "state", "hardware", "runtime", "figures", "created_at")
    content = {
        "account": {
            "user_name": user.get_username(),
            "name": user.first_name,
            "email": user.email,
            "joined": user.date_joined,
            "last_sign_in": user.last_login,
        },
        "data_sets": dataset_summaries(list(datasets_of_user(user).filter(owner=user))),
        "searches": [run_summary(run) for run in search_runs_of_user(user).filter(owner=user)],
        "devices": list(user.devices.values(*told)),
        "api_tokens": list(user.api_tokens.values(*TOLD_OF_TOKENS)),
        "webhooks": list(user.webhooks.values("url", "active", "created_at")),
    }
    record(Action.ACCOUNT_EXPORT, actor=user)
    answer = JsonResponse(content, json_dumps_params={"indent": 1, "ensure_ascii": False})
    answer["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return answer


def _notices() -> str:
    try:
        get_template(NOTICES)
    except TemplateDoesNotExist:
        return ""
    return NOTICES
