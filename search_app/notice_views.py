"""The page on which people choose what they are told by mail."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from search_app.notices import mail_choose


@require_http_methods(["GET", "POST"])
@login_required
def notices(request: HttpRequest) -> HttpResponse:
    """Shows the choice, and keeps what is sent: `mail`, there or not."""
    if request.method == "POST":
        assert request.user.pk is not None
        wanted = "mail" in request.POST
        mail_choose(user_id=request.user.pk, wanted=wanted)
        said = gettext("You will get a mail when a search ends.") if wanted else gettext("No more mails.")
        messages.success(request, said)
        return redirect("search:notices")
    return render(request, "account/notices_page.html")
