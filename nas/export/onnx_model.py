"""The file that people download: photo in, probabilities out, preprocessing inside."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper
from torch import nn

from nas.architecture import Architecture
from nas.data.preprocess import MEAN, STD
from nas.errors import ExportError
from nas.export.builder import GraphBuilder, make_model
from nas.export.graph import onnx_core
from nas.hardware.latency import make_session, ort_errors

INPUT, OUTPUT = "image", "probabilities"
_BATCH = 16


def export_onnx(
    module: nn.Module,
    architecture: Architecture,
    labels: Sequence[str],
    path: Path,
    metadata: Mapping[str, str],
    *,
    temperature: float = 1.0,
) -> None:
    """Writes a classifier as one self-contained ONNX file.

    Input `image`: uint8 RGB (N, H, W, 3), any H and W. Output `probabilities`: float32 (N, K). The class
    names are in the metadata under `labels` as a JSON list.

    Args:
        module: The trained network.
        architecture: Its architecture.
        labels: K class names in the order of the outputs.
        path: File to write, in one piece.
        metadata: Further text to put into the file.
        temperature: Divides the logits before the softmax, > 0.

    Raises:
        ExportError: If the network cannot be written or is not valid ONNX.
    """
    write_classifier(
        onnx_core(module, architecture),
        architecture.resolution,
        labels,
        path,
        metadata,
        temperature=temperature,
    )


def write_classifier(
    core: ModelProto,
    resolution: int,
    labels: Sequence[str],
    path: Path,
    metadata: Mapping[str, str],
    *,
    temperature: float = 1.0,
) -> None:
    """Writes a core (normalised pixels in, logits out) as a file of `export_onnx`.

    Raises:
        ExportError: If it is not valid ONNX.
    """
    model = with_preprocessing(core, resolution, len(labels), temperature)
    helper.set_model_props(model, {**metadata, "labels": json.dumps(list(labels), ensure_ascii=False)})
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"The exported network is not valid ONNX: {error}") from error
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    temporary.write_bytes(model.SerializeToString())
    temporary.replace(path)


def with_preprocessing(
    core: ModelProto, resolution: int, n_classes: int, temperature: float = 1.0
) -> ModelProto:
    """Puts resizing and normalisation before a core, and a softmax with a temperature behind it."""
    graph = GraphBuilder(prefix="pre/")
    _preprocess(graph, resolution)
    warmth = graph.constant(temperature)
    after = [
        helper.make_node("Div", ["logits", warmth], ["calibrated"]),
        helper.make_node("Softmax", ["calibrated"], [OUTPUT], axis=1),
    ]
    opset = next(each.version for each in core.opset_import if each.domain in ("", "ai.onnx"))
    return make_model(
        [*graph.nodes, *core.graph.node, *after],
        [*graph.initializers, *core.graph.initializer],
        [helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["N", "H", "W", 3])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["N", n_classes])],
        opset=opset,
        ir_version=core.ir_version,
    )


def _preprocess(graph: GraphBuilder, resolution: int) -> None:
    """Writes `nas.data.preprocess.preprocess` as nodes from `image` to `x`.

    The resizing is two matrix products, one an axis, whose weights the graph computes from the size of the
    image: the antialiased triangle filter itself. ONNX has a Resize with `antialias`, but ONNX Runtime's
    differs from PyTorch's by up to nine percent of the grey range, other runtimes ignore the attribute, and
    on large photos it is not faster.
    """
    rows = _weights(graph, resolution, axis=1)  # (R, H)
    columns = _weights(graph, resolution, axis=2)  # (R, W)
    pixels = graph.add("Cast", [INPUT], to=TensorProto.FLOAT)
    flat = graph.add("Reshape", [pixels, graph.constant([0, 0, -1], np.int64)])  # (N, H, 3W)
    squashed = graph.add("MatMul", [rows, flat])  # (N, R, 3W)
    apart = graph.add("Reshape", [squashed, graph.constant([0, resolution, -1, 3], np.int64)])
    channels = graph.add("Transpose", [apart], perm=[0, 3, 1, 2])  # (N, 3, R, W)
    square = graph.add("MatMul", [channels, graph.add("Transpose", [columns], perm=[1, 0])])  # (N, 3, R, R)
    scale = graph.constant([[[1 / (255 * std)]] for std in STD])
    shift = graph.constant([[[-mean / std]] for mean, std in zip(MEAN, STD, strict=True)])
    graph.add("Add", [graph.add("Mul", [square, scale]), shift], output="x")


def _weights(graph: GraphBuilder, resolution: int, axis: int) -> str:
    """Writes the filter of one axis, (R, size): row i weighs the pixels that make output pixel i.

    With s = size / R and c_i = (i + 0.5) s, pixel j weighs max(0, 1 - |j + 0.5 - c_i| / max(s, 1)), and
    each row is divided by its sum.
    """
    size = graph.add("Shape", [INPUT], start=axis, end=axis + 1)  # (1,) int64
    scalar = graph.add("Squeeze", [size])
    steps = graph.add("Range", [graph.constant(0, np.int64), scalar, graph.constant(1, np.int64)])
    taps = graph.add(
        "Add", [graph.add("Cast", [steps], to=TensorProto.FLOAT), graph.constant(0.5)]
    )  # (size,)
    length = graph.add("Cast", [size], to=TensorProto.FLOAT)
    scale = graph.add("Div", [length, graph.constant(float(resolution))])  # (1,)
    middles = graph.constant(np.arange(resolution)[:, None] + 0.5)  # (R, 1)
    centres = graph.add("Mul", [middles, scale])
    reach = graph.add("Max", [scale, graph.constant([1.0])])
    distance = graph.add("Abs", [graph.add("Sub", [taps, centres])])  # (R, size)
    falling = graph.add("Sub", [graph.constant(1.0), graph.add("Div", [distance, reach])])
    weights = graph.add("Relu", [falling])
    total = graph.add("ReduceSum", [weights, graph.constant([1], np.int64)], keepdims=1)
    return graph.add("Div", [weights, total])


class OnnxClassifier:
    """An exported file, opened in ONNX Runtime as its users open it.

    Args:
        path: File of `export_onnx`.
        threads: Threads of the runtime.

    Raises:
        ExportError: If the runtime refuses the file.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        try:
            self._session = make_session(path, threads)
        except ort_errors() as error:
            raise ExportError("ONNX Runtime cannot open the exported network.") from error
        properties = self._session.get_modelmeta().custom_metadata_map
        self.labels: tuple[str, ...] = tuple(json.loads(properties["labels"]))

    def predict(self, images_u8: np.ndarray) -> np.ndarray:
        """Returns (N, K) float32 probabilities of (N, H, W, 3) uint8 images."""
        parts = [
            self._session.run([OUTPUT], {INPUT: np.ascontiguousarray(images_u8[start : start + _BATCH])})[0]
            for start in range(0, len(images_u8), _BATCH)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.labels)), dtype=np.float32)

    def probabilities(self, images_u8: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Returns (N, K) float32 probabilities of some rows of stored images, read batch by batch."""
        parts = [
            self.predict(images_u8[rows[start : start + _BATCH]]) for start in range(0, len(rows), _BATCH)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, len(self.labels)), dtype=np.float32)
