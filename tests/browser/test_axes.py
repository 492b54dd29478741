"""The axis of the chart: what it may go by, and a front that is right for each."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from nas.objectives import Objective
from nas.pareto import non_dominated
from tests.browser.conftest import Watcher
from tests.browser.test_pages import PHONE, assert_fits
from tests.integration.stack import ROOT, Stack

MAKE = """
from django.contrib.auth.models import User
from tests.finished import finished
owner = User.objects.get()
here = finished(owner)
print(here.id, finished(owner, like=here, device="phone-cpu", device_title="A phone").id)
"""
CLEAR = """
import sys
from search_app.models import SearchRun
runs = SearchRun.objects.filter(pk__in=sys.stdin.read().split())
dataset = runs[0].dataset_version.dataset
runs.delete()
dataset.delete()
"""
FRONT = """async ([name, rows]) => {
  const { AXES, frontOf } = await import('/static/js/lib/axes.js');
  const some = rows.map(([accuracy, macs, energy_mj], number) => (
    { number, metrics: { accuracy, macs, device: { energy_mj } } }));
  return [...frontOf(some, AXES.find((axis) => axis.name === name))];
}"""


@pytest.fixture(scope="module")
def runs(stack: Stack, session_file: object) -> Iterator[list[str]]:
    """Ids of two finished searches of the signed-in person: for this server, and for a phone."""
    made = _shell(stack, MAKE)
    yield made.split()
    _shell(stack, CLEAR, made)  # its photos have no files, which pages that list data sets would miss


def _shell(stack: Stack, code: str, told: str = "") -> str:
    command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", code]
    done = subprocess.run(
        command, cwd=ROOT, env=stack.environment, capture_output=True, text=True, check=True, input=told
    )
    return done.stdout


def test_the_front_is_that_of_the_engine_on_each_axis(page: Page) -> None:
    page.goto("/")
    draw = random.Random(0)
    rows = [[draw.randint(0, 9) / 10, draw.randint(1, 9), draw.randint(1, 9)] for _ in range(60)]
    objectives = (Objective("accuracy", maximize=True), Objective("cost", maximize=False))
    for name, column in (("macs", 1), ("energy", 2)):
        expected = non_dominated([(row[0], row[column]) for row in rows], objectives)
        assert sorted(page.evaluate(FRONT, [name, rows])) == expected


def test_a_search_for_a_phone_is_shown_by_energy(page: Page, watcher: Watcher, runs: list[str]) -> None:
    page.set_viewport_size(PHONE)
    page.goto(f"/searches/{runs[1]}/result/")
    chart = page.locator("#chart")
    expect(chart).to_have_attribute("data-axis", "latency")
    page.get_by_role("button", name="Energy a photo").click()
    expect(chart).to_have_attribute("data-axis", "energy")
    expect(page.locator("#chart-title")).to_have_text("Accuracy against energy a photo")
    expect(page.locator("#chart .xtitle")).to_have_text("Energy a photo (mJ)")
    page.get_by_role("button", name="Log scale").click()
    expect(page.get_by_role("button", name="Log scale")).to_have_attribute("aria-pressed", "true")
    assert_fits(page)
    assert watcher.problems == []


def test_what_this_server_cannot_tell_is_greyed_with_the_reason(
    page: Page, watcher: Watcher, runs: list[str]
) -> None:
    for address in (f"/searches/{runs[0]}/", f"/searches/{runs[0]}/result/"):
        page.goto(address)
        expect(page.get_by_role("button", name="Energy a photo")).to_be_disabled()
        expect(page.locator("#axis-why")).to_contain_text("not measured on this server")
        page.get_by_role("button", name="Multiply-adds").click()
        expect(page.locator("#chart")).to_have_attribute("data-axis", "macs")
    assert watcher.problems == []
