"""Quantisation inside the search: what is left of a network after the first rung of the ladder."""

from __future__ import annotations

from dataclasses import dataclass

from onnx import ModelProto
from torch import nn

from nas.architecture import MBConvArchitecture
from nas.data.cache import ImageCache
from nas.prediction import Evaluation, evaluate, validation_rows
from nas.quantise.calibrate import Histograms, quantise
from nas.quantise.histogram import CALIBRATIONS
from nas.quantise.images import CalibrationImages
from nas.quantise.layers import PORTABLE_WEIGHT_BITS
from nas.quantise.network import fold_network
from nas.quantise.onnx_int8 import int8_core

_IMAGES = 128
"""Calibration images: a quarter of the ladder's, for percentiles of ranges settle early."""


@dataclass(frozen=True)
class Int8:
    """A network after post-training quantisation.

    Attributes:
        evaluation: Of the simulation, on the validation images that judge all networks.
        core: `x` float32 (N, 3, R, R) normalised -> `logits` (N, K), as a QDQ graph.
    """

    evaluation: Evaluation
    core: ModelProto


def quantise_to_int8(module: nn.Module, architecture: MBConvArchitecture, cache: ImageCache) -> Int8:
    """Quantises after training, with one calibration of the activations.

    Args:
        module: The trained network; left as it is.
        architecture: Its architecture.
        cache: Images; the training part calibrates, the validation part judges.

    Raises:
        ExportError: If such a network cannot be quantised.
        EvaluationError: If there are no images to calibrate on.
    """
    network = fold_network(module, architecture).eval()
    images = CalibrationImages(cache, architecture.resolution, n_images=_IMAGES)
    quantised = quantise(
        network, Histograms(network, images), CALIBRATIONS[0], weight_bits=PORTABLE_WEIGHT_BITS
    ).eval()
    evaluation = evaluate(quantised, cache, validation_rows(cache), architecture.resolution)
    return Int8(evaluation, int8_core(quantised))
