"""Sending photos as people do it: folders, archives, broken connections, closed windows, other browsers."""

from __future__ import annotations

import os
import re
import signal
import tarfile
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, expect

from tests import images
from tests.browser.conftest import Watcher
from tests.browser.uploading import (
    DATASET,
    PIECE,
    Gate,
    assert_arrived,
    begin,
    choose,
    drop,
    drop_paths,
    large_zip,
    stored,
    until,
    write_folder,
)
from tests.integration.stack import Stack

REFUSED = [
    (("scan.pdf", b"%PDF-1.7"), "is a document"),
    (("photos.rar", b"Rar!"), "cannot be opened here"),
    (("photos.7z", b"7z"), "cannot be opened here"),
    (("renamed.zip", b"GIF89a"), "not a zip archive"),
    (("empty.zip", b""), "is empty"),
    (("labels.csv", b"path,label"), "no photos"),
    (("one.jpg", b"\xff\xd8\xff"), "not enough"),
]


def test_what_cannot_be_used_is_refused_unsent(page: Page, watcher: Watcher, tmp_path: Path) -> None:
    page.goto("/datasets/new/")
    for file, sentence in REFUSED:
        drop(page, file)
        expect(page.locator("#problem")).to_contain_text(sentence)
        expect(page.locator("#send")).to_be_disabled()
    (tmp_path / "nothing" / "inside").mkdir(parents=True)
    drop_paths(page, tmp_path / "nothing")
    expect(page.locator("#problem")).to_contain_text("holds no files")
    assert watcher.problems == []


