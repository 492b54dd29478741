"""JSON API of devices: rules live in services and selectors."""

from __future__ import annotations

import uuid
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from ninja import Router

from datasets_app.access import Right
from datasets_app.api_pages import Page, page_of
from datasets_app.api_schemas import Limit, Offset, file_of
from datasets_app.audit import record
from datasets_app.models import Action
from datasets_app.words.engine import said
from search_app.api_schemas import DeviceIn, DeviceLinkOut, DeviceOut
from search_app.device_selectors import device_for_user, devices_of_user
from search_app.device_services import device_create, device_delete, device_link_renew
from search_app.downloads import file_response
from search_app.models import Device

router = Router()


def _device(request: HttpRequest, device_id: uuid.UUID, right: Right = Right.SEE) -> Device:
    return device_for_user(cast(User, request.user), device_id, right)


@router.get("/devices", response=Page[DeviceOut])
def device_list(request: HttpRequest, offset: Offset = 0, limit: Limit = 100) -> Any:
    """Lists the user's devices, newest first."""
    devices = devices_of_user(cast(User, request.user))
    return page_of(request, devices, offset, limit, lambda part: [_told(device) for device in part])


@router.post("/devices", response={201: DeviceLinkOut})
def device_add(request: HttpRequest, data: DeviceIn) -> Any:
    """Makes a device and the link by which it is measured."""
    return 201, _with_link(device_create(owner=cast(User, request.user), **data.dict()))


@router.get("/devices/{uuid:device_id}", response=DeviceOut)
def device_detail(request: HttpRequest, device_id: uuid.UUID) -> Any:
    """Shows one device."""
    return _told(_device(request, device_id))


@router.delete("/devices/{uuid:device_id}", response={204: None})
def device_remove(request: HttpRequest, device_id: uuid.UUID) -> Any:
    """Deletes a device with its table."""
    device_delete(device=_device(request, device_id, Right.DELETE))
    return 204, None


@router.post("/devices/{uuid:device_id}/link", response={201: DeviceLinkOut})
def device_link(request: HttpRequest, device_id: uuid.UUID) -> Any:
    """Makes a new link, which ends the old one."""
    return 201, _with_link(device_link_renew(device=_device(request, device_id, Right.CHANGE)))


@router.get("/devices/{uuid:device_id}/table.json", openapi_extra=file_of("application/json"))
def device_table(request: HttpRequest, device_id: uuid.UUID) -> HttpResponse:
    """Downloads the table of a measured device."""
    device = _device(request, device_id)
    if device.measured_at is None:
        raise Device.DoesNotExist
    record(Action.DOWNLOAD, target=device, detail="device.json")
    response = file_response(device.table_file, "device.json", content_type="application/json")
    return cast(HttpResponse, response)  # ninja passes any Django response through


def _told(device: Device) -> dict[str, Any]:
    names = set(DeviceOut.model_fields) - {"refusal"}
    return {**{name: getattr(device, name) for name in names}, "refusal": said(device.refusal)}


def _with_link(device: Device) -> dict[str, Any]:
    link = settings.BASE_URL + reverse("search:measure", args=[device.link_token])
    return {**_told(device), "link": link}
