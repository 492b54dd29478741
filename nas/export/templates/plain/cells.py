"""Parts of networks of cells. `nas.export.plain` copies into model.py those that a network uses."""

import torch
from torch import Tensor, nn


def relu_conv_norm(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """ReLU, convolution, batch norm."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    )


def separable(channels: int, kernel: int, stride: int) -> nn.Sequential:
    """Twice: ReLU, a filter for each channel, a mixture of the channels, batch norm (Zoph et al. 2018)."""
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, stride, kernel // 2, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, 1, kernel // 2, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    )


def dilated(channels: int, kernel: int, stride: int) -> nn.Sequential:
    """ReLU, a filter for each channel with gaps between its taps, a mixture, batch norm (Liu et al. 2019)."""
    padding = 2 * (kernel // 2)
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, stride, padding, dilation=2, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    )


class FactorizedReduce(nn.Module):
    """Halves the side: two 1x1 convolutions of stride 2, one shifted by a pixel, side by side."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.even = nn.Conv2d(inputs, outputs // 2, 1, 2, bias=False)
        self.odd = nn.Conv2d(inputs, outputs - outputs // 2, 1, 2, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, S, S) with an even S -> (N, outputs, S / 2, S / 2)."""
        x = x.relu()
        return self.bn(torch.cat([self.even(x), self.odd(x[:, :, 1:, 1:])], dim=1))


class ResidualReduction(nn.Module):
    """The step between stages: a residual block that halves the side (Dong & Yang 2020)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = relu_conv_norm(inputs, outputs, 3, stride=2)
        self.second = relu_conv_norm(outputs, outputs, 3)
        self.shortcut = nn.Sequential(nn.AvgPool2d(2, 2), nn.Conv2d(inputs, outputs, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, S, S) -> (N, outputs, S / 2, S / 2)."""
        return self.shortcut(x) + self.second(self.first(x))


class Cell(nn.Module):
    """A cell: its two inputs, brought to the same side and channels, and the body that combines them.

    Args:
        first: Prepares the output of the cell before the previous one; None if the body does not read it.
        second: Prepares the output of the previous cell; None if the body does not read it.
        body: The nodes of the cell.
    """

    def __init__(self, first: nn.Module | None, second: nn.Module | None, body: nn.Module) -> None:
        super().__init__()
        self.first = first
        self.second = second
        self.body = body

    def forward(self, before: Tensor, previous: Tensor) -> Tensor:
        """Maps the outputs of the two cells before to that of this one."""
        n0 = None if self.first is None else self.first(before)
        n1 = None if self.second is None else self.second(previous)
        return self.body(n0, n1)
