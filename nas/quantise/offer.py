"""Is the int8 file worth having? It is offered only where it is measured smaller or faster at little loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from nas.architecture import Architecture
from nas.data.cache import ImageCache
from nas.errors import ExportError
from nas.export.graph import onnx_core
from nas.export.onnx_model import OnnxClassifier
from nas.export.parity import LEAST_AGREEMENT, Parity, measure_parity
from nas.hardware.latency import Latency, LatencyMeter
from nas.prediction import evaluate, evaluation_of, images_of, validation_rows
from nas.quantise.climb import MOST_LOST
from nas.quantise.network import QuantNetwork
from nas.quantise.onnx_int8 import export_int8

TIE = 0.02
"""Classes whose probabilities differ by less count as equally first between runtime and simulation.

Two correct ways to compute a quantised network round a value near the middle between two steps either way;
each layer mixes that into all it gives, so that the last digits of a probability are of either way.
"""

_GAIN = 0.95  # a twentieth less; smaller gains are within what measurements scatter
_PARITY_IMAGES = 200
_ROUNDS = 2
_SLACK = 1e-9


@dataclass(frozen=True)
class Int8Offer:
    """What was measured, and the verdict.

    Attributes:
        offered: True if the file is there and worth having.
        reason: Why or why not, a sentence.
        float_accuracy: Validation accuracy of the network in PyTorch, fraction.
        int8_accuracy: Validation accuracy of the int8 file in ONNX Runtime, fraction.
        n_validation: Images of both.
        float_latency: Of the fp32 graph, preprocessing left out.
        int8_latency: Of the int8 graph, measured in the same run.
        float_bytes: Size of the fp32 graph.
        int8_bytes: Size of the int8 graph.
        parity: The int8 file against the simulation.
    """

    offered: bool
    reason: str
    float_accuracy: float
    int8_accuracy: float
    n_validation: int
    float_latency: Latency
    int8_latency: Latency
    float_bytes: int
    int8_bytes: int
    parity: Parity

    @property
    def lost(self) -> float:
        """Validation accuracy lost, fraction."""
        return self.float_accuracy - self.int8_accuracy


def int8_offer(
    module: nn.Module,
    architecture: Architecture,
    network: QuantNetwork,
    cache: ImageCache,
    path: Path,
    *,
    labels: Sequence[str] | None = None,
    metadata: dict[str, str] | None = None,
    meter: LatencyMeter | None = None,
    most_lost: float = MOST_LOST,
    temperature: float = 1.0,
    images_u8: Tensor | None = None,
) -> Int8Offer:
    """Writes the int8 file, measures it beside fp32 in the same run, and says whether it is offered.

    Args:
        module: The trained network.
        architecture: Its architecture.
        network: The same quantised, e.g. of `nas.quantise.ladder.ladder`.
        cache: Images; the validation part judges.
        path: File to write; it is deleted if it is not offered.
        labels: Class names; those of the cache if None.
        metadata: Further text to put into the file.
        meter: Measures latency; one thread if None.
        most_lost: Loss of validation accuracy that is allowed, fraction.
        temperature: Divides the logits in the file, that of the fp32 file; it changes no answer.
        images_u8: (N, S, S, 3) uint8 on which file and simulation must agree; 200 of the validation images
            if None.

    Raises:
        ExportError: If the widths do not run as integers, or file and simulation disagree.
    """
    rows = validation_rows(cache)
    content = {False: onnx_core(module, architecture).SerializeToString()}
    labels, metadata = labels or cache.classes, metadata or {}
    core = export_int8(network, labels, path, metadata, temperature=temperature)
    content[True] = core.SerializeToString()
    try:
        shown = images_of(cache, _spread(rows)) if images_u8 is None else images_u8
        parity = _check(network, path, shown, temperature)
        int8_accuracy = _accuracy_of(path, cache, rows)
        float_accuracy = evaluate(module, cache, rows, architecture.resolution).accuracy
        latency = _measure(meter or LatencyMeter(), content, architecture.resolution)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    offered, reason = _verdict(
        float_accuracy - int8_accuracy, most_lost, latency, {key: len(each) for key, each in content.items()}
    )
    if not offered:
        path.unlink(missing_ok=True)
    return Int8Offer(
        offered=offered,
        reason=reason,
        float_accuracy=float_accuracy,
        int8_accuracy=int8_accuracy,
        n_validation=len(rows),
        float_latency=latency[False],
        int8_latency=latency[True],
        float_bytes=len(content[False]),
        int8_bytes=len(content[True]),
        parity=parity,
    )


def _accuracy_of(path: Path, cache: ImageCache, rows: np.ndarray) -> float:
    probabilities = OnnxClassifier(path).probabilities(cache.images, rows)
    return evaluation_of(probabilities, cache.labels[rows]).accuracy


def _spread(rows: np.ndarray) -> np.ndarray:
    return rows[:: max(1, len(rows) // _PARITY_IMAGES)]


def _check(network: QuantNetwork, path: Path, images_u8: Tensor, temperature: float) -> Parity:
    """Compares the file with the simulation; raises ExportError if they disagree."""
    parity = measure_parity(network, network.resolution, path, images_u8, tie=TIE, temperature=temperature)
    if not parity.agreement >= LEAST_AGREEMENT:
        raise ExportError(
            f"The int8 file agrees with its simulation on {parity.agreement:.1%} of "
            f"{parity.n_images} images, so it is not offered; use the fp32 file."
        )
    return parity


def _measure(meter: LatencyMeter, content: dict[bool, bytes], resolution: int) -> dict[bool, Latency]:
    """Measures both in turn and keeps the steadier measurement of each."""
    found: dict[bool, list[Latency]] = {False: [], True: []}
    for _ in range(_ROUNDS):
        for is_int8, graph in content.items():
            found[is_int8].append(meter.measure(graph, resolution))
    return {key: min(each, key=lambda one: one.spread) for key, each in found.items()}


def _verdict(
    lost: float, most_lost: float, latency: dict[bool, Latency], size: dict[bool, int]
) -> tuple[bool, str]:
    cost = f"costs {100 * lost:.1f} points of validation accuracy" if lost > 0 else "costs no accuracy"
    times = f"{latency[True].p50_ms:.2f} ms instead of {latency[False].p50_ms:.2f} on this machine"
    if lost > most_lost + _SLACK:
        return False, f"int8 {cost}, and {100 * most_lost:.1f} are allowed; use the fp32 file."
    faster = latency[True].p50_ms < _GAIN * latency[False].p50_ms
    smaller = size[True] < _GAIN * size[False]
    if not faster and not smaller:
        return False, f"int8 is neither smaller nor faster ({times}); use the fp32 file."
    by_size = f"{size[False] / size[True]:.1f} times smaller" if smaller else "not smaller"
    ratio = latency[False].p50_ms / latency[True].p50_ms
    by_time = f"{ratio:.1f} times faster" if faster else "not faster"
    return True, f"int8 is {by_size} and {by_time} ({times}) and {cost}."
