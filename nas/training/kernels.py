"""Gradients that PyTorch computes slowly on CPUs, computed another way: equal but for rounding.

Measured with `python -m nas training-bench`; docs/training.md has the figures.

- oneDNN has a fast kernel for the weight gradient of depthwise convolutions up to three columns wide. A wider
  one is computed column by column with that kernel, which is several times faster for 5 x 5.
- The input gradient of a depthwise convolution of stride 1 is the forward convolution of the output's
  gradient with the kernel turned around, for which the forward kernel is the faster one.
- ReLU6 in place keeps a copy of its input for the backward pass. Where the slope is 0 or 1 the output tells
  it just as well, so nothing is copied.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

_WIDEST = 3  # columns of oneDNN's fast weight gradient
_SIX = 6.0


class Depthwise(torch.autograd.Function):
    """Depthwise convolution of stride 1 with 'same' padding and an odd square kernel."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Maps (N, C, H, W) to the same shape with a (C, 1, k, k) kernel."""
        ctx.save_for_backward(x, weight)
        ctx.has_bias = bias is not None
        return F.conv2d(x, weight, bias, 1, weight.shape[2] // 2, 1, len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Returns the gradients of input, kernel and bias."""
        x, weight = ctx.saved_tensors
        wants_x, wants_weight, _ = ctx.needs_input_grad
        grad = grad.contiguous(memory_format=torch.channels_last)
        for_x = for_weight = for_bias = None
        if wants_x:
            turned = weight.flip((2, 3))
            for_x = F.conv2d(grad, turned, None, 1, weight.shape[2] // 2, 1, len(weight))
        if wants_weight:
            for_weight = depthwise_weight_gradient(x, grad, weight.shape[2])
        if ctx.has_bias:
            for_bias = grad.sum((0, 2, 3))
        return for_x, for_weight, for_bias


def depthwise_weight_gradient(x: Tensor, grad: Tensor, kernel: int) -> Tensor:
    """Returns the (C, 1, k, k) gradient of a depthwise kernel, stride 1, 'same' padding.

    Args:
        x: (N, C, H, W) input, channels-last.
        grad: (N, C, H, W) gradient of the output, channels-last.
        kernel: Its odd side k.
    """
    reach = kernel // 2
    if kernel <= _WIDEST or x.shape[3] <= reach:
        return _weight_gradient(x, grad, (kernel, kernel), (reach, reach))
    missing = kernel - x.shape[2]
    if missing > 0:  # the fast kernel wants an image as high as itself; rows of zeros add nothing
        x, grad = F.pad(x, (0, 0, 0, missing)), F.pad(grad, (0, 0, 0, missing))
    result = x.new_empty(x.shape[1], 1, kernel, kernel)
    result[..., reach - 1 : reach + 2] = _weight_gradient(x, grad, (kernel, 3), (reach, 1))
    for shift in range(2, reach + 1):
        left, right = slice(None, -shift), slice(shift, None)
        for column, inputs, outputs in ((reach - shift, left, right), (reach + shift, right, left)):
            part = _weight_gradient(_cut(x, inputs), _cut(grad, outputs), (kernel, 1), (reach, 0))
            result[..., column : column + 1] = part
    return result


class StridedDepthwise(torch.autograd.Function):
    """Depthwise convolution of stride 2 on an input that was padded to just what it needs."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Maps (N, C, 2 H - 2 + k, 2 W - 2 + k) to (N, C, H, W) with a (C, 1, k, k) kernel."""
        ctx.save_for_backward(x, weight)
        ctx.has_bias = bias is not None
        return F.conv2d(x, weight, bias, 2, 0, 1, len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """Returns the gradients of input, kernel and bias."""
        x, weight = ctx.saved_tensors
        wants_x, wants_weight, _ = ctx.needs_input_grad
        grad = grad.contiguous(memory_format=torch.channels_last)
        for_x = for_weight = for_bias = None
        if wants_x:
            for_x = torch.ops.aten.convolution_backward(
                grad,
                x,
                weight,
                None,
                [2, 2],
                [0, 0],
                [1, 1],
                False,
                [0, 0],
                len(weight),
                [True, False, False],
            )[0]
        if wants_weight:
            for_weight = strided_weight_gradient(x, grad, weight.shape[2])
        if ctx.has_bias:
            for_bias = grad.sum((0, 2, 3))
        return for_x, for_weight, for_bias


def strided_weight_gradient(x: Tensor, grad: Tensor, kernel: int) -> Tensor:
    """Returns the (C, 1, k, k) gradient of a depthwise kernel of stride 2.

    A gradient that is moved by one column to the right meets the input two columns further on: that is how
    the three columns of the fast kernel get to all k.

    Args:
        x: (N, C, 2 H - 2 + k, 2 W - 2 + k) padded input, channels-last.
        grad: (N, C, H, W) gradient of the output, channels-last.
        kernel: Its odd side k, above 1.
    """
    result = x.new_empty(x.shape[1], 1, kernel, kernel)
    moves = kernel // 2
    for move in range(moves):
        moved = F.pad(grad, (move, moves - 1 - move))
        part = _weight_gradient(x, moved, (kernel, _WIDEST), (0, 0), stride=2)
        result[..., 2 * move : 2 * move + _WIDEST] = part
    return result


def _weight_gradient(
    x: Tensor, grad: Tensor, kernel: tuple[int, int], padding: tuple[int, int], *, stride: int = 1
) -> Tensor:
    channels = x.shape[1]
    shape = x.new_empty(channels, 1, *kernel)
    gradients = torch.ops.aten.convolution_backward(
        grad, x, shape, None, [stride, stride], padding, [1, 1], False, [0, 0], channels, [False, True, False]
    )
    result: Tensor = gradients[1]
    return result


def _cut(x: Tensor, columns: slice) -> Tensor:
    return x[..., columns].contiguous(memory_format=torch.channels_last)


class Relu6(torch.autograd.Function):
    """ReLU6 in place, without a copy for the backward pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Clamps a tensor to [0, 6]."""
        x.clamp_(0.0, _SIX)
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        """Returns the gradient where the output lies between 0 and 6, else 0."""
        (out,) = ctx.saved_tensors
        result: Tensor = torch.ops.aten.hardtanh_backward(grad, out, 0.0, _SIX)
        return result
