"""A device that exists on paper only: its blocks take as long as a formula says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nas.hardware.block_graph import carrier_of
from nas.hardware.blocks import JOINS, Block
from nas.hardware.features import work
from nas.hardware.items import Manifest, NetworkItem, make_manifest
from nas.hardware.plan import network_blocks
from nas.spaces import make_space

ANCHOR = 0.1


def small_manifest(space: str = "lite-elastic", blocks: int = 60, networks: int = 12) -> Manifest:
    return make_manifest([space], most_blocks=blocks, networks=networks)


def block_ms(block: Block) -> float:
    """Half a nanosecond a MAC, one a number moved, and five microseconds a block."""
    if block.op in JOINS:
        return 0.0
    done = work(block)
    return 0.01 if block.op == "floor" else 0.005 + done.macs * 5e-8 + done.moved * 1e-7


def network_ms(architecture: Any) -> float:
    """The blocks, a tenth more for weights that come from further away."""
    blocks = network_blocks(architecture)
    return 0.01 + 1.1 * sum(block_ms(block) for block in blocks)


def item_ms(content: Block | NetworkItem) -> float:
    if isinstance(content, NetworkItem):
        return network_ms(make_space(content.space).decode(content.choices))
    before = carrier_of(content)
    return block_ms(content) + (0.0 if before is None else item_ms(before))


def timings(
    manifest: Manifest,
    *,
    samples: Callable[[float], list[float]] = lambda ms: [ms] * 5,
    reference: Callable[[int], float] = lambda _number: ANCHOR,
) -> dict[str, Any]:
    """Raw timings of the paper device."""
    items = []
    for number, item in enumerate(manifest.items):
        scale = reference(number) / ANCHOR
        taken = [value * scale for value in samples(item_ms(item.content))]
        items.append(
            {"name": item.name, "samples_ms": taken, "reference_ms": [reference(number)] * len(taken)}
        )
    return {
        "format": "nas-block-timings",
        "version": 1,
        "bundle": manifest.fingerprint,
        "device": {"name": "Paper", "hardware": "formula", "runtime": "by hand", "threads": 1},
        "measured_at": "2026-11-25T12:00:00+00:00",
        "anchor_ms": ANCHOR,
        "items": items,
    }
