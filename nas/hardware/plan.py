"""From an architecture to the blocks that it runs, in order, with what each one reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from nas.architecture import Architecture, CellArchitecture, MBConvArchitecture, Stage
from nas.cells import SKIP, TEMPLATES, Edge
from nas.cost import CELL_STAGES
from nas.errors import SpaceError
from nas.hardware.blocks import Activation, Block, Map, Sink, emit
from nas.spaces.widths import round_channels


@dataclass(frozen=True, slots=True)
class Step:
    """A block and the steps whose outputs it reads; -1 is the image."""

    block: Block
    sources: tuple[int, ...]


def network_plan(architecture: Architecture) -> tuple[Step, ...]:
    """Returns the steps of a network from stem to classifier; the last one makes the logits.

    Raises:
        SpaceError: If the network is not made of blocks (a hand-made one of timm), or cannot be built.
    """
    if isinstance(architecture, MBConvArchitecture):
        blocks = mbconv_blocks(architecture)
        return tuple(Step(block, (number - 1,)) for number, block in enumerate(blocks))
    if isinstance(architecture, CellArchitecture):
        walk = _CellWalk(architecture)
        return tuple(walk.steps)
    raise SpaceError(f"The network {architecture.name} is not made of blocks; measure it whole.")


def network_blocks(architecture: Architecture) -> Sequence[Block]:
    """Returns the blocks of a network in order, repeated as often as they run.

    Raises:
        SpaceError: As `network_plan`.
    """
    if isinstance(architecture, MBConvArchitecture):
        return mbconv_blocks(architecture)
    return [step.block for step in network_plan(architecture)]


def emit_network(sink: Sink, architecture: Architecture, n_classes: int) -> Map:
    """Tells a sink the whole network and returns its logits, (1, n_classes)."""
    maps = [Map("x", 3, architecture.resolution)]
    for step in network_plan(architecture):
        sources = [maps[source + 1] for source in step.sources]
        maps.append(emit(sink, step.block, sources, n_classes))
    return maps[-1]


def mbconv_blocks(architecture: MBConvArchitecture) -> list[Block]:
    """Returns stem, the blocks of all stages, and head."""
    act, resolution = architecture.activation, architecture.resolution
    stem = Block("stem", 3, architecture.stem_channels, resolution, 3, 2, activation=act)
    blocks, inputs, side = [stem], stem.outputs, stem.out_side
    for stage in architecture.stages:
        found = stage_blocks(stage, inputs, side, act)
        blocks += found
        inputs, side = stage.channels, found[-1].out_side
    blocks.append(Block("head", inputs, architecture.head_channels, side, activation=act))
    return blocks


@lru_cache(maxsize=100_000)
def stage_blocks(stage: Stage, inputs: int, side: int, activation: Activation) -> tuple[Block, ...]:
    """Returns the blocks of one stage that is entered by `inputs` channels at `side` pixels."""
    blocks: list[Block] = []
    for number in range(stage.depth):
        middle = inputs if stage.op == "ds" else round_channels(inputs * stage.expansion)
        ratio = stage.se_ratio / (1.0 if stage.op == "ds" else stage.expansion)
        stride = stage.stride if number == 0 else 1
        block = Block(
            stage.op,
            inputs,
            stage.channels,
            side,
            stage.kernel,
            stride,
            1.0 if stage.op == "ds" else float(stage.expansion),
            round(middle * ratio) if stage.se_ratio else 0,
            stride == 1 and inputs == stage.channels,
            activation,
        )
        blocks.append(block)
        inputs, side = stage.channels, block.out_side
    return tuple(blocks)


class _CellWalk:
    """Follows `nas.networks.cells.CellNetwork`, block by block."""

    def __init__(self, architecture: CellArchitecture) -> None:
        if architecture.template not in TEMPLATES:
            raise SpaceError(f"There is no cell family {architecture.template!r}.")
        self.steps: list[Step] = []
        self.template = TEMPLATES[architecture.template]
        self.channels, self.side = architecture.channels, architecture.resolution
        self.architecture = architecture
        if self.template.concatenates:
            last, width = self._nasnet()
        else:
            last, width = self._benchmark()
        self.add(Block("cell_head", width, width, self.side), last)

    def add(self, block: Block, *sources: int) -> int:
        """Adds a step and returns its number."""
        self.steps.append(Step(block, sources))
        return len(self.steps) - 1

    def _benchmark(self) -> tuple[int, int]:
        """Returns the step before the classifier and its channels, of NAS-Bench-201's skeleton."""
        x = self.add(Block("cell_stem", 3, self.channels, self.side, 3), -1)
        for stage in range(CELL_STAGES):
            if stage:
                x = self.add(Block("residual", self.channels, 2 * self.channels, self.side, 3, 2), x)
                self.channels, self.side = 2 * self.channels, -(-self.side // 2)
            for _ in range(self.architecture.cells):
                x, _ = self._cell(self.architecture.normal, {0: x}, 1)
        return self.add(Block("norm", self.channels, self.channels, self.side), x), self.channels

    def _nasnet(self) -> tuple[int, int]:
        """Returns the same of the skeleton of NASNet and DARTS."""
        width = 3 * self.channels
        previous = self.add(Block("cell_stem", 3, width, self.side, 3), -1)
        before, widths, halve = previous, (width, width), False
        for stage in range(CELL_STAGES):
            for number in range(self.architecture.cells + (stage > 0)):
                reduces = stage > 0 and number == 0
                self.channels *= 2 if reduces else 1
                edges = self.architecture.reduction if reduces else self.architecture.normal
                nodes = self._inputs(edges, (before, previous), widths, halve)
                x, ends = self._cell(edges, nodes, 2 if reduces else 1)
                before, previous = previous, x
                widths, halve = (widths[1], self.channels * ends), reduces
        return previous, widths[1]

    def _inputs(
        self, edges: Sequence[Edge], sources: tuple[int, int], widths: tuple[int, int], halve: bool
    ) -> dict[int, int]:
        """Prepares the inputs that a cell of two inputs reads: same side, same channels."""
        nodes = {}
        for node in sorted({edge.source for edge in edges if edge.source < 2}) or [1]:
            if node == 0 and halve:
                block = Block("reduce", widths[0], self.channels, 2 * self.side, 1, 2)
            else:
                block = Block("nor_conv", widths[node], self.channels, self.side)
            nodes[node] = self.add(block, sources[node])
        return nodes

    def _cell(self, edges: Sequence[Edge], nodes: dict[int, int], stride: int) -> tuple[int, int]:
        """Adds a cell; returns its output's step and how many nodes it puts side by side."""
        template, start = self.template, self.side
        self.side = -(-start // stride)
        for edge in edges:
            first = edge.source < template.n_inputs
            value = self._edge(edge, nodes[edge.source], *((start, stride) if first else (self.side, 1)))
            if edge.target in nodes:
                joined = Block("sum", self.channels, self.channels, self.side)
                value = self.add(joined, nodes[edge.target], value)
            nodes[edge.target] = value
        ends = [node for node in template.targets if node in nodes]
        if not ends or (not template.concatenates and template.targets[-1] not in nodes):
            zero = Block("zero", self.channels, self.channels, start, 1, stride)
            return self.add(zero, nodes[template.n_inputs - 1]), 1
        if not template.concatenates or len(ends) == 1:
            return nodes[ends[-1]], 1
        joined = Block("concat", self.channels, self.channels * len(ends), self.side)
        return self.add(joined, *(nodes[end] for end in ends)), len(ends)

    def _edge(self, edge: Edge, source: int, side: int, stride: int) -> int:
        channels = self.channels
        if edge.op == SKIP:
            if stride == 1:
                return source
            return self.add(Block("reduce", channels, channels, side, 1, 2), source)
        kind, _, size = edge.op.rpartition("_")
        return self.add(Block(kind, channels, channels, side, int(size[0]), stride), source)
