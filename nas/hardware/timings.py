"""Raw timings of a bundle's graphs, taken here or on another device, are checked and become a device table.

The file holds, for each graph, the milliseconds of its runs and those of the reference network around each of
them. Their ratio is what counts: other load and a warmer chip slow both.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from nas.errors import DeviceError
from nas.hardware.block_graph import carrier_of
from nas.hardware.blocks import Block
from nas.hardware.checked import Fields
from nas.hardware.device_table import (
    LONGEST_MS,
    DeviceTable,
    Timing,
    check_version,
    read_device,
    read_moment,
    refuse_noise,
)
from nas.hardware.items import Item, Manifest, NetworkItem
from nas.hardware.reference import ANCHOR_QUANTILE, quiet_ms

TIMINGS_FORMAT = "nas-block-timings"
TIMINGS_VERSION = 1

_FEWEST_RUNS = 5
_MOST_RUNS = 20_000
_FEWEST_ITEMS = 0.9  # share of the bundle that must have been measured


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
    table = DeviceTable(
        device=read_device(top.part("device")),
        measured_at=read_moment(top, "measured_at"),
        spaces=manifest.spaces,
        reference_ms=anchor,
        spread=_spread(times.values()),
        drift=_drift(references, anchor),
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
        found[name] = (_timing(samples, references, anchor), float(np.quantile(references, ANCHOR_QUANTILE)))
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


def _drift(references: np.ndarray, anchor: float) -> float:
    """Returns how far the reference's time went up and down, as a share of itself.

    The anchor counts too: it scales the whole table, so one that was taken while the device was disturbed, or
    was quick for a moment only, must not pass because all that followed was steady.

    Args:
        references: (items,) the reference's milliseconds, one quantile an item.
        anchor: Its milliseconds at rest.
    """
    low, middle, high = np.percentile(references, [5, 50, 95])
    slow, fast = sorted((anchor, float(np.quantile(references, ANCHOR_QUANTILE))), reverse=True)
    return max(float((high - low) / middle), slow / fast - 1.0)


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
