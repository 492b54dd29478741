"""For the time of a training, layers of MBConv networks compute the same in fewer passes over memory.

Nothing of the network changes but how its layers are computed: parameters, buffers, modes and results are the
same, the latter but for rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from timm.layers.conv2d_same import Conv2dSame
from timm.layers.norm_act import BatchNormAct2d
from timm.layers.padding import pad_same
from timm.models._efficientnet_blocks import DepthwiseSeparableConv, EdgeResidual, InvertedResidual
from timm.models.efficientnet import EfficientNet
from torch import Tensor, nn

from nas.training.kernels import Depthwise, Relu6, StridedDepthwise

_PAIRS: dict[type[nn.Module], tuple[tuple[str, str], ...]] = {
    EfficientNet: (("conv_stem", "bn1"), ("conv_head", "bn2")),
    DepthwiseSeparableConv: (("conv_dw", "bn1"), ("conv_pw", "bn2")),
    InvertedResidual: (("conv_pw", "bn1"), ("conv_dw", "bn2"), ("conv_pwl", "bn3")),
    EdgeResidual: (("conv_exp", "bn1"), ("conv_pwl", "bn2")),
}
"""Module -> its convolutions and the norms that follow them directly."""

_Forward = Callable[[Tensor], Tensor]
_Convolution = Callable[[Tensor, Tensor, Tensor | None], Tensor]


@contextmanager
def fast_layers(module: nn.Module) -> Iterator[None]:
    """Lets layers that are known to be equal compute the faster way inside the context.

    A batch norm that keeps its statistics (in eval mode when the context begins) is a scale and a shift of
    each channel. They are folded into the convolution before it, in every step anew, so that weights, scales
    and shifts get their exact gradients. The statistics must not change inside the context.
    """
    replaced: dict[nn.Module, _Forward] = {}
    for parent in module.modules():
        for names in _PAIRS.get(type(parent), ()):
            convolution, norm = (getattr(parent, name) for name in names)
            if _is_plain(convolution, nn.Conv2d, Conv2dSame) and _is_plain(norm, BatchNormAct2d):
                replaced |= _faster(convolution, norm)
    for layer, forward in replaced.items():
        layer.forward = forward
    try:
        yield
    finally:
        for layer in replaced:
            del layer.forward  # uncovers the method of its class


def _is_plain(layer: nn.Module, *types: type[nn.Module]) -> bool:
    """True for a layer that does what its class says, and that nobody listens to."""
    listened = layer._forward_hooks or layer._forward_pre_hooks or layer._backward_hooks
    return type(layer) in types and "forward" not in vars(layer) and not listened


def _faster(convolution: nn.Module, norm: nn.Module) -> dict[nn.Module, _Forward]:
    assert isinstance(convolution, nn.Conv2d)
    assert isinstance(norm, BatchNormAct2d)
    apply, activate = _convolution(convolution), _activation(norm)
    if norm.training or not norm.track_running_stats or not norm.affine or convolution.bias is not None:
        return {
            convolution: lambda x: apply(x, convolution.weight, convolution.bias),
            norm: lambda x: activate(_normalised(norm, x)),
        }
    fixed = (
        None
        if any(each.requires_grad for each in _parameters(convolution, norm))
        else _folded(convolution, norm)
    )
    return {
        convolution: lambda x: apply(x, *(fixed or _folded(convolution, norm))),
        norm: activate,
    }


def _parameters(convolution: nn.Conv2d, norm: BatchNormAct2d) -> tuple[Tensor, ...]:
    return (convolution.weight, norm.weight, norm.bias)


def _folded(convolution: nn.Conv2d, norm: BatchNormAct2d) -> tuple[Tensor, Tensor]:
    """Returns weight and bias of one convolution that does the work of both."""
    assert norm.running_mean is not None  # it tracks, see the caller
    assert norm.running_var is not None
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    return convolution.weight * scale.view(-1, 1, 1, 1), norm.bias - norm.running_mean * scale


def _convolution(layer: nn.Conv2d) -> _Convolution:
    """Returns the convolution of a layer as a function of input, weight and bias."""
    kernel, stride, groups = layer.kernel_size, layer.stride, layer.groups
    same = type(layer) is Conv2dSame
    centred = same or layer.padding == (kernel[0] // 2, kernel[1] // 2)
    depthwise = groups == layer.in_channels == layer.out_channels and kernel[0] == kernel[1] > 1
    if depthwise and centred and stride == (1, 1) and layer.dilation == (1, 1) and kernel[0] % 2:
        function: _Convolution = Depthwise.apply
        return function
    strided: _Convolution = StridedDepthwise.apply
    wide = depthwise and same and stride == (2, 2) and layer.dilation == (1, 1) and kernel[0] in {5, 7}

    def apply(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if same:
            x = pad_same(x, list(kernel), list(stride), list(layer.dilation))
        if wide:
            return strided(x, weight, bias)
        padding = (0, 0) if same else layer.padding
        return F.conv2d(x, weight, bias, stride, padding, layer.dilation, groups)

    return apply


def _activation(norm: BatchNormAct2d) -> _Forward:
    """Returns what follows the norm itself; ReLU6 without its copy."""
    if isinstance(norm.drop, nn.Identity) and type(norm.act) is nn.ReLU6:
        function: _Forward = Relu6.apply
        return function
    return lambda x: norm.act(norm.drop(x))


def _normalised(norm: BatchNormAct2d, x: Tensor) -> Tensor:
    return nn.BatchNorm2d.forward(norm, x)
