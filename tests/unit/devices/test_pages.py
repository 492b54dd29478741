"""Addresses of devices: owners' pages, and what a link allows to somebody without an account."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from datasets_app.models import Action, AuditEntry
from nas.hardware.effort import EXTENTS
from nas.hardware.target import load_target
from nas.spaces.lite import lite0_architecture
from search_app import device_links
from search_app.device_bundles import packed_bundle
from search_app.device_forms import EXTENT_TIMES
from search_app.device_pages import only_this_machine
from search_app.device_services import MOST_BYTES, device_link_renew, device_upload
from search_app.models import Device

Answer = Callable[..., bytes]
ClientOf = Callable[[User | None], Client]


def address(device: Device, what: str = "") -> str:
    return f"{reverse('search:measure', args=[device.link_token])}{what}"


def post(device: Device, what: str, content: bytes) -> Any:
    return Client(enforce_csrf_checks=True).post(
        address(device, what), content, content_type="application/json"
    )


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = signing.time.time()
    monkeypatch.setattr(signing.time, "time", lambda: now + seconds)


def test_owner_makes_a_device_and_sees_its_code(owner: User, client_of: ClientOf) -> None:
    client = client_of(owner)
    form = {"name": "Phone", "kind": "browser", "extent": "quick", "spaces": ["lite-elastic"]}
    answer = client.post("/devices/new/", form, follow=True)
    device = Device.objects.get()
    assert device.owner == owner
    text = answer.content.decode()
    assert "<svg" in text and device.link_token in text and "Open this on the device" in text
    assert "Phone" in client.get("/devices/").content.decode()


def test_missing_answers_are_marked(owner: User, client_of: ClientOf) -> None:
    answer = client_of(owner).post("/devices/new/", {"name": "", "kind": "browser", "extent": "quick"})
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "Give the device a name" in text and "Choose at least one search space" in text


def test_profiles_say_what_is_assumed(owner: User, client_of: ClientOf) -> None:
    text = client_of(owner).get("/devices/").content.decode()
    assert "Coral" in text or "edge TPU" in text.lower()
    assert text.count('class="assumed"') > 20


@pytest.mark.parametrize("action", ["link", "upload", "delete"])
def test_stranger_changes_nothing(phone: Device, stranger: User, client_of: ClientOf, action: str) -> None:
    before = Device.objects.values().get()
    assert client_of(stranger).post(f"/devices/{phone.pk}/", {"action": action}).status_code == 404
    assert Device.objects.values().get() == before


def test_the_page_is_served_without_any_cookie(phone: Device) -> None:
    answer = Client().get(address(phone))
    assert answer.status_code == 200
    assert not answer.cookies and "Cookie" not in answer.headers.get("Vary", "")
    assert "'wasm-unsafe-eval'" in answer.headers["Content-Security-Policy"]
    assert "unsafe-eval'" not in answer.headers["Content-Security-Policy"].replace("'wasm-unsafe-eval'", "")
    assert answer.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_no_other_page_may_compile_web_assembly(owner: User, client_of: ClientOf) -> None:
    assert "wasm" not in client_of(owner).get("/devices/").headers["Content-Security-Policy"]


def test_a_device_measures_itself_by_its_link(phone: Device, answer_of: Answer) -> None:
    pack = b"".join(Client().get(address(phone, "bundle/")))
    length = int.from_bytes(pack[:4], "little")
    index = json.loads(pack[4 : 4 + length])
    assert index["seconds"] == 0.1 and len(index["items"]) > 30
    last = index["items"][-1]
    assert len(pack) == 4 + length + last["offset"] + last["length"]
    phone.refresh_from_db()
    assert phone.state == "MEASURING"
    assert post(phone, "progress/", b'{"progress": 0.5, "eta_seconds": 30}').status_code == 200
    phone.refresh_from_db()
    assert (phone.progress, phone.eta_seconds) == (0.5, 30)
    answer = post(phone, "timings/", answer_of(phone))
    assert answer.status_code == 200 and "is measured" in answer.json()["text"]
    assert post(phone, "timings/", answer_of(phone)).json() == answer.json()  # it was lost
    assert post(phone, "timings/", answer_of(phone, samples=lambda ms: [2 * ms] * 5)).status_code == 409
    assert post(phone, "progress/", b'{"progress": 0.1}').status_code == 409
    assert Client().get(address(phone)).status_code == 410


def test_a_noisy_result_is_answered_with_advice(phone: Device, answer_of: Answer) -> None:
    noisy = answer_of(phone, samples=lambda ms: [ms * factor for factor in (0.6, 0.8, 1, 1.3, 1.6)])
    answer = post(phone, "timings/", noisy)
    assert answer.status_code == 422 and "Close other programs" in answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"progress": "half"}',
        b'{"progress": 1.5}',
        b'{"progress": NaN}',
        b'{"progress": true}',
        b'{"progress": 0.5, "eta_seconds": 1e9}',
        b'{"progress": 0.5, "eta_seconds": [1]}',
        b"[" * 900,
    ],
)
def test_odd_progress_is_refused(phone: Device, body: bytes) -> None:
    assert post(phone, "progress/", body).status_code == 422
    phone.refresh_from_db()
    assert phone.state == "WAITING"


def test_too_large_bodies_are_refused(phone: Device) -> None:
    assert post(phone, "progress/", b" " * 2_000).status_code == 413
    assert post(phone, "timings/", b" " * (MOST_BYTES + 1)).status_code == 413
    assert post(phone, "timings/", b" " * 3_000_000).status_code == 413  # beyond what Django reads


def test_an_old_link_begins_nothing_but_may_still_answer(
    phone: Device, answer_of: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(monkeypatch, device_links.OPEN_SECONDS + 1)
    page = Client().get(address(phone))
    assert page.status_code == 410 and "too old" in page.content.decode()
    assert Client().get(address(phone, "bundle/")).status_code == 410
    assert post(phone, "progress/", b'{"progress": 0.1}').status_code == 410
    Device.objects.update(state="REFUSED")
    assert post(phone, "progress/", b'{"progress": 0.1}').status_code == 410
    Device.objects.update(state="MEASURING")  # it began in time
    assert post(phone, "progress/", b'{"progress": 0.1}').status_code == 200
    assert post(phone, "timings/", answer_of(phone)).status_code == 200


def test_a_very_old_link_is_good_for_nothing(
    phone: Device, answer_of: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(monkeypatch, device_links.RESULT_SECONDS + 1)
    answer = post(phone, "timings/", answer_of(phone))
    assert answer.status_code == 410 and "Make a new one" in answer.json()["detail"]
    phone.refresh_from_db()
    assert phone.state == "WAITING"


def test_a_new_link_ends_the_old_one(phone: Device) -> None:
    old = address(phone, "progress/")
    device_link_renew(device=phone)
    assert Client().post(old, b'{"progress": 0}', content_type="application/json").status_code == 404
    assert post(phone, "progress/", b'{"progress": 0}').status_code == 200


def test_forged_links_are_not_found(phone: Device) -> None:
    other = signing.TimestampSigner(salt="elsewhere").sign("key")
    changed = phone.link_token[:-1] + ("E" if phone.link_token.endswith("A") else "A")
    for token in ("x", other, changed, phone.link_token.replace(":", "", 1)):
        assert Client().get(f"/measure/{token}/").status_code == 404
        assert Client().get(f"/measure/{token}/bundle/").status_code == 404


def test_a_link_of_a_closed_account_is_not_found(phone: Device, owner: User) -> None:
    owner.is_active = False
    owner.save()
    assert Client().get(address(phone)).status_code == 404


def test_owner_uploads_what_the_script_wrote(
    phone: Device, owner: User, client_of: ClientOf, answer_of: Answer
) -> None:
    client = client_of(owner)
    assert client.post(f"/devices/{phone.pk}/", {"action": "upload"}).status_code == 422
    file = SimpleUploadedFile("timings.json", answer_of(phone))
    answer = client.post(f"/devices/{phone.pk}/", {"action": "upload", "timings": file}, follow=True)
    assert "Measured" in answer.content.decode()
    bad = SimpleUploadedFile("timings.json", b"{}")
    answer = client.post(f"/devices/{phone.pk}/", {"action": "upload", "timings": bad}, follow=True)
    assert "cannot be trusted" in answer.content.decode()


def test_owner_downloads_the_table_that_the_command_line_takes(
    phone: Device, owner: User, client_of: ClientOf, answer_of: Answer, tmp_path: Path
) -> None:
    address = f"/devices/{phone.pk}/table/"
    client = client_of(owner)
    assert client.get(address)["Location"] == f"/devices/{phone.pk}/"
    client.post(
        f"/devices/{phone.pk}/",
        {"action": "upload", "timings": SimpleUploadedFile("timings.json", answer_of(phone))},
    )
    assert address in client.get(f"/devices/{phone.pk}/").content.decode()
    kept = tmp_path / "device.json"
    kept.write_bytes(b"".join(client.get(address)))
    target = load_target(str(kept))
    assert target is not None and target.name == phone.name
    assert target.predict(lite0_architecture(96), 6)["latency_ms"] > 0


@pytest.mark.parametrize("address", ["/devices/{}/table/", "/api/v1/devices/{}/table.json"])
def test_downloads_of_the_table_are_in_the_audit_log(
    phone: Device, owner: User, client_of: ClientOf, answer_of: Answer, address: str
) -> None:
    device_upload(device=phone, content=answer_of(phone))
    assert client_of(owner).get(address.format(phone.pk)).status_code == 200
    row = AuditEntry.objects.get(action=Action.DOWNLOAD)
    assert (row.actor_id, row.target_id, row.detail) == (owner.pk, str(phone.pk), "device.json")


@pytest.mark.parametrize("extent", EXTENT_TIMES)
def test_the_page_says_how_long_it_takes(phone: Device, extent: str) -> None:
    Device.objects.update(extent=extent)
    assert str(EXTENT_TIMES[extent]) in Client().get(address(phone)).content.decode()


def test_kept_bundles_are_left_when_the_plan_changes(phone: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    first = packed_bundle(phone)
    assert packed_bundle(phone) == first
    monkeypatch.setitem(EXTENTS, "tiny", replace(EXTENTS["tiny"], seconds=0.2))
    second = packed_bundle(phone)
    assert second != first and b'"seconds":0.2' in second.read_bytes()


def test_the_script_comes_with_its_graphs(phone: Device, owner: User, client_of: ClientOf) -> None:
    answer = client_of(owner).get(f"/devices/{phone.pk}/script/")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(answer)))
    names = archive.namelist()
    assert names[0] == "device/measure.py" and "device/bundle/manifest.json" in names
    assert sum(name.endswith(".onnx") for name in names) > 30


@pytest.mark.parametrize(
    ("host", "alone"),
    [
        ("127.0.0.1:8000", True),
        ("localhost", True),
        ("[::1]:80", True),
        ("[::1]", True),
        ("192.168.1.5:8000", False),
        ("automl.example.org", False),
        ("[fd00::1]:80", False),
    ],
)
def test_addresses_of_this_machine_alone_are_known(host: str, alone: bool) -> None:
    assert only_this_machine(host) is alone
