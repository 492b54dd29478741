"""MACs and parameters of an MBConv architecture by arithmetic, without building it.

The counts are those of the network that timm's blocks make of the same data: convolutions with 'same'
padding, batch norm and activations not counted as MACs, batch norm's weight and bias counted as
parameters, its running statistics not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nas.architecture import MBConvArchitecture, Stage
from nas.spaces.widths import round_channels


@dataclass(frozen=True)
class Convolution:
    """One convolution (or linear layer: kernel 1, side 1) of a network.

    Attributes:
        inputs: Input channels.
        outputs: Output channels.
        kernel: Side of the kernel.
        side: Side of the output map in pixels.
        groups: Groups; equal to `inputs` for a depthwise convolution.
        normalised: True if batch norm follows (no bias), False if it has a bias of its own.
    """

    inputs: int
    outputs: int
    kernel: int
    side: int
    groups: int = 1
    normalised: bool = True

    @property
    def weights(self) -> int:
        """Number of kernel weights."""
        return self.outputs * (self.inputs // self.groups) * self.kernel**2

    @property
    def params(self) -> int:
        """Kernel weights and either batch norm's weight and bias or the own bias."""
        return self.weights + self.outputs * (2 if self.normalised else 1)

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


def convolutions(architecture: MBConvArchitecture, n_classes: int = 0) -> Iterator[Convolution]:
    """Yields every convolution from stem to head, and the classifier if `n_classes` is given."""
    side = -(-architecture.resolution // 2)  # 'same' padding: ceil(side / stride)
    yield Convolution(3, architecture.stem_channels, 3, side)
    inputs = architecture.stem_channels
    for stage in architecture.stages:
        for block in range(stage.depth):
            out_side = -(-side // (stage.stride if block == 0 else 1))
            yield from _block(stage, inputs, side, out_side)
            inputs, side = stage.channels, out_side
    yield Convolution(inputs, architecture.head_channels, 1, side)
    if n_classes:
        yield Convolution(architecture.head_channels, n_classes, 1, 1, normalised=False)


def macs(architecture: MBConvArchitecture, n_classes: int = 0) -> int:
    """Returns the multiply-accumulates of one image.

    Args:
        architecture: The network.
        n_classes: Width of the classifier; 0 leaves the classifier out.
    """
    return sum(conv.macs for conv in convolutions(architecture, n_classes))


def params(architecture: MBConvArchitecture, n_classes: int) -> int:
    """Returns the number of trainable parameters, classifier included."""
    return sum(conv.params for conv in convolutions(architecture, n_classes))
