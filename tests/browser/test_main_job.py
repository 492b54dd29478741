"""The main job as a person does it: upload, search, watch, reload, stop, download, predict."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image
from playwright.sync_api import Page, WebSocketRoute, expect

from tests import images
from tests.browser.conftest import Watcher

MINUTES = "2"
POINTS = 5


def upload(page: Page, archive: Path) -> None:
    page.goto("/datasets/new/")
    page.set_input_files("#file", archive)
    expect(page.locator("#chosen")).to_contain_text(archive.name)
    page.click("#send")
    page.wait_for_url(re.compile(r"/datasets/[0-9a-f-]{36}/"))
    page.click("#preview-import", timeout=60_000)
    expect(page.locator("#state")).to_have_text("Ready", timeout=60_000)


def start_search(page: Page) -> None:
    page.get_by_role("link", name="Start a search").click()
    page.fill("[name=minutes]", MINUTES)
    page.get_by_text("Name and expert options").click()
    page.select_option("[name=strategy]", "reinforce")
    expect(page.locator("#id_strategy_helptext .explained:visible")).to_contain_text("REINFORCE")
    page.get_by_role("button", name="Start the search").click()
    page.wait_for_url(re.compile(r"/searches/[0-9a-f-]{36}/$"))


def wait_for_points(page: Page, points: int, seconds: float) -> None:
    page.wait_for_function(
        "points => Number(document.getElementById('chart').dataset.points) >= points",
        arg=points,
        timeout=seconds * 1000,
    )


def assert_method_is_shown(page: Page) -> int:
    """Looks at the card of the method, which comes with the first searched network; returns its step."""
    card = page.locator("#method")
    expect(card).to_be_visible(timeout=60_000)
    expect(card.locator("#method-tiles div", has_text="Entropy").locator("dd")).to_contain_text(
        re.compile(r"^\d\.\d+")
    )
    expect(card.locator("#method-chart canvas").first).to_be_attached()
    assert card.locator("#method-shares progress").count() >= 2
    return int(card.get_attribute("data-step") or 0)


def through(socket: WebSocketRoute, sockets: list[WebSocketRoute]) -> None:
    """Passes a websocket on to the server and keeps hold of it."""
    socket.connect_to_server()
    sockets.append(socket)


def lose_connection(page: Page, sockets: list[WebSocketRoute]) -> None:
    """Cuts the line, then says that the server dropped events: the page must come back from both."""
    expect(page.locator("#light")).to_have_text("Live")
    sockets[-1].close(code=1012)
    expect(page.locator("#light")).to_have_text(re.compile("Reconnecting"))
    expect(page.locator("#light")).to_have_text("Live")
    assert len(sockets) == 2
    sockets[-1].send(json.dumps({"type": "snapshot_needed"}))
    while len(sockets) < 3:
        page.wait_for_timeout(100)
    expect(page.locator("#light")).to_have_text("Live")


def numbers(page: Page) -> list[int]:
    """Returns the candidate numbers of the chart's table twin."""
    cells = page.locator("#candidates tr td:first-child").all_inner_texts()
    return sorted(int(cell.removeprefix("#")) for cell in cells)


def share_right(model: Path, archive: Path) -> float:
    """Returns how many images of a zip of class folders an ONNX file gets right."""
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    labels = json.loads(session.get_modelmeta().custom_metadata_map["labels"])
    right = []
    with zipfile.ZipFile(archive) as photos:
        for name in photos.namelist():
            if not name.endswith(".jpg") or name == "temple/broken.jpg":
                continue
            pixels = np.asarray(Image.open(io.BytesIO(photos.read(name))).convert("RGB"))[None]
            probabilities = session.run(["probabilities"], {"image": pixels})[0]
            right.append(labels[int(probabilities[0].argmax())] == name.split("/")[0])
    return float(np.mean(right))


def test_from_photos_to_a_model_that_works(page: Page, watcher: Watcher, tmp_path: Path) -> None:
    broken = images.encode(images.photo("temple", 1))[:400]
    archive = images.photo_zip(tmp_path / "tiles.zip", n_per_class=40, extra={"temple/broken.jpg": broken})

    upload(page, archive)
    expect(page.locator("#findings-title")).to_have_text("160 images ready, 1 skipped")
    expect(page.locator(".gallery img").first).to_be_visible()

    start_search(page)
    run = page.url.rstrip("/").rsplit("/", 1)[1]
    page.evaluate("window.sameDocument = true")
    expect(page.locator("#light")).to_have_text("Live")
    wait_for_points(page, 1, 60)
    expect(page.locator("#models a", has_text="ONNX").first).to_be_visible()
    wait_for_points(page, POINTS, 100)
    assert page.evaluate("window.sameDocument"), "the points came by a reload, not live"

    step = assert_method_is_shown(page)
    seen = numbers(page)
    sockets: list[WebSocketRoute] = []
    page.route_web_socket(re.compile("/ws/searches/"), lambda socket: through(socket, sockets))
    page.reload()
    wait_for_points(page, POINTS, 20)
    assert assert_method_is_shown(page) >= step, "a reload lost what the method had shown"
    lose_connection(page, sockets)
    again = numbers(page)
    assert set(seen) <= set(again), "a reload lost networks"
    assert again == list(range(len(again))), "a reload doubled or skipped networks"

    page.click("#stop")
    page.click("#stop-dialog button[value=yes]")
    expect(page.locator("#to-result")).to_be_visible(timeout=60_000)
    expect(page.locator("#light")).to_have_text("Finished")
    answer = page.request.get(f"/api/v1/searches/{run}/candidates").json()
    wait_for_points(page, 1, 5)
    assert numbers(page) == sorted(one["number"] for one in answer["items"])
    page.wait_for_function(
        "front => document.getElementById('chart').dataset.front === front",
        arg=",".join(str(number) for number in sorted(answer["front"])),
    )

    page.click("#to-result")
    expect(page.locator(".verdict .big")).to_be_visible()
    assert assert_method_is_shown(page) >= step
    page.locator("#chart .point").first.hover(force=True)
    expect(page.locator("#chart .hovertext")).to_contain_text("ms per photo")
    with page.expect_download() as download:
        page.get_by_role("link", name="Only the ONNX file").click()
    model = tmp_path / "model.onnx"
    download.value.save_as(model)
    assert share_right(model, archive) >= 0.8
    assert watcher.problems == []
