"""A device is made in one browser and measures itself in another one, which has no account."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page, Route, expect

from tests.browser.conftest import FLAGS, Watcher, chromium_program
from tests.browser.rank_in_browser import make_device, trusting_table
from tests.browser.test_pages import PHONE, assert_fits

HIDE = """hidden => {
  Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}"""
SWIFTSHADER = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-unsafe-swiftshader")
SPACE = "nasbench201"  # the smallest bundle: a round takes seconds
VERDICT = re.compile(r"is measured|scatter by|speed changed by")
REFUSED = "the server responded with a status of 422"


@pytest.fixture
def phone(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport=PHONE)
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


def test_a_phone_measures_itself_by_a_link(page: Page, watcher: Watcher, phone: Page) -> None:
    seen = Watcher(phone)
    link = make_device(page, "Phone", SPACE)
    expect(page.locator("#state")).to_have_text("Waiting for the device")
    phone.goto(link)
    assert_fits(phone)
    assert phone.evaluate("crossOriginIsolated")
    phone.keyboard.press("Tab")
    phone.locator("#start").focus()
    phone.keyboard.press("Enter")
    expect(phone.locator("#measure-title")).to_have_text("Measuring")
    expect(page.locator("#watch")).to_be_visible()
    expect(page.locator("#state")).to_have_text("Measuring")
    # After a whole round the person may have enough; that also keeps this test short.
    expect(phone.locator("#enough")).to_be_visible(timeout=180_000)
    assert_fits(phone)
    with phone.expect_request("**/timings/") as sent:
        phone.click("#enough")
    verdict = phone.locator("#done:visible, #problem:visible")
    expect(verdict).to_have_text(VERDICT)  # machines that run tests are busy, and then the site says so
    table = trusting_table(sent.value.post_data_json, SPACE)
    assert len(table.blocks) > 40 and len(table.networks) > 45
    assert table.device.name == "Phone" and "onnxruntime-web" in table.device.runtime
    state = "Ready" if "is measured" in verdict.inner_text() else "Refused"
    expect(page.locator("#state")).to_have_text(state)
    assert phone.context.cookies() == []
    seen.forgive(REFUSED)
    assert (watcher.problems, seen.problems) == ([], [])


def only_a_few(route: Route) -> None:
    """Hands out a bundle of four graphs, for one round: SwiftShader takes seconds for each."""
    body = route.fetch().body()
    length = int.from_bytes(body[:4], "little")
    index = json.loads(body[4 : 4 + length])
    index["items"], index["seconds"] = index["items"][:4], 1.0
    kept = json.dumps(index).encode()
    route.fulfill(body=len(kept).to_bytes(4, "little") + kept + body[4 + length :])


def test_a_graphics_processor_is_offered_where_there_is_one_and_measures(
    page: Page, phone: Page, chromium: Browser
) -> None:
    """WebGPU is real here: Chromium runs it on the processor, by SwiftShader."""
    phone.goto(make_device(page, "Phone", SPACE))
    phone.get_by_text("Options").click()
    expect(phone.locator("#threads")).to_be_visible()
    expect(phone.locator("#engine-field")).to_be_hidden()  # that browser has no graphics processor
    flags = [flag for flag in FLAGS if flag != "--disable-gpu"]
    able = chromium.browser_type.launch(executable_path=chromium_program(), args=[*flags, *SWIFTSHADER])
    try:
        tablet = able.new_context(viewport=PHONE).new_page()
        seen = Watcher(tablet)
        tablet.route("**/bundle/", only_a_few)
        tablet.goto(make_device(page, "Tablet", SPACE))
        tablet.get_by_text("Options").click()
        tablet.locator("#engine").select_option("webgpu")
        expect(tablet.locator("#threads")).to_be_disabled()
        assert_fits(tablet)
        with tablet.expect_request("**/timings/", timeout=240_000) as sent:
            tablet.click("#start")
        expect(tablet.locator("#problem")).to_have_text(re.compile(r"Only 4 of \d+ graphs were measured"))
        timings: Any = sent.value.post_data_json
        seen.forgive(REFUSED)
        assert seen.problems == []
    finally:
        able.close()
    device = timings["device"]
    assert "WebGPU" in device["runtime"] and "swiftshader" in device["hardware"]
    assert device["threads"] == 1
    assert len(timings["items"]) == 4
    assert all(min(item["samples_ms"]) > 0 for item in timings["items"])


def test_a_hidden_page_waits(page: Page, phone: Page) -> None:
    phone.goto(make_device(page, "Phone", SPACE))
    phone.click("#start")
    expect(phone.locator("#left")).to_have_text(re.compile("left$"), timeout=60_000)
    phone.evaluate(HIDE, True)
    expect(phone.locator("#left")).to_have_text("waiting for this page to be in front")
    stood = phone.locator("#progress").evaluate("bar => bar.value")
    phone.wait_for_timeout(1500)  # long enough for several graphs
    assert phone.locator("#progress").evaluate("bar => bar.value") - stood <= 10
    phone.evaluate(HIDE, False)
    expect(phone.locator("#left")).to_have_text(re.compile("left$"))
    phone.click("#stop")
    expect(phone.locator("#measure-title")).to_have_text("Stopped")


def test_the_anchor_is_settled_again_after_the_page_was_hidden(page: Page, phone: Page) -> None:
    settled: list[str] = []
    phone.on("console", lambda message: settled.append(message.text))

    def slowly(route: Route) -> None:
        source = route.fetch().text()
        told = "console.log('settling'); await new Promise((go) => setTimeout(go, 1000)); this.reference ="
        assert source.count("this.reference =") == 1
        route.fulfill(
            body=source.replace("this.reference =", told),
            headers={"Content-Type": "text/javascript", "Cross-Origin-Embedder-Policy": "require-corp"},
        )

    phone.context.route("**/js/lib/meter*.js", slowly)
    phone.goto(make_device(page, "Phone", SPACE))
    with phone.expect_console_message(lambda message: message.text == "settling"):
        phone.click("#start")
    phone.evaluate(HIDE, True)
    phone.evaluate(HIDE, False)
    expect(phone.locator("#left")).to_have_text(re.compile("left$"), timeout=60_000)
    assert settled.count("settling") == 2
    phone.click("#stop")


def test_stop_while_the_graphs_load_ends_that_measurement(page: Page, phone: Page) -> None:
    held: list[Route] = []
    phone.route("**/bundle/", lambda route: held.append(route))  # noqa: PLW0108 - gets an attribute
    phone.goto(make_device(page, "Phone", SPACE))
    with phone.expect_request("**/bundle/"):
        phone.click("#start")
    phone.click("#stop")
    expect(phone.locator("#start")).to_have_text("Start again")
    with phone.expect_request("**/bundle/"):
        phone.click("#start")
    phone.wait_for_function("document.getElementById('measure-title').textContent === 'Measuring'")
    for route in held:
        with suppress(Error):  # the page may have cancelled it
            route.continue_()
    expect(phone.locator("#left")).to_have_text(re.compile("left$"), timeout=60_000)
    assert len(phone.workers) == 1
    phone.click("#stop")
    expect(phone.locator("#measure-title")).to_have_text("Stopped")


def test_a_new_link_turns_the_old_one_away(page: Page, phone: Page) -> None:
    old = make_device(page, "Phone", SPACE)
    page.get_by_role("button", name="Make a new link").click()
    expect(page.locator("#link")).not_to_have_value(old)
    answer = phone.goto(old)
    assert answer is not None and answer.status == 404


def test_pages_of_devices_fit_a_phone(page: Page, watcher: Watcher) -> None:
    page.set_viewport_size(PHONE)
    make_device(page, "B" * 100, SPACE)
    for address in (page.url, "/devices/", "/devices/new/"):
        page.goto(address)
        for fold in page.locator("details.fold > summary").all():
            fold.click()
        assert_fits(page)
    page.goto("/devices/")
    page.get_by_role("link", name="B" * 100).click()
    page.get_by_role("button", name="Delete the device").click()
    page.locator("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("link", name="B" * 100)).to_have_count(0)
    assert watcher.problems == []
