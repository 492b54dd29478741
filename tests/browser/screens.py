"""Takes the README's screenshots of a real run: `python -m tests.browser.screens PHOTOS.zip MINUTES`."""

from __future__ import annotations

import io
import re
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import FLAGS, chromium_program
from tests.integration.stack import Stack

SCREENS = Path(__file__).resolve().parents[2] / "docs" / "screens"
SIZE = {"width": 1280, "height": 960}
SEEN_AT = 70
"""Percent of the minutes after which the live page is taken: scaled networks are there by then."""


def shoot(page: Page, name: str) -> None:
    """Writes a PNG, packed as well as it goes."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    SCREENS.mkdir(parents=True, exist_ok=True)
    picture.save(SCREENS / name, optimize=True)


def take(page: Page, archive: Path, minutes: float) -> None:
    """Uploads, searches, and takes both pages."""
    page.goto("/datasets/new/")
    page.set_input_files("#file", archive)
    page.click("#send")
    page.click("#preview-import", timeout=600_000)
    page.wait_for_selector("#classes-title", timeout=600_000)
    page.get_by_role("link", name="Start a search").click()
    page.fill("[name=minutes]", f"{minutes:g}")
    page.get_by_role("button", name="Start the search").click()
    page.wait_for_url(re.compile(r"/searches/[0-9a-f-]{36}/$"))
    patience = minutes * 120_000
    page.wait_for_function(
        "share => document.getElementById('progress').value >= share", arg=SEEN_AT, timeout=patience
    )
    page.wait_for_timeout(1000)
    shoot(page, "live.png")
    page.wait_for_selector("#to-result:visible", timeout=patience)
    page.click("#to-result")
    page.wait_for_selector("#chart .point, .blank")
    shoot(page, "result.png")


def main(archive: Path, minutes: float) -> None:
    """Runs a private stack for as long as it takes."""
    with tempfile.TemporaryDirectory() as var, Stack(Path(var)) as stack, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium_program(), args=list(FLAGS))
        page = browser.new_context(base_url=stack.base_url, viewport=SIZE).new_page()
        page.goto(stack.link)
        take(page, archive, minutes)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
