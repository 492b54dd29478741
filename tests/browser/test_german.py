"""Every page in German: no English left, figures with a comma, and it fits a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests import images
from tests.browser.site_pages import PAGES, SitePage
from tests.browser.test_dataset_page import PHONE, make_set
from tests.browser.uploading import until
from tests.browser.world import world
from tests.integration.stack import Stack

ENGLISH = re.compile(
    r"\b(the|and|of|is|are|with|this|that|from|your|for|or|it|you|have|has|which|when|its|they|into|than|there|"
    r"photo|photos|class|upload again|none|left out|findings?)\b"
)
PLANTED = re.compile(
    r"<script>alert\(1\)</script>x*…?|This is the sentence of [\w-]+\.|Look at it and decide\.|class[_ ]\d+"
    r"|Free some space and resume it\."
)
"""What tests write in place of people, checks and engine."""
WORDS = """() => {
  const main = document.body;
  const said = [main.innerText, document.title];
  for (const node of main.querySelectorAll('[aria-label], [title], [placeholder]')) {
    if (node.closest('[hidden]')) continue;
    said.push(node.getAttribute('aria-label'), node.getAttribute('title'), node.getAttribute('placeholder'));
  }
  for (const node of main.querySelectorAll('code, pre')) said[0] = said[0].replace(node.innerText, ' ');
  return said.filter(Boolean);
}"""


@pytest.fixture
def german(context: BrowserContext, stack: Stack) -> Page:
    context.add_cookies([{"name": "django_language", "value": "de", "url": stack.base_url}])
    return context.new_page()


@pytest.fixture(scope="module")
def ids(stack: Stack, session_file: Path) -> Iterator[dict[str, str]]:
    """Ids of what there is to see on each page."""
    with world(stack) as made:
        yield made


@pytest.fixture(scope="module")
def squares(stack: Stack) -> str:
    return make_set(stack, 240, 6)


def assert_fits_a_phone(page: Page) -> None:
    """Charts take their new width a little later."""
    page.set_viewport_size(PHONE)
    until(page, lambda: page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def assert_german(page: Page) -> None:
    assert page.locator("html").get_attribute("lang") == "de"
    english = [
        text[max(0, found.start() - 40) : found.end() + 40]
        for text in (PLANTED.sub(" ", said) for said in page.evaluate(WORDS))
        for found in ENGLISH.finditer(text)
    ]
    assert english == [], page.url


@pytest.mark.parametrize(
    "one", [one for one in PAGES if one.who == "owner" and one.name != "style-guide"], ids=str
)
def test_every_page_speaks_german_and_fits_a_phone(german: Page, ids: dict[str, str], one: SitePage) -> None:
    german.goto(one.path.format(**ids))
    german.wait_for_selector(one.ready)
    assert_german(german)
    assert_fits_a_phone(german)


def test_edits_are_told_in_german(german: Page, squares: str) -> None:
    german.goto(f"/datasets/{squares}/?tab=photos")
    german.locator("#grid .photo").first.click()
    german.keyboard.press("x")
    expect(german.locator("#live")).to_contain_text("1 Foto ausgelassen. Mit U zurücknehmen.")
    german.keyboard.press("u")
    expect(german.locator("#live")).to_contain_text("Zurückgenommen: 1 Foto ausgelassen.")
    german.keyboard.press("Shift+?")
    expect(german.locator("#keys")).to_contain_text("Tasten für die Fotos")
    assert_german(german)


def test_an_upload_is_understood_in_german(german: Page, tmp_path: Path) -> None:
    photos = [images.encode(images.photo("temple", number)) for number in range(16)]
    labels = ("heil", "gesprungen")
    files = [(f"{labels[i % 2]}/{i}.jpg", photo) for i, photo in enumerate(photos)]
    archive = images.write_zip(tmp_path / "kacheln.zip", files)
    german.goto("/datasets/new/")
    assert_german(german)
    german.set_input_files("#file", archive)
    expect(german.locator("#chosen")).to_contain_text("kB")
    german.click("#send")
    german.wait_for_selector("#preview-import:enabled", timeout=60_000)
    expect(german.locator("#preview-summary")).to_contain_text("16 Bilder in 2 Klassen, gelesen aus")
    expect(german.locator("#preview-import")).to_have_text("16 Fotos in 2 Klassen importieren")
    assert_german(german)
    assert_fits_a_phone(german)


def test_devices_speak_german(german: Page, context: BrowserContext) -> None:
    german.goto("/devices/")
    assert_german(german)
    german.locator("details.profile summary").first.click()
    figures = german.locator("details.profile[open] td.num").all_inner_texts()
    assert any(re.search(r"\d,\d", one) for one in figures), figures
    assert not any(re.search(r"\d\.\d{1,2}\b", one) for one in figures), figures
    german.goto("/devices/new/")
    assert_german(german)
    german.fill("[name=name]", "Lager")
    german.locator("form button[type=submit]").last.click()
    assert_german(german)
    measure = context.new_page()
    measure.goto(german.locator("#link").input_value())
    expect(measure.locator("#start")).to_have_text("Start")
    assert_german(measure)
    assert_fits_a_phone(measure)


def test_a_mistake_is_answered_in_german(german: Page) -> None:
    german.goto("/datasets/new/")
    german.set_input_files("#file", {"name": "leer.zip", "mimeType": "application/zip", "buffer": b""})
    expect(german.locator("#problem")).to_contain_text("„leer.zip“ ist leer.")
