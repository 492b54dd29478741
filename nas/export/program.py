"""model.pt2: the network as a program of torch.export, which PyTorch runs without any model code."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from nas.data.preprocess import MEAN, STD
from nas.errors import ExportError
from nas.export.parity import LEAST_AGREEMENT, MOST_DIFFERENCE, Parity, compare, probabilities
from nas.export.trained import Trained

PROGRAM_NAME = "model.pt2"
_EXAMPLE = (2, 48, 40, 3)
"""Shape of the blank images by which the network is traced; 0 and 1 would be taken for constants."""


class Normalise(nn.Module):
    """`nas.data.preprocess.normalise` with its constants as buffers: converters cannot take new tensors."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name, values in (("mean", MEAN), ("std", STD)):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """Maps (N, 3, H, W) grey levels in [0, 255] to the range that the networks expect."""
        return (pixels / 255.0 - self.mean) / self.std


class Classifier(nn.Module):
    """A network with the preprocessing before it and the calibrated softmax behind it, as in model.onnx.

    Args:
        network: Normalised pixels in, logits out.
        resolution: Side of its input in pixels.
        temperature: Divides the logits, > 0.
    """

    def __init__(self, network: nn.Module, resolution: int, temperature: float) -> None:
        super().__init__()
        self.normalise, self.network = Normalise(), network
        self.resolution, self.temperature = resolution, temperature

    def forward(self, image: Tensor) -> Tensor:
        """Maps (N, H, W, 3) uint8 RGB of any size to (N, K) probabilities."""
        size = (self.resolution, self.resolution)
        # even if the size is right already: a program has no branches
        squashed = F.interpolate(
            image.permute(0, 3, 1, 2).float(), size=size, mode="bilinear", antialias=True
        )
        logits = self.network(self.normalise(squashed))
        return (logits / self.temperature).softmax(dim=1)  # type: ignore[no-any-return]


def export_program(trained: Trained, path: Path, metadata: Mapping[str, str]) -> None:
    """Writes a classifier as a program with the input and output of `nas.export.onnx_model.export_onnx`.

    The class names are in the extra file `labels.json`, the metadata in `metadata.json`.

    Args:
        trained: The network.
        path: File to write.
        metadata: Further text to put into the file.

    Raises:
        ExportError: If torch cannot trace the network.
    """
    with trained.answering() as module:
        classifier = Classifier(module, trained.side, trained.trust.temperature).eval()
        blank = torch.zeros(_EXAMPLE, dtype=torch.uint8)
        program = trace(classifier, blank, {0: Dim.AUTO, 1: Dim.AUTO, 2: Dim.AUTO})
    extra = {
        "labels.json": json.dumps(list(trained.labels), ensure_ascii=False),
        "metadata.json": json.dumps(dict(metadata), ensure_ascii=False),
    }
    torch.export.save(program, path, extra_files=extra)


def check_program(trained: Trained, path: Path) -> Parity:
    """Compares the program, read from its file, with the trained network.

    Args:
        trained: The network.
        path: File of `export_program`, written by this process.

    Raises:
        ExportError: If fewer than 99% agree or a probability differs by more than 0.02.
    """
    program = torch.export.load(path).module()
    images = trained.some_images()
    with torch.inference_mode():
        answers = program(images)
    expected = probabilities(trained.module, images, trained.side, trained.trust.temperature)
    return judge(path.name, answers, expected)


def judge(name: str, answers: Tensor, expected: Tensor) -> Parity:
    """Returns how far a file's answers agree with those of the trained network.

    Args:
        name: Name of the file.
        answers: (N, K) its probabilities.
        expected: The same of the trained network.

    Raises:
        ExportError: If fewer than 99% agree or a probability differs by more than 0.02.
    """
    found = compare(answers, expected)
    if not (found.agreement >= LEAST_AGREEMENT and found.max_difference <= MOST_DIFFERENCE):  # NaN fails
        raise ExportError(
            f"{name} agrees with the trained network on {found.agreement:.1%} of {found.n_images} images "
            f"(largest difference {found.max_difference:.3f}), so it is not offered; train it again or "
            "report this."
        )
    return found


def trace(classifier: nn.Module, blank: Tensor, dynamic: Mapping[int, Any]) -> ExportedProgram:
    """Returns a module as a program.

    Args:
        classifier: The module, in eval mode.
        blank: Example of its input, without content: it is kept in the file.
        dynamic: Axes of the input that may have another length.

    Raises:
        ExportError: If torch cannot trace it.
    """
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.export.export(classifier, (blank,), dynamic_shapes=(dict(dynamic),))
    except Exception as error:  # torch has no common class for these
        raise ExportError(f"torch.export cannot trace this network ({type(error).__name__}).") from error
    for node in program.graph.nodes:  # they name directories of this machine
        node.meta.pop("stack_trace", None)
    return program
