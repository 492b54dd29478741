"""What quantisation costs and what each remedy gives, on one fine-tuned network and real images.

Every step leaves its figures and networks in the directory of the results, so that a bench that was cut short
goes on. Networks are judged on validation images on the way; the test part is opened once, at the end, for
all networks at once.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from functools import partial
from typing import Any

from nas.benches.contest import refuse_other_settings
from nas.benches.quantise_steps import QuantiseBench, Say, Work
from nas.data.cache import read_manifest
from nas.errors import DataError
from nas.files import write_atomically
from nas.runtime import machine_facts, tune_process

__all__ = ["QuantiseBench", "run_quantise_bench"]


def run_quantise_bench(bench: QuantiseBench, on_line: Say) -> dict[str, Any]:
    """Measures, opens the test part, writes `quantise.json`.

    Args:
        bench: What to do.
        on_line: Told each finished piece of work in a line.

    Returns:
        The content of `quantise.json`.

    Raises:
        DataError: If the images cannot be trained on, or `out` holds results of other settings.
    """
    if blocking := read_manifest(bench.data)["blocking"]:
        raise DataError(str(blocking))
    settings = {
        **{name: value for name, value in asdict(bench).items() if name not in ("data", "out")},
        "images_hash": read_manifest(bench.data)["content_hash"],
    }
    refuse_other_settings(bench.out / "settings.json", settings)
    finished = bench.out / "quantise.json"
    if finished.exists():  # the test part is opened once
        earlier: dict[str, Any] = json.loads(finished.read_text(encoding="utf-8"))
        return earlier
    tune_process(1)
    started = time.monotonic()
    work = Work(bench, on_line)
    steps = {
        "network": work.step("network", work.fine_tune),
        "control": work.step("control", work.control),
        "ladders": {name: work.step(name, partial(work.climb, name)) for name in bench.climbs()},
        "mixed": work.step("mixed", work.mixed),
        "int8": work.step("int8", work.int8),
    }
    document = {
        **settings,
        "machine": machine_facts(),
        **steps,
        "test": work.test(),
        "wall_seconds": time.monotonic() - started,
    }
    write_atomically(finished, json.dumps(document, indent=1) + "\n")
    return document
