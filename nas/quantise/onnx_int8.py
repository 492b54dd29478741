"""A quantised network as an ONNX graph of 8-bit integers, in the QDQ form that ONNX Runtime fuses.

Scales, zero points and integers are the very ones of the simulation. Each operation stands between
DequantizeLinear and QuantizeLinear; the runtime makes integer operations of such sandwiches. An activation
that the range of the next QuantizeLinear clips anyway is left out.

Weights are signed around zero, for which the runtime has kernels of its own. On x86 processors without VNNI
these multiply unsigned by signed bytes with an instruction (VPMADDUBSW) that adds two products in 16 bits,
where 2 x 255 x 127 does not fit: results would saturate silently. With 7-bit weights 2 x 255 x 63 fits, so
these sums cannot saturate; it is a mitigation that the runtime's documentation names (`reduce_range`).
docs/decisions/0031 has the reasons and figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from onnx import ModelProto, TensorProto, helper

from nas.errors import ExportError
from nas.export.builder import GraphBuilder, make_model
from nas.export.onnx_model import write_classifier
from nas.quantise.layers import Layer, Range
from nas.quantise.network import IMAGE, QuantNetwork, Step, runs_as_integers


def export_int8(
    network: QuantNetwork,
    labels: Sequence[str],
    path: Path,
    metadata: Mapping[str, str],
    *,
    temperature: float = 1.0,
) -> ModelProto:
    """Writes a quantised classifier like `nas.export.onnx_model.export_onnx`: preprocessing stays in float.

    Args:
        network: Simulated, of widths that run as integers.
        labels: K class names in the order of the outputs.
        path: File to write, in one piece.
        metadata: Further text to put into the file.
        temperature: Divides the logits, which are in float, before the softmax, > 0.

    Returns:
        What `int8_core` gives: the file without preprocessing and softmax.

    Raises:
        ExportError: If a width is not 8 bits, or the graph is not valid ONNX.
    """
    core = int8_core(network)
    named = {**metadata, "precision": "int8"}
    write_classifier(core, network.resolution, labels, path, named, temperature=temperature)
    return core


def int8_core(network: QuantNetwork) -> ModelProto:
    """Returns the network as ONNX: `x` float32 (N, 3, R, R) normalised -> `logits` (N, K).

    Args:
        network: Simulated, weights of 7 or 8 bits, activations of 8.

    Raises:
        ExportError: If it has other widths: such a network is simulated only.
    """
    if not runs_as_integers(network):
        raise ExportError(
            "Only 8-bit networks run as integers in ONNX Runtime; other widths are simulated. "
            "Quantise it with weights of 7 or 8 bits and activations of 8."
        )
    return _Writer(network).write()


class _Writer:
    """Writes step by step; names of tensors are those of their integers."""

    def __init__(self, network: QuantNetwork) -> None:
        self.network = network
        self.graph = GraphBuilder()
        self.integers: dict[int, str] = {}

    def write(self) -> ModelProto:
        side = self.network.resolution
        self.integers[IMAGE] = self.quantise("x", self.network.range_of(IMAGE))
        *steps, last = self.network.steps
        for step in steps:
            inputs = [self.dequantised(tensor) for tensor in step.reads]
            made = self.layer(step, inputs[0]) if step.op == "layer" else self.plain(step, inputs)
            self.integers[step.writes] = self.quantise(made, self.network.range_of(step.writes))
        n_classes = self.classifier(last)
        return make_model(
            self.graph.nodes,
            self.graph.initializers,
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, side, side])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", n_classes])],
        )

    def plain(self, step: Step, inputs: Sequence[str]) -> str:
        ops = {"add": "Add", "mul": "Mul", "sigmoid": "Sigmoid", "pool": "GlobalAveragePool"}
        return self.graph.add(ops[step.op], inputs)

    def layer(self, step: Step, x: str) -> str:
        layer = self.network.layers[step.layer]
        before, after = layer.padding
        weight, bias = self.constants(step, layer)
        kernel = layer.weight.shape[-1]
        made = self.graph.add(
            "Conv",
            [x, weight, bias],
            kernel_shape=[kernel, kernel],
            strides=[layer.stride, layer.stride],
            pads=[before, before, after, after],
            group=layer.groups,
        )
        written = self.network.range_of(step.writes)
        if layer.activation == "none" or (written.zero_point == 0 and _clips(layer, written)):
            return made
        if layer.activation == "relu":
            return self.graph.add("Relu", [made])
        return self.graph.add("Clip", [made, self.graph.constant(0.0), self.graph.constant(6.0)])

    def classifier(self, step: Step) -> int:
        """Writes the last layer, whose logits stay in float, and returns the number of classes."""
        layer = self.network.layers[step.layer]
        flat = self.graph.add("Flatten", [self.integers[step.reads[0]]], axis=1)
        x = self.dequantise(flat, self.network.range_of(step.reads[0]))
        weight, bias = self.constants(step, layer, flat=True)
        self.graph.add("Gemm", [x, weight, bias], output="logits", transB=1)
        return len(layer.bias)

    def constants(self, step: Step, layer: Layer, *, flat: bool = False) -> tuple[str, str]:
        """Writes a layer's weights and bias as integers with their scales."""
        scale = layer.scale.numpy()
        rounded = layer.rounded_weight().detach().numpy()
        integers = np.rint(rounded / scale[:, None, None, None])
        integers = integers.reshape(len(integers), -1) if flat else integers
        weight = self.graph.add(
            "DequantizeLinear",
            [
                self.graph.constant(integers, np.int8),
                self.graph.constant(scale),
                self.graph.constant(np.zeros(len(scale)), np.int8),
            ],
            axis=0,
        )
        step_size = scale * np.float32(self.network.range_of(step.reads[0]).scale)
        sums = np.rint(layer.bias.detach().numpy() / step_size)
        bias = self.graph.add(
            "DequantizeLinear",
            [self.graph.constant(sums, np.int32), self.graph.constant(step_size)],
            axis=0,
        )
        return weight, bias

    def dequantised(self, tensor: int) -> str:
        return self.dequantise(self.integers[tensor], self.network.range_of(tensor))

    def dequantise(self, integers: str, given: Range) -> str:
        return self.graph.add("DequantizeLinear", [integers, *self.scale(given)])

    def quantise(self, x: str, given: Range) -> str:
        return self.graph.add("QuantizeLinear", [x, *self.scale(given)])

    def scale(self, given: Range) -> tuple[str, str]:
        return self.graph.constant(given.scale), self.graph.constant(given.zero_point, np.uint8)


def _clips(layer: Layer, written: Range) -> bool:
    """True if the range ends where the activation does, or earlier."""
    return layer.activation != "relu6" or written.scale * written.levels <= 6.0 + 1e-4
