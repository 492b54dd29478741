"""The network itself as an ONNX graph: normalised pixels in, logits out."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import onnx
import torch
from onnx import ModelProto, TensorProto, helper
from torch import nn

from nas.architecture import Architecture, MBConvArchitecture
from nas.errors import ExportError
from nas.export.builder import OPSET, GraphBuilder, make_model

_BLOCK_LAYERS: dict[str, tuple[tuple[str, str] | str, ...]] = {
    "DepthwiseSeparableConv": (("conv_dw", "bn1"), "se", ("conv_pw", "bn2")),
    "InvertedResidual": (("conv_pw", "bn1"), ("conv_dw", "bn2"), "se", ("conv_pwl", "bn3")),
    "EdgeResidual": (("conv_exp", "bn1"), "se", ("conv_pwl", "bn2")),
}


def onnx_core(module: nn.Module, architecture: Architecture) -> ModelProto:
    """Returns the network in eval mode as ONNX: `x` float32 (N, 3, R, R) normalised -> `logits` (N, K).

    MBConv networks are written down directly, layer by layer: a few milliseconds instead of seconds, batch
    norms folded into the convolutions, 'same' padding resolved to explicit pads at the fixed resolution.

    Raises:
        ExportError: If the network holds something that cannot be written.
    """
    if isinstance(architecture, MBConvArchitecture):
        return _MBConvWriter(architecture.resolution).write(module)
    return _trace(module, architecture.resolution)


class _MBConvWriter:
    """Walks a network of `nas.networks.build_network`."""

    def __init__(self, resolution: int) -> None:
        self.resolution = self.side = resolution
        self.graph = GraphBuilder()

    def write(self, module: nn.Module) -> ModelProto:
        net = cast(Any, module)
        x = self.conv("x", net.conv_stem, net.bn1)
        for stage in net.blocks:
            for block in stage:
                x = self.block(x, block)
        x = self.conv(x, net.conv_head, net.bn2)
        x = self.graph.add("GlobalAveragePool", [x])
        x = self.graph.add("Flatten", [x], axis=1)  # (N, C)
        weight = self.graph.constant(_numpy(net.classifier.weight))
        bias = self.graph.constant(_numpy(net.classifier.bias))
        self.graph.add("Gemm", [x, weight, bias], output="logits", transB=1)
        n_classes = int(net.classifier.out_features)
        return make_model(
            self.graph.nodes,
            self.graph.initializers,
            [_float_info("x", ["N", 3, self.resolution, self.resolution])],
            [_float_info("logits", ["N", n_classes])],
        )

    def block(self, x: str, block: Any) -> str:
        """Writes one block; the order of its layers is that of timm's forward methods."""
        shortcut = x
        for layer in block_layers(block):
            x = self.conv(x, *layer) if isinstance(layer, tuple) else self.squeeze_excite(x, layer)
        return self.graph.add("Add", [x, shortcut]) if block.has_skip else x

    def conv(self, x: str, conv: nn.Conv2d, norm: nn.BatchNorm2d | None) -> str:
        """Writes a convolution with its batch norm folded in, then the norm's activation."""
        weight, bias = fold_norm(conv, norm)
        kernel, stride = conv.kernel_size[0], conv.stride[0]
        before, after = same_padding(self.side, kernel, stride)
        x = self.graph.add(
            "Conv",
            [x, self.graph.constant(weight), self.graph.constant(bias)],
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=conv.groups,
        )
        self.side = -(-self.side // stride)
        return x if norm is None else self.activation(x, getattr(norm, "act", nn.Identity()))

    def activation(self, x: str, layer: Any) -> str:
        if isinstance(layer, nn.Identity):
            return x
        if isinstance(layer, nn.ReLU6):
            return self.graph.add("Clip", [x, self.graph.constant(0.0), self.graph.constant(6.0)])
        if isinstance(layer, nn.SiLU) or type(layer).__name__ == "Swish":
            return self.graph.add("Mul", [x, self.graph.add("Sigmoid", [x])])
        raise ExportError(f"The activation {type(layer).__name__} cannot be exported yet.")

    def squeeze_excite(self, x: str, layer: Any) -> str:
        side, self.side = self.side, 1
        gate = self.graph.add("GlobalAveragePool", [x])
        gate = self.activation(self.conv(gate, layer.conv_reduce, None), layer.act1)
        gate = self.graph.add("Sigmoid", [self.conv(gate, layer.conv_expand, None)])
        self.side = side
        return self.graph.add("Mul", [x, gate])


def block_layers(block: Any) -> Iterator[tuple[nn.Conv2d, nn.BatchNorm2d] | nn.Module]:
    """Yields a block's layers in the order of timm's forward: (convolution, its batch norm), or a gate.

    Raises:
        ExportError: If it is no block of an MBConv network.
    """
    kind = type(block).__name__
    if kind not in _BLOCK_LAYERS:
        raise ExportError(f"Blocks of type {kind} cannot be exported yet.")
    for layer in _BLOCK_LAYERS[kind]:
        if isinstance(layer, tuple):
            yield getattr(block, layer[0]), getattr(block, layer[1])
        elif not isinstance(block.se, nn.Identity):
            yield block.se


def same_padding(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """Returns the zeros before and after each axis, 'same' as TensorFlow defines it."""
    outputs = -(-side // stride)
    total = max((outputs - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2


def fold_norm(conv: nn.Conv2d, norm: nn.BatchNorm2d | None) -> tuple[np.ndarray, np.ndarray]:
    """Returns weight and bias of the convolution that equals conv and norm in eval mode."""
    weight = conv.weight.detach().double()
    bias = conv.bias.detach().double() if conv.bias is not None else torch.zeros(len(weight)).double()
    if norm is not None:
        assert norm.running_var is not None and norm.running_mean is not None
        scale = norm.weight.detach().double() / (norm.running_var.double() + norm.eps).sqrt()
        weight = weight * scale.view(-1, 1, 1, 1)
        bias = norm.bias.detach().double() + (bias - norm.running_mean.double()) * scale
    return weight.float().numpy(), bias.float().numpy()


def _trace(module: nn.Module, resolution: int) -> ModelProto:
    """Exports any other network with torch's TorchScript exporter.

    torch announces the end of this exporter, but in the pinned release it is sound (the parity check judges
    each result) and takes about a tenth of the time of its successor.
    """
    was_training = module.training
    buffer = io.BytesIO()
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                module.eval().to(memory_format=torch.contiguous_format),
                (torch.zeros(2, 3, resolution, resolution),),
                cast(Any, buffer),  # a file object works; the annotation names paths only
                dynamo=False,
                opset_version=OPSET,
                input_names=["x"],
                output_names=["logits"],
                dynamic_axes={"x": {0: "N"}, "logits": {0: "N"}},
            )
    except Exception as error:
        raise ExportError(f"The network could not be translated to ONNX: {error}") from error
    finally:
        module.train(was_training)
    return onnx.load_from_string(buffer.getvalue())


def _float_info(name: str, shape: list[str | int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    values: np.ndarray = tensor.detach().float().contiguous().numpy()
    return values
