"""Raw timings of a bundle's graphs, taken here or on another device, and the device table made of them.

The file holds, for each graph, the milliseconds of its runs and those of the reference network around each of
them. Their ratio is what counts: other load and a warmer chip slow both.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from nas.errors import DeviceError
from nas.hardware.block_graph import carrier_of
from nas.hardware.blocks import Block
from nas.hardware.checked import Fields
from nas.hardware.device_table import (
    LONGEST_MS,
    Device,
    DeviceTable,
    Timing,
    check_version,
    read_device,
    read_moment,
    refuse_noise,
)
from nas.hardware.items import Item, Manifest, NetworkItem
from nas.hardware.latency import RUNTIME, Effort, LatencyMeter, quiet_ms

TIMINGS_FORMAT = "nas-block-timings"
TIMINGS_VERSION = 1
BLOCK_EFFORT = Effort(
    warm_up=3, least=5, fewest=10, most=40, seconds=0.03, longest_seconds=0.4, settle_seconds=0.0
)
NETWORK_EFFORT = Effort(
    warm_up=3, least=5, fewest=10, most=60, seconds=0.12, longest_seconds=1.0, settle_seconds=0.0
)
TABLE_SECONDS = 230.0
"""Time for a table, in which as many rounds are run as fit."""

_FEWEST_RUNS = 5
_MOST_RUNS = 20_000
_FEWEST_ITEMS = 0.9  # share of the bundle that must have been measured


@dataclass
class _Row:
    """Runs of one graph."""

    name: str
    samples_ms: list[float] = field(default_factory=list)
    reference_ms: list[float] = field(default_factory=list)


def take_timings(
    manifest: Manifest,
    device: Device,
    *,
    seconds: float = TABLE_SECONDS,
    on_progress: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """Runs all graphs of a bundle in this process and returns raw timings, ready for JSON.

    All graphs are run in rounds, at least one, until the time is up: what disturbs the machine for some
    seconds then disturbs one round of a graph and not its median.

    Args:
        manifest: What to run.
        device: How this machine is called; its threads are used.
        seconds: No new round begins that would end later than this, by the longest round so far.
        on_progress: Receives the share of the time that is gone, in [0, 1].

    Raises:
        EvaluationError: If the runtime refuses a graph.
    """
    started = time.monotonic()
    meter = LatencyMeter(device.threads)
    rows = [_Row(item.name) for item in manifest.items]
    longest = 0.0
    while longest == 0.0 or time.monotonic() - started + longest <= seconds:
        round_started = time.monotonic()
        for item, row in zip(manifest.items, rows, strict=True):
            effort = NETWORK_EFFORT if isinstance(item.content, NetworkItem) else BLOCK_EFFORT
            times, references = meter.samples(item.graph(), item.side, effort)
            row.samples_ms += times.tolist()
            row.reference_ms += references.tolist()
            if on_progress is not None:
                on_progress(min(1.0, (time.monotonic() - started) / seconds))
        longest = max(longest, time.monotonic() - round_started)
    return {
        "format": TIMINGS_FORMAT,
        "version": TIMINGS_VERSION,
        "bundle": manifest.fingerprint,
        "device": asdict(device),
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "anchor_ms": meter.anchor(),
        "items": [asdict(row) for row in rows],
    }


def this_device(name: str, threads: int = 1) -> Device:
    """Describes the machine that this runs on."""
    return Device(name, _processor(), RUNTIME, threads)


def table_from_timings(data: Any, manifest: Manifest) -> DeviceTable:
    """Checks raw timings and makes a device table of them.

    A block's time is that of its probe less that of the probe without it, and never below 0.

    Args:
        data: Content of a timings file.
        manifest: The bundle that was measured, as made here: the file itself only names its items.

    Raises:
        DeviceError: If the timings are damaged, of another bundle, incomplete or too noisy.
    """
    top = Fields(data, "The timings")
    check_version(top, TIMINGS_FORMAT, TIMINGS_VERSION)
    if top.text("bundle") != manifest.fingerprint:
        raise DeviceError("These timings are of another version of the blocks. Measure the device again.")
    anchor = top.number("anchor_ms", 1e-4, LONGEST_MS)
    found = _read_items(top, manifest, anchor)
    contents = {item.content: found[item.name] for item in manifest.items if item.name in found}
    times = {content: timing for content, (timing, _) in contents.items()}
    references = np.array([reference for _, reference in contents.values()])
    low, middle, high = np.percentile(references, [5, 50, 95])
    table = DeviceTable(
        device=read_device(top.part("device")),
        measured_at=read_moment(top, "measured_at"),
        spaces=manifest.spaces,
        reference_ms=anchor,
        spread=_spread(times.values()),
        drift=float((high - low) / middle),
        blocks=_without_carriers(times),
        networks={item: timing for item, timing in times.items() if isinstance(item, NetworkItem)},
    )
    refuse_noise(table)
    return table


def _read_items(top: Fields, manifest: Manifest, anchor: float) -> dict[str, tuple[Timing, float]]:
    """Returns for each item's name its drift-corrected time and the reference's."""
    known: dict[str, Item] = {item.name: item for item in manifest.items}
    found = {}
    for row in top.objects("items", len(known)):
        name = row.text("name")
        samples = np.array(row.numbers("samples_ms", _MOST_RUNS, 0, LONGEST_MS))
        references = np.array(row.numbers("reference_ms", _MOST_RUNS, 1e-6, LONGEST_MS))
        if name not in known or len(samples) != len(references) or len(samples) < _FEWEST_RUNS:
            raise DeviceError(
                f"{row.where} should name a graph of the bundle and hold at least {_FEWEST_RUNS} runs, each "
                "with one of the reference network."
            )
        found[name] = (_timing(samples, references, anchor), float(np.quantile(references, 0.2)))
    if len(found) < _FEWEST_ITEMS * len(known):
        raise DeviceError(
            f"Only {len(found)} of {len(known)} graphs were measured. Measure again and let it end."
        )
    return found


def _spread(timings: Iterable[Timing]) -> float:
    """Returns the mean spread, weighted by time: a call of some microseconds scatters on any machine."""
    kept = list(timings)
    total = sum(timing.ms for timing in kept)
    return sum(timing.spread * timing.ms for timing in kept) / max(total, 1e-9)


def _timing(samples: np.ndarray, references: np.ndarray, anchor: float) -> Timing:
    low, middle, high = np.percentile(samples, [25, 50, 75])
    spread = float((high - low) / max(middle, 1e-9))
    return Timing(quiet_ms(samples, references, anchor), spread, len(samples))


def _without_carriers(times: dict[Block | NetworkItem, Timing]) -> dict[Block, Timing]:
    blocks = {}
    for block, timing in times.items():
        if not isinstance(block, Block):
            continue
        carrier = carrier_of(block)
        before = None if carrier is None else times.get(carrier)
        if carrier is None or before is not None:
            ms = max(0.0, timing.ms - (0.0 if before is None else before.ms))
            blocks[block] = Timing(ms, timing.spread, timing.runs)
    return blocks


def _processor() -> str:
    """Returns the processor's name where the system tells it."""
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()[:200]
    return platform.processor() or platform.machine() or "unknown processor"
