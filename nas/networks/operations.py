"""The operations of cells, as modules. Convolutions come as ReLU, convolution, batch norm."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nas.cells import NONE, SKIP
from nas.errors import SpaceError


def norm(channels: int, *, searching: bool) -> nn.BatchNorm2d:
    """Returns a batch norm.

    Args:
        channels: Its channels.
        searching: True for mixed operations: without weights of its own, which could undo what the mixture
            says (Liu et al. 2019, section 3.1), and by the statistics of each batch, since running ones
            would be those of another mixture.
    """
    return nn.BatchNorm2d(channels, affine=not searching, track_running_stats=not searching)


def relu_conv_norm(
    inputs: int, outputs: int, kernel: int, stride: int = 1, *, searching: bool = False
) -> nn.Sequential:
    """Returns ReLU, a convolution without bias and batch norm."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        norm(outputs, searching=searching),
    )


def _separable(channels: int, kernel: int, stride: int, dilation: int, searching: bool) -> list[nn.Module]:
    padding = dilation * (kernel // 2)
    return [
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        norm(channels, searching=searching),
    ]


class FactorizedReduce(nn.Module):
    """Halves the side: two 1x1 convolutions of stride 2, one shifted by a pixel, side by side (DARTS).

    Args:
        inputs: Input channels.
        outputs: Output channels, >= 2.
        searching: See `norm`.
    """

    def __init__(self, inputs: int, outputs: int, *, searching: bool = False) -> None:
        super().__init__()
        self.act = nn.ReLU()
        self.even = nn.Conv2d(inputs, outputs // 2, 1, 2, bias=False)
        self.odd = nn.Conv2d(inputs, outputs - outputs // 2, 1, 2, bias=False)
        self.bn = norm(outputs, searching=searching)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, inputs, S, S) with even S to (N, outputs, S / 2, S / 2)."""
        x = self.act(x)
        halved: Tensor = self.bn(torch.cat([self.even(x), self.odd(x[:, :, 1:, 1:])], dim=1))
        return halved


def make_operation(name: str, channels: int, stride: int, *, searching: bool = False) -> nn.Module:
    """Returns one operation of a cell; the channels stay.

    Args:
        name: One of a template's operations but ``none``, which is the absence of one.
        channels: Input and output channels.
        stride: 1 or 2.
        searching: True inside a mixture: norms as `norm` says, and one behind each pooling (DARTS).

    Raises:
        SpaceError: If there is no such operation.
    """
    kind, _, size = name.rpartition("_")
    if name == SKIP:
        return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels, searching=searching)
    if name == NONE or not size.partition("x")[0].isdigit():
        raise SpaceError(f"There is no operation {name!r} to build.")
    kernel = int(size.partition("x")[0])
    if kind == "nor_conv":
        return relu_conv_norm(channels, channels, kernel, stride, searching=searching)
    if kind == "sep_conv":
        first = _separable(channels, kernel, stride, 1, searching)
        return nn.Sequential(*first, *_separable(channels, kernel, 1, 1, searching))
    if kind == "dil_conv":
        return nn.Sequential(*_separable(channels, kernel, stride, 2, searching))
    pools: dict[str, nn.Module] = {
        "max_pool": nn.MaxPool2d(kernel, stride, kernel // 2),
        "avg_pool": nn.AvgPool2d(kernel, stride, kernel // 2, count_include_pad=False),
    }
    if kind not in pools:
        raise SpaceError(f"There is no operation {name!r} to build.")
    return nn.Sequential(pools[kind], norm(channels, searching=True)) if searching else pools[kind]
