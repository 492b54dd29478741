"""What a training keeps on disk so that a stopped process costs seconds, not minutes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

_MAGIC = b"training-checkpoint-1\n"
_DIGEST_BYTES = 32


@dataclass
class Progress:
    """How far a training has come.

    Attributes:
        seconds: Training seconds of all slices so far.
        steps: Optimiser steps.
        images: Images seen, repetitions counted.
    """

    seconds: float = 0.0
    steps: int = 0
    images: int = 0


class Average(Protocol):
    """Averaged weights that are kept beside those of the last step."""

    average: dict[str, Tensor]

    def load(self, average: Mapping[str, Tensor]) -> None:
        """Goes on with an average that was saved."""


def save_checkpoint(
    path: Path,
    fingerprint: str,
    progress: Progress,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    average: Average | None = None,
) -> None:
    """Writes a checkpoint in one piece: a reader finds the old one or the new one, never half of it."""
    write_state(
        path,
        {
            "fingerprint": fingerprint,
            "progress": dict(vars(progress)),
            "module": module.state_dict(),
            "optimizer": optimizer.state_dict(),
            "average": None if average is None else average.average,
        },
    )


def write_state(path: Path, state: Mapping[str, Any]) -> None:
    """Writes tensors and plain values with a digest, in one piece."""
    buffer = BytesIO()
    torch.save(dict(state), buffer)
    content = buffer.getvalue()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    with temporary.open("wb") as file:
        file.write(_MAGIC + hashlib.sha256(content).digest())
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def load_checkpoint(
    path: Path,
    fingerprint: str,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    average: Average | None = None,
) -> Progress | None:
    """Restores a training.

    Returns:
        How far it had come; None, with nothing changed, if there is no checkpoint, if it is torn or if it
        is of another training.
    """
    data = read_state(path)
    if data is None or data["fingerprint"] != fingerprint:
        return None
    module.load_state_dict(data["module"])
    optimizer.load_state_dict(data["optimizer"])
    if average is not None:
        average.load(data["average"])
    return Progress(**data["progress"])


def read_state(path: Path) -> dict[str, Any] | None:
    """Returns what `write_state` wrote; None if there is no such file or it is torn."""
    try:
        raw = path.read_bytes()
    except OSError:
        return None
    start = len(_MAGIC) + _DIGEST_BYTES
    content = raw[start:]
    if raw[:start] != _MAGIC + hashlib.sha256(content).digest():
        return None
    data: dict[str, Any] = torch.load(BytesIO(content), map_location="cpu", weights_only=True)
    return data
