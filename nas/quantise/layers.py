"""Fake quantisation: numbers rounded to what n bits can hold, kept as floats; gradients go straight through.

Weights: symmetric, one scale an output channel. Activations: asymmetric, one range a tensor, zero exactly
representable. Rounding is to the nearest, ties to even, as in ONNX Runtime.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas.errors import ExportError

Activation = Literal["none", "relu", "relu6"]
"""What a layer does to its result before it is quantised."""

BITS = (2, 3, 4, 5, 6, 7, 8, 16)
"""Widths that can be simulated."""

PORTABLE_WEIGHT_BITS = 7
"""Widest weights two of whose products with unsigned bytes fit into 16 bits, see `nas.quantise.onnx_int8`."""

_CLIPS = tuple(1.0 - 0.02 * step for step in range(36))  # 1.00 .. 0.30 of a channel's largest weight
_LARGEST_BIAS = 2.0**30
_SMALLEST_SCALE = 1e-9


class Range(nn.Module):
    """The range of one tensor and its fake quantisation.

    Attributes:
        bits: Width of the integers, 0..2^bits - 1; None leaves the tensor as it is.
        low: Smallest value that is represented, <= 0.
        high: Largest one, >= 0.
        observed: Smallest and largest value seen in calibration.
        fixed: True if the range is known beforehand and calibration leaves it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bits: int | None = 8
        self.low, self.high = 0.0, 1.0
        self.observed = (0.0, 1.0)
        self.fixed = False

    def set(self, low: float, high: float) -> None:
        """Sets the range, widened to hold zero."""
        self.low, self.high = min(0.0, float(low)), max(0.0, float(high))  # no numpy scalars in files
        if self.high - self.low < 1e-6:  # a dead tensor
            self.high = self.low + 1e-6

    @property
    def levels(self) -> int:
        """Largest integer."""
        return (1 << (self.bits or 8)) - 1

    @property
    def ends(self) -> tuple[float, float]:
        """The range in use: 16 bits need not clip, so they take all that was seen."""
        if self.bits == 16 and not self.fixed:
            return min(self.low, self.observed[0]), max(self.high, self.observed[1])
        return self.low, self.high

    @property
    def scale(self) -> float:
        """Distance of two neighbouring values, in fp32 precision."""
        low, high = self.ends
        return float(torch.tensor((high - low) / self.levels, dtype=torch.float32))

    @property
    def zero_point(self) -> int:
        """The integer that stands for 0."""
        return min(self.levels, max(0, round(-self.ends[0] / self.scale)))

    def forward(self, x: Tensor) -> Tensor:
        """Rounds a tensor; values outside the range get its end and no gradient."""
        if self.bits is None:
            return x
        return torch.fake_quantize_per_tensor_affine(x, self.scale, self.zero_point, 0, self.levels)

    def extra_repr(self) -> str:
        """Says the range."""
        return f"bits={self.bits}, low={self.low:.4g}, high={self.high:.4g}"


class Layer(nn.Module):
    """A convolution or linear layer with batch norm folded in, its activation, and its weights' scales.

    Args:
        weight: (O, I/groups, k, k); a linear layer is a 1x1 convolution.
        bias: (O,).
        stride: Stride.
        padding: Zeros before and after each axis.
        groups: Groups of channels.
        activation: What follows.
        normed: True if a batch norm is folded in.
    """

    scale: Tensor

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor,
        *,
        stride: int = 1,
        padding: tuple[int, int] = (0, 0),
        groups: int = 1,
        activation: Activation = "none",
        normed: bool = False,
    ) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(weight.clone()), nn.Parameter(bias.clone())
        self.stride, self.padding, self.groups = stride, padding, groups
        self.activation: Activation = activation
        self.normed = normed
        self.bits = 8
        self.register_buffer("scale", torch.ones(len(weight)))

    @property
    def is_depthwise(self) -> bool:
        """True if each channel is filtered alone."""
        return self.groups > 1 and self.groups == len(self.weight)

    @property
    def levels(self) -> int:
        """Largest integer of a weight; the smallest is its negative."""
        return (1 << (self.bits - 1)) - 1

    def fit(self, bits: int) -> None:
        """Chooses the scales of `bits` bits that leave the least squared error, a channel at a time.

        Raises:
            ExportError: If the width cannot be simulated.
        """
        if bits not in BITS:
            raise ExportError(f"Weights of {bits} bits cannot be simulated; choose one of {BITS}.")
        self.bits = bits
        flat = self.weight.detach().flatten(1)
        widest = flat.abs().amax(dim=1).clamp_min(_SMALLEST_SCALE * self.levels)
        best = torch.full_like(widest, torch.inf)
        chosen = widest / self.levels
        for clip in _CLIPS:
            scale = clip * widest / self.levels
            rounded = (flat / scale[:, None]).round().clamp(-self.levels, self.levels) * scale[:, None]
            error = (rounded - flat).square().sum(dim=1)
            better = error < best
            best, chosen = torch.where(better, error, best), torch.where(better, scale, chosen)
        self.scale.copy_(chosen)

    def make_room_for_bias(self, input_scale: float) -> None:
        """Raises the scales of nearly dead channels so that their biases fit into 32 bits."""
        least = self.bias.detach().abs() / (_LARGEST_BIAS * input_scale)
        self.scale.copy_(torch.maximum(self.scale, least))

    def rounded_weight(self) -> Tensor:
        """Returns the weights on their grid, as floats, with gradients straight through."""
        zeros = torch.zeros(len(self.scale), dtype=torch.int32)
        return torch.fake_quantize_per_channel_affine(
            self.weight, self.scale, zeros, 0, -self.levels, self.levels
        )

    def rounded_bias(self, input_scale: float) -> Tensor:
        """Returns the bias as the 32-bit sum of an integer layer holds it."""
        step = self.scale * input_scale
        rounded = (self.bias / step).round() * step
        return self.bias + (rounded - self.bias).detach()

    def act(self, x: Tensor) -> Tensor:
        """Applies the activation."""
        if self.activation == "none":
            return x
        return F.relu6(x) if self.activation == "relu6" else F.relu(x)

    def linear_part(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Returns the layer's result before its activation, with these weights."""
        before, after = self.padding
        if before != after:
            x = F.pad(x, (before, after, before, after))
            before = 0
        return F.conv2d(x, weight, bias, self.stride, before, groups=self.groups)
