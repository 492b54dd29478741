"""The result page's section about other devices: whose devices, which words, which searches are compared."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from nas.hardware.device_table import DeviceTable
from nas.hardware.timings import table_from_timings
from search_app.comparisons import comparisons_of
from search_app.devices import places_of
from search_app.elsewhere import elsewhere_of
from search_app.models import Device, SearchRun
from search_app.pages import report_of
from tests.finished import finished
from tests.unit.hardware.tables import small_manifest, timings

HOSTILE = '<script>alert("x")</script>'
ClientOf = Callable[[User | None], Client]

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def table() -> DeviceTable:
    manifest = small_manifest()
    return table_from_timings(timings(manifest), manifest)


def device_of(owner: User, table: DeviceTable, name: str) -> Device:
    """A device that was measured."""
    now = timezone.now()
    made: Device = Device.objects.create(
        owner=owner,
        name=name,
        state=Device.State.READY,
        spaces=["lite-elastic"],
        link_token=name,
        link_made_at=now,
        results_left=1,
        measured_at=now,
        hardware="formula",
        runtime="by hand",
    )
    table.save(made.table_file)
    return made


def page_of(client: Client, run: SearchRun) -> str:
    return html.unescape(client.get(f"/searches/{run.id}/result/").content.decode())


def test_the_page_says_what_the_recommended_network_costs_elsewhere(
    client_of: ClientOf, owner: User, storage: Path
) -> None:
    text = page_of(client_of(owner), finished(owner))
    assert "This search was made for: <strong>This server</strong>" in text
    told = "It takes about 23.7 ms there. The most accurate that answers there in the 6.10 ms it takes on"
    assert f"{told} this server is Search 3 · 64 px, 14.4 points less accurate" in text
    assert "It does not fit: Its activations need 929,280 bytes" in text


def test_own_devices_show_up_for_their_owner_alone(
    client_of: ClientOf, owner: User, stranger: User, table: DeviceTable, storage: Path
) -> None:
    device_of(owner, table, "Owner's phone")
    device_of(stranger, table, "Stranger's phone")
    text = page_of(client_of(owner), finished(owner))
    assert "Owner's phone" in text and "predicted from its blocks" in text
    assert "Stranger's phone" not in text
    text = page_of(client_of(stranger), finished(stranger))
    assert "Stranger's phone" in text and "Owner's phone" not in text


def test_a_device_without_a_readable_table_is_left_out(
    client_of: ClientOf, owner: User, table: DeviceTable, storage: Path
) -> None:
    device_of(owner, table, "Torn phone").table_file.write_text("{ torn")
    answer = client_of(owner).get(f"/searches/{finished(owner).id}/result/")
    assert answer.status_code == 200
    assert "Torn phone" not in answer.content.decode()


def test_names_are_text(client_of: ClientOf, owner: User, table: DeviceTable, storage: Path) -> None:
    device_of(owner, table, HOSTILE)
    run = finished(owner)
    report = json.loads((run.workdir / "report.json").read_text())
    for one in report["candidates"]:
        one["label"] = HOSTILE
    (run.workdir / "report.json").write_text(json.dumps(report))
    text = client_of(owner).get(f"/searches/{run.id}/result/").content.decode()
    assert "On other devices" in text
    assert "<script>alert" not in text


def test_an_old_report_has_no_section(client_of: ClientOf, owner: User, storage: Path) -> None:
    run = finished(owner)
    report = json.loads((run.workdir / "report.json").read_text())
    del report["elsewhere"]
    (run.workdir / "report.json").write_text(json.dumps(report))
    text = page_of(client_of(owner), run)
    assert "The networks to choose from" in text and "On other devices" not in text


def test_a_search_for_a_device_that_is_gone_keeps_its_figures(
    client_of: ClientOf, owner: User, storage: Path
) -> None:
    run = finished(owner)
    SearchRun.objects.filter(pk=run.pk).update(device="device:gone", device_title="Old phone")
    text = page_of(client_of(owner), run)
    assert "This search was made for: <strong>Old phone</strong>" in text


def compared(run: SearchRun, user: User) -> list[SearchRun]:
    places, report = places_of(user), report_of(run)
    found = elsewhere_of(run, report, places)
    assert found is not None
    return [one.theirs.run for one in comparisons_of(run, report, found, places, user)]


def test_searches_of_the_same_photos_for_other_devices_are_compared(
    client_of: ClientOf, owner: User, stranger: User, storage: Path
) -> None:
    run = finished(owner)
    other = finished(owner, like=run, device="phone-cpu", device_title="A phone")
    finished(owner, like=run)  # for the same device
    finished(owner, device="phone-cpu")  # other photos
    finished(stranger, like=run, device="npu")  # someone else's
    failed = finished(owner, like=run, device="dsp")
    SearchRun.objects.filter(pk=failed.pk).update(state=SearchRun.State.FAILED)
    assert compared(run, owner) == [other]
    assert compared(other, owner)[0].device == "here"
    text = page_of(client_of(owner), run)
    assert "Searched for a phone, the best is Scaled L · 176 px, as accurate on test images." in text
    assert f"/searches/{other.id}/result/" in text


def test_the_newest_search_for_a_device_is_compared(owner: User, storage: Path) -> None:
    run = finished(owner)
    finished(owner, like=run, device="phone-cpu")
    newer = finished(owner, like=run, device="phone-cpu")
    assert compared(run, owner) == [newer]


def test_more_devices_and_searches_cost_no_more_queries(
    client_of: ClientOf, owner: User, table: DeviceTable, storage: Path, django_assert_max_num_queries: Any
) -> None:
    run = finished(owner)
    for number in range(3):
        device_of(owner, table, f"Phone {number}")
    for device in ("phone-cpu", "npu", "dsp"):
        finished(owner, like=run, device=device)
    client = client_of(owner)
    with django_assert_max_num_queries(11) as asked:
        client.get(f"/searches/{run.id}/result/")
    assert sum("search_app_device" in query["sql"] for query in asked.captured_queries) == 1
    assert sum('FROM "search_app_searchrun"' in query["sql"] for query in asked.captured_queries) == 2
