"""What a pretrained network sees in each image, as a short list of numbers."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from sklearn.decomposition import PCA

from nas.checks.network import INPUT, NetworkMissingError, pretrained_network
from nas.checks.subject import Subject, grey, shrink

log = logging.getLogger(__name__)

Floats = npt.NDArray[np.float32]
Describe = Callable[[npt.NDArray[np.uint8]], Floats]

STAGE: Final = "Describing the photos"
N_NUMBERS: Final = 256
_SAMPLE: Final = 3000
_BATCH_PIXELS: Final = 32 * 128 * 128
_LARGE: Final = 64

# Milliseconds an image on two quiet cores: what a resolution may cost decides which one is taken.
_COSTS: Final = {32: 0.3, 48: 0.6, 64: 0.9, 96: 1.6, 128: 3.5, 160: 5.5, 192: 8.0}
_MOST_SECONDS: Final = 22.0


@dataclass(frozen=True)
class Features:
    """Descriptions of the images in use.

    Attributes:
        values: (N', D) float32, D at most 256, principal components of the standardised network features.
        facts: JSON-ready: where they come from.
    """

    values: Floats
    facts: dict[str, Any]


@dataclass(frozen=True)
class Network:
    """The pretrained network as an ONNX file.

    Attributes:
        resolution: Side of its input in pixels.
        file: Its bytes; None when its weights are missing.
    """

    resolution: int
    file: bytes | None


def load_network(cache_size: int, n_images: int) -> Network:
    """Gets the network that suits so many squares of such a side."""
    resolution = choose_resolution(cache_size, n_images)
    try:
        return Network(resolution, pretrained_network(resolution))
    except NetworkMissingError as error:
        log.warning("the pretrained network is missing: %s", error)
        return Network(resolution, None)


def describe(subject: Subject, network: Network) -> Features:
    """Describes all images; without the network's weights by their pixels, and says so."""
    subject.tell(STAGE, 0, len(subject))
    facts: dict[str, Any] = {
        "network": "EfficientNet-Lite0 (ImageNet)",
        "resolution": network.resolution,
    }
    run: Describe
    if network.file is not None:
        run = NetworkFeatures(network.file)
    else:
        facts = {
            "network": None,
            "why_not": "The pretrained network cannot be read, so photos are compared by colours and edges, "
            "which is less exact. Install requirements.txt again.",
        }
        run = pixel_features
    batch = max(8, min(128, _BATCH_PIXELS // network.resolution**2))
    return Features(_reduced(subject, run, batch), facts)


def choose_resolution(cache_size: int, n_images: int) -> int:
    """The largest input side that is worth it for such squares and does not take too long."""
    sides = [side for side in _COSTS if side <= max(cache_size, _LARGE if n_images <= 10_000 else 32)]
    sides = sides or [min(_COSTS)]
    quick = [side for side in sides if _COSTS[side] * n_images <= 1000 * _MOST_SECONDS]
    least = min(sides) if cache_size < _LARGE else _LARGE
    return max([*quick, least])


class NetworkFeatures:
    """EfficientNet-Lite0 in ONNX Runtime.

    Args:
        file: Of `Network`.
    """

    def __init__(self, file: bytes) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = available_cores()
        options.log_severity_level = 3
        # Waiting threads that spin would take the core from the other processes of a small machine.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def __call__(self, pixels: npt.NDArray[np.uint8]) -> Floats:
        """(B, C, C, 3) uint8 -> (B, D) float32."""
        parts = self._session.run(None, {INPUT: np.ascontiguousarray(pixels)})
        return np.concatenate([part.reshape(len(pixels), -1) for part in parts], axis=1)


def pixel_features(pixels: npt.NDArray[np.uint8]) -> Floats:
    """Colours on a coarse grid and directions of edges in 4 x 4 cells: what can be told without a network."""
    colours = shrink(pixels.astype(np.float32), 8).reshape(len(pixels), -1) / 255
    luminance = shrink(grey(pixels), 32)
    down = np.diff(luminance, axis=1)[:, :, :-1]
    right = np.diff(luminance, axis=2)[:, :-1]
    strength = np.hypot(down, right)
    direction = (np.mod(np.arctan2(down, right), np.pi) / np.pi * 8).astype(int) % 8
    edges = [
        cell.mean(axis=(1, 2))
        for bin_ in range(8)
        for band in np.array_split(np.where(direction == bin_, strength, 0), 4, axis=1)
        for cell in np.array_split(band, 4, axis=2)
    ]
    return np.concatenate([colours, np.stack(edges, axis=1) / 255], axis=1).astype(np.float32)


def _reduced(subject: Subject, run: Describe, batch: int) -> Floats:
    """Standardises and projects; the projection is learnt on a sample, so that memory stays bounded."""
    n = len(subject)
    chosen = np.sort(np.random.default_rng(subject.seed).permutation(n)[:_SAMPLE])
    rest = np.setdiff1d(np.arange(n), chosen)
    raw = np.concatenate([run(pixels) for _, pixels in subject.blocks(chosen, batch, STAGE)])
    mean, deviation = raw.mean(axis=0), raw.std(axis=0)
    scale = 1 / np.maximum(deviation, 1e-3 * max(float(deviation.max()), 1e-6))
    n_numbers = max(1, min(N_NUMBERS, len(chosen) - 1, raw.shape[1]))
    fitted = PCA(n_numbers, svd_solver="randomized", random_state=subject.seed).fit((raw - mean) * scale)
    basis = fitted.components_.T.astype(np.float32)
    values = np.empty((n, n_numbers), dtype=np.float32)
    values[chosen] = ((raw - mean) * scale) @ basis
    for part, pixels in subject.blocks(rest, batch, STAGE):
        values[rest[part]] = ((run(pixels) - mean) * scale) @ basis
    values /= np.float32(max(float(values.std()), 1e-6))
    return values


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
