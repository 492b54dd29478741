"""A quantised network in a file: its tensors, and beside them widths, ranges and activations."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nas.architecture import Architecture
from nas.errors import ExportError
from nas.quantise.network import QuantNetwork, fold_network

_RANGE = ("bits", "low", "high", "observed", "fixed")
_LAYER = ("bits", "activation")
_DAMAGED = (OSError, RuntimeError, ValueError, KeyError, TypeError, EOFError, pickle.UnpicklingError)


def save_network(network: QuantNetwork, path: Path) -> None:
    """Writes a network; tensors and plain values only, so that reading it runs no code."""
    torch.save(
        {
            "tensors": network.state_dict(),
            "ranges": [{name: getattr(each, name) for name in _RANGE} for each in network.ranges],
            "layers": [{name: getattr(each, name) for name in _LAYER} for each in network.layers],
        },
        path,
    )


def load_network(path: Path, module: nn.Module, architecture: Architecture) -> QuantNetwork:
    """Returns a network of `save_network`, simulated and in eval mode.

    Args:
        path: The file.
        module: Any network of the architecture, trained or not; left as it is.
        architecture: The architecture.

    Raises:
        ExportError: If the file is damaged or of another architecture.
    """
    network = fold_network(module, architecture)
    network.simulated = True
    try:
        found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(found["tensors"])
        for each, values in zip(network.ranges, found["ranges"], strict=True):
            for name in _RANGE:
                setattr(each, name, values[name])
        for layer, values in zip(network.layers, found["layers"], strict=True):
            for name in _LAYER:
                setattr(layer, name, values[name])
    except _DAMAGED as error:
        raise ExportError(
            "The quantised network cannot be read or is of another architecture; quantise it again."
        ) from error
    return network.eval()
