"""ImageNet weights that whoever runs the server may put there for networks without any in a package.

A file ``<name>.safetensors`` in ``weights`` of ``AUTOML_VAR_DIR`` (``var``), or in the directory (or the
file) that the environment variable ``AUTOML_WEIGHTS`` names, with the tensors of timm's network of that name.
Files of timm's hub fit as they are.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from nas.errors import NasError

_OUR_MEAN, _OUR_DEVIATION = 0.5, 0.5


def weights_file(name: str) -> Path | None:
    """Returns the file of weights for a network of timm, None if there is none.

    Args:
        name: Name of the network, e.g. ``resnet50``.
    """
    named = os.environ.get("AUTOML_WEIGHTS")
    places = [Path(named)] if named else []
    for place in (*places, Path(os.environ.get("AUTOML_VAR_DIR", "var")) / "weights"):
        file = place / f"{name}.safetensors" if place.is_dir() else place
        if file.is_file() and file.stem == name:
            return file
    return None


def usable_weights(name: str) -> Path | None:
    """Returns the file of weights for a network of timm, None if there is none.

    Args:
        name: Name of the network.

    Raises:
        NasError: If there is a file that does not fit.
    """
    path = weights_file(name)
    if path is not None:
        with torch.device("meta"):  # only the keys and shapes are wanted
            module = timm.create_model(name, pretrained=False)
        _fitting_state(module, name, path)
    return path


def load_operator_weights(module: nn.Module, name: str, path: Path) -> None:
    """Fills a network of timm with weights from a file, all but the classifier, in place.

    Images come to our networks with mean 0.5 and deviation 0.5; where the network was trained with others,
    its first convolution and the batch norm behind it take the difference in.

    Args:
        module: The network, freshly built.
        name: Its name among timm's.
        path: A safetensors file.

    Raises:
        NasError: If the file cannot be read or does not fit.
    """
    state = _fitting_state(module, name, path)
    _renormalise(state, _facts(name))
    module.load_state_dict(state, strict=False)


def _fitting_state(module: nn.Module, name: str, path: Path) -> dict[str, Tensor]:
    """Returns the tensors of a file that a network wants, without the classifier."""
    try:
        state = load_file(path)
    except (OSError, SafetensorError) as error:
        raise NasError(f"{path.name} is no readable safetensors file.") from error
    head = f"{_facts(name)['classifier']}."
    wanted = {
        key: value.shape
        for key, value in module.state_dict().items()
        if not key.startswith(head) and not key.endswith("num_batches_tracked")
    }
    missing = [key for key, shape in wanted.items() if key not in state or state[key].shape != shape]
    if missing:
        raise NasError(
            f"{path.name} does not hold the weights of timm's {name}: {missing[0]} is missing or of another "
            "shape."
        )
    return {key: state[key].float() for key in wanted}


def _facts(name: str) -> dict[str, Any]:
    """Returns what timm knows of a network's weights."""
    config = timm.get_pretrained_cfg(name)
    assert config is not None  # every network that is trained beside a search has one
    return asdict(config)


def _renormalise(state: dict[str, Tensor], config: Mapping[str, object]) -> None:
    """Takes another normalisation of the images into the first layer: exact but for the padded border."""
    mean, deviation = (torch.tensor(config[key]) for key in ("mean", "std"))
    first = str(config["first_conv"])
    weight = state[f"{first}.weight"]  # (outputs, 3, k, k)
    shift = (weight * ((_OUR_MEAN - mean) / deviation).view(1, 3, 1, 1)).sum(dim=(1, 2, 3))
    state[f"{first}.weight"] = weight * (_OUR_DEVIATION / deviation).view(1, 3, 1, 1)
    # The batch norm subtracts its mean: what the convolution no longer adds, it subtracts less.
    state["bn1.running_mean"] = state["bn1.running_mean"] - shift