def test_a_torn_archive_is_named_on_its_page(page: Page, watcher: Watcher, tmp_path: Path) -> None:
    whole = images.photo_zip(tmp_path / "x.zip", n_per_class=6).read_bytes()
    page.goto("/datasets/new/")
    drop(page, ("torn.zip", whole[: len(whole) // 2]))
    page.click("#send")
    page.wait_for_url(DATASET)
    expect(page.locator(".alert-danger")).to_contain_text("incomplete", timeout=60_000)
    assert watcher.problems == []


def test_a_folder_arrives_with_every_name_and_byte(
    page: Page, watcher: Watcher, stack: Stack, tmp_path: Path
) -> None:
    odd = {f"größe/{'n' * 150}.jpg": b"1" * 511, "größe/猫.jpg": b"2" * 512, "other/empty.jpg": b""}
    photos = dict(images.photo_files(6, n_classes=2)) | odd
    folder = write_folder(
        tmp_path / "holiday", [*photos.items(), (".DS_Store", b"x"), ("größe/Thumbs.db", b"x")]
    )
    page.goto("/datasets/new/")
    drop_paths(page, folder)
    expect(page.locator("#chosen")).to_contain_text(f"{len(photos)} files")
    page.click("#send")
    page.wait_for_url(DATASET)
    (path,) = stored(stack, page)
    with tarfile.open(path) as tar:
        arrived = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    assert arrived == {f"holiday/{name}": content for name, content in photos.items()}
    assert watcher.problems == []


def test_a_lost_connection_comes_back_by_itself(
    page: Page, watcher: Watcher, stack: Stack, context: BrowserContext, tmp_path: Path
) -> None:
    archive = large_zip(tmp_path / "long.zip")
    gate = begin(page, archive)
    context.set_offline(True)
    expect(page.locator("#sending-message")).to_contain_text("Connection lost; it goes on by itself")
    gate.held.clear()  # the page has given that piece up
    gate.open()
    context.set_offline(False)
    assert_arrived(stack, page, archive)
    assert gate.offsets == [0, PIECE, PIECE, PIECE + PIECE // 2]  # smaller ones after a break
    watcher.forgive("Failed to load resource")
    assert watcher.problems == []


def test_a_line_that_breaks_before_a_piece_is_through_gets_smaller_pieces(
    page: Page, watcher: Watcher, stack: Stack, tmp_path: Path
) -> None:
    archive = large_zip(tmp_path / "long.zip")
    gate = Gate(page, 1_000_000, n_broken=2)
    page.goto("/datasets/new/")
    choose(page, archive)
    page.click("#send")
    until(page, lambda: len(gate.offsets) == 4)  # after two pauses that grow
    assert_arrived(stack, page, archive)
    small = PIECE // 4
    # The piece after the fourth was read ahead, so the larger ones begin behind it.
    assert gate.offsets == [0, 0, *(small * n for n in range(6))]
    watcher.forgive("Failed to load resource")
    assert watcher.problems == []


def test_pieces_stay_between_a_quarter_and_eight_megabytes(page: Page) -> None:
    page.goto("/datasets/new/")
    script = """async () => {
      const { PieceSize } = await import('/static/js/lib/piece_size.js');
      const size = new PieceSize();
      const next = (act) => { size[act](); return size.bytes / 2 ** 18; };
      const after = (act, n) => Array.from({ length: n }, () => next(act));
      return [after('shrink', 7), after('grow', 5), after('shrink', 1), after('grow', 24)];
    }"""
    down, up, again, back = page.evaluate(script)
    assert down == [16, 8, 4, 2, 1, 1, 1]
    assert up == [1, 1, 1, 2, 2] and again == [1]  # not at once: a line that breaks does so often
    assert back[3::4] == [2, 4, 8, 16, 32, 32]


def test_a_killed_server_costs_nothing(page: Page, watcher: Watcher, stack: Stack, tmp_path: Path) -> None:
    archive = large_zip(tmp_path / "long.zip")
    gate = begin(page, archive)
    (web,) = stack.children("uvicorn")
    os.kill(web, signal.SIGKILL)
    gate.open()
    expect(page.locator("#sending-message")).to_contain_text("by itself")
    assert_arrived(stack, page, archive)
    assert gate.offsets.count(0) == 1, "it began anew"
    watcher.forgive("Failed to load resource")
    assert watcher.problems == []


def test_a_closed_window_goes_on_in_another_browser(
    page: Page, stack: Stack, chromium: Browser, session_file: Path, tmp_path: Path
) -> None:
    archive = large_zip(tmp_path / "cats.zip")
    begin(page, archive)
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", leave)
    page.reload()
    assert asked == ["beforeunload"]
    expect(page.locator("#waiting-list")).to_contain_text(
        re.compile(r"cats\.zip: 6\d% is already here\. Choose or drop the same file again")
    )
    with chromium.new_context(base_url=stack.base_url, storage_state=session_file) as elsewhere:
        other = elsewhere.new_page()
        gate = Gate(other, 1_000_000)
        other.goto("/datasets/new/")
        expect(other.locator("#waiting-list li")).to_have_count(1)
        other.set_input_files("#file", archive)
        expect(other.locator("#resumed")).to_contain_text("was already here")
        assert_arrived(stack, other, archive)
        assert gate.offsets == [PIECE]


def test_several_archives_become_one_data_set(page: Page, stack: Stack, tmp_path: Path) -> None:
    archives = [large_zip(tmp_path / f"part{number}.zip", 0.4) for number in range(5)]
    gate = Gate(page, 2)
    page.goto("/datasets/new/")
    choose(page, *archives)
    page.fill("#name", "Five parts")
    page.click("#send")
    until(page, lambda: len(gate.held) == 3)
    expect(page.locator("#files li")).to_have_count(5)
    assert page.locator("#files li", has_text="complete").count() == 2, "more than three were sent at a time"
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(page.locator("#waiting-list")).to_contain_text(re.compile(r"Five parts: \d+% of its 5 files"))
    page.unroute_all()
    page.set_input_files("#file", archives)
    page.wait_for_url(DATASET)
    assert sorted(path.stat().st_size for path in stored(stack, page)) == sorted(
        a.stat().st_size for a in archives
    )


def test_archives_of_one_name_keep_the_folders_that_they_lay_in(
    page: Page, watcher: Watcher, tmp_path: Path
) -> None:
    photos = [(path.split("/"), content) for path, content in images.photo_files(6, n_classes=2)]
    for label, folder in (("flower", "rose"), ("temple", "pagoda")):
        (tmp_path / "pets" / folder).mkdir(parents=True)
        flat = [(name, content) for (of, name), content in photos if of == label]
        images.write_zip(tmp_path / "pets" / folder / "photos.zip", flat)
    page.goto("/datasets/new/")
    drop_paths(page, tmp_path / "pets")
    expect(page.locator("#chosen li")).to_have_count(2)
    page.click("#send")
    page.wait_for_url(DATASET)
    expect(page.locator("#preview-summary")).to_contain_text("12 images in 2 classes", timeout=60_000)
    preview = page.request.get(page.url.replace("/datasets/", "/api/v1/datasets/").rstrip("/") + "/preview")
    assert [one["name"] for one in preview.json()["classes"]] == ["pagoda", "rose"]
    assert watcher.problems == []


def test_pause_and_cancel(page: Page, watcher: Watcher, stack: Stack, tmp_path: Path) -> None:
    archive = large_zip(tmp_path / "long.zip")
    gate = begin(page, archive)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#left")).to_have_text("Paused. What was sent is kept.")
    page.get_by_role("button", name="Continue").click()
    until(page, lambda: len(gate.offsets) == 3)
    page.get_by_role("button", name="Cancel").click()
    page.click("#cancel-dialog button[value=yes]")
    expect(page.locator("#drop")).to_be_visible()
    expect(page.locator("#waiting")).to_be_hidden()
    assert page.request.get("/api/v1/uploads").json()["items"] == []
    watcher.forgive("Failed to load resource")
    assert watcher.problems == []


def test_an_ended_session_waits_for_the_sign_in(
    page: Page, stack: Stack, context: BrowserContext, tmp_path: Path
) -> None:
    archive = large_zip(tmp_path / "long.zip")
    gate = begin(page, archive)
    cookies = context.cookies()
    context.clear_cookies()
    gate.open()
    expect(page.locator("#sending-message")).to_contain_text(
        "Your session has ended. Sign in again in another tab"
    )
    context.add_cookies(cookies)  # type: ignore[arg-type]
    page.get_by_role("button", name="Continue").click()
    assert_arrived(stack, page, archive)


@pytest.mark.parametrize("change", ["longer", "gone"])
def test_a_file_that_changes_meanwhile_is_named(page: Page, tmp_path: Path, change: str) -> None:
    folder = write_folder(tmp_path / "live", images.photo_files(6, n_classes=2))
    page.goto("/datasets/new/")
    page.set_input_files("#folder", folder)
    expect(page.locator("#chosen li")).to_have_count(1)
    victim = folder / "temple" / "0003.jpg"
    if change == "longer":
        victim.write_bytes(victim.read_bytes() + b"more")
    else:
        victim.unlink()
    page.click("#send")
    expect(page.locator("#sending-message")).to_contain_text(
        "“live/temple/0003.jpg” was changed, moved or locked"
    )
    page.get_by_role("button", name="Cancel").click()
    page.click("#cancel-dialog button[value=yes]")
    expect(page.locator("#waiting")).to_be_hidden()


def test_seventy_thousand_files_are_sliced_without_a_copy(page: Page) -> None:
    page.goto("/datasets/new/")
    script = """async () => {
      const { TarSource } = await import('/static/js/lib/tar_source.js');
      const file = new File([new Uint8Array(700).fill(7)], 'x');
      const item = (_, i) => ({ path: `set/${i}.png`, file, size: 700, mtime: 0 });
      const source = new TarSource(Array.from({ length: 70000 }, item));
      const bytes = new Uint8Array(await source.read(source.size - 1024 - 1536 * 3, source.size));
      const sevens = bytes.filter((one) => one === 7).length;
      return [source.size, new TextDecoder().decode(bytes.subarray(0, 13)), sevens];
    }"""
    assert page.evaluate(script) == [70_000 * 1536 + 1024, "set/69997.png", 3 * 700]
