"""What a device is asked to run: blocks in their probes, and whole networks to learn a correction from."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from nas.errors import DeviceError
from nas.hardware.block_graph import candidate_graph, carrier_of, probe_graph
from nas.hardware.blocks import JOINS, Block
from nas.hardware.effort import MOST_BLOCKS, NETWORKS
from nas.hardware.plan import network_blocks
from nas.hardware.reference import REFERENCE_SIDE
from nas.spaces import make_space
from nas.spaces.base import Choices, SearchSpace

BUNDLE_FORMAT = "nas-block-bundle"
BUNDLE_VERSION = 1
"""Part of the fingerprint. To be raised when the manifest or the packed file is laid out otherwise, and when
the same item makes another graph: kept files of old ones are then left alone, and their timings refused."""

_DRAWS = 1500
_SEED = 20_000
REFERENCE_FILE = "reference.onnx"


@dataclass(frozen=True)
class NetworkItem:
    """A whole network of a space as `make_space(space)` gives it."""

    space: str
    choices: Choices


@dataclass(frozen=True)
class Item:
    """One graph to run.

    Attributes:
        name: Unique in the bundle; the file is called so.
        content: What is run: a block in its probe, or a network.
        side: Side of the input in pixels.
    """

    name: str
    content: Block | NetworkItem
    side: int

    @property
    def kind(self) -> str:
        """``"block"`` or ``"network"``: what it is, and by which effort it is measured."""
        return "block" if isinstance(self.content, Block) else "network"

    def graph(self) -> bytes:
        """Returns the ONNX file: `x` float32 (N, 3, side, side)."""
        if isinstance(self.content, Block):
            return probe_graph(self.content)
        space = make_space(self.content.space)
        return candidate_graph(space.decode(self.content.choices))


@dataclass(frozen=True)
class Manifest:
    """All that one device is asked to run, in order.

    Attributes:
        spaces: The spaces whose blocks are in it.
        items: The graphs.
    """

    spaces: tuple[str, ...]
    items: tuple[Item, ...]

    def to_json(self) -> dict[str, object]:
        """Returns the content of ``manifest.json``."""
        return {
            "format": BUNDLE_FORMAT,
            "version": BUNDLE_VERSION,
            "spaces": list(self.spaces),
            "reference": {"file": REFERENCE_FILE, "side": REFERENCE_SIDE},
            "items": [_item_json(item) for item in self.items],
        }

    @property
    def fingerprint(self) -> str:
        """16 hex digits by which timings say what they were taken of."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def make_manifest(
    spaces: Sequence[str], *, most_blocks: int = MOST_BLOCKS, networks: int = NETWORKS
) -> Manifest:
    """Chooses what to measure; the same arguments give the same manifest.

    Blocks are those of networks drawn at random, in the order of their first appearance: what occurs often
    is in, and what is left out occurs seldom. The order of running is shuffled, so that a machine that gets
    slower does not look like blocks that get slower.

    Args:
        spaces: Names of spaces, at least one.
        most_blocks: Most blocks of one space.
        networks: Whole networks of each space.

    Raises:
        SpaceError: If a space is unknown.
        DeviceError: If no space is named.
    """
    if not spaces:
        raise DeviceError("Name at least one search space whose blocks shall be measured.")
    contents: dict[Block | NetworkItem, None] = {}
    for name in dict.fromkeys(spaces):
        space = make_space(name)
        contents |= dict.fromkeys(_blocks(space, most_blocks))
        rng = random.Random(_SEED + 1)
        contents |= dict.fromkeys(NetworkItem(name, space.sample(rng)) for _ in range(networks))
    blocks = [content for content in contents if isinstance(content, Block)]
    carriers = _carriers(blocks)
    every = list(dict.fromkeys([*_carriers(carriers), *carriers, *contents]))
    random.Random(_SEED).shuffle(every)
    items = (Item(f"g{number:05d}", content, _side(content)) for number, content in enumerate(every))
    return Manifest(tuple(dict.fromkeys(spaces)), tuple(items))


def _carriers(blocks: Sequence[Block]) -> list[Block]:
    """Returns what stands before these blocks in their probes."""
    found = dict.fromkeys(carrier_of(block) for block in blocks)
    return [block for block in found if block is not None]


def _blocks(space: SearchSpace, most: int) -> Iterator[Block]:
    """Yields up to `most` blocks of a space."""
    rng = random.Random(_SEED)
    seen: dict[Block, None] = {}
    for _ in range(_DRAWS):
        for block in network_blocks(space.decode(space.sample(rng))):
            if block.op not in JOINS and block not in seen:
                if len(seen) >= most:
                    return
                seen[block] = None
                yield block


def _side(content: Block | NetworkItem) -> int:
    if isinstance(content, Block):
        return content.side
    return make_space(content.space).decode(content.choices).resolution


def _item_json(item: Item) -> dict[str, object]:
    named: dict[str, object] = {"name": item.name, "file": f"{item.name}.onnx", "side": item.side}
    return {**named, item.kind: asdict(item.content)}
