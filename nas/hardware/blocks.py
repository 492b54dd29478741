"""The blocks that networks are made of, as data, and what each one computes, layer by layer.

A block is the unit whose time is measured on a device. What it computes is said once, by `emit`, and told to
a `Sink`: one sink writes ONNX (`nas.hardware.block_graph`), another counts work and memory
(`nas.hardware.groups`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from nas.errors import SpaceError
from nas.spaces.widths import round_channels

Activation = Literal["", "relu", "relu6", "swish"]
Pooling = Literal["max", "avg"]

MBCONV_OPS = ("ds", "ir", "er")
JOINS = ("sum", "concat")
"""Blocks with several inputs. They are not measured alone; see `nas.hardware.features`."""

TABLE_CLASSES = 10
"""Classes of the classifier inside measured blocks: its width hardly shows in the time."""

OPS = (
    "floor",
    "carrier",
    "stem",
    *MBCONV_OPS,
    "head",
    "cell_stem",
    "nor_conv",
    "sep_conv",
    "dil_conv",
    "max_pool",
    "avg_pool",
    "reduce",
    "residual",
    "norm",
    "zero",
    "cell_head",
    *JOINS,
)
"""All kinds of blocks. ``floor`` is a call of the runtime that does nothing, ``carrier`` what stands before a
measured block; see `nas.hardware.block_graph`."""


@dataclass(frozen=True, slots=True)
class Block:
    """One block at one place of a network; equal blocks take equal time.

    Attributes:
        op: One of `OPS`.
        inputs: Input channels.
        outputs: Output channels.
        side: Side of the input map in pixels.
        kernel: Side of the kernel, odd; 1 where there is none.
        stride: 1 or 2.
        expansion: Expansion ratio of an inverted bottleneck, 1 elsewhere.
        squeeze: Channels between squeeze and excite; 0 for none.
        skip: True if the input is added to the output.
        activation: Activation inside the block.
    """

    op: str
    inputs: int
    outputs: int
    side: int
    kernel: int = 1
    stride: int = 1
    expansion: float = 1.0
    squeeze: int = 0
    skip: bool = False
    activation: Activation = ""

    @property
    def out_side(self) -> int:
        """Side of the output map: ceil(side / stride), as 'same' padding has it."""
        return 1 if self.op in ("head", "cell_head", "floor") else -(-self.side // self.stride)


@dataclass(frozen=True, slots=True)
class Map:
    """A feature map of one image: its name in a sink, channels and side in pixels."""

    name: str
    channels: int
    side: int


class Sink(Protocol):
    """What layers are told to. Each method takes maps and returns the map that it makes."""

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
        """A convolution with bias (batch norm folded in), 'same' padding, and an activation."""

    def relu(self, x: Map) -> Map:
        """A ReLU on its own, as cells have it before their convolutions."""

    def norm(self, x: Map) -> Map:
        """A batch norm that follows no convolution, and ReLU."""

    def pool(self, x: Map, kind: Pooling, kernel: int, stride: int) -> Map:
        """Pooling with 'same' padding."""

    def shift(self, x: Map) -> Map:
        """The map without its first row and column, padded at the end (FactorizedReduce)."""

    def gate(self, x: Map, squeeze: int, activation: Activation) -> Map:
        """Squeeze-excite through `squeeze` channels."""

    def join(self, maps: Sequence[Map], how: str) -> Map:
        """Sum of equal maps, or all side by side."""

    def average(self, x: Map) -> Map:
        """Global average pooling: side 1."""

    def linear(self, x: Map, outputs: int) -> Map:
        """A fully connected layer on a map of side 1."""


def emit(sink: Sink, block: Block, sources: Sequence[Map], n_classes: int = TABLE_CLASSES) -> Map:
    """Tells a sink what a block computes, and returns its output.

    Args:
        sink: Receives the layers.
        block: The block.
        sources: Its inputs, one but for `JOINS`.
        n_classes: Width of the classifier of heads.

    Raises:
        SpaceError: If there is no such block.
    """
    if block.op in JOINS:
        return sink.join(sources, block.op)
    if block.op in ("head", "cell_head"):
        return _emit_head(sink, block, sources[0], n_classes)
    write = _WRITERS.get(block.op)
    if write is None:
        raise SpaceError(f"There is no block {block.op!r}.")
    return write(sink, block, sources[0])


def _emit_floor(_sink: Sink, _block: Block, x: Map) -> Map:
    return x


def _emit_stem(sink: Sink, block: Block, x: Map) -> Map:
    return sink.conv(x, block.outputs, block.kernel, block.stride, activation=block.activation)


def _emit_head(sink: Sink, block: Block, x: Map, n_classes: int) -> Map:
    if block.op == "head":
        x = sink.conv(x, block.outputs, activation=block.activation)
    return sink.linear(sink.average(x), n_classes)


def _emit_mbconv(sink: Sink, block: Block, shortcut: Map) -> Map:
    x, act = shortcut, block.activation
    middle = block.inputs if block.op == "ds" else round_channels(block.inputs * block.expansion)
    if block.op == "er":
        x = sink.conv(x, middle, block.kernel, block.stride, activation=act)
    else:
        if block.op == "ir":
            x = sink.conv(x, middle, activation=act)
        x = sink.conv(x, middle, block.kernel, block.stride, groups=middle, activation=act)
    if block.squeeze:
        x = sink.gate(x, block.squeeze, act)
    x = sink.conv(x, block.outputs)
    return sink.join([x, shortcut], "sum") if block.skip else x


def _emit_conv(sink: Sink, block: Block, x: Map) -> Map:
    return sink.conv(sink.relu(x), block.outputs, block.kernel, block.stride)


def _emit_separable(sink: Sink, block: Block, x: Map) -> Map:
    dilation, strides = (2, [block.stride]) if block.op == "dil_conv" else (1, [block.stride, 1])
    for stride in strides:
        x = sink.conv(sink.relu(x), x.channels, block.kernel, stride, groups=x.channels, dilation=dilation)
        x = sink.conv(x, block.outputs)
    return x


def _emit_pool(sink: Sink, block: Block, x: Map) -> Map:
    return sink.pool(x, "max" if block.op == "max_pool" else "avg", block.kernel, block.stride)


def _emit_norm(sink: Sink, _block: Block, x: Map) -> Map:
    return sink.norm(x)


def _emit_reduce(sink: Sink, block: Block, x: Map) -> Map:
    x, half = sink.relu(x), block.outputs // 2
    even = sink.conv(x, half, 1, 2)
    odd = sink.conv(sink.shift(x), block.outputs - half, 1, 2)
    return sink.join([even, odd], "concat")


def _emit_residual(sink: Sink, block: Block, x: Map) -> Map:
    y = sink.conv(sink.relu(x), block.outputs, 3, 2)
    y = sink.conv(sink.relu(y), block.outputs, 3)
    return sink.join([sink.conv(sink.pool(x, "avg", 2, 2), block.outputs), y], "sum")


_WRITERS: dict[str, Callable[[Sink, Block, Map], Map]] = {
    "floor": _emit_floor,
    **dict.fromkeys(("carrier", "stem", "cell_stem"), _emit_stem),
    **dict.fromkeys(MBCONV_OPS, _emit_mbconv),
    "nor_conv": _emit_conv,
    **dict.fromkeys(("sep_conv", "dil_conv"), _emit_separable),
    **dict.fromkeys(("max_pool", "avg_pool", "zero"), _emit_pool),
    "norm": _emit_norm,
    "reduce": _emit_reduce,
    "residual": _emit_residual,
}
