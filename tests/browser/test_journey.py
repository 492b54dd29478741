"""The whole journey on a phone, in German: photos, a search, its result, mistakes, camera, a correction."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests import images
from tests.browser.conftest import FLAGS, Watcher, chromium_program
from tests.browser.layout import problems
from tests.integration.stack import Stack

CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
SIZE = {"width": 390, "height": 780}
MINUTES = "2"


@pytest.fixture
def phone(stack: Stack, chromium: Browser, session_file: Path) -> Iterator[Page]:
    """A page on a phone with a camera that may be used, in the dark."""
    browser = chromium.browser_type.launch(executable_path=chromium_program(), args=[*FLAGS, *CAMERA])
    context = browser.new_context(
        base_url=stack.base_url,
        storage_state=session_file,
        viewport=SIZE,  # type: ignore[arg-type]
        color_scheme="dark",
        has_touch=True,
    )
    context.set_default_timeout(30_000)
    yield context.new_page()
    browser.close()


def lies_well(page: Page) -> None:
    """Nothing is cut or covered, and the page speaks German."""
    assert page.locator("html").get_attribute("lang") == "de"
    assert problems(page) == []


def points(page: Page) -> Locator:
    return page.locator("#tried")


def test_everything_can_be_done_on_a_phone_in_german(phone: Page, tmp_path: Path) -> None:
    page, watcher = phone, Watcher(phone)
    archive = images.photo_zip(tmp_path / "kacheln.zip", n_per_class=40)
    page.goto("/account/")
    page.locator("main").get_by_role("button", name="Deutsch").click()
    expect(page.locator("html")).to_have_attribute("lang", "de")

    page.goto("/datasets/new/")
    page.set_input_files("#file", archive)
    lies_well(page)
    page.click("#send")
    page.wait_for_url(re.compile(r"/datasets/[0-9a-f-]{36}/"))
    page.click("#preview-import", timeout=60_000)
    expect(page.locator("#state")).to_have_text("Bereit", timeout=60_000)
    lies_well(page)

    page.locator("a[href*='/searches/new/']").first.click()
    page.fill("[name=minutes]", MINUTES)
    lies_well(page)
    page.locator("main form button[type=submit]").last.click()
    page.wait_for_url(re.compile(r"/searches/[0-9a-f-]{36}/$"))
    page.evaluate("window.sameDocument = true")
    expect(page.locator("#models a").first).to_be_visible(timeout=90_000)
    expect(points(page)).not_to_have_text("0")
    assert page.evaluate("window.sameDocument"), "the points came by a reload, not live"
    lies_well(page)

    page.click("#pause")
    expect(page.locator("#state")).to_have_text("Angehalten", timeout=60_000)
    before = points(page).inner_text()
    page.reload()
    expect(points(page)).to_have_text(before)
    page.get_by_role("button", name="Fortsetzen").click()
    expect(page.locator("#state")).to_have_text("Läuft", timeout=60_000)
    page.click("#stop")
    page.click("#stop-dialog button[value=yes]")
    expect(page.locator("#to-result")).to_be_visible(timeout=90_000)
    page.click("#to-result")
    expect(page.locator(".verdict .big")).to_contain_text("%")
    lies_well(page)

    page.locator("a[href*='/models/'][href$='/']:not([href$='/try/'])").first.click()
    expect(page.locator("table.confusion button").first).to_be_visible()
    page.locator("table.confusion button:not([data-n='0'])").first.click()
    expect(page.locator("#judged")).to_be_visible()
    page.keyboard.press("Escape")
    lies_well(page)

    page.goto(re.sub(r"\?.*", "", page.url) + "try/")
    page.locator("#camera:enabled").click()
    page.wait_for_function("() => Number(document.getElementById('camera-panel').dataset.answers) >= 1")
    page.click("#camera-shoot")
    expect(page.locator(".try-item .answers li").first).to_be_visible()
    page.click("#camera-stop")
    lies_well(page)
    page.locator(".try-item").get_by_role("button", name="Falsch?").click()
    page.locator(".tell select").select_option(index=1)
    page.locator(".tell button[type=submit], .tell .btn-primary").first.click()
    expect(page.locator(".tell [role=status]")).to_contain_text("Version 2", timeout=60_000)
    assert watcher.problems == []
