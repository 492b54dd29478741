"""Converts a program of torch.export for Core ML or LiteRT, in a process of its own.

    python -P convert.py coreml|litert PROGRAM IMAGES DIRECTORY

A child process, because converters bring much along and are native code that may end the process.
It imports nothing of this program, so it runs in any environment that has PyTorch and the converter.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from torch.export import ExportedProgram

CORE_ML_FILE, LITERT_FILE = "model.mlpackage.zip", "model.tflite"
ANSWERS = "answers.npy"


def to_core_ml(program: ExportedProgram, directory: Path) -> None:
    """Writes an ML program for iOS 16, macOS 13 or later, zipped, because a package is a directory."""
    import coremltools as ct

    converted = ct.convert(
        program.run_decompositions({}),
        minimum_deployment_target=ct.target.iOS16,
        compute_precision=ct.precision.FLOAT32,  # only Apple's machines can tell what half precision costs
    )
    package = directory / "package" / "model.mlpackage"
    converted.save(str(package))
    shutil.make_archive(str(directory / CORE_ML_FILE.removesuffix(".zip")), "zip", package.parent)


def to_litert(program: ExportedProgram, images: np.ndarray, directory: Path) -> None:
    """Writes a .tflite file, and its answers to images, (N, R, R, 3) float32, as `ANSWERS`."""
    import litert_torch
    from ai_edge_litert.interpreter import Interpreter

    path = directory / LITERT_FILE
    litert_torch.convert(program.module(), (torch.from_numpy(images[:1]),)).export(str(path))
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    entry, exit_ = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    answers = []
    for image in images:
        interpreter.set_tensor(entry, image[None])
        interpreter.invoke()
        answers.append(interpreter.get_tensor(exit_)[0])
    np.save(directory / ANSWERS, np.stack(answers))


def main(kind: str, program: str, images: str, directory: str) -> None:
    """Converts; whatever goes wrong ends the process with a traceback."""
    loaded = torch.export.load(program)
    if kind == "coreml":
        to_core_ml(loaded, Path(directory))
    else:
        to_litert(loaded, np.load(images), Path(directory))


if __name__ == "__main__":
    main(*sys.argv[1:])
