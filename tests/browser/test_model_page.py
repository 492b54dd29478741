"""The page of one model in a browser: cells open their photos, the bar obeys the keys, heat maps come."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watcher
from tests.browser.test_pages import PHONE, assert_fits
from tests.integration.stack import ROOT, Stack

MAKE = """
import json
from django.contrib.auth.models import User
from nas.evaluation.predictions import load_predictions, predictions_file
from tests.finished import evaluated
owner = User.objects.get()
hostile = ['<script>alert("x")</script>', "x" * 300, '"><img src=x onerror=alert(1)>', "{{ 7 }}"]
told = {}
for key, more in (
    ("plain", {"networks": True}),
    ("hostile", {"classes": hostile, "n_test": 80}),
    ("many", {"classes": [f"breed {i:02d}" for i in range(40)], "n_test": 800, "side": 16}),
):
    run = evaluated(owner, **more)
    model = run.models.get(candidate_number=9)
    found = load_predictions(predictions_file(run.workdir, model.name))
    told[key] = {"run": str(run.id), "model": str(model.id), "rows": found.rows.tolist(),
                 "labels": found.labels.tolist(), "answers": found.answers.tolist(),
                 "top": found.confidences.astype(float).tolist(), "classes": run.dataset_version.classes}
print(json.dumps(told))
"""
CLEAR = """
import sys
from search_app.models import SearchRun
for run in SearchRun.objects.filter(pk__in=sys.stdin.read().split()):
    dataset = run.dataset_version.dataset
    run.delete()
    dataset.delete()
