"""Pages of devices, for their owners."""

from __future__ import annotations

import uuid
from typing import Any

import segno
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods
from django.views.decorators.vary import vary_on_headers

from datasets_app.access import NOT_ALLOWED, Right, check_right, has_right
from datasets_app.audit import record
from datasets_app.models import Action
from datasets_app.words.engine import said, said_by
from nas.errors import NasError
from search_app.device_bundles import script_bundle
from search_app.device_forms import EXTENT_HINTS, EXTENT_NAMES, KIND_HINTS, DeviceForm
from search_app.device_links import OPEN_SECONDS
from search_app.device_pages import only_this_machine, profile_rows, space_names
from search_app.device_selectors import device_for_user, device_state, devices_of_user, link_is_open
from search_app.device_services import (
    MOST_BYTES,
    device_create,
    device_delete,
    device_link_renew,
    device_upload,
)
from search_app.downloads import file_response
from search_app.models import Device


@require_GET
@login_required
def device_list(request: HttpRequest) -> HttpResponse:
    """This server, my devices, and the devices that exist as figures only."""
    from nas.hardware.processor import processor_name

    context = {
        "devices": devices_of_user(request.user)[:500],
        "processor": processor_name(),
        "profiles": profile_rows(),
    }
    return render(request, "devices/list.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def device_new(request: HttpRequest) -> HttpResponse:
    """A name and what to measure."""
    assert request.user.is_authenticated
    form = DeviceForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            device = device_create(owner=request.user, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, said_by(error))
        else:
            return redirect("search:device", device.pk)
    context = {"form": form, "kinds": KIND_HINTS, "extents": EXTENT_HINTS}
    return render(request, "devices/new.html", context, status=422 if form.errors else 200)


@vary_on_headers("Accept")
@login_required
def device_detail(request: HttpRequest, device_id: uuid.UUID) -> HttpResponse:
    """A device in whatever state it is; its script asks the same address for the state alone."""
    device = _device_or_404(request, device_id)
    if request.method == "POST":
        return _change(request, device)
    if request.headers.get("Accept") == "application/json":
        return JsonResponse(device_state(device))
    return _page(request, device)


@login_required
def device_script(request: HttpRequest, device_id: uuid.UUID) -> HttpResponseBase:
    """The script with its graphs, as one zip."""
    device = _device_or_404(request, device_id)
    try:
        check_right(request.user, device, Right.CHANGE)
        archive = script_bundle(device)
    except NasError as error:  # its spaces are of another version of this program
        return _page(request, device, problem=said(error), status=422)
    except ValidationError as error:
        return _page(request, device, problem=said_by(error), status=409)
    return file_response(archive, "device.zip", content_type="application/zip")


@login_required
def device_table(request: HttpRequest, device_id: uuid.UUID) -> HttpResponseBase:
    """The device's table, for the command line; before there is one, the page, which says what to do."""
    device = _device_or_404(request, device_id)
    if device.measured_at is None:
        return redirect("search:device", device.pk)
    record(Action.DOWNLOAD, target=device, detail="device.json")
    return file_response(device.table_file, "device.json", content_type="application/json")


def _change(request: HttpRequest, device: Device) -> HttpResponse:
    """Does what a button of the page asks for."""
    action = request.POST.get("action")
    try:
        check_right(request.user, device, Right.DELETE if action == "delete" else Right.CHANGE)
        if action == "delete":
            device_delete(device=device)
            return redirect("search:devices")
        if action == "link":
            device_link_renew(device=device)
        elif action == "upload":
            device_upload(device=device, content=_uploaded(request))
    except ValidationError as error:
        if error.code == "refused":  # the row says it
            return redirect("search:device", device.pk)
        device.refresh_from_db()
        status = 409 if error.code == NOT_ALLOWED else 422
        return _page(request, device, problem=said_by(error), status=status)
    return redirect("search:device", device.pk)


def _uploaded(request: HttpRequest) -> bytes:
    file = request.FILES.get("timings")
    if file is None:
        raise ValidationError(gettext("Choose the file timings.json that the script wrote."))
    return bytes(file.read(MOST_BYTES + 1))


def _page(request: HttpRequest, device: Device, problem: str = "", status: int = 200) -> HttpResponse:
    link = request.build_absolute_uri(reverse("search:measure", args=[device.link_token]))
    may_change = has_right(request.user, device, Right.CHANGE)
    context: dict[str, Any] = {
        "device": device,
        "may_change": may_change,
        "may_delete": has_right(request.user, device, Right.DELETE),
        "state": device_state(device),
        "spaces": space_names(device),
        "extent": EXTENT_NAMES.get(device.extent, device.extent),
        "problem": problem,
        # The link measures the device in its owner's place: who may only look does not get it.
        "link": link if may_change else "",
        "link_open": may_change and link_is_open(device),
        "link_minutes": OPEN_SECONDS // 60,
        "local_only": only_this_machine(request.get_host()),
    }
    if context["link_open"] and device.kind == Device.Kind.BROWSER:
        context["code"] = segno.make(link, error="m", micro=False).svg_inline(
            border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None
        )
    return render(request, "devices/detail.html", context, status=status)


def _device_or_404(request: HttpRequest, device_id: uuid.UUID) -> Device:
    try:
        return device_for_user(request.user, device_id)
    except Device.DoesNotExist as error:
        raise Http404 from error
