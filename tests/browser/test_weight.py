"""What a page costs: bytes over the wire with an empty cache, and when its largest part is painted."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.world import world
from tests.integration.stack import Stack

pytestmark = pytest.mark.alone

FIRST_PAGE = 200_000
LIVE_PAGE = 700_000
LARGEST_PAINT_MS = 1500
PAINTS = """() => new Promise((resolve) => {
  new PerformanceObserver((list) => resolve(list.getEntries().at(-1).startTime))
    .observe({ type: 'largest-contentful-paint', buffered: true });
})"""


@pytest.fixture(scope="module")
def ids(stack: Stack, session_file: Path) -> Iterator[dict[str, str]]:
    """Ids of what there is to see."""
    with world(stack, small=True) as made:
        yield made


def weigh(page: Page, path: str, ready: str) -> tuple[int, float, dict[str, int]]:
    """Returns the bytes that came over the wire, the time of the largest paint in ms, and the parts."""
    client = page.context.new_cdp_session(page)
    client.send("Network.enable")
    client.send("Network.setCacheDisabled", {"cacheDisabled": True})
    urls: dict[str, str] = {}
    parts: dict[str, int] = {}

    def sent(event: dict[str, Any]) -> None:
        urls[event["requestId"]] = event["response"]["url"]

    def finished(event: dict[str, Any]) -> None:
        url = urls.get(event["requestId"], "")
        parts[url] = parts.get(url, 0) + int(event["encodedDataLength"])

    client.on("Network.responseReceived", sent)
    client.on("Network.loadingFinished", finished)
    page.goto(path)
    expect(page.locator(ready).first).to_be_visible()
    page.wait_for_load_state("networkidle")
    return sum(parts.values()), page.evaluate(PAINTS), parts


@pytest.mark.parametrize(
    ("path", "ready", "most"),
    [
        ("/accounts/login/", "h1", FIRST_PAGE),
        ("/", "h1", FIRST_PAGE),
        ("/searches/", "h1", FIRST_PAGE),
        ("/searches/new/", "#estimate dl", FIRST_PAGE),
        ("/searches/{running}/", "#chart canvas", LIVE_PAGE),
    ],
)
def test_page_is_light_and_fast(
    context: BrowserContext, ids: dict[str, str], path: str, ready: str, most: int
) -> None:
    if path == "/accounts/login/":
        context.clear_cookies()
    n_bytes, painted_ms, parts = weigh(context.new_page(), path.format(**ids), ready)
    for _again in range(2):  # how fast the page can be is asked, not how busy the machine is at the moment
        if painted_ms >= LARGEST_PAINT_MS:
            painted_ms = min(painted_ms, weigh(context.new_page(), path.format(**ids), ready)[1])
    heaviest = sorted(parts.items(), key=lambda part: -part[1])[:6]
    assert n_bytes <= most, heaviest
    assert painted_ms < LARGEST_PAINT_MS
    sys.stdout.write(f"{path}: {n_bytes:,} bytes, largest paint after {painted_ms:.0f} ms\n")
