"""A small fixed network that only serves as a clock: how fast is this machine right now?"""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

REFERENCE_SIDE = 48
"""Side of its input in pixels."""

ANCHOR_QUANTILE = 0.2
"""Of the reference's times: what the machine does at rest."""

_CHANNELS = 48
_BLOCKS = 3


def reference_network() -> bytes:
    """Returns the ONNX file: a stem, then depthwise 3x3 and pointwise convolutions, the work of MBConv.

    Input `x` float32 (1, 3, 48, 48). It takes a fraction of a millisecond and is the same everywhere.
    """
    rng = np.random.default_rng(0)
    nodes: list[NodeProto] = []
    weights: list[TensorProto] = []
    name = "x"

    def convolution(source: str, inputs: int, outputs: int, kernel: int, groups: int) -> str:
        index = len(nodes)
        shape = (outputs, inputs // groups, kernel, kernel)
        values = rng.standard_normal(shape).astype(np.float32) / np.sqrt(np.prod(shape[1:]))
        weights.append(numpy_helper.from_array(values.astype(np.float32), f"w{index}"))
        nodes.append(
            helper.make_node(
                "Conv",
                [source, f"w{index}"],
                [f"c{index}"],
                kernel_shape=[kernel, kernel],
                strides=[2, 2] if inputs == 3 else [1, 1],
                pads=[kernel // 2] * 4,
                group=groups,
            )
        )
        nodes.append(helper.make_node("Relu", [f"c{index}"], [f"r{index}"]))
        return f"r{index}"

    name = convolution(name, 3, _CHANNELS, 3, 1)
    for _ in range(_BLOCKS):
        name = convolution(name, _CHANNELS, _CHANNELS, 3, _CHANNELS)
        name = convolution(name, _CHANNELS, _CHANNELS, 1, 1)
    graph = helper.make_graph(
        nodes,
        "reference",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, REFERENCE_SIDE, REFERENCE_SIDE])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)],
        weights,
    )
    model: ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content: bytes = model.SerializeToString()
    return content


def quiet_ms(times: np.ndarray, references: np.ndarray, anchor_ms: float) -> float:
    """Returns a network's median milliseconds, scaled to the machine at rest.

    The scale is the anchor over the 20% quantile of the references, which is what the anchor is made of:
    while other programs run, the reference's median jumps by half of itself, and this quantile hardly moves.

    Args:
        times: (runs,) milliseconds of the network.
        references: (runs,) milliseconds of the reference network around them.
        anchor_ms: The reference network's milliseconds on the quiet machine.
    """
    return float(np.median(times) / np.quantile(references, ANCHOR_QUANTILE) * anchor_ms)
