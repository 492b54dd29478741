"""axe-core finds nothing on any page, light or dark; the keyboard goes everywhere and is seen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import Watcher
from tests.browser.site_pages import PAGES, SitePage
from tests.browser.world import world
from tests.integration.stack import ROOT, Stack

AXE = ROOT / "node_modules/axe-core/axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RUN = """async (options) => {
  const found = await axe.run(document, { resultTypes: ['violations'], ...options });
  return found.violations.map(({ id, help, nodes }) => (
    { id, help, where: nodes.slice(0, 5).map((node) => `${node.target} ${node.html.slice(0, 160)} ${
      node.any.map((check) => check.message).join('; ').slice(0, 200)}`) }));
}"""
NAKED_ICONS = """() => [...document.querySelectorAll('.ti')].filter((icon) =>
  !getComputedStyle(icon, '::before').maskImage.startsWith('url')).map((icon) => icon.className)"""
FOCUS_IS_SEEN = """() => {
  const target = document.activeElement;
  const boxes = [target, target.closest('.item-card, .choice')].filter(Boolean);
  const seen = (node) => {
    const style = getComputedStyle(node);
    return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  };
  const { top, bottom } = target.getBoundingClientRect();
  return { tag: target.tagName, text: (target.getAttribute('aria-label') ?? target.textContent).trim(),
    seen: boxes.some(seen) && bottom > 0 && top < innerHeight };
}"""


@pytest.fixture(scope="module")
def ids(stack: Stack, session_file: Path) -> Iterator[dict[str, str]]:
    """Ids of what there is to see."""
    with world(stack) as made:
        yield made


@pytest.fixture(scope="module")
def visitors(
    stack: Stack, chromium: Browser, session_file: Path, ids: dict[str, str]
) -> Iterator[dict[str, BrowserContext]]:
    """One browser for each kind of visitor."""
    size: Any = {"width": 1280, "height": 860}
    made = {
        "nobody": chromium.new_context(base_url=stack.base_url, viewport=size),
        "newcomer": chromium.new_context(base_url=stack.base_url, viewport=size),
        "owner": chromium.new_context(base_url=stack.base_url, viewport=size, storage_state=session_file),
    }
    page = made["newcomer"].new_page()
    page.goto(ids["newcomer"])
    page.close()
    yield made
    for context in made.values():
        context.close()


def show(context: BrowserContext, site_page: SitePage, ids: dict[str, str]) -> tuple[Page, Watcher]:
    page = context.new_page()
    watcher = Watcher(page)
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    answer = page.goto(site_page.path.format(**ids))
    assert answer is not None
    assert answer.status == site_page.status
    expect(page.locator(site_page.ready).first).to_be_visible()
    return page, watcher


@pytest.mark.parametrize("site_page", PAGES, ids=str)
def test_page_is_accessible(
    site_page: SitePage, visitors: dict[str, BrowserContext], ids: dict[str, str]
) -> None:
    page, watcher = show(visitors[site_page.who], site_page, ids)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    light = page.evaluate(RUN, {"runOnly": {"type": "tag", "values": TAGS}})
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    dark = page.evaluate(RUN, {"runOnly": ["color-contrast"]})  # the other rules ask nothing about colours
    assert (light, dark) == ([], [])
    assert page.evaluate(NAKED_ICONS) == [], "add them to automl_site/icons.txt"
    page.set_viewport_size({"width": 360, "height": 740})
    page.wait_for_function(
        "() => document.documentElement.scrollWidth <= innerWidth"
    )  # charts redraw themselves
    if site_page.status != 200:
        watcher.forgive("Failed to load resource")
    assert watcher.problems == []
    page.close()


def test_the_keyboard_walks_through_home_and_is_always_seen(
    visitors: dict[str, BrowserContext], ids: dict[str, str]
) -> None:
    page, _ = show(visitors["owner"], SitePage("home", "/"), ids)
    met = []
    for _step in range(60):
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUS_IS_SEEN)
        if at["tag"] == "BODY":
            break
        assert at["seen"], f"nobody sees that {at} has the focus"
        met.append(at["text"])
    for wanted in ("Skip to the content", "Data sets", "Account menu", "New search", "All searches"):
        assert wanted in met
    links = page.locator("main a, main button, main input").count()
    assert len(met) >= links
    page.close()


def test_the_account_menu_opens_and_closes_by_keyboard(
    visitors: dict[str, BrowserContext], ids: dict[str, str]
) -> None:
    page, _ = show(visitors["owner"], SitePage("home", "/"), ids)
    page.get_by_label("Account menu").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Deutsch")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Deutsch")).to_be_hidden()
    expect(page.get_by_label("Account menu")).to_be_focused()
    page.close()


def test_toasts_are_read_out_closed_by_hand_and_never_many(
    visitors: dict[str, BrowserContext], ids: dict[str, str]
) -> None:
    page, watcher = show(visitors["owner"], SitePage("home", "/"), ids)
    tell = "text => import('/static/js/lib/dom.js').then(({ notice }) => notice(text, 'bad'))"
    for text in ("<b>one</b>", "two", "two", "three", "four"):
        page.evaluate(tell, text)
    toasts = page.get_by_role("alert").locator(".toast-item")
    expect(toasts).to_have_text(["two", "three", "four"])
    toasts.nth(1).get_by_role("button", name="Close").click()
    expect(toasts).to_have_text(["two", "four"])
    for _toast in range(2):
        page.get_by_role("button", name="Close").first.press("Enter")
    expect(page.locator("#notice")).to_be_hidden()
    assert watcher.problems == []
    page.close()


def test_two_searches_are_chosen_and_stay_chosen_while_the_list_renews_itself(
    visitors: dict[str, BrowserContext], ids: dict[str, str]
) -> None:
    page, watcher = show(visitors["owner"], SitePage("list", "/searches/"), ids)
    page.emulate_media(reduced_motion="reduce")
    boxes = [page.locator(f"#run-{ids[name]} [data-compare]") for name in ("finished", "running")]
    boxes[0].check()
    compare = page.locator("#compare-link")
    expect(compare).to_have_attribute("aria-disabled", "true")
    boxes[1].check()
    boxes[1].focus()
    page.evaluate("() => { window.same = true; }")
    token = page.locator("meta[name=csrf-token]").get_attribute("content") or ""
    stop = f"/api/v1/searches/{ids['running']}/stop"
    answer = page.request.post(stop, headers={"X-CSRFToken": token, "Referer": page.url})
    assert answer.ok, answer.text()
    row = page.locator(f"#run-{ids['running']}")
    expect(row.locator(".state")).to_have_text("Stopping", timeout=15_000)
    assert page.evaluate("() => window.same"), "the page was loaded anew"
    expect(boxes[1]).to_be_focused()
    expect(boxes[1]).to_be_checked()
    link = compare.get_attribute("href")
    assert link == f"/searches/compare/?a={ids['finished']}&b={ids['running']}"
    page.locator("#compare-none").click()
    expect(page.locator("#compare")).to_be_hidden()
    assert watcher.problems == []
    page.close()
