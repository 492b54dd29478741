"""One trained network for all tests of quantisation."""

from __future__ import annotations

import pytest
from torch import nn

from nas.architecture import MBConvArchitecture
from nas.data.cache import ImageCache
from nas.quantise.calibrate import Histograms
from nas.quantise.images import CalibrationImages
from nas.quantise.network import QuantNetwork, fold_network
from tests.unit.quantise.networks import SIDE, trained_on_digits

Trained = tuple[nn.Module, MBConvArchitecture]


@pytest.fixture(scope="session")
def trained(digit_cache: ImageCache) -> Trained:
    return trained_on_digits(digit_cache)


@pytest.fixture(scope="session")
def images(digit_cache: ImageCache) -> CalibrationImages:
    return CalibrationImages(digit_cache, SIDE, n_images=256)


@pytest.fixture(scope="session")
def in_float(trained: Trained) -> QuantNetwork:
    return fold_network(*trained).eval()


@pytest.fixture(scope="session")
def histograms(in_float: QuantNetwork, images: CalibrationImages) -> Histograms:
    return Histograms(in_float, images)
