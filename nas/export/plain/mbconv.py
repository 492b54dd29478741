"""MobileNet-like networks as code: every block on a line of its own, with its numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from torch import nn

from nas.architecture import MBConvArchitecture
from nas.errors import ExportError
from nas.export.plain.parts import with_parts

_ACTIVATIONS = {"relu6": "F.relu6", "swish": "F.silu"}

_NETWORK = """\
class Network(nn.Module):
    \"\"\"Normalised pixels in, logits out; the names are those of model.safetensors.\"\"\"

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem = {stem}
        self.bn1 = norm({stem_channels})
        self.blocks = nn.Sequential(
{stages}
        )
        self.conv_head = pointwise({last_channels}, {head_channels})
        self.bn2 = norm({head_channels})
        self.classifier = nn.Linear({head_channels}, {n_classes})

    def forward(self, x: Tensor) -> Tensor:
        \"\"\"(N, 3, {side}, {side}) -> (N, {n_classes}).\"\"\"
        x = activate(self.bn1(self.conv_stem(x)))
        x = activate(self.bn2(self.conv_head(self.blocks(x))))
        return self.classifier(x.mean(dim=(2, 3)))"""


def mbconv_code(module: nn.Module, architecture: MBConvArchitecture) -> str:
    """Returns the class `Network` of a network of `nas.networks.build_network`, with its building blocks.

    Raises:
        ExportError: If it holds something for which there is no building block.
    """
    net = cast(Any, module)
    code = _NETWORK.format(
        stem=_convolution(net.conv_stem),
        stem_channels=net.conv_stem.out_channels,
        stages="\n".join(_stage(stage) for stage in net.blocks),
        last_channels=net.conv_head.in_channels,
        head_channels=net.conv_head.out_channels,
        n_classes=net.classifier.out_features,
        side=architecture.resolution,
    )
    return f"activate = {_ACTIVATIONS[architecture.activation]}\n\n\n{with_parts('mbconv.py', code)}"


def _convolution(conv: nn.Conv2d) -> str:
    kernel, stride = conv.kernel_size[0], conv.stride[0]
    return f"SameConv({conv.in_channels}, {conv.out_channels}, kernel={kernel}, stride={stride})"


def _stage(stage: Any) -> str:
    blocks = "\n".join(f"{' ' * 16}{_block(block)}," for block in stage)
    return f"{' ' * 12}nn.Sequential(\n{blocks}\n{' ' * 12}),"


def _block(block: Any) -> str:
    kind = type(block).__name__
    if kind not in _BLOCKS:
        raise ExportError(f"Blocks of type {kind} cannot be written as code yet.")
    name, parts = _BLOCKS[kind]
    widths, filters = parts(block)
    numbers = [*map(str, widths), f"kernel={filters.kernel_size[0]}", f"stride={filters.stride[0]}"]
    if not isinstance(block.se, nn.Identity):
        numbers.append(f"squeezed={block.se.conv_reduce.out_channels}")
    return f"{name}({', '.join(numbers)})"


def _depthwise_separable(block: Any) -> tuple[list[int], nn.Conv2d]:
    return [block.conv_dw.in_channels, block.conv_pw.out_channels], block.conv_dw


def _inverted_residual(block: Any) -> tuple[list[int], nn.Conv2d]:
    first, last = block.conv_pw, block.conv_pwl
    return [first.in_channels, first.out_channels, last.out_channels], block.conv_dw


def _edge_residual(block: Any) -> tuple[list[int], nn.Conv2d]:
    first, last = block.conv_exp, block.conv_pwl
    return [first.in_channels, first.out_channels, last.out_channels], block.conv_exp


_BLOCKS: dict[str, tuple[str, Callable[[Any], tuple[list[int], nn.Conv2d]]]] = {
    "DepthwiseSeparableConv": ("DepthwiseSeparable", _depthwise_separable),
    "InvertedResidual": ("InvertedResidual", _inverted_residual),
    "EdgeResidual": ("EdgeResidual", _edge_residual),
}
"""timm's blocks: the name of ours, and what reads its widths and the convolution with kernel and stride."""
