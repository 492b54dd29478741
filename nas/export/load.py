"""Weights on disk: safetensors only, never a pickle."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from nas.architecture import Architecture
from nas.errors import ExportError
from nas.networks import build_network

WEIGHTS_NAME = "model.safetensors"


def save_state(module: nn.Module, path: Path) -> None:
    """Writes the weights of a network, in one piece."""
    state = {key: tensor.detach().contiguous() for key, tensor in module.state_dict().items()}
    temporary = path.with_name(f".{path.name}.part")
    save_file(state, temporary)
    temporary.replace(path)


def load_state(path: Path) -> dict[str, Tensor]:
    """Reads weights.

    Raises:
        ExportError: If the file is missing or damaged.
    """
    try:
        state: dict[str, Tensor] = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ExportError("The stored weights cannot be read; train the network again.") from error
    return state


def load_network(source: Path, architecture: Architecture, n_classes: int) -> nn.Module:
    """Builds a network and loads its weights.

    Args:
        source: A safetensors file, or the directory of a bundle.
        architecture: The architecture that was trained.
        n_classes: Number of outputs.

    Returns:
        The network in eval mode.

    Raises:
        ExportError: If the weights cannot be read or are of another network.
    """
    state = load_state(source / WEIGHTS_NAME if source.is_dir() else source)
    with torch.random.fork_rng(devices=[]):  # drawing the weights must not move the caller's randomness
        module = build_network(architecture, n_classes)
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise ExportError("The stored weights are of another network; train it again.") from error
    return module.eval()
