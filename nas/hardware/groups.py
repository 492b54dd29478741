"""Fused groups of a network: what a device runs in one go, with its work, traffic and memory.

A group is a convolution (or linear layer) with its bias, activation and, where it follows at once, the
residual sum; or a pooling, a gate, a join. A ReLU before a convolution is part of that convolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from nas.architecture import Architecture
from nas.hardware.blocks import TABLE_CLASSES, Activation, Block, Map, Pooling, emit
from nas.hardware.plan import emit_network

OperatorClass = Literal["convolution", "pointwise", "depthwise", "linear", "elementwise"]
OPERATOR_CLASSES: tuple[OperatorClass, ...] = (
    "convolution",
    "pointwise",
    "depthwise",
    "linear",
    "elementwise",
)
"""Kinds of work that use a device differently well."""


@dataclass(frozen=True, slots=True)
class Group:
    """One fused group, for one image.

    Attributes:
        kind: Operator class.
        macs: Multiply-accumulates.
        weights: Weights and biases that it reads.
        reads: Tensors that it reads, by number; 0 is the image.
        writes: Tensor that it writes.
    """

    kind: OperatorClass
    macs: int
    weights: int
    reads: tuple[int, ...]
    writes: int


@dataclass(frozen=True, slots=True)
class GroupedNetwork:
    """The groups of a network in the order in which they run.

    Attributes:
        groups: The groups.
        elements: Numbers in each tensor.
    """

    groups: tuple[Group, ...]
    elements: tuple[int, ...]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one image."""
        return sum(group.macs for group in self.groups)

    @property
    def weights(self) -> int:
        """Weights and biases, batch norms folded in."""
        return sum(group.weights for group in self.groups)

    def moved(self, group: Group) -> int:
        """Returns the numbers that a group reads and writes, weights not counted."""
        return sum(self.elements[tensor] for tensor in (*group.reads, group.writes))

    def live(self) -> list[int]:
        """Returns for each group the numbers in all tensors that are alive while it runs.

        A tensor lives from the group that writes it to the last one that reads it. What a group writes has
        a place of its own; nothing is computed in place.
        """
        last = {tensor: step for step, group in enumerate(self.groups) for tensor in group.reads}
        alive, total, result = {0}, self.elements[0], []
        for step, group in enumerate(self.groups):
            alive.add(group.writes)
            total += self.elements[group.writes]
            result.append(total)
            for tensor in [tensor for tensor in alive if last.get(tensor, step) <= step]:
                alive.remove(tensor)
                total -= self.elements[tensor]
        return result


def group_network(architecture: Architecture, n_classes: int) -> GroupedNetwork:
    """Returns the fused groups of a whole network.

    Raises:
        SpaceError: If the network is not made of blocks.
    """
    sink = _GroupSink(3 * architecture.resolution**2)
    emit_network(sink, architecture, n_classes)
    return sink.network()


def group_block(block: Block) -> GroupedNetwork:
    """Returns the fused groups of one block."""
    parts = block.outputs // block.inputs if block.op == "concat" else 2 if block.op == "sum" else 1
    sink = _GroupSink(block.inputs * block.side**2)
    sources = [Map("x", block.inputs, block.side)]
    sources += [sink.tensor(block.inputs, block.side) for _ in range(parts - 1)]
    emit(sink, block, sources, TABLE_CLASSES)
    return sink.network()


class _GroupSink:
    """Counts layers; see `nas.hardware.blocks.Sink`. Names of maps are numbers of tensors, "x" is 0."""

    def __init__(self, image: int) -> None:
        self._groups: list[Group] = []
        self._elements = [image]

    def network(self) -> GroupedNetwork:
        return GroupedNetwork(tuple(self._groups), tuple(self._elements))

    def tensor(self, channels: int, side: int) -> Map:
        self._elements.append(channels * side**2)
        return Map(str(len(self._elements) - 1), channels, side)

    def _run(
        self, kind: OperatorClass, maps: Sequence[Map], shape: tuple[int, int], macs: int, weights: int
    ) -> Map:
        made = self.tensor(*shape)
        reads = tuple(_number(each) for each in maps)
        self._groups.append(Group(kind, macs, weights, reads, _number(made)))
        return made

    def conv(
        self,
        x: Map,
        outputs: int,
        kernel: int = 1,
        stride: int = 1,
        *,
        groups: int = 1,
        dilation: int = 1,
        activation: Activation = "",
    ) -> Map:
        weights = outputs * (x.channels // groups) * kernel**2
        side = -(-x.side // stride)
        kind, shape = _kind(x.side, kernel, groups), (outputs, side)
        return self._run(kind, [x], shape, weights * side**2, weights + outputs)

    def relu(self, x: Map) -> Map:
        return x

    def norm(self, x: Map) -> Map:
        return self._run("elementwise", [x], (x.channels, x.side), 0, 2 * x.channels)

    def pool(self, x: Map, kind: Pooling, kernel: int, stride: int) -> Map:
        return self._run("elementwise", [x], (x.channels, -(-x.side // stride)), 0, 0)

    def shift(self, x: Map) -> Map:
        return x

    def gate(self, x: Map, squeeze: int, activation: Activation) -> Map:
        gate = self.linear(self.linear(self.average(x), squeeze), x.channels)
        return self._run("elementwise", [x, gate], (x.channels, x.side), 0, 0)

    def join(self, maps: Sequence[Map], how: str) -> Map:
        reads = [_number(each) for each in maps]
        channels = maps[0].channels if how == "sum" else sum(each.channels for each in maps)
        last = self._groups[-1] if self._groups else None
        if how != "sum" or last is None or last.macs == 0 or last.writes not in reads:
            return self._run("elementwise", maps, (channels, maps[0].side), 0, 0)
        # The convolution just before adds the other operand to its own result, which is never stored alone.
        others = tuple(read for read in reads if read != last.writes)
        self._groups[-1] = Group(last.kind, last.macs, last.weights, (*last.reads, *others), last.writes)
        return Map(str(last.writes), channels, maps[0].side)

    def average(self, x: Map) -> Map:
        return self._run("elementwise", [x], (x.channels, 1), 0, 0)

    def linear(self, x: Map, outputs: int) -> Map:
        weights = outputs * x.channels
        return self._run("linear", [x], (outputs, 1), weights, weights + outputs)


def _kind(side: int, kernel: int, groups: int) -> OperatorClass:
    if groups > 1:
        return "depthwise"
    if kernel > 1:
        return "convolution"
    return "linear" if side == 1 else "pointwise"  # one position: a matrix times a vector


def _number(x: Map) -> int:
    return 0 if x.name == "x" else int(x.name)
