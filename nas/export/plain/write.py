"""Writes model.py into a download, and only if its network is the trained one."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nas.data.preprocess import preprocess
from nas.errors import ExportError
from nas.export.load import WEIGHTS_NAME
from nas.export.plain.code import model_code
from nas.export.trained import Trained

CODE_NAME = "model.py"
MOST_DIFFERENCE = 1e-5
"""Largest difference of a logit, relative to the largest logit or to 1, whichever is more."""


def write_code(directory: Path, trained: Trained) -> None:
    """Writes model.py beside model.safetensors, loads both as a user would, and compares the logits.

    Args:
        directory: The bundle; it holds model.safetensors.
        trained: The network.

    Raises:
        ExportError: If the network cannot be written as code, or the code computes something else.
    """
    images = trained.some_images()
    code = model_code(trained)
    with trained.answering() as module, _imported(code) as written, torch.inference_mode():
        expected = module(preprocess(images, trained.side))
        found = _load(written, directory / WEIGHTS_NAME)(written.preprocess(images))
    scale = max(1.0, float(expected.abs().max()))
    if not float((found - expected).abs().max()) <= MOST_DIFFERENCE * scale:  # NaN fails, too
        raise ExportError(
            "The network as PyTorch code does not answer as the trained one, so it is not offered; train it "
            "again or report this."
        )
    (directory / CODE_NAME).write_text(code, encoding="utf-8")


def _load(written: Any, weights: Path) -> nn.Module:
    try:
        network: nn.Module = written.load(weights)
    except ValueError as error:
        raise ExportError(f"The network as PyTorch code does not take the weights: {error}") from error
    return network


@contextmanager
def _imported(code: str) -> Iterator[Any]:
    """Gives the code as a module, from a place of its own: Python leaves its byte code beside a file."""
    with tempfile.TemporaryDirectory() as directory, torch.random.fork_rng(devices=[]):
        path = Path(directory) / CODE_NAME
        path.write_text(code, encoding="utf-8")
        spec = importlib.util.spec_from_file_location("nas_written_model", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
