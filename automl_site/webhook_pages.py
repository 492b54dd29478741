"""Pages of one's own webhooks: addresses that are told when a search has ended."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from search_app.models import WebhookDelivery, WebhookEndpoint
from search_app.webhook_addresses import MOST_SIGNS
from search_app.webhooks import (
    delivery_resend,
    webhook_create,
    webhook_delete,
    webhook_for_user,
    webhook_switch,
    webhook_test,
    webhooks_of_user,
)

SHOWN = 50

STATES = {"PENDING": "WAITING", "DELIVERED": "DONE", "FAILED": "FAILED"}
"""State of a delivery -> the state whose colour it takes."""
NAMES = {
    "PENDING": gettext_lazy("Waiting"),
    "DELIVERED": gettext_lazy("Delivered"),
    "FAILED": gettext_lazy("Given up"),
}
KINDS = {
    "search.done": gettext_lazy("Search finished"),
    "search.failed": gettext_lazy("Search failed"),
    "search.stopped": gettext_lazy("Search stopped"),
    "test": gettext_lazy("Test"),
}


class WebhookForm(forms.Form):
    """Where messages shall go."""

    url = forms.CharField(
        max_length=MOST_SIGNS,
        label=gettext_lazy("Address"),
        help_text=gettext_lazy(
            "A public address that takes POST requests, such as https://example.org/hook."
        ),
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}),
    )


@never_cache
@require_http_methods(["GET", "POST"])
@login_required
def webhooks(request: HttpRequest) -> HttpResponse:
    """Lists endpoints; makes one, and shows its secret this once."""
    assert request.user.is_authenticated
    form = WebhookForm(request.POST or None)
    secret, made = "", None
    if request.method == "POST" and form.is_valid():
        try:
            made, secret = webhook_create(owner=request.user, url=form.cleaned_data["url"])
        except ValidationError as error:
            form.add_error("url", error)
        else:
            form = WebhookForm()
    context = {"form": form, "secret": secret, "made": made, "endpoints": webhooks_of_user(request.user)}
    return render(request, "account/webhooks.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@login_required
def webhook(request: HttpRequest, endpoint_id: uuid.UUID) -> HttpResponse:
    """One endpoint with its newest messages, and what its buttons do."""
    try:
        endpoint = webhook_for_user(request.user, endpoint_id)
    except WebhookEndpoint.DoesNotExist as error:
        raise Http404 from error
    if request.method == "POST":
        return _change(request, endpoint)
    rows = [_shown(delivery) for delivery in endpoint.deliveries.all()[:SHOWN]]
    return render(request, "account/webhook.html", {"endpoint": endpoint, "deliveries": rows})


def _change(request: HttpRequest, endpoint: WebhookEndpoint) -> HttpResponse:
    action = request.POST.get("action")
    if action == "delete":
        webhook_delete(endpoint=endpoint)
        messages.success(request, _("The webhook is deleted."))
        return redirect("account_webhooks")
    if action == "test":
        webhook_test(endpoint=endpoint)
        messages.success(request, _("A test is on its way. Reload the page in some seconds."))
    elif action in {"on", "off"}:
        webhook_switch(endpoint=endpoint, active=action == "on")
    elif action == "resend":
        delivery_resend(delivery=_delivery(endpoint, request.POST.get("delivery", "")))
        messages.success(request, _("It is sent again."))
    return redirect("account_webhook", endpoint.pk)


def _delivery(endpoint: WebhookEndpoint, text: str) -> WebhookDelivery:
    try:
        return endpoint.deliveries.get(pk=uuid.UUID(text))
    except (ValueError, WebhookDelivery.DoesNotExist) as error:
        raise Http404 from error


def _shown(delivery: WebhookDelivery) -> dict[str, Any]:
    return {
        "delivery": delivery,
        "kind": KINDS.get(delivery.kind, delivery.kind),
        "state": STATES[delivery.state],
        "words": NAMES[delivery.state],
        "problem": _(delivery.problem) if delivery.problem else "",
        "waits": delivery.state == WebhookDelivery.State.PENDING,
    }
