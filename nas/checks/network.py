"""The pretrained network as an ONNX file that describes photos: ``python -m nas.checks.network 192``.

Written by a child process, because PyTorch, which holds the weights, would take the worker 700 MB for good;
ONNX Runtime, which runs the file, takes 20.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import nas
from nas.errors import NasError

if TYPE_CHECKING:
    from onnx import ModelProto

INPUT: Final = "image"
_SECONDS: Final = 180

# Expanded feature maps (after ReLU6) of these blocks; they tell classes apart better than the narrow outputs
# of blocks and the last layer, most of all for small pictures and drawings (docs/decisions/0009).
_SMALL_TAPS: Final = (5, 8)
_LARGE_TAPS: Final = (5, 8, 11, 15)
_LARGE: Final = 64


class NetworkMissingError(NasError):
    """The pretrained network cannot be had."""


@lru_cache(maxsize=1)  # a worker's data sets often have the same size, and making it takes seconds
def pretrained_network(resolution: int) -> bytes:
    """Returns the ONNX file: uint8 RGB (N, H, W, 3) in, one output (N, channels, 1, 1) a feature map.

    Args:
        resolution: Side to which the network resizes the photos, in pixels.

    Raises:
        NetworkMissingError: The package with the weights is missing or cannot be read.
    """
    root = str(Path(nas.__file__).resolve().parent.parent)
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "nas.checks.network", str(resolution)],
            env={**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        last = error.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise NetworkMissingError("".join(last) or "The network could not be made.") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NetworkMissingError("The network could not be made.") from error
    return done.stdout


def make_network(resolution: int) -> ModelProto:
    """Builds the file; imports PyTorch."""
    from nas.export.graph import onnx_core
    from nas.export.onnx_model import with_preprocessing
    from nas.networks import build_network, lite0_state_dict
    from nas.spaces.lite import lite0_architecture

    architecture = lite0_architecture(resolution)
    module = build_network(architecture, 1)
    state = {key: value for key, value in lite0_state_dict().items() if not key.startswith("classifier.")}
    module.load_state_dict(state, strict=False)
    core = onnx_core(module.eval(), architecture)
    return _tapped(
        with_preprocessing(core, resolution, 1), _LARGE_TAPS if resolution >= _LARGE else _SMALL_TAPS
    )


def _tapped(model: ModelProto, taps: tuple[int, ...]) -> ModelProto:
    """Makes the averages over expanded feature maps the outputs and leaves out what comes behind them."""
    from onnx import TensorProto, helper, utils

    graph = model.graph
    maker = {name: node.op_type for node in graph.node for name in node.output}
    activated = {node.input[0]: node.output[0] for node in graph.node if node.op_type == "Clip"}
    # Outputs of blocks are never activated: a convolution of something that is not begins the next block.
    expansions = [
        activated[node.output[0]]
        for node in graph.node
        if node.op_type == "Conv" and node.input[0] != "x" and maker[node.input[0]] != "Clip"
    ]
    outputs = [f"average_{tap}" for tap in taps]
    for tap, name in zip(taps, outputs, strict=True):
        graph.node.append(helper.make_node("GlobalAveragePool", [expansions[tap]], [name]))
        graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    return utils.Extractor(model).extract_model([INPUT], outputs)


if __name__ == "__main__":
    sys.stdout.buffer.write(make_network(int(sys.argv[1])).SerializeToString())
