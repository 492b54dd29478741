"""Does a table that a browser made rank that browser's networks? `python -m tests.browser.rank_in_browser`.

Makes a device through its pages, lets this machine's Chromium measure it, then measures networks that the
table has not seen in the same Chromium and compares. Prints Spearman's correlation and the share within 10%.
On a busy machine the site may refuse the table; this is said, and the table is judged nevertheless.
"""

from __future__ import annotations

import base64
import math
import random
import re
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page, expect, sync_playwright
from scipy.stats import spearmanr

from nas.hardware import device_table
from nas.hardware.block_graph import candidate_graph
from nas.hardware.bundle import manifest_of
from nas.hardware.device_table import DeviceTable
from nas.hardware.effort import NETWORK_EFFORT
from nas.hardware.predictor import LatencyPredictor
from nas.hardware.reference import REFERENCE_SIDE, reference_network
from nas.hardware.timings import table_from_timings
from nas.spaces import make_space
from tests.browser.conftest import FLAGS, chromium_program
from tests.integration.stack import Stack

SPACE = "lite-elastic"
NETWORKS = 20
LEAST_SPEARMAN = 0.9
MEASURE = """async ({ networks, reference, side, effort }) => {
  const { Meter } = await import('/static/js/lib/meter.js');
  const ort = await import('/static/vendor/onnxruntime/ort.wasm.bundle.min.mjs');
  ort.env.wasm.wasmPaths = { wasm: '/static/vendor/onnxruntime/ort-wasm-simd-threaded.wasm' };
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
  const bytes = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  const meter = new Meter(ort, 1);
  await meter.settle(bytes(reference), side);
  const found = networks.map(() => [[], []]);
  for (let round = 0; round < 2; round += 1) {
    for (let i = 0; i < networks.length; i += 1) {
      const [times, references] = await meter.samples(bytes(networks[i].graph), networks[i].side, effort);
      found[i][0].push(...times);
      found[i][1].push(...references);
    }
  }
  return { anchor: meter.anchor, found };
}"""


def make_device(page: Page, name: str, space: str = SPACE, extent: str = "quick") -> str:
    """Fills in the form and returns the link."""
    page.goto("/devices/new/")
    page.get_by_label("Name").fill(name)
    page.check(f"[name=extent][value={extent}]")
    page.get_by_text("Which networks?").click()
    for box in page.locator("[name=spaces]").all():
        box.set_checked(box.get_attribute("value") == space)
    page.get_by_role("button", name="Make the link").click()
    page.wait_for_url(re.compile(r"/devices/[0-9a-f-]{36}/$"))
    return page.locator("#link").input_value()


def measure_device(page: Page, link: str, seconds: float) -> tuple[str, Any]:
    """Opens a link, measures to the end, and returns the page's last word and what it has sent."""
    page.goto(link)
    with page.expect_request("**/timings/", timeout=1000 * seconds) as sent:
        page.click("#start")
    last = page.locator("#done:visible, #problem:visible")
    expect(last).to_be_visible()
    return last.inner_text(), sent.value.post_data_json


def trusting_table(timings: Any, space: str = SPACE, extent: str = "quick") -> DeviceTable:
    """Returns the table of timings however much they scatter: a machine that runs tests is busy."""
    limits = device_table.MOST_SPREAD, device_table.MOST_DRIFT
    device_table.MOST_SPREAD = device_table.MOST_DRIFT = math.inf
    try:
        return table_from_timings(timings, manifest_of((space,), extent))
    finally:
        device_table.MOST_SPREAD, device_table.MOST_DRIFT = limits


def measured_ms(page: Page, choices: list[tuple[int, ...]], anchor_ms: float) -> np.ndarray:
    """Returns (N,) milliseconds of networks, measured in a page that may run WebAssembly."""
    architectures = [make_space(SPACE).decode(one) for one in choices]
    answer = page.evaluate(
        MEASURE,
        {
            "networks": [
                {"graph": base64.b64encode(candidate_graph(one)).decode(), "side": one.resolution}
                for one in architectures
            ],
            "reference": base64.b64encode(reference_network()).decode(),
            "side": REFERENCE_SIDE,
            "effort": asdict(NETWORK_EFFORT),
        },
    )
    times = [np.median(times) / np.quantile(around, 0.2) for times, around in answer["found"]]
    return np.asarray(times) * anchor_ms


def main() -> int:
    """Runs a private stack and returns 0 if the table ranks well enough."""
    with tempfile.TemporaryDirectory() as var, Stack(Path(var)) as stack, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium_program(), args=list(FLAGS))
        page = browser.new_context(base_url=stack.base_url).new_page()
        page.set_default_timeout(60_000)
        page.goto(stack.link)
        link = make_device(page, "This Chromium")
        phone = browser.new_context().new_page()
        said, timings = measure_device(phone, link, 600)
        sys.stdout.write(f"{said}\n")
        table = trusting_table(timings)
        phone.goto(make_device(page, "Second"))  # a page that may run WebAssembly
        known = {item.choices for item in table.networks}
        drawn, space = random.Random(1), make_space(SPACE)
        unseen = [one for one in (space.sample(drawn) for _ in range(10 * NETWORKS)) if one not in known]
        chosen = list(dict.fromkeys(unseen))[:NETWORKS]
        truth = measured_ms(phone, chosen, table.reference_ms)
        browser.close()
    told = LatencyPredictor(table).predict_many([space.decode(one) for one in chosen])
    rank = float(spearmanr(told, truth).statistic)
    within = float(np.mean(np.abs(told / truth - 1) <= 0.1))
    sys.stdout.write(
        f"{len(chosen)} networks of {truth.min():.1f} to {truth.max():.1f} ms: Spearman {rank:.3f}, "
        f"within 10% {within:.0%}; table: {len(table.blocks)} blocks, spread {table.spread:.1%}, "
        f"drift {table.drift:.1%}\n"
    )
    return 0 if rank >= LEAST_SPEARMAN else 1


if __name__ == "__main__":
    sys.exit(main())
