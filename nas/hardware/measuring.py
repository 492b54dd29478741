"""Takes raw timings on the machine that this runs on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from nas.hardware.device_table import Device
from nas.hardware.effort import BLOCK_EFFORT, NETWORK_EFFORT, TABLE_SECONDS
from nas.hardware.items import Manifest
from nas.hardware.latency import RUNTIME, LatencyMeter
from nas.hardware.processor import processor_name
from nas.hardware.timings import TIMINGS_FORMAT, TIMINGS_VERSION


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
            effort = NETWORK_EFFORT if item.kind == "network" else BLOCK_EFFORT
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
    return Device(name, processor_name(), RUNTIME, threads)
