"""Fused groups of any network that is written as ONNX: what hand-made networks cost on a device's profile.

The rules are those of `nas.hardware.groups`: a convolution or linear layer takes its bias, its activation and
a residual sum that follows at once; pooling, gates and joins are groups of their own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import onnx
from onnx import ModelProto, NodeProto, numpy_helper

from nas.errors import DeviceError
from nas.hardware.groups import Group, GroupedNetwork, OperatorClass

_LAYERS = ("Conv", "Gemm", "MatMul")
_JOINS = ("Concat",)
_SUMS = ("Add", "Sum")


def group_onnx(model: ModelProto) -> GroupedNetwork:
    """Returns the fused groups of a network for one image.

    Args:
        model: ONNX graph with one image input (N, C, H, W) of fixed C, H and W, weights as initializers.

    Raises:
        DeviceError: If shapes cannot be told.
    """
    try:
        shaped = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        raise DeviceError(f"The shapes of this network cannot be told: {error}") from error
    walk = _Walk(shaped)
    for node in shaped.graph.node:
        walk.step(node)
    return GroupedNetwork(tuple(walk.groups), tuple(walk.elements))


class _Walk:
    """Goes through the nodes in order; a name stands for the tensor that holds its numbers."""

    def __init__(self, model: ModelProto) -> None:
        graph = model.graph
        self.groups: list[Group] = []
        self._weights = {each.name: tuple(each.dims) for each in graph.initializer}
        known = (*graph.input, *graph.value_info, *graph.output)
        self._shapes = {each.name: _shape(each) for each in known}
        images = [each.name for each in graph.input if each.name not in self._weights]
        if len(images) != 1:
            raise DeviceError("The network should have one input, the image.")
        self.elements = [self._size(images[0])]
        self._tensor = {images[0]: 0}

    def step(self, node: NodeProto) -> None:
        if node.op_type == "Constant":
            value = next((each.t for each in node.attribute if each.name == "value"), None)
            self._weights[node.output[0]] = () if value is None else numpy_helper.to_array(value).shape
            return
        sources = [self._tensor[name] for name in node.input if name in self._tensor]
        if not sources:  # arithmetic on constants
            self._weights[node.output[0]] = self._shapes.get(node.output[0], ())
            return
        if node.op_type in _LAYERS and any(name in self._weights for name in node.input):
            self._layer(node, sources)
        elif node.op_type in _SUMS and len(set(sources)) > 1:
            self._sum(node, sources)
        elif node.op_type == "BatchNormalization":
            self._run("elementwise", node, sources, 0, self._numbers(node.input[1:3]))
        elif self._changes_nothing(node, sources):
            self._tensor[node.output[0]] = sources[0]
        else:
            self._run("elementwise", node, sources, 0, 0)

    def _layer(self, node: NodeProto, sources: list[int]) -> None:
        kernel = next(self._weights[name] for name in node.input if name in self._weights)
        weights, bias = math.prod(kernel), 0
        result = self._shapes[node.output[0]]
        positions = math.prod(result[2:]) if node.op_type == "Conv" else math.prod(result[1:-1])
        if node.op_type in ("Conv", "Gemm"):
            bias = kernel[
                0
            ]  # a device adds one after every folded batch norm, whether the file has it or not
        self._run(self._kind(node, kernel, positions), node, sources, weights * positions, weights + bias)

    def _kind(self, node: NodeProto, kernel: tuple[int, ...], positions: int) -> OperatorClass:
        if node.op_type != "Conv":
            return "linear"
        groups = next((each.i for each in node.attribute if each.name == "group"), 1)
        if groups > 1:
            return "depthwise"
        if math.prod(kernel[2:]) > 1:
            return "convolution"
        source = self._shapes[node.input[0]]
        return "linear" if positions == 1 and math.prod(source[2:]) == 1 else "pointwise"

    def _sum(self, node: NodeProto, sources: list[int]) -> None:
        """A layer that has just run adds the other operand to its own result, which is never stored alone."""
        last = self.groups[-1] if self.groups else None
        if last is None or last.macs == 0 or last.writes not in sources:
            self._run("elementwise", node, sources, 0, 0)
            return
        others = tuple(dict.fromkeys(each for each in sources if each != last.writes))
        self.groups[-1] = Group(last.kind, last.macs, last.weights, (*last.reads, *others), last.writes)
        self._tensor[node.output[0]] = last.writes

    def _run(self, kind: OperatorClass, node: NodeProto, sources: list[int], macs: int, weights: int) -> None:
        self.elements.append(self._size(node.output[0]))
        made = len(self.elements) - 1
        self.groups.append(Group(kind, macs, weights, tuple(dict.fromkeys(sources)), made))
        self._tensor.update({name: made for name in node.output if name})

    def _changes_nothing(self, node: NodeProto, sources: list[int]) -> bool:
        """True for activations and reshapes: as many numbers as before, from one tensor."""
        pooling = "Pool" in node.op_type or node.op_type.startswith("Reduce") or node.op_type in _JOINS
        same = len(set(sources)) == 1 and self._size(node.output[0]) == self.elements[sources[0]]
        return same and not pooling

    def _size(self, name: str) -> int:
        return math.prod(self._shapes[name][1:]) if name in self._shapes else 0

    def _numbers(self, names: Iterable[str]) -> int:
        return sum(math.prod(self._weights[name]) for name in names if name in self._weights)


def _shape(info: onnx.ValueInfoProto) -> tuple[int, ...]:
    """Returns a shape; the batch and whatever else is open counts as 1."""
    return tuple(max(1, dim.dim_value) for dim in info.type.tensor_type.shape.dim)
