"""A thin layer over onnx.helper: nodes are added in order, tensors get names by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8


class GraphBuilder:
    """Collects nodes and constants.

    Args:
        prefix: Starts every name, so that two builders' graphs can be joined.
    """

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.nodes: list[NodeProto] = []
        self.initializers: list[TensorProto] = []

    def add(self, op: str, inputs: Sequence[str], *, output: str | None = None, **attributes: Any) -> str:
        """Adds a node with one output and returns the output's name."""
        name = output or f"{self.prefix}{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
        return name

    def constant(self, values: Any, dtype: type = np.float32) -> str:
        """Adds a constant tensor and returns its name."""
        name = f"{self.prefix}constant_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(values, dtype=dtype, order="C"), name))
        return name


def make_model(
    nodes: Sequence[NodeProto],
    initializers: Sequence[TensorProto],
    inputs: Sequence[ValueInfoProto],
    outputs: Sequence[ValueInfoProto],
    *,
    opset: int = OPSET,
    ir_version: int = IR_VERSION,
) -> ModelProto:
    """Puts a model together."""
    graph: GraphProto = helper.make_graph(
        list(nodes), "classifier", list(inputs), list(outputs), list(initializers)
    )
    model: ModelProto = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version, producer_name="nas"
    )
    return model
