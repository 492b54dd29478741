"""Core ML and LiteRT files of a download, where their converters are installed."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from nas.data.preprocess import preprocess
from nas.errors import ExportError
from nas.export import convert
from nas.export.parity import probabilities
from nas.export.program import Normalise, judge, trace
from nas.export.trained import Trained

_MOST_SECONDS = 300.0


@dataclass(frozen=True)
class Converter:
    """A library that is not required.

    Attributes:
        kind: Its name for `nas.export.convert`.
        library: Its module.
        package: Its package, as pip knows it.
        file: What it writes.
        seconds: What it takes, roughly, on one core.
        words: What the model card says about the file.
    """

    kind: str
    library: str
    package: str
    file: str
    seconds: float
    words: str

    @property
    def installed(self) -> bool:
        """True if the library is there."""
        return importlib.util.find_spec(self.library) is not None


CONVERTERS = (
    Converter(
        "coreml",
        "coremltools",
        "coremltools",
        convert.CORE_ML_FILE,
        10.0,
        "for Apple's devices (iOS 16, macOS 13 or later). Converted, not run: Core ML runs on those only, so "
        "compare with golden.json there",
    ),
    Converter(
        "litert",
        "litert_torch",
        "litert-torch",
        convert.LITERT_FILE,
        25.0,
        "for LiteRT (TensorFlow Lite); it was run, and agrees with the trained network",
    ),
)


class Square(nn.Module):
    """A classifier of one image of the network's size: these runtimes have their own means to resize.

    Args:
        network: Normalised pixels in, logits out.
        temperature: Divides the logits, > 0.
    """

    def __init__(self, network: nn.Module, temperature: float) -> None:
        super().__init__()
        self.normalise, self.network, self.temperature = Normalise(), network, temperature

    def forward(self, image: Tensor) -> Tensor:
        """Maps (1, R, R, 3) float32 grey levels in [0, 255] to (1, K) probabilities."""
        logits = self.network(self.normalise(image.permute(0, 3, 1, 2)))
        return (logits / self.temperature).softmax(dim=1)  # type: ignore[no-any-return]


def write_converted(
    directory: Path, converter: Converter, trained: Trained, *, python: str = sys.executable
) -> None:
    """Writes the file of a converter into a bundle.

    Args:
        directory: The bundle.
        converter: One of `CONVERTERS`.
        trained: The network.
        python: Interpreter that has PyTorch and the converter's library.

    Raises:
        ExportError: If the conversion fails or its file disagrees with the network.
    """
    side, temperature = trained.side, trained.trust.temperature
    images = trained.some_images()
    with trained.answering() as module:
        program = trace(Square(module, temperature).eval(), torch.zeros(1, side, side, 3), {})
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        torch.export.save(program, place / "program.pt2")
        np.save(place / "images.npy", _grey_levels(images, side))
        _run(converter, place, python)
        if (place / convert.ANSWERS).is_file():
            answers = torch.from_numpy(np.load(place / convert.ANSWERS))
            judge(converter.file, answers, probabilities(trained.module, images, side, temperature))
        shutil.copyfile(place / converter.file, directory / converter.file)


def _grey_levels(images_u8: Tensor, side: int) -> np.ndarray:
    """Returns the images as these files take them: squashed, (N, R, R, 3) float32 in [0, 255]."""
    squashed = preprocess(images_u8, side) * 127.5 + 127.5
    values: np.ndarray = squashed.permute(0, 2, 3, 1).contiguous().numpy()
    return values


def _run(converter: Converter, place: Path, python: str) -> None:
    command = [python, "-P", convert.__file__, converter.kind]
    command += [str(place / "program.pt2"), str(place / "images.npy"), str(place)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_MOST_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise ExportError(f"{converter.package} took more than {_MOST_SECONDS:.0f} seconds.") from None
    if done.returncode != 0 or not (place / converter.file).is_file():
        last = next(_lines_backwards(done.stderr), f"it ended with {done.returncode}")
        raise ExportError(f"{converter.package} could not convert it: {last[:200]}")


def _lines_backwards(text: str) -> Iterator[str]:
    return (line.strip() for line in reversed(text.splitlines()) if line.strip())
