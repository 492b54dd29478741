"""How an upload was understood, corrected by its owner before anything is imported."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests import images
from tests.browser.conftest import Watcher
from tests.browser.test_pages import HOSTILE, PHONE, assert_fits
from tests.browser.uploading import DATASET, drop_paths, write_folder


def send(page: Page, path: Path) -> None:
    """Uploads a folder or archive and waits for its preview."""
    page.goto("/datasets/new/")
    page.set_input_files("#folder" if path.is_dir() else "#file", path)
    page.click("#send")
    page.wait_for_url(DATASET)
    expect(page.locator("#preview-confirm")).to_be_visible(timeout=60_000)


def imported(page: Page) -> dict[str, Any]:
    """Confirms, waits until the import has ended and returns what the API says."""
    page.click("#preview-import")
    expect(page.locator("#state")).to_have_text(re.compile("Ready|Needs attention"), timeout=90_000)
    answer: dict[str, Any] = page.request.get(
        page.url.replace("/datasets/", "/api/v1/datasets/").rstrip("/")
    ).json()
    return answer


def name_of(page: Page, label: str) -> Any:
    return page.get_by_label(f"Name of the class {label}", exact=True)


def test_a_dropped_folder_is_corrected_and_imported(page: Page, watcher: Watcher, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "tiles", [*images.photo_files(8), ("temple/notes.txt", b"hello")])
    page.goto("/datasets/new/")
    drop_paths(page, folder)
    expect(page.locator("#chosen")).to_contain_text("33 files")
    page.click("#send")
    page.wait_for_url(DATASET)
    button = page.locator("#preview-import")
    expect(button).to_have_text("Import 32 photos in 4 classes", timeout=60_000)
    expect(page.locator("#preview-problems")).to_contain_text("temple/notes.txt")

    name_of(page, "temple dusk").fill("temple")
    name_of(page, "flower").fill("rose")
    expect(page.locator("#preview-class-rows")).to_contain_text("2 classes become one of 16 photos")
    page.get_by_label("Keep flower mirrored colours").uncheck()
    expect(button).to_have_text("Import 24 photos in 2 classes")
    page.reload()
    expect(button).to_have_text("Import 24 photos in 2 classes")

    found = imported(page)
    assert {row["name"]: row["total"] for row in found["classes"]} == {"rose": 8, "temple": 16}
    assert watcher.problems == []


def test_another_column_and_a_new_division_can_be_chosen(
    page: Page, watcher: Watcher, tmp_path: Path
) -> None:
    rows = ["file,species,colour,part"]
    files = []
    for number in range(48):
        label = images.PHOTO_CLASSES[number % 2]
        files.append((f"p/{number}.jpg", images.encode(images.photo(label, number))))
        rows.append(
            f"p/{number}.jpg,{label},{'red' if number % 3 else 'blue'},{'train' if number % 4 else 'test'}"
        )
    send(page, write_folder(tmp_path / "tab", [*files, ("labels.csv", "\n".join(rows).encode())]))
    expect(page.locator("#preview-facts")).to_contain_text("test: 12")

    page.get_by_label("Column with the class").select_option("colour")
    expect(page.locator("#preview-class-rows tr")).to_have_count(2)
    expect(name_of(page, "blue")).to_be_visible()
    page.locator("#preview-choices").get_by_label("column “species”").check()
    expect(name_of(page, "temple")).to_be_visible()
    page.get_by_label("Divide anew").check()
    expect(page.locator("#preview-facts")).not_to_contain_text("test: 12")

    found = imported(page)
    assert {row["name"] for row in found["classes"]} == {"temple", "flower"}
    assert sum(row["val"] for row in found["classes"]) > 0, "it was not divided anew"
    assert sum(row["test"] for row in found["classes"]) < 12
    assert watcher.problems == []


def test_folders_can_be_made_parts(page: Page, watcher: Watcher, tmp_path: Path) -> None:
    files = [
        (f"{week}/{name}", content)
        for week in ("week one", "week two")
        for name, content in images.photo_files(8, n_classes=2)
    ]
    send(page, write_folder(tmp_path / "weeks", [*files, ("misc/x.jpg", files[0][1])]))
    page.click("#preview-folders summary")
    page.get_by_label("What week one stands for").select_option("train")
    page.get_by_label("What week two stands for").select_option("test")
    page.get_by_label("What misc stands for").select_option("ignore")
    page.get_by_role("button", name="Read again like this").click()
    expect(page.locator("#preview-facts")).to_contain_text("training: 16")
    expect(page.locator("#preview-facts")).to_contain_text("test: 16")
    expect(page.locator("#preview-class-rows tr")).to_have_count(2)
    assert watcher.problems == []


def test_ten_thousand_classes_do_not_freeze_the_page(page: Page, watcher: Watcher, tmp_path: Path) -> None:
    send(
        page, images.write_zip(tmp_path / "many.zip", [(f"class {n:05d}/a.jpg", b"x") for n in range(10_000)])
    )
    rows = page.locator("#preview-class-rows tr")
    expect(rows).to_have_count(200)
    expect(page.locator("#preview-classes-more")).to_contain_text("and 9,800 more")
    page.get_by_label("Find a class").fill("class 09999")
    expect(rows).to_have_count(1)
    name_of(page, "class 09999").fill("class 09998")
    expect(rows).to_contain_text("fewer than 5 photos")
    page.get_by_label("Find a class").fill("no such class")
    expect(page.locator("#preview-classes-more")).to_have_text("No class has this in its name.")
    assert watcher.problems == []


def test_hostile_and_long_names_are_text_on_a_phone(page: Page, watcher: Watcher, tmp_path: Path) -> None:
    page.set_viewport_size(PHONE)
    photo = images.encode(images.photo("temple", 1))
    files = [(f"{label}/{number}.jpg", photo) for label in (HOSTILE, "B" * 200) for number in range(6)]
    send(page, images.write_zip(tmp_path / f"{HOSTILE[:4]}{'z' * 150}.zip", files))
    assert_fits(page)
    expect(name_of(page, HOSTILE)).to_have_value(HOSTILE)
    page.click("#preview-discard")
    page.click("#delete-dialog button[value=yes]")
    page.wait_for_url("/datasets/")
    assert watcher.problems == []
