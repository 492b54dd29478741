"""What pages owe everyone: plain refusals, hostile names as text, narrow screens, dark colours, keyboards."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, expect

from tests import images
from tests.browser.conftest import Watcher

HOSTILE = "<img src=x onerror=alert(1)>"
PHONE: ViewportSize = {"width": 360, "height": 740}


def assert_fits(page: Page) -> None:
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.evaluate("window.innerWidth"), f"{page.url} is {width} px wide"


def test_hostile_and_long_names_are_text_on_a_phone(page: Page, watcher: Watcher, tmp_path: Path) -> None:
    photos = [images.encode(images.photo("temple", number)) for number in range(6)]
    labels = (HOSTILE, "B" * 200)
    files = [(f"{label}/{i}.jpg", photo) for label in labels for i, photo in enumerate(photos)]
    archive = images.write_zip(tmp_path / "names.zip", files)
    page.set_viewport_size(PHONE)
    page.goto("/datasets/new/")
    page.set_input_files("#file", archive)
    page.fill("#name", (HOSTILE + "x" * 300)[:200])
    page.click("#send")
    page.wait_for_url(re.compile(r"/datasets/[0-9a-f-]{36}/"))
    page.click("#preview-import", timeout=60_000)
    expect(page.locator("#classes-title")).to_be_visible(timeout=60_000)
    expect(page.locator("h1")).to_contain_text("<img src=x")
    for address in (page.url, "/datasets/", "/", "/searches/new/", "/searches/"):
        page.goto(address)
        assert_fits(page)
    assert watcher.problems == []


def test_hover_texts_are_escaped_and_cut(page: Page) -> None:
    page.goto("/")
    script = "text => import('/static/js/lib/format.js').then((format) => format.plotlyText(text, 20))"
    assert page.evaluate(script, "<b>&") == "&lt;b&gt;&amp;"
    assert page.evaluate(script, "é" * 300) == "é" * 19 + "…"


def test_a_long_method_is_thinned_out_in_the_browser_and_keeps_its_ends(page: Page) -> None:
    page.goto("/")
    script = """async () => {
      const { RunState } = await import('/static/js/lib/run_state.js');
      const empty = { steps: [], shares: {} };
      const state = new RunState({ run: {}, last_seq: 0, candidates: null, events: [], method: empty });
      for (let seq = 1; seq <= 1301; seq += 1) {
        state.apply({ seq, kind: 'method', payload: { step: seq, values: {}, shares: { a: seq } } });
      }
      return { steps: state.method.steps.map((one) => one.step), a: state.method.shares.a };
    }"""
    shown = page.evaluate(script)
    assert 200 < len(shown["steps"]) <= 500
    assert (shown["steps"][0], shown["steps"][-1], shown["a"]) == (1, 1301, 1301)
    assert shown["steps"] == sorted(shown["steps"])


def test_a_method_that_begins_anew_goes_on_to_the_right(page: Page) -> None:
    page.goto("/")
    script = """steps => import('/static/js/lib/method.js').then(({ placesOf }) =>
      placesOf(steps.map((step) => ({ step, values: {} }))).map((one) => one.at))"""
    assert page.evaluate(script, [0, 1, 2, 0, 1, 0]) == [0, 1, 2, None, 3, 4, None, 5]
    assert page.evaluate(script, [1, 2, 5]) == [1, 2, 5]


def test_colours_follow_the_system_and_the_button(page: Page, watcher: Watcher) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto("/")
    html = page.locator("html")
    expect(html).to_have_attribute("data-bs-theme", "dark")
    page.click("#theme-toggle")
    expect(html).to_have_attribute("data-bs-theme", "light")
    page.reload()
    expect(html).to_have_attribute("data-bs-theme", "light")
    assert watcher.problems == []


def test_the_first_tab_stop_leads_to_the_content(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip-link")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()


def test_account_pages_without_errors(page: Page, watcher: Watcher) -> None:
    page.set_viewport_size(PHONE)
    page.context.clear_cookies()
    for address in ("/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"):
        page.goto(address)
        expect(page.locator("h1")).to_be_visible()
        assert_fits(page)
    assert watcher.problems == []


def test_missing_pages_say_so_in_the_products_words(page: Page) -> None:
    for address in ("/datasets/00000000-0000-4000-8000-000000000000/", "/nowhere/"):
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 404
        expect(page.locator("h1")).to_have_text("Not found, or not yours")
