"""Blocks and whole candidates as ONNX graphs, written directly and without weights to speak of.

The time of a network does not depend on the values of its weights, so a graph says "this shape, filled with
this number" and the runtime makes the tensor when it opens the file: some kilobytes instead of megabytes.
Every layer has a number of its own, or the runtime would keep equal weights once and read them from cache.

A block is measured inside a `probe`: image -> carrier (a 1x1 convolution) -> block -> global average. Input
and output are small, so that nothing is measured but the block, in the memory layout that the runtime chooses
inside networks. The probe without the block is subtracted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto, helper

from nas.architecture import Architecture
from nas.export.builder import GraphBuilder, make_model
from nas.hardware.blocks import TABLE_CLASSES, Activation, Block, Map, Pooling, emit
from nas.hardware.plan import emit_network

_OWN_INPUT = ("floor", "carrier", "stem", "cell_stem")
"""Blocks that take the image itself."""


class _OnnxSink:
    """Writes layers as nodes; see `nas.hardware.blocks.Sink`."""

    def __init__(self) -> None:
        self.graph = GraphBuilder()
        self._weights = 0

    def _weight(self, shape: Sequence[int], fan_in: int) -> str:
        self._weights += 1
        value = (1 + 1e-3 * self._weights) / fan_in
        filled = helper.make_tensor("value", TensorProto.FLOAT, [1], [value])
        return self.graph.add("ConstantOfShape", [self.graph.constant(shape, np.int64)], value=filled)

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
        fan_in = x.channels // groups * kernel**2
        weight = self._weight([outputs, x.channels // groups, kernel, kernel], fan_in)
        name = self.graph.add(
            "Conv",
            [x.name, weight, self._weight([outputs], 10)],
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            dilations=[dilation, dilation],
            pads=_same(x.side, kernel, stride, dilation),
            group=groups,
        )
        return self._activate(Map(name, outputs, -(-x.side // stride)), activation)

    def _activate(self, x: Map, activation: Activation) -> Map:
        name = x.name
        if activation == "relu6":
            name = self.graph.add("Clip", [name, self.graph.constant(0.0), self.graph.constant(6.0)])
        elif activation == "relu":
            name = self.graph.add("Relu", [name])
        elif activation == "swish":
            name = self.graph.add("Mul", [name, self.graph.add("Sigmoid", [name])])
        return Map(name, x.channels, x.side)

    def relu(self, x: Map) -> Map:
        return self._activate(x, "relu")

    def norm(self, x: Map) -> Map:
        one = [self._weight([x.channels], 1) for _ in range(4)]
        name = self.graph.add("BatchNormalization", [x.name, *one])
        return self.relu(Map(name, x.channels, x.side))

    def pool(self, x: Map, kind: Pooling, kernel: int, stride: int) -> Map:
        name = self.graph.add(
            "MaxPool" if kind == "max" else "AveragePool",
            [x.name],
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=_same(x.side, kernel, stride, 1),
        )
        return Map(name, x.channels, -(-x.side // stride))

    def shift(self, x: Map) -> Map:
        far = [1 << 30] * 2
        bounds = [self.graph.constant(values, np.int64) for values in ([1, 1], far, [2, 3])]
        return Map(self.graph.add("Slice", [x.name, *bounds]), x.channels, x.side)

    def gate(self, x: Map, squeeze: int, activation: Activation) -> Map:
        gate = self.conv(self.average(x), squeeze, activation=activation)
        gate = self.conv(gate, x.channels)
        name = self.graph.add("Mul", [x.name, self.graph.add("Sigmoid", [gate.name])])
        return Map(name, x.channels, x.side)

    def join(self, maps: Sequence[Map], how: str) -> Map:
        names = [each.name for each in maps]
        if how == "concat":
            total = sum(each.channels for each in maps)
            return Map(self.graph.add("Concat", names, axis=1), total, maps[0].side)
        return Map(self.graph.add("Add", names), maps[0].channels, maps[0].side)

    def average(self, x: Map) -> Map:
        return Map(self.graph.add("GlobalAveragePool", [x.name]), x.channels, 1)

    def linear(self, x: Map, outputs: int) -> Map:
        flat = self.graph.add("Flatten", [x.name], axis=1)  # (N, C)
        weight = self._weight([outputs, x.channels], x.channels)
        name = self.graph.add("Gemm", [flat, weight, self._weight([outputs], 10)], transB=1)
        return Map(name, outputs, 1)

    def finish(self, last: Map, side: int) -> bytes:
        """Returns the file: `x` float32 (N, 3, side, side) to `y`."""
        self.graph.add("Identity", [last.name], output="y")
        taken = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, side, side])
        given = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
        content: bytes = make_model(
            self.graph.nodes, self.graph.initializers, [taken], [given]
        ).SerializeToString()
        return content


def carrier_of(block: Block) -> Block | None:
    """Returns what stands before a block in its probe, and is measured alone as well; None for the floor.

    For a block that takes the image itself it is the floor: a global average of the image.
    """
    if block.op == "floor":
        return None
    if block.op in _OWN_INPUT:
        return Block("floor", 3, 3, block.side)
    return Block("carrier", 3, block.inputs, block.side, activation="relu6")


def probe_graph(block: Block) -> bytes:
    """Returns the ONNX file in which a block is measured: `x` float32 (N, 3, side, side) to `y`."""
    sink = _OnnxSink()
    x = Map("x", 3, block.side)
    before = carrier_of(block)
    if before is not None:
        x = emit(sink, before, [x])
    x = emit(sink, block, [x], TABLE_CLASSES)
    if not block.op.endswith("head"):
        x = sink.average(x)
    return sink.finish(x, block.side)


def candidate_graph(architecture: Architecture, n_classes: int = TABLE_CLASSES) -> bytes:
    """Returns a whole network as ONNX, for its time only: `x` float32 (N, 3, R, R) to `y` (N, n_classes).

    Raises:
        SpaceError: If the network is not made of blocks.
    """
    sink = _OnnxSink()
    return sink.finish(emit_network(sink, architecture, n_classes), architecture.resolution)


def _same(side: int, kernel: int, stride: int, dilation: int) -> list[int]:
    """Returns the pads of ceil(side / stride) outputs: top, left, bottom, right."""
    reach = (kernel - 1) * dilation + 1
    total = max((-(-side // stride) - 1) * stride + reach - side, 0)
    return [total // 2, total // 2, total - total // 2, total - total // 2]