"""


@dataclass(frozen=True)
class Told:
    """What was put into the installation: `facts` as MAKE prints them."""

    facts: dict[str, Any]

    def address(self, key: str, query: str = "") -> str:
        return f"/searches/{self.facts[key]['run']}/models/{self.facts[key]['model']}/{query}"

    def cell(self, key: str, truth: int, answer: int) -> list[int]:
        """Rows of a cell, the surest first."""
        one = self.facts[key]
        places = [
            i
            for i, pair in enumerate(zip(one["labels"], one["answers"], strict=True))
            if pair == (truth, answer)
        ]
        return [one["rows"][i] for i in sorted(places, key=lambda i: -one["top"][i])]


@pytest.fixture(scope="module")
def told(stack: Stack, session_file: object) -> Iterator[Told]:
    facts = json.loads(_shell(stack, MAKE))
    yield Told(facts)
    _shell(stack, CLEAR, " ".join(one["run"] for one in facts.values()))


def _shell(stack: Stack, code: str, said: str = "") -> str:
    command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", code]
    done = subprocess.run(
        command, cwd=ROOT, env=stack.environment, capture_output=True, text=True, check=True, input=said
    )
    return done.stdout


def rows_shown(page: Page, grid: str = "#judged-grid") -> list[int]:
    sources = page.locator(f"{grid} img").evaluate_all("nodes => nodes.map((node) => node.src)")
    return [int(source.rsplit("/", 1)[1]) for source in sources]


def test_a_cell_opens_exactly_its_photos(page: Page, watcher: Watcher, told: Told) -> None:
    page.goto(told.address("plain"))
    cells = page.locator("table.confusion td.other button")
    expect(cells.first).to_be_visible()
    for i in (0, cells.count() - 1):
        truth, answer = (
            int(cells.nth(i).get_attribute(f"data-{name}") or "") for name in ("truth", "answer")
        )
        expected = told.cell("plain", truth, answer)
        assert cells.nth(i).inner_text() == str(len(expected))
        cells.nth(i).click()
        expect(page.locator("#judged-count")).to_contain_text(f"of {len(expected)} photo")
        assert rows_shown(page) == expected[:24]
        page.keyboard.press("Escape")
        expect(page.locator("#judged")).to_be_hidden()
    assert watcher.problems == []


def test_arrows_go_from_cell_to_cell_and_enter_opens(page: Page, watcher: Watcher, told: Told) -> None:
    page.goto(told.address("plain"))
    first = page.locator("table.confusion button").first
    first.focus()
    page.keyboard.press("ArrowRight")
    focused = page.locator("table.confusion button:focus")
    assert focused.get_attribute("data-truth") == first.get_attribute("data-truth")
    assert focused.get_attribute("data-answer") != first.get_attribute("data-answer")
    assert page.locator("table.confusion button[tabindex='0']").count() == 1
    n = focused.inner_text()
    page.keyboard.press("Enter")
    expect(page.locator("#judged-count")).to_contain_text(f"of {n} photo")
    assert watcher.problems == []


def test_a_photo_shows_where_the_model_looks_and_leads_to_the_data_set(
    page: Page, watcher: Watcher, told: Told
) -> None:
    page.goto(told.address("plain"))
    tile = page.locator("#worst .judged-tile").first
    row = rows_shown(page, "#worst")[0]
    tile.click()
    page.locator("#heat-classes button").first.click()
    expect(page.locator("#heat-picture")).to_be_visible(timeout=60_000)
    page.wait_for_function("document.getElementById('heat-picture').naturalWidth === 360")
    expect(page.locator("#heat-figures")).to_contain_text("With the hottest fifth covered")
    page.locator("#judged-link").click()
    expect(page.locator("#viewer")).to_be_visible()
    assert f"rows={row}&" in (page.locator("#viewer-image").get_attribute("src") or "")
    assert watcher.problems == []


def test_the_bar_works_by_keyboard(page: Page, watcher: Watcher, told: Told) -> None:
    page.goto(told.address("plain", "?tab=confidence"))
    one = told.facts["plain"]
    right = [label == answer for label, answer in zip(one["labels"], one["answers"], strict=True)]

    def expected(bar: int) -> list[int]:
        given = [top >= bar / 100 for top in one["top"]]
        both = list(zip(given, right, strict=True))
        return [both.count((True, True)), both.count((True, False)), given.count(False)]

    def shown() -> list[int]:
        texts = [page.locator(f"#n-{name}").inner_text() for name in ("right", "wrong", "unknown")]
        return [int(text.split(" ")[0]) for text in texts]

    slider = page.locator("#bar")
    assert slider.input_value() == "55"  # that of the download
    assert shown() == expected(55)
    slider.focus()
    for _ in range(25):
        page.keyboard.press("ArrowRight")
    assert slider.input_value() == "80"
    assert shown() == expected(80)
    share = sum(expected(80)[:2]) / len(right)
    expect(page.locator("#bar-sentence")).to_contain_text(f"{100 * share:.1f}% of the photos get an answer")
    page.keyboard.press("End")
    assert shown() == expected(100)
    page.locator("summary", has_text="What does a mistake cost you?").click()
    page.locator("#cost-wrong").fill("5")
    page.locator("#cost-best").click()
    costs = [5 * expected(bar)[1] + expected(bar)[2] for bar in range(101)]
    assert int(slider.input_value()) == costs.index(min(costs))
    page.locator("#n-unknown").click()
    n = expected(costs.index(min(costs)))[2]
    expect(page.locator("#judged-count")).to_contain_text(f"of {n} photo")
    assert watcher.problems == []


def test_a_learning_curve_and_measures_are_made_when_asked_for(
    page: Page, watcher: Watcher, told: Told
) -> None:
    page.goto(told.address("plain", "?tab=kinds"))
    page.get_by_role("button", name="Measure the photos").click()
    expect(page.get_by_text("Dark photos").first).to_be_visible(timeout=60_000)
    page.goto(told.address("plain", "?tab=more"))
    page.get_by_role("button", name="Estimate it").click()
    expect(page.locator(".more-answer")).to_contain_text("photos", timeout=90_000)
    expect(page.get_by_text("This is an estimate by a stand-in")).to_be_visible()
    assert watcher.problems == []


def test_many_classes_show_the_worst_then_all_then_some(page: Page, watcher: Watcher, told: Told) -> None:
    page.goto(told.address("many"))
    assert page.locator("table.confusion tbody tr").count() <= 12
    page.locator("[data-view=all]").click()
    cells = page.locator("svg.confusion-picture rect.other")
    one = told.facts["many"]
    pairs = {pair for pair in zip(one["labels"], one["answers"], strict=True) if pair[0] != pair[1]}
    assert cells.count() == len(pairs)
    cells.first.click()
    expect(page.locator("#judged-title")).to_contain_text("taken for")
    page.keyboard.press("Escape")
    page.locator("#confusion-filter").fill("breed 1")
    assert page.locator("table.confusion tbody tr").count() == 10
    page.locator("#confusion-filter").fill("no such class")
    expect(page.get_by_text("No class has this in its name.")).to_be_visible()
    assert watcher.problems == []


@pytest.mark.parametrize("tab", ["mistakes", "classes", "kinds"])
def test_hostile_names_fit_and_do_nothing(page: Page, watcher: Watcher, told: Told, tab: str) -> None:
    page.set_viewport_size(PHONE)
    page.goto(told.address("hostile", f"?tab={tab}"))
    expect(page.locator("h1")).to_be_visible()
    assert_fits(page)
    if tab == "mistakes":
        page.locator("table.confusion td.other button").first.click()
        page.locator("#judged-grid .judged-tile").first.click()
        expect(page.locator("#heat-classes button")).to_have_count(2)
        assert_fits(page)
    assert watcher.problems == []
