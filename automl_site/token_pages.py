"""Pages of one's own tokens: only a signed-in person makes and revokes them, no token does."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from search_app.models import ApiToken
from search_app.tokens import SCOPES, token_create, token_revoke, tokens_of_user

SHOWN = 200

LASTING = (
    ("30", gettext_lazy("30 days")),
    ("90", gettext_lazy("90 days")),
    ("365", gettext_lazy("One year")),
    ("", gettext_lazy("Until it is revoked")),
)


class TokenForm(forms.Form):
    """What a new token is for."""

    name = forms.CharField(
        max_length=100, label=gettext_lazy("Name"), help_text=gettext_lazy("What it is for, for example CI.")
    )
    days = forms.ChoiceField(
        choices=LASTING, required=False, initial="90", label=gettext_lazy("Expires after")
    )
    scopes = forms.MultipleChoiceField(choices=list(SCOPES.items()), label=gettext_lazy("What it may do"))


@never_cache
@require_http_methods(["GET", "POST"])
@login_required
def tokens(request: HttpRequest) -> HttpResponse:
    """Lists tokens; makes one and shows it this once, or revokes one."""
    assert request.user.is_authenticated
    if "revoke" in request.POST:
        return _revoke(request, request.POST["revoke"])
    form = TokenForm(request.POST or None)
    secret, made = "", None
    if request.method == "POST" and form.is_valid():
        days = form.cleaned_data["days"]
        try:
            made, secret = token_create(
                owner=request.user,
                name=form.cleaned_data["name"],
                scopes=form.cleaned_data["scopes"],
                days=int(days) if days else None,
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            form = TokenForm()
    context: dict[str, Any] = {
        "form": form,
        "scopes": SCOPES.items(),
        "base_url": settings.BASE_URL,
        "secret": secret,
        "made": made,
        "tokens": [_shown(token) for token in tokens_of_user(request.user)[:SHOWN]],
    }
    return render(request, "account/tokens.html", context, status=422 if form.errors else 200)


def _revoke(request: HttpRequest, text: str) -> HttpResponse:
    mine = tokens_of_user(request.user)
    token = (
        mine.filter(pk=int(text)).first() if text.isascii() and text.isdigit() and len(text) < 10 else None
    )
    if token is None:
        raise Http404
    token_revoke(token=token)
    messages.success(request, _("“%(name)s” lets nobody in any more.") % {"name": token.name})
    return redirect("account_tokens")


def _shown(token: ApiToken) -> dict[str, Any]:
    if token.revoked_at is not None:
        state, words = "STOPPED", _("Revoked")
    elif token.expired:
        state, words = "STOPPED", _("Expired")
    else:
        state, words = "READY", _("In use") if token.last_used_at else _("Never used")
    return {"token": token, "state": state, "words": words}
