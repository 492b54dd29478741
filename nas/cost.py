"""MACs and parameters of MBConv and cell architectures by arithmetic, without building them.

The counts are those of the network that `nas.networks` builds of the same data: convolutions with 'same'
padding, batch norm and activations not counted as MACs, batch norm's weight and bias counted as
parameters, its running statistics not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nas.architecture import CellArchitecture, MBConvArchitecture, Stage
from nas.cells import SKIP, TEMPLATES, Edge
from nas.spaces.widths import round_channels

CELL_STAGES = 3
"""Stages of a network of cells."""


@dataclass(frozen=True)
class Convolution:
    """One convolution (or linear layer: kernel 1, side 1) of a network.

    Attributes:
        inputs: Input channels.
        outputs: Output channels.
        kernel: Side of the kernel.
        side: Side of the output map in pixels.
        groups: Groups; equal to `inputs` for a depthwise convolution.
        normalised: True if batch norm follows (no bias), False if it has a bias of its own, None for neither.
            A batch norm that stands alone is written as a convolution without inputs.
    """

    inputs: int
    outputs: int
    kernel: int
    side: int
    groups: int = 1
    normalised: bool | None = True

    @property
    def weights(self) -> int:
        """Number of kernel weights."""
        return self.outputs * (self.inputs // self.groups) * self.kernel**2

    @property
    def params(self) -> int:
        """Kernel weights and either batch norm's weight and bias or the own bias, if any."""
        return self.weights + self.outputs * {True: 2, False: 1, None: 0}[self.normalised]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one image."""
        return self.weights * self.side**2


def _squeeze_excite(stage: Stage, middle: int) -> Iterator[Convolution]:
    if stage.se_ratio:
        expansion = 1.0 if stage.op == "ds" else stage.expansion
        reduced = round(middle * stage.se_ratio / expansion)
        yield Convolution(middle, reduced, 1, 1, normalised=False)
        yield Convolution(reduced, middle, 1, 1, normalised=False)


def _block(stage: Stage, inputs: int, side: int, out_side: int) -> Iterator[Convolution]:
    """Yields the convolutions of one block in order, squeeze-excite last."""
    middle = inputs if stage.op == "ds" else round_channels(inputs * stage.expansion)
    if stage.op == "er":
        yield Convolution(inputs, middle, stage.kernel, out_side)
    else:
        if stage.op == "ir":
            yield Convolution(inputs, middle, 1, side)
        yield Convolution(middle, middle, stage.kernel, out_side, groups=middle)
    yield Convolution(middle, stage.channels, 1, out_side)
    yield from _squeeze_excite(stage, middle)


def _mbconv(architecture: MBConvArchitecture) -> Iterator[Convolution]:
    """Yields the convolutions from stem to head."""
    side = -(-architecture.resolution // 2)  # 'same' padding: ceil(side / stride)
    yield Convolution(3, architecture.stem_channels, 3, side)
    inputs = architecture.stem_channels
    for stage in architecture.stages:
        for block in range(stage.depth):
            out_side = -(-side // (stage.stride if block == 0 else 1))
            yield from _block(stage, inputs, side, out_side)
            inputs, side = stage.channels, out_side
    yield Convolution(inputs, architecture.head_channels, 1, side)


def _edge(edge: Edge, channels: int, stride: int, side: int) -> Iterator[Convolution]:
    """Yields the convolutions of one operation of a cell whose output has `side` pixels."""
    kind, _, size = edge.op.rpartition("_")
    if edge.op == SKIP and stride == 2:
        yield Convolution(channels, channels, 1, side)  # two of them with half of the outputs each
    elif kind == "nor_conv":
        yield Convolution(channels, channels, int(size[0]), side)
    elif kind in ("sep_conv", "dil_conv"):
        for _ in range(2 if kind == "sep_conv" else 1):
            yield Convolution(channels, channels, int(size[0]), side, groups=channels, normalised=None)
            yield Convolution(channels, channels, 1, side)


def _benchmark_cells(architecture: CellArchitecture) -> Iterator[Convolution]:
    """Yields the convolutions of the skeleton of NAS-Bench-201."""
    side, channels = architecture.resolution, architecture.channels
    yield Convolution(3, channels, 3, side)
    for stage in range(CELL_STAGES):
        if stage:
            side, inputs, channels = -(-side // 2), channels, 2 * channels
            yield Convolution(inputs, channels, 3, side)
            yield Convolution(channels, channels, 3, side)
            yield Convolution(inputs, channels, 1, side, normalised=None)
        for edge in architecture.normal * architecture.cells:
            yield from _edge(edge, channels, 1, side)
    yield Convolution(0, channels, 1, side)


def _nasnet_cells(architecture: CellArchitecture) -> Iterator[Convolution]:
    """Yields the convolutions of the skeleton of NASNet."""
    side, channels = architecture.resolution, architecture.channels
    before = previous = 3 * channels  # the stem of DARTS is three times as wide
    yield Convolution(3, previous, 3, side)
    for stage in range(CELL_STAGES):
        for number in range(architecture.cells + (stage > 0)):
            reduces = stage > 0 and number == 0
            edges = architecture.reduction if reduces else architecture.normal
            channels *= 2 if reduces else 1
            read = {edge.source for edge in edges} or {1}
            for source, inputs in ((0, before), (1, previous)):
                if source in read:
                    yield Convolution(inputs, channels, 1, side)
            out_side = -(-side // 2) if reduces else side
            for edge in edges:
                yield from _edge(edge, channels, 2 if reduces and edge.source < 2 else 1, out_side)
            before, previous = previous, channels * max(1, len({edge.target for edge in edges}))
            side = out_side


def _output_channels(architecture: MBConvArchitecture | CellArchitecture) -> int:
    """Returns the inputs of the classifier."""
    if isinstance(architecture, MBConvArchitecture):
        return architecture.head_channels
    width = 1
    if TEMPLATES[architecture.template].concatenates:
        cell = architecture.normal  # the last cell is a normal one
        width = max(1, len({edge.target for edge in cell}))
    return architecture.channels * (1 << (CELL_STAGES - 1)) * width


def convolutions(
    architecture: MBConvArchitecture | CellArchitecture, n_classes: int = 0
) -> Iterator[Convolution]:
    """Yields every convolution from stem to head, and the classifier if `n_classes` is given."""
    if isinstance(architecture, MBConvArchitecture):
        yield from _mbconv(architecture)
    elif TEMPLATES[architecture.template].concatenates:
        yield from _nasnet_cells(architecture)
    else:
        yield from _benchmark_cells(architecture)
    if n_classes:
        yield Convolution(_output_channels(architecture), n_classes, 1, 1, normalised=False)


def macs(architecture: MBConvArchitecture | CellArchitecture, n_classes: int = 0) -> int:
    """Returns the multiply-accumulates of one image.

    Args:
        architecture: The network.
        n_classes: Width of the classifier; 0 leaves the classifier out.
    """
    return sum(conv.macs for conv in convolutions(architecture, n_classes))


def params(architecture: MBConvArchitecture | CellArchitecture, n_classes: int) -> int:
    """Returns the number of trainable parameters, classifier included."""
    return sum(conv.params for conv in convolutions(architecture, n_classes))
