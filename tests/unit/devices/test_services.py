"""Devices: who may, what is taken, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from nas.hardware.bundle import manifest_of
from nas.hardware.device_table import load_table
from nas.hardware.effort import EXTENTS, samples_sent
from nas.spaces import SPACES
from search_app import device_services as services
from search_app.device_selectors import devices_of_user, measured_devices_of_user
from search_app.models import Device

Answer = Callable[..., bytes]


def test_an_accepted_result_becomes_the_devices_table(phone: Device, owner: User, answer_of: Answer) -> None:
    assert not measured_devices_of_user(owner).exists()
    device = services.device_result(device=phone, content=answer_of(phone))
    assert (device.state, device.progress, device.runtime) == ("READY", 1.0, "by hand")
    table = load_table(device.table_file)
    assert table.device.name == "Phone"  # as its owner calls it, whatever the device says
    assert device.figures["blocks"] == len(table.blocks) > 20
    assert list(measured_devices_of_user(owner)) == [device]


def test_a_device_that_was_not_measured_has_no_table(phone: Device) -> None:
    assert not phone.table_file.exists()


def test_a_link_is_good_for_one_result(phone: Device, answer_of: Answer) -> None:
    services.device_result(device=phone, content=answer_of(phone))
    first = phone.table_file.read_bytes()
    later = Device.objects.get(pk=phone.pk)
    slower = answer_of(phone, samples=lambda ms: [2 * ms] * 5)
    with pytest.raises(ValidationError, match="done its work") as refused:
        services.device_result(device=later, content=slower)
    assert refused.value.code == "spent"
    assert phone.table_file.read_bytes() == first


def test_a_result_whose_answer_was_lost_may_be_sent_again(phone: Device, answer_of: Answer) -> None:
    sent = answer_of(phone)
    before = services.device_result(device=phone, content=sent)
    again = services.device_result(device=Device.objects.get(pk=phone.pk), content=sent)
    assert (again.state, again.measured_at, again.figures) == ("READY", before.measured_at, before.figures)
    services.device_link_renew(device=again)
    with pytest.raises(ValidationError, match="done its work"):
        services.device_result(device=before, content=sent)  # by the old link


def test_a_noisy_result_is_refused_with_advice_and_may_be_repeated(phone: Device, answer_of: Answer) -> None:
    noisy = answer_of(phone, samples=lambda ms: [ms * factor for factor in (0.6, 0.8, 1, 1.3, 1.6)])
    with pytest.raises(ValidationError, match=r"scatter by 50%.*Close other programs"):
        services.device_result(device=phone, content=noisy)
    phone.refresh_from_db()
    assert (phone.state, phone.measured_at) == ("REFUSED", None)
    assert "Close other programs" in phone.refusal
    assert services.device_result(device=phone, content=answer_of(phone)).state == "READY"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "should be an object"),
        (b"\xff\xfe", "should be an object"),
        (b"[" * 100_000, "should be an object"),
        (b"{}", "format"),
        (b'{"format": "nas-block-timings", "version": 2}', "version 2"),
    ],
    ids=["empty", "binary", "deep", "nothing", "version"],
)
def test_what_is_no_file_of_timings_is_refused(phone: Device, content: bytes, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        services.device_result(device=phone, content=content)
    phone.refresh_from_db()
    assert phone.state == "REFUSED" and not phone.table_file.exists()


def _set(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda data: data.update({name: value})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_set("bundle", "0" * 16), "another version of the blocks"),
        (_set("anchor_ms", float("nan")), "anchor_ms"),
        (_set("anchor_ms", 10**400), "anchor_ms"),
        (_set("anchor_ms", True), "anchor_ms"),
        (_set("measured_at", "yesterday"), "measured_at"),
        (_set("device", {"name": "\u202e", "hardware": "", "runtime": "", "threads": 1}), "name"),
        (lambda data: data["items"].__delitem__(slice(10, None)), "graphs were measured"),
        (lambda data: data["items"][0].update(name="../../etc/passwd"), "name a graph of the bundle"),
        (lambda data: data["items"][0].update(samples_ms=[1e9] * 5), "samples_ms"),
        (lambda data: data["items"].extend(data["items"]), "at most"),
    ],
    ids=[
        "foreign",
        "nan",
        "huge",
        "flag",
        "date",
        "unprintable",
        "half",
        "path",
        "slow",
        "twice",
    ],
)
def test_damaged_timings_are_refused(
    phone: Device, answer_of: Answer, change: Callable[[dict[str, Any]], None], sentence: str
) -> None:
    with pytest.raises(ValidationError, match=sentence) as refused:
        services.device_result(device=phone, content=answer_of(phone, change))
    assert refused.value.code == "refused"


def test_an_oversized_result_costs_no_attempt(phone: Device) -> None:
    with pytest.raises(ValidationError, match=r"not larger than 2\.4 MB") as refused:
        services.device_result(device=phone, content=b" " * (services.MOST_BYTES + 1))
    assert refused.value.code == "too_large"
    phone.refresh_from_db()
    assert (phone.state, phone.results_left) == ("WAITING", services.MOST_RESULTS)


def test_an_oversized_upload_leaves_a_measured_device_as_it_is(phone: Device, answer_of: Answer) -> None:
    device = services.device_result(device=phone, content=answer_of(phone))
    with pytest.raises(ValidationError, match="not larger than"):
        services.device_upload(device=device, content=b" " * (services.MOST_BYTES + 1))
    link = device.link_token
    device.refresh_from_db()
    assert (device.state, device.link_token) == ("READY", link)


def test_the_largest_choice_makes_an_answer_that_is_taken() -> None:
    for extent in EXTENTS:
        items = manifest_of(tuple(SPACES), extent).items
        most = samples_sent(len(items))
        numbers = ", ".join(["0.0000012345"] * most)  # no number that a client sends is longer
        row = f'{{"name": "{items[0].name}", "samples_ms": [{numbers}], "reference_ms": [{numbers}]}}, '
        assert most >= 40 and len(items) * len(row) + 5_000 < services.MOST_BYTES


def test_a_link_does_not_try_results_for_ever(phone: Device) -> None:
    for _ in range(services.MOST_RESULTS):
        with pytest.raises(ValidationError, match="should be an object"):
            services.device_result(device=phone, content=b"no")
    with pytest.raises(ValidationError, match="done its work"):
        services.device_result(device=phone, content=b"no")


def test_an_upload_replaces_the_table_and_a_bad_one_keeps_it(phone: Device, answer_of: Answer) -> None:
    services.device_result(device=phone, content=answer_of(phone))
    phone.refresh_from_db()
    first = phone.table_file.read_bytes()
    with pytest.raises(ValidationError):
        services.device_upload(device=phone, content=b"no")
    phone.refresh_from_db()
    assert phone.state == "REFUSED" and phone.table_file.read_bytes() == first
    services.device_upload(device=phone, content=answer_of(phone, samples=lambda ms: [2 * ms] * 5))
    phone.refresh_from_db()
    assert phone.state == "READY" and phone.table_file.read_bytes() != first


@pytest.mark.parametrize(
    "wrong",
    [{"name": " \n"}, {"kind": "toaster"}, {"spaces": []}, {"spaces": ["no-such"]}, {"extent": "endless"}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_device_needs_known_answers(owner: User, wrong: dict[str, Any]) -> None:
    options: dict[str, Any] = {"name": "Phone", "kind": "browser", "spaces": ["lite-elastic"]}
    with pytest.raises(ValidationError):
        services.device_create(owner=owner, **{**options, **wrong})


def test_a_deleted_device_leaves_no_file(
    phone: Device, owner: User, answer_of: Answer, django_capture_on_commit_callbacks: Any
) -> None:
    services.device_result(device=phone, content=answer_of(phone))
    directory = phone.directory
    assert directory.exists()
    with django_capture_on_commit_callbacks(execute=True):
        services.device_delete(device=phone)
    assert not directory.exists() and not devices_of_user(owner).exists()
