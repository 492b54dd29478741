"""Every page in every state, on a light desktop and on a dark phone: nothing cut, nothing covered, no error.

`AUTOML_SCREENS=docs/screens pytest tests/browser/test_gallery.py` also writes the pictures of the gallery.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize

from tests.browser.conftest import Watcher
from tests.browser.layout import problems
from tests.integration.stack import ROOT, Stack

LOOKS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": ViewportSize(width=1280, height=860), "color_scheme": "light"},
    "phone": {"viewport": ViewportSize(width=390, height=780), "color_scheme": "dark"},
}
SIGNED_OUT = {
    "sign-in": "/accounts/login/",
    "sign-up": "/accounts/signup/",
    "password-reset": "/accounts/password/reset/",
}
EMPTY = {
    "home-empty": "/",
    "datasets-empty": "/datasets/",
    "searches-empty": "/searches/",
    "new-empty": "/searches/new/",
    "devices-empty": "/devices/",
}
FULL = {
    "home": "/",
    "datasets": "/datasets/",
    "upload": "/datasets/new/",
    "searches": "/searches/",
    "new": "/searches/new/",
    "devices": "/devices/",
    "device-new": "/devices/new/",
    "account": "/account/",
    "password": "/accounts/password/change/",
    "e-mail": "/accounts/email/",
    "styleguide": "/styleguide/",
    "not-found": "/nowhere/",
}
LAZY = ("dataset-photos", "dataset-findings", "model", "result", "try", "live-running", "live-finished")
TALLEST = 2600
"""Pixels of a page that its picture shows."""


@pytest.fixture(scope="module")
def states(stack: Stack) -> Iterator[dict[str, Any]]:
    yield json.loads(_shell(stack, "main"))
    _shell(stack, "clear")


def _shell(stack: Stack, what: str) -> str:
    command = [sys.executable, "manage.py", "shell", "-v", "0", "-c"]
    done = subprocess.run(
        [*command, f"from tests.browser import states; states.{what}()"],
        cwd=ROOT,
        env=stack.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture
def visit(stack: Stack, chromium: Browser, states: dict[str, Any]) -> Iterator[Any]:
    """Returns a function that opens a page as somebody, in a look."""
    contexts = []

    def open_page(person: str, look: str) -> Page:
        context = chromium.new_context(base_url=stack.base_url, reduced_motion="reduce", **LOOKS[look])
        context.set_default_timeout(20_000)
        contexts.append(context)
        if person in states["sessions"]:
            cookie = {**states["sessions"][person], "url": stack.base_url}
            context.add_cookies([cookie])
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("person", ["nobody", "empty", "full"])
def test_nothing_is_cut_or_covered(visit: Any, states: dict[str, Any], person: str, look: str) -> None:
    addresses = {"nobody": SIGNED_OUT, "empty": EMPTY, "full": {**FULL, **states["addresses"]}}[person]
    page = visit(person, look)
    watcher = Watcher(page)
    found = []
    for name, address in addresses.items():
        watcher.problems.clear()
        page.goto(address)
        assert page.url.endswith(address), f"{name} sends to {page.url}"
        settle(page, quiet=name in LAZY)
        if name == "not-found":
            watcher.forgive("404")
        found += [f"{name}: {problem}" for problem in problems(page) + watcher.problems]
        keep(page, f"{name}-{look}")
    assert not found, "\n".join(found)


def settle(page: Page, *, quiet: bool) -> None:
    """Waits until charts are drawn and pictures have come; if asked, until nothing is fetched any more."""
    page.wait_for_load_state("networkidle" if quiet else "load")
    page.evaluate("document.fonts.ready")
    page.wait_for_function(
        "() => [...document.images].every((one) => one.complete || one.loading === 'lazy')"
    )
    drawn = "(one) => !one.checkVisibility() || one.children.length"
    page.wait_for_function(f"() => [...document.querySelectorAll('.chart')].every({drawn})")


@pytest.fixture(scope="module", autouse=True)
def index() -> Iterator[None]:
    """Lists the pictures, where they are wanted, side by side."""
    yield
    if directory := os.environ.get("AUTOML_SCREENS"):
        target = ROOT / Path(directory)
        names = sorted(path.stem.removesuffix("-desktop") for path in target.glob("*-desktop.webp"))
        rows = [f"| {name} | ![]({name}-desktop.webp) | ![]({name}-phone.webp) |" for name in names]
        head = (
            "# Every page",
            "Made by `AUTOML_SCREENS=docs/screens pytest tests/browser/test_gallery.py`. What they show is "
            "made up, but for live.png and result.png, which are of a real search.",
            "| Page | Desktop, light | Phone, dark |\n|---|---|---|",
        )
        text = "\n\n".join(head) + "\n" + "\n".join(rows) + "\n"
        (target / "README.md").write_text(text, encoding="utf-8")


def keep(page: Page, name: str) -> None:
    """Writes the page as a picture where the gallery is wanted."""
    directory = os.environ.get("AUTOML_SCREENS")
    if not directory:
        return
    picture = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    picture = picture.crop((0, 0, picture.width, min(picture.height, TALLEST)))
    target = ROOT / Path(directory)
    target.mkdir(parents=True, exist_ok=True)
    picture.save(target / f"{name}.webp", quality=72, method=6)


BADLY_LAID = """<!doctype html><body style="margin: 0; font: 16px sans-serif">
<div style="width: 60px; overflow: hidden; white-space: nowrap">much too long for its box</div>
<div style="width: 60px; overflow: hidden; white-space: nowrap; text-overflow: ellipsis">long, shown so</div>
<div style="position: absolute; top: 200px">lies below</div>
<div style="position: absolute; top: 204px; left: 10px">lies on top</div>
<img src="data:image/png;base64,AAAA" width="20" height="20" alt="">
<div style="width: 2000px; margin-top: 300px">wide</div>"""


def test_the_rules_see_what_is_cut_covered_or_missing(chromium: Browser) -> None:
    page = chromium.new_page(viewport=ViewportSize(width=800, height=600))
    page.set_content(BADLY_LAID)
    found = problems(page)
    page.close()
    assert sorted(line.split(":")[0] for line in found) == [
        "cut",
        "no picture",
        "over each other",
        "the page is 2000 px wide in a window of 800",
    ], found
    assert any("much too long" in line for line in found)
