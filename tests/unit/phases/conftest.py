"""A boastful network of digits, and its download with an int8 file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import nn

from nas.architecture import MBConvArchitecture
from nas.data.cache import ImageCache
from tests.bundles import int8_bundle
from tests.unit.quantise.networks import trained_on_digits

Trained = tuple[nn.Module, MBConvArchitecture]
Made = tuple[Path, dict[str, Any]]


@pytest.fixture(scope="module")
def trained(digit_cache: ImageCache) -> Trained:
    module, architecture = trained_on_digits(digit_cache, epochs=5.0)
    with torch.no_grad():
        cast(nn.Linear, module.get_submodule("classifier")).weight.mul_(
            3.0
        )  # boastful: a temperature is fitted
    return module, architecture


@pytest.fixture(scope="module")
def made(trained: Trained, digit_cache: ImageCache, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return int8_bundle(tmp_path_factory.mktemp("run"), *trained, digit_cache)
