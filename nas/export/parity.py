"""The proof that an exported file is the network that was trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from nas.architecture import Architecture
from nas.data.preprocess import preprocess
from nas.errors import ExportError
from nas.export.onnx_model import OnnxClassifier

LEAST_AGREEMENT = 0.99
MOST_DIFFERENCE = 0.02
_BATCH = 16


@dataclass(frozen=True)
class Parity:
    """How far the file agrees with the network.

    Attributes:
        n_images: Images compared.
        agreement: Share of them with the same first class, in [0, 1]; near-ties count as agreement.
        max_difference: Largest difference of any probability.
    """

    n_images: int
    agreement: float
    max_difference: float


def check_parity(
    module: nn.Module,
    architecture: Architecture,
    path: Path,
    images_u8: Tensor,
    temperature: float = 1.0,
) -> Parity:
    """Compares the file in ONNX Runtime with the network in PyTorch, preprocessing included.

    Args:
        module: The trained network; its mode is restored.
        architecture: Its architecture.
        path: The exported file.
        images_u8: (N, H, W, 3) uint8, at least one image.
        temperature: What the file divides the logits by.

    Raises:
        ExportError: If fewer than 99% agree or a probability differs by more than 0.02.
    """
    found = measure_parity(module, architecture.resolution, path, images_u8, temperature=temperature)
    agreement, largest = found.agreement, found.max_difference
    if not (agreement >= LEAST_AGREEMENT and largest <= MOST_DIFFERENCE):  # NaN fails both
        raise ExportError(
            f"The exported network agrees with the trained one on {agreement:.1%} of {len(images_u8)} images "
            f"(largest difference {largest:.3f}), so it is not offered; train it again or report this."
        )
    return found


def measure_parity(
    module: nn.Module,
    resolution: int,
    path: Path,
    images_u8: Tensor,
    *,
    tie: float = 1e-3,
    temperature: float = 1.0,
) -> Parity:
    """Compares a file in ONNX Runtime with a network in PyTorch, without judging.

    Args:
        module: As for `check_parity`, and so are the images.
        resolution: Side of its input in pixels.
        path: The exported file.
        images_u8: (N, H, W, 3) uint8, at least one image.
        tie: Classes whose probabilities differ by so much count as equally first.
        temperature: What the file divides the logits by.

    Raises:
        ExportError: If there are no images or another number of classes.
    """
    if len(images_u8) == 0:
        raise ExportError("The export cannot be checked without images; add validation images.")
    exported = torch.from_numpy(OnnxClassifier(path).predict(images_u8.numpy()))
    return compare(exported, probabilities(module, images_u8, resolution, temperature), tie=tie)


def compare(found: Tensor, expected: Tensor, *, tie: float = 1e-3) -> Parity:
    """Compares two answers to the same images.

    Args:
        found: (N, K) probabilities, N >= 1.
        expected: The same of whatever is right.
        tie: Classes whose probabilities differ by so much count as equally first.

    Raises:
        ExportError: If they have another number of classes.
    """
    if found.shape != expected.shape:
        raise ExportError("The exported network has another number of classes than the trained one.")
    largest = float((found - expected).abs().max())
    # A tie may fall either way by rounding alone: the winner found must be within `tie` of the best.
    winner = expected.gather(1, found.argmax(dim=1, keepdim=True)).squeeze(1)
    agreement = float((winner >= expected.max(dim=1).values - tie).float().mean())
    return Parity(len(found), agreement, largest)


def probabilities(module: nn.Module, images_u8: Tensor, resolution: int, temperature: float) -> Tensor:
    """Returns (N, K) probabilities of (N, H, W, 3) uint8 images in PyTorch; the module's mode is restored."""
    was_training = module.training
    module.eval()
    with torch.inference_mode():
        parts = [
            (module(preprocess(images_u8[start : start + _BATCH], resolution)) / temperature).softmax(dim=1)
            for start in range(0, len(images_u8), _BATCH)
        ]
    module.train(was_training)
    return torch.cat(parts)
