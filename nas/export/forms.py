"""The further forms of a network in a download: PyTorch code, a program, and what converters make of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from nas.architecture import Architecture, TimmArchitecture
from nas.errors import ExportError
from nas.export.card import plain
from nas.export.optional import CONVERTERS, Converter, write_converted
from nas.export.plain.write import CODE_NAME, write_code
from nas.export.program import PROGRAM_NAME, check_program, export_program
from nas.export.trained import Trained

PROGRAM_SECONDS = 6.0
"""What model.pt2 takes with its check, roughly, on one busy core."""

_NO_TIME = "is not here: there was no time left for it in the run."


def write_forms(
    directory: Path, trained: Trained, metadata: Mapping[str, str], *, seconds: float = math.inf
) -> list[str]:
    """Writes model.py beside model.safetensors, and the program and the converters' files if there is time.

    Args:
        directory: The bundle; it holds model.safetensors.
        trained: The network.
        metadata: Text for the program's file.
        seconds: Time for what takes seconds: everything but model.py.

    Returns:
        Lines for the model card, one a form: what it is, or why it is not there.

    Raises:
        ExportError: If model.py or the program disagrees with the trained network.
    """
    write_code(directory, trained)
    lines = [f"{CODE_NAME}: {_code_words(trained.architecture)}"]
    if seconds < PROGRAM_SECONDS:
        return [*lines, f"{PROGRAM_NAME} {_NO_TIME}"]
    lines.append(_write_program(directory, trained, metadata))
    seconds -= PROGRAM_SECONDS
    for converter in CONVERTERS:
        if converter.installed and seconds < converter.seconds:
            lines.append(f"{converter.file} {_NO_TIME}")
            continue
        lines.append(_write_optional(directory, converter, trained))
        seconds -= converter.seconds
    return lines


def _code_words(architecture: Architecture) -> str:
    if isinstance(architecture, TimmArchitecture):
        return "loads model.safetensors into timm's network of that name."
    return "the network as readable PyTorch code; it loads model.safetensors and needs torch and safetensors."


def _write_program(directory: Path, trained: Trained, metadata: Mapping[str, str]) -> str:
    path = directory / PROGRAM_NAME
    try:
        export_program(trained, path, metadata)
    except ExportError as error:
        return f"{PROGRAM_NAME} is not here: {error}"
    found = check_program(trained, path)
    return (
        f"{PROGRAM_NAME}: a program of torch.export with the input and output of model.onnx; largest "
        f"difference of a probability from the trained network {found.max_difference:.1e} on "
        f"{found.n_images} images. `torch.export.load` unpickles: load it only from someone you trust."
    )


def _write_optional(directory: Path, converter: Converter, trained: Trained) -> str:
    if not converter.installed:
        return (
            f"{converter.file} is not here: `pip install {converter.package}` where this network is "
            "exported, and export it again."
        )
    try:
        write_converted(directory, converter, trained)
    except ExportError as error:
        return f"{converter.file} is not here: {plain(str(error))}"
    side = trained.side
    return (
        f"{converter.file}: {converter.words}. It takes one image of {side} x {side} pixels, float32 RGB "
        f"(1, {side}, {side}, 3) in [0, 255], and gives probabilities."
    )
