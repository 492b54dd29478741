"""Class activation maps from an exported file: where in the photo the evidence for a class lies.

A network that ends in global average pooling and one linear layer gives, for class c, the logit
mean over (h, w) of [sum over k of W[c, k] F[k, h, w] + b[c]], with F its last feature map (Zhou et al. 2016,
equation 2). The bracket is the map; it is exact, not an explanation by a second model. Here it becomes a
second output of a copy of the file, which stays on the server beside the run.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from pathlib import Path
from typing import Final

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from nas.export.onnx_model import INPUT, OUTPUT
from nas.files import write_atomically
from nas.hardware.latency import make_session, ort_errors

MAP: Final = "map"
"""Name of the second output: float32 (N, K, h, w), in units of logits."""

_THROUGH: Final = frozenset({"Flatten", "Reshape", "Squeeze", "Identity", "Dropout"})
_POOLS: Final = frozenset({"GlobalAveragePool", "ReduceMean"})
_TOLERANCE: Final = 1e-4


def with_map(model: ModelProto) -> ModelProto | None:
    """Returns a copy with the maps as a second output; None if the network has no such end."""
    made_by = {name: node for node in model.graph.node for name in node.output}
    constants = {one.name: one for one in model.graph.initializer}
    linear = _walk(made_by, OUTPUT, {"Softmax", "Div"}, {"Gemm"})
    if linear is None or len(linear.input) != 3 or not _is_plain(linear):
        return None
    pool = _walk(made_by, linear.input[0], _THROUGH, _POOLS)
    weight, bias = (constants.get(name) for name in linear.input[1:])
    if pool is None or weight is None or bias is None or not _pools_space(pool, constants):
        return None
    kernel = numpy_helper.to_array(weight)[:, :, None, None]
    copy = ModelProto()
    copy.CopyFrom(model)
    copy.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(kernel), "map/weight"))
    copy.graph.node.append(
        helper.make_node("Conv", [pool.input[0], "map/weight", bias.name], [MAP], kernel_shape=[1, 1])
    )
    copy.graph.output.append(
        helper.make_tensor_value_info(MAP, TensorProto.FLOAT, ["N", len(kernel), "h", "w"])
    )
    return copy


def write_cam(onnx_file: Path, destination: Path, images_u8: np.ndarray) -> bool:
    """Writes the copy with maps, if it answers like the file and its maps add up to its answers.

    Args:
        onnx_file: File of `export_onnx`.
        destination: Where the copy goes.
        images_u8: (N, C, C, 3) images that both answer.

    Returns:
        False if the network has no such end, or the copy does not agree; nothing is written then.
    """
    model = with_map(onnx.load(onnx_file))
    if model is None:
        return False
    content = model.SerializeToString()
    try:
        agrees = _agree(onnx_file, content, images_u8, _temperature(model))
    except ort_errors():  # the model itself is sound: it goes without maps
        return False
    if agrees:
        destination.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(destination, content)
    return agrees


def _agree(onnx_file: Path, content: bytes, images_u8: np.ndarray, temperature: float) -> bool:
    feed = {INPUT: np.ascontiguousarray(images_u8)}
    (expected,) = make_session(onnx_file, 1).run([OUTPUT], feed)
    found, maps = make_session(content, 1).run([OUTPUT, MAP], feed)
    logits = maps.mean(axis=(2, 3), dtype=np.float64) / temperature
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return bool(
        np.abs(found - expected).max() <= _TOLERANCE and np.abs(shares - expected).max() <= _TOLERANCE
    )


def _walk(made_by: dict[str, NodeProto], name: str, through: Set[str], wanted: Set[str]) -> NodeProto | None:
    """Follows first inputs upwards through some kinds of nodes to one that is wanted."""
    while (node := made_by.get(name)) is not None:
        if node.op_type in wanted:
            return node
        if node.op_type not in through:
            return None
        name = node.input[0]
    return None


def _is_plain(linear: NodeProto) -> bool:
    """True for x W^T + b."""
    values = {one.name: helper.get_attribute_value(one) for one in linear.attribute}
    return bool(
        values.get("transB", 0) == 1
        and values.get("transA", 0) == 0
        and values.get("alpha", 1.0) == 1.0
        and values.get("beta", 1.0) == 1.0
    )


def _pools_space(pool: NodeProto, constants: dict[str, TensorProto]) -> bool:
    """True if the node averages over height and width and nothing else."""
    if pool.op_type == "GlobalAveragePool":
        return True
    axes: Sequence[int] = next(
        (helper.get_attribute_value(one) for one in pool.attribute if one.name == "axes"), []
    )
    if not axes and len(pool.input) > 1 and pool.input[1] in constants:
        axes = numpy_helper.to_array(constants[pool.input[1]]).tolist()
    return {axis % 4 for axis in axes} == {2, 3}


def _temperature(model: ModelProto) -> float:
    """Returns what the logits are divided by before the softmax."""
    made_by = {name: node for node in model.graph.node for name in node.output}
    constants = {one.name: one for one in model.graph.initializer}
    divided = _walk(made_by, OUTPUT, {"Softmax"}, {"Div"})
    return 1.0 if divided is None else float(numpy_helper.to_array(constants[divided.input[1]]))
