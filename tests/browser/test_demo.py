"""The page of a download in a real Chromium, which is cut off from the network once the page is there."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Watcher
from tests.bundles import serving, small_bundle

LABELS = ["blue <b>cup</b>", "glass", "metal", "paper", "plastic"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("run") / "models" / "net"
    small_bundle(directory, LABELS)
    return directory


@pytest.fixture(scope="module")
def served(bundle: Path) -> Iterator[str]:
    with serving(bundle) as address:
        yield address


def photos() -> dict[str, bytes]:
    """Odd sizes, grey, transparent, and one that was held sideways; smooth, as photos are."""
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 256, (9, 14, 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize((411, 263), Image.Resampling.BICUBIC)
    alpha = picture.copy()
    alpha.putalpha(Image.fromarray(rng.integers(0, 256, (7, 11), dtype=np.uint8)).resize(picture.size))
    turned = Image.Exif()
    turned[0x0112] = 6
    made = {
        "plain.png": (picture, {}),
        "small.png": (picture.resize((50, 31)), {}),
        "grey.png": (picture.convert("L"), {}),
        "alpha.png": (alpha, {}),
        "phone.jpg": (picture.resize((2400, 1600), Image.Resampling.BICUBIC), {"quality": 92}),
        "turned.jpg": (picture, {"exif": turned, "quality": 97, "subsampling": 0}),
    }
    found = {}
    for name, (image, options) in made.items():
        file = io.BytesIO()
        image.save(file, "JPEG" if name.endswith("jpg") else "PNG", **options)
        found[name] = file.getvalue()
    return found


@pytest.fixture
def demo(chromium: Browser, served: str) -> Iterator[tuple[Page, Watcher]]:
    context = chromium.new_context(viewport={"width": 390, "height": 780})
    page = context.new_page()
    watcher = Watcher(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(served)
    expect(page.get_by_role("status")).to_have_text("Ready.", timeout=30_000)
    assert all(url.startswith((served, "blob:", "data:")) for url in asked)
    context.set_offline(True)
    yield page, watcher
    context.close()


def test_the_demo_answers_as_predict_does_without_a_network(
    demo: tuple[Page, Watcher], bundle: Path, tmp_path: Path
) -> None:
    page, watcher = demo
    assert float(page.locator("#proof").get_attribute("data-off") or "nan") <= 0.005
    expect(page.locator("#proof")).to_contain_text("answers as it did where it was made")
    for name, content in photos().items():
        (tmp_path / name).write_bytes(content)
        command = [
            sys.executable,
            "-I",
            str(bundle / "predict.py"),
            str(tmp_path / name),
            "--json",
            "--top",
            "5",
        ]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        (expected,) = json.loads(answer.stdout)
        page.locator("#answers tbody").evaluate("(body) => body.replaceChildren()")
        page.set_input_files("#file", {"name": name, "mimeType": "image/*", "buffer": content})
        expect(page.locator("#answers tr")).to_have_count(5)
        shown = [row.locator("td").all_inner_texts() for row in page.locator("#answers tr").all()]
        found = {row[0]: float(row[2].rstrip("%")) / 100 for row in shown}
        for guess in expected["predictions"]:
            assert found[guess["label"]] == pytest.approx(guess["probability"], abs=0.02), name
        unsure = page.get_by_role("status").inner_text().startswith("I don't know")
        assert unsure is not expected["sure"]
    assert watcher.problems == []


def test_what_is_no_picture_gets_a_sentence(demo: tuple[Page, Watcher]) -> None:
    page, watcher = demo
    page.set_input_files("#file", {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"})
    expect(page.get_by_role("status")).to_contain_text("not a picture")
    assert watcher.problems == []
