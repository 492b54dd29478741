from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from nas.architecture import MBConvArchitecture
from nas.data.cache import ImageCache
from nas.errors import ExportError
from nas.export.graph import onnx_core
from nas.export.onnx_model import OnnxClassifier
from nas.export.parity import measure_parity
from nas.hardware.latency import make_session, precision_of
from nas.prediction import images_of
from nas.quantise.calibrate import Histograms, quantise
from nas.quantise.images import CalibrationImages
from nas.quantise.layers import PORTABLE_WEIGHT_BITS
from nas.quantise.network import QuantNetwork, fold_network
from nas.quantise.norms import reestimate_statistics
from nas.quantise.onnx_int8 import export_int8, int8_core
from tests.unit.export.test_graph import settled
from tests.unit.networks.architectures import every_feature


def optimised(model: onnx.ModelProto, path: Path) -> Counter[str]:
    """How often each operation is in the graph that ONNX Runtime makes of the file."""
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 3
    ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return Counter(node.op_type for node in onnx.load(str(path)).graph.node)


@pytest.fixture(scope="module")
def network(in_float: QuantNetwork, histograms: Histograms) -> QuantNetwork:
    return quantise(in_float, histograms, "mse", weight_bits=PORTABLE_WEIGHT_BITS).eval()


@pytest.mark.parametrize("bits", [7, 8])
def test_the_file_says_what_the_simulation_says(
    in_float: QuantNetwork, histograms: Histograms, digit_cache: ImageCache, tmp_path: Path, bits: int
) -> None:
    network = quantise(in_float, histograms, "mse", weight_bits=bits)
    path = tmp_path / "int8.onnx"
    export_int8(network, digit_cache.classes, path, {"made": "here"})
    rows = np.concatenate([digit_cache.indices("train"), digit_cache.indices("val")])
    found = measure_parity(network, network.resolution, path, images_of(digit_cache, rows))
    assert found.agreement >= 0.99
    assert found.max_difference < 0.02
    assert found.n_images == len(rows) > 200
    assert OnnxClassifier(path).labels == digit_cache.classes
    properties = {each.key: each.value for each in onnx.load(str(path)).metadata_props}
    assert (properties["precision"], properties["made"]) == ("int8", "here")


def test_corrected_statistics_reach_the_file(
    in_float: QuantNetwork, network: QuantNetwork, images: CalibrationImages
) -> None:
    corrected = network.twin(simulated=True)
    reestimate_statistics(corrected, in_float, images)
    x = images.first(64)
    found = make_session(int8_core(corrected).SerializeToString()).run(None, {"x": x.numpy()})[0]
    with torch.inference_mode():
        assert np.abs(found - corrected(x).numpy()).max() < 0.5 * np.abs(found - network(x).numpy()).max()


def test_a_runtime_that_fuses_nothing_reads_the_same_scales(
    network: QuantNetwork, images: CalibrationImages
) -> None:
    """ONNX Runtime's fusions do not look at the axis of the weights' scales; other runtimes do."""
    plain = ort.SessionOptions()
    plain.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    model = int8_core(network).SerializeToString()
    x = {"x": images.first(32).numpy()}
    unfused = ort.InferenceSession(model, plain, providers=["CPUExecutionProvider"]).run(None, x)[0]
    fused = make_session(model).run(None, x)[0]
    assert (unfused.argmax(axis=1) == fused.argmax(axis=1)).mean() >= 0.95
    assert np.abs(unfused - fused).mean() < 0.05 * np.abs(fused).mean()


def test_everything_but_the_ends_runs_on_integers(network: QuantNetwork, tmp_path: Path) -> None:
    found = optimised(int8_core(network), tmp_path / "optimised.onnx")
    assert found["QLinearConv"] == len(network.layers) - 1
    assert found["QGemm"] == 1
    assert found["QLinearAdd"] == sum(step.op == "add" for step in network.steps) > 0
    assert found["QuantizeLinear"] == 1
    assert not {"Conv", "Gemm", "Add", "Clip", "Relu", "DequantizeLinear"} & set(found)


def test_swish_and_gates_run_on_integers_too(tmp_path: Path) -> None:
    architecture = every_feature(33)
    module = settled(architecture)
    in_float = fold_network(module, architecture).eval()
    torch.manual_seed(1)
    x = torch.randn(64, 3, 33, 33).clamp(-1, 1)

    class Noise:
        batch_size = 32

        def batches(self) -> list[torch.Tensor]:
            return [x[:32], x[32:]]

    histograms = Histograms(in_float, Noise())  # type: ignore[arg-type] # images without a data set
    network = quantise(in_float, histograms, "mse").eval()
    model = int8_core(network)
    found = optimised(model, tmp_path / "optimised.onnx")
    assert found["QLinearSigmoid"] == found["QLinearMul"] > 0
    assert not {"Conv", "Sigmoid", "Mul", "Add"} & set(found)
    logits = make_session(model.SerializeToString()).run(None, {"x": x.numpy()})[0]
    with torch.inference_mode():
        simulated, exact = network(x).numpy(), in_float(x).numpy()
    assert np.abs(logits - simulated).mean() < 0.1 * np.abs(exact - exact.mean(axis=0)).mean()


def test_the_file_is_a_quarter_of_the_size(
    trained: tuple[torch.nn.Module, MBConvArchitecture], network: QuantNetwork
) -> None:
    sizes = [
        sum(len(each.raw_data) for each in model.graph.initializer if len(each.dims) > 1)
        for model in (onnx_core(*trained), int8_core(network))
    ]
    assert sizes[0] == 4 * sizes[1]  # the weights; names and scales weigh more in so small a network
    assert precision_of(int8_core(network).SerializeToString()) == "int8"


def test_portable_weights_cannot_overflow_sixteen_bits(network: QuantNetwork) -> None:
    """VPMADDUBSW adds two products of an unsigned and a signed byte in 16 bits and saturates."""
    largest = max(
        int(np.abs(onnx.numpy_helper.to_array(each).astype(int)).max())
        for each in int8_core(network).graph.initializer
        if each.data_type == onnx.TensorProto.INT8 and len(each.dims) > 1
    )
    assert 2 * 255 * largest <= 2**15 - 1 < 2 * 255 * 127


@pytest.mark.parametrize(("weights", "activations"), [(4, 8), (8, 16), (16, 16)])
def test_other_widths_are_simulated_only(
    in_float: QuantNetwork, histograms: Histograms, weights: int, activations: int
) -> None:
    network = quantise(in_float, histograms, "mse", weight_bits=weights, activation_bits=activations)
    with pytest.raises(ExportError, match="other widths are simulated"):
        int8_core(network)
