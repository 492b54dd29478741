"""The result page, comparisons and the try-it page in a real browser, on a real exported network."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from nas.data.decode import decode_image
from nas.export.onnx_model import OnnxClassifier
from tests.browser.conftest import FLAGS, Watcher, chromium_program
from tests.browser.test_pages import PHONE, assert_fits
from tests.images import photo
from tests.integration.stack import ROOT, Stack

MAKE = """
from django.contrib.auth.models import User
import numpy as np
from nas.export.cam import write_cam
from nas.export.maps import maps_file
from tests.finished import evaluated, finished
owner = User.objects.get()
run = evaluated(owner, networks=True, n_test=60)
model = run.models.get(candidate_number=9)
onnx = run.workdir / model.directory / "model.onnx"
(onnx.parent / "model_int8.onnx").write_bytes(onnx.read_bytes())
model.files = [*model.files, {"name": "model_int8.onnx", "bytes": 1, "sha256": "0" * 64}]
model.save()
photos = np.random.default_rng(0).integers(0, 256, (8, 64, 64, 3), np.uint8)
assert write_cam(onnx, maps_file(run.workdir, model.name), photos)
other = finished(owner, like=run, device="phone-cpu", device_title="A phone", minutes=20.0)
print(run.id, model.id, other.id, onnx)
"""
CLEAR = """
import sys
from search_app.models import SearchRun
runs = SearchRun.objects.filter(pk__in=sys.stdin.read().split())
dataset = runs[0].dataset_version.dataset
runs.delete()
dataset.delete()
"""
PASTE = """(bytes) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], 'pasted.png', { type: 'image/png' }));
  dispatchEvent(new ClipboardEvent('paste', { clipboardData: data }));
}"""
CLOSE = 0.02
"""So much a probability may differ between this browser and ONNX Runtime on the server."""


@dataclass(frozen=True)
class Made:
    """What the tests look at."""

    run: str
    model: str
    other: str
    onnx: Path

    @property
    def try_it(self) -> str:
        return f"/searches/{self.run}/models/{self.model}/try/"


@pytest.fixture(scope="module")
def made(stack: Stack, session_file: object) -> Iterator[Made]:
    run, model, other, path = _shell(stack, MAKE).split()
    yield Made(run, model, other, Path(path))
    _shell(stack, CLEAR, f"{run} {other}")


def _shell(stack: Stack, code: str, told: str = "") -> str:
    command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", code]
    done = subprocess.run(
        command, cwd=ROOT, env=stack.environment, capture_output=True, text=True, check=True, input=told
    )
    return done.stdout


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / '"><img src=x onerror=alert(1)>.png'.replace("/", "")
    photo("flower", 3, 200).convert("RGB").save(path)
    return path


def server_says(made: Made, picture: Path) -> np.ndarray:
    """What ONNX Runtime answers to a file that went the way of an import."""
    side = 64
    pixels = np.frombuffer(decode_image(picture.read_bytes(), side, 10**8).pixels, np.uint8)
    answer: np.ndarray = OnnxClassifier(made.onnx).predict(pixels.reshape(1, side, side, 3))[0]
    return answer


def ready(page: Page, made: Made) -> None:
    page.goto(made.try_it)
    expect(page.locator("#try")).to_have_attribute("data-ready", "yes")


@pytest.mark.parametrize("size", [{"width": 1280, "height": 860}, PHONE], ids=["desktop", "phone"])
def test_the_sections_of_a_result(page: Page, watcher: Watcher, made: Made, size: dict[str, int]) -> None:
    page.set_viewport_size(size)
    page.goto(f"/searches/{made.run}/result/")
    expect(page.locator("#chart .point").first).to_be_attached()
    assert_fits(page)
    links = page.locator(".page-nav a")
    for target in links.evaluate_all("all => all.map((one) => one.getAttribute('href'))"):
        expect(page.locator(target)).to_be_visible()
    images = page.locator("#price img")
    images.first.scroll_into_view_if_needed()
    page.wait_for_function("() => document.querySelector('#price img').naturalWidth > 0")
    page.locator("#failures summary").click()
    expect(page.locator("#failures li").first).to_contain_text("infinite")
    assert watcher.problems == []


def test_the_table_is_sorted_by_keyboard_and_says_how(page: Page, watcher: Watcher, made: Made) -> None:
    page.goto(f"/searches/{made.run}/result/")
    cells = page.locator("#board tbody tr td:nth-child(3)")
    heading = page.get_by_role("button", name="Time per photo")
    heading.first.focus()
    for direction in ("ascending", "descending"):
        page.keyboard.press("Enter")
        expect(page.locator("#board th:nth-child(3)")).to_have_attribute("aria-sort", direction)
        times = [float(value) for value in cells.evaluate_all("all => all.map((one) => one.dataset.value)")]
        assert times == sorted(times, reverse=direction == "descending") and len(set(times)) > 2
    assert watcher.problems == []


def test_the_command_and_its_json_are_copied(page: Page, watcher: Watcher, made: Made) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/searches/{made.run}/result/")
    page.get_by_role("button", name="Copy the command").click()
    expect(page.locator("#notice")).to_contain_text("Copied")
    command = page.evaluate("navigator.clipboard.readText()")
    assert command.startswith("python -m nas search --data YOUR_DATA.zip")
    page.get_by_role("button", name="Copy everything as JSON").click()
    page.wait_for_function("async () => (await navigator.clipboard.readText()).startsWith('{')")
    assert json.loads(page.evaluate("navigator.clipboard.readText()"))["command"] == command
    assert watcher.problems == []


def test_paper_shows_what_is_folded_in_light_colours_and_the_page_comes_back(
    page: Page, watcher: Watcher, made: Made
) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto(f"/searches/{made.run}/result/")
    expect(page.locator("#chart .point").first).to_be_attached()
    page.evaluate("window.print = () => dispatchEvent(new Event('beforeprint'))")
    page.get_by_role("button", name="Print").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
    expect(page.locator("#failures details")).to_have_attribute("open", "")
    assert page.locator("#chart svg.main-svg").first.evaluate("(one) => one.clientWidth") == 680
    page.emulate_media(media="print")
    for gone in (".topbar", ".page-nav", "#delete", "#print"):
        expect(page.locator(gone)).to_be_hidden()
    assert len(page.pdf()) > 50_000
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    expect(page.locator("#failures details")).not_to_have_attribute("open", "")
    assert watcher.problems == []


def test_comparisons_fit_a_phone(page: Page, watcher: Watcher, made: Made) -> None:
    page.set_viewport_size(PHONE)
    page.goto(f"/searches/compare/?a={made.run}&b={made.other}")
    expect(page.locator("#fronts-chart")).to_have_attribute("data-points", "8")
    assert_fits(page)
    page.goto(f"/searches/{made.run}/compare/?a=9&b=10")
    expect(page.locator("svg.network").first).to_be_visible()
    assert_fits(page)
    assert watcher.problems == []


def test_a_photo_is_answered_as_on_the_server_and_nothing_is_sent(
    page: Page, watcher: Watcher, made: Made, picture: Path
) -> None:
    sent: list[str] = []
    ready(page, made)
    page.on("request", lambda request: sent.append(f"{request.method} {request.url}"))
    page.set_input_files("#file", picture)
    item = page.locator(".try-item")
    expect(item.locator(".answers li")).to_have_count(5)
    values = np.array(json.loads(item.get_attribute("data-values") or ""))
    assert np.abs(values - server_says(made, picture)).max() < CLOSE
    expect(page.locator("#here")).to_have_attribute("data-ms", re.compile(r"\d"))
    measured = page.locator("#here").get_attribute("data-ms")
    assert page.locator("#here-chart").get_attribute("data-here") == measured
    item.get_by_role("button", name="Where does it look?").click()
    expect(item).to_have_attribute("data-heat", "activation")
    expect(item.locator("canvas")).to_be_visible()
    assert len(set(json.loads(item.get_attribute("data-heat-values") or ""))) > 4
    page.evaluate(PASTE, list(picture.read_bytes()))
    expect(page.locator(".try-item .answers li")).to_have_count(10)
    assert [one for one in sent if not one.startswith("GET blob:") and "maps.onnx" not in one] == []
    assert watcher.problems == []


def test_int8_is_another_file_and_several_photos_are_a_list(
    page: Page, watcher: Watcher, made: Made, picture: Path, tmp_path: Path
) -> None:
    page.set_viewport_size(PHONE)
    second = tmp_path / "b.jpg"
    photo("temple", 1, 120).convert("RGB").save(second)
    broken = tmp_path / "c.png"
    broken.write_text("no picture")
    ready(page, made)
    page.set_input_files("#file", [picture, second, broken])
    expect(page.locator(".try-item h3", has_text="not a picture")).to_have_count(1)
    expect(page.locator(".try-item .answers li")).to_have_count(10)
    with page.expect_response("**/model_int8.onnx"):
        page.get_by_label("model_int8.onnx").check()
    expect(page.locator("#here-words")).to_contain_text("model_int8.onnx")
    assert_fits(page)
    page.get_by_role("button", name="Remove").first.click()
    expect(page.locator(".try-item")).to_have_count(2)
    assert watcher.problems == []


def test_without_maps_the_photo_is_covered_patch_by_patch(
    page: Page, watcher: Watcher, made: Made, picture: Path
) -> None:
    page.route(
        f"**{made.try_it}",
        lambda route: route.fulfill(
            response=(answer := route.fetch()),
            body=answer.text().replace(f'"maps": "{made.try_it[:-4]}maps.onnx"', '"maps": null'),
        ),
    )
    ready(page, made)
    page.set_input_files("#file", picture)
    item = page.locator(".try-item")
    item.get_by_role("button", name="Where does it look?").click()
    expect(item).to_have_attribute("data-heat", "occlusion", timeout=20_000)
    expect(item).to_contain_text("Occlusion map")
    assert len(json.loads(item.get_attribute("data-heat-values") or "")) == 36
    assert watcher.problems == []


def test_a_wrong_answer_becomes_a_training_photo_of_a_new_version(
    page: Page, watcher: Watcher, made: Made, picture: Path
) -> None:
    ready(page, made)
    page.set_input_files("#file", picture)
    page.get_by_role("button", name="Wrong? Tell us").click()
    page.get_by_label("The right class").select_option("glass")
    page.get_by_role("button", name="Send this photo to the data set").click()
    said = page.locator(".tell [role=status]")
    expect(said).to_contain_text("Version 2 of the data set has it as glass", timeout=60_000)
    expect(said.get_by_role("link", name="Search again with it")).to_be_visible()
    said.get_by_role("link", name="See the data set").click()
    expect(page.locator("h1")).to_contain_text("Sorted waste")
    ready(page, made)
    page.set_input_files("#file", picture)
    page.get_by_role("button", name="Wrong? Tell us").click()
    page.get_by_label("The right class").select_option("paper")
    page.get_by_role("button", name="Send this photo to the data set").click()
    expect(page.locator(".tell [role=status]")).to_contain_text("in the data set already: class glass")
    watcher.forgive("422")
    assert watcher.problems == []


def test_the_camera_is_answered_live_and_a_picture_is_kept(
    stack: Stack, chromium: Browser, session_file: Path, made: Made
) -> None:
    flags = [*FLAGS, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    browser = chromium.browser_type.launch(executable_path=chromium_program(), args=flags)
    context = browser.new_context(base_url=stack.base_url, storage_state=session_file)
    page = context.new_page()
    watcher = Watcher(page)
    ready(page, made)
    page.get_by_role("button", name="Camera").click()
    page.wait_for_function("() => Number(document.getElementById('camera-panel').dataset.answers) >= 3")
    expect(page.locator("#live-answers li")).to_have_count(5)
    page.get_by_role("button", name="Keep this picture").click()
    expect(page.locator(".try-item .answers li")).to_have_count(5)
    page.get_by_role("button", name="Front or back").click()
    expect(page.locator("#video")).to_be_visible()
    page.get_by_role("button", name="Stop the camera").click()
    expect(page.locator("#camera-panel")).to_be_hidden()
    assert page.evaluate("document.getElementById('video').srcObject") is None
    assert watcher.problems == []
    browser.close()


def test_a_camera_that_is_not_there_has_a_sentence(page: Page, watcher: Watcher, made: Made) -> None:
    ready(page, made)
    page.get_by_role("button", name="Camera").click()
    expect(page.locator("#notice")).to_contain_text("Choose a photo instead.")
    expect(page.get_by_role("button", name="Camera")).to_be_visible()
    assert watcher.problems == []
