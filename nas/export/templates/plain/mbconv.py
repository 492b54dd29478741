"""Blocks of MobileNet-like networks. `nas.export.plain` copies into model.py those that a network uses."""

import torch.nn.functional as F
from torch import Tensor, nn

activate = F.relu6


def norm(channels: int) -> nn.BatchNorm2d:
    """Batch norm with TensorFlow's epsilon."""
    return nn.BatchNorm2d(channels, eps=1e-3)


def pointwise(inputs: int, outputs: int) -> nn.Conv2d:
    """A 1x1 convolution: it mixes channels."""
    return nn.Conv2d(inputs, outputs, 1, bias=False)


class SameConv(nn.Conv2d):
    """A convolution with TensorFlow's padding "same": of an odd number of zeros, the last is at the end."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H / stride, W / stride), rounded up."""
        left, right = self.zeros(x.shape[3])
        top, bottom = self.zeros(x.shape[2])
        return super().forward(F.pad(x, (left, right, top, bottom)))

    def zeros(self, side: int) -> tuple[int, int]:
        """How many zeros to put before and after an axis of this length."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        outputs = -(-side // stride)
        total = max((outputs - 1) * stride + kernel - side, 0)
        return total // 2, total - total // 2


class SqueezeExcite(nn.Module):
    """Weighs the channels by what all of the image holds (Hu et al. 2018)."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.conv_reduce = nn.Conv2d(channels, squeezed, 1)
        self.conv_expand = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) -> the same shape."""
        gate = activate(self.conv_reduce(x.mean(dim=(2, 3), keepdim=True)))
        return x * self.conv_expand(gate).sigmoid()


class DepthwiseSeparable(nn.Module):
    """Filters each channel, then mixes them (MobileNet, Howard et al. 2017).

    Args:
        inputs: Input channels.
        outputs: Output channels.
        kernel: Side of the filters.
        stride: 2 halves the image.
        squeezed: Channels inside squeeze-excite, 0 for none.
    """

    def __init__(self, inputs: int, outputs: int, *, kernel: int, stride: int, squeezed: int = 0) -> None:
        super().__init__()
        self.conv_dw = SameConv(inputs, inputs, kernel, stride, groups=inputs)
        self.bn1 = norm(inputs)
        self.se = SqueezeExcite(inputs, squeezed) if squeezed else nn.Identity()
        self.conv_pw = pointwise(inputs, outputs)
        self.bn2 = norm(outputs)
        self.has_skip = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H / stride, W / stride)."""
        y = self.se(activate(self.bn1(self.conv_dw(x))))
        y = self.bn2(self.conv_pw(y))
        return x + y if self.has_skip else y


class InvertedResidual(nn.Module):
    """Widens, filters each channel, narrows (MobileNetV2, Sandler et al. 2018).

    Args:
        inputs: Input channels.
        wide: Channels in between.
        outputs: Output channels.
        kernel: Side of the filters.
        stride: 2 halves the image.
        squeezed: Channels inside squeeze-excite, 0 for none.
    """

    def __init__(
        self, inputs: int, wide: int, outputs: int, *, kernel: int, stride: int, squeezed: int = 0
    ) -> None:
        super().__init__()
        self.conv_pw = pointwise(inputs, wide)
        self.bn1 = norm(wide)
        self.conv_dw = SameConv(wide, wide, kernel, stride, groups=wide)
        self.bn2 = norm(wide)
        self.se = SqueezeExcite(wide, squeezed) if squeezed else nn.Identity()
        self.conv_pwl = pointwise(wide, outputs)
        self.bn3 = norm(outputs)
        self.has_skip = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H / stride, W / stride)."""
        y = activate(self.bn1(self.conv_pw(x)))
        y = self.se(activate(self.bn2(self.conv_dw(y))))
        y = self.bn3(self.conv_pwl(y))
        return x + y if self.has_skip else y


class EdgeResidual(nn.Module):
    """Widens and filters in one convolution, then narrows (fused MBConv, Gupta & Tan 2019).

    Args:
        inputs: Input channels.
        wide: Channels in between.
        outputs: Output channels.
        kernel: Side of the filters.
        stride: 2 halves the image.
        squeezed: Channels inside squeeze-excite, 0 for none.
    """

    def __init__(
        self, inputs: int, wide: int, outputs: int, *, kernel: int, stride: int, squeezed: int = 0
    ) -> None:
        super().__init__()
        self.conv_exp = SameConv(inputs, wide, kernel, stride)
        self.bn1 = norm(wide)
        self.se = SqueezeExcite(wide, squeezed) if squeezed else nn.Identity()
        self.conv_pwl = pointwise(wide, outputs)
        self.bn2 = norm(outputs)
        self.has_skip = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H / stride, W / stride)."""
        y = self.se(activate(self.bn1(self.conv_exp(x))))
        y = self.bn2(self.conv_pwl(y))
        return x + y if self.has_skip else y
