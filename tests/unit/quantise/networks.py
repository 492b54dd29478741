"""Small trained networks that the tests of quantisation share."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from nas.architecture import MBConvArchitecture
from nas.data.augment import Augmentation
from nas.data.cache import ImageCache
from nas.networks import build_network
from nas.quantise.images import CalibrationImages, logits_of
from nas.training import TrainingConfig, train
from tests.unit.networks.architectures import tiny

SIDE = 16


def trained_on_digits(cache: ImageCache, epochs: float = 12.0) -> tuple[nn.Module, MBConvArchitecture]:
    """A network of four blocks that knows most digits."""
    architecture = tiny(SIDE)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = build_network(architecture, cache.n_classes, dropout=0.0)
    calm = Augmentation(random_crop=0.9, flip=False, colour=0.0)
    config = TrainingConfig(
        SIDE, seconds=1e6, learning_rate=1e-2, head_multiplier=1.0, max_epochs=epochs, augmentation=calm
    )
    train(module, cache, config)
    return module.eval(), architecture


def divergence(network: nn.Module, reference: nn.Module, images: CalibrationImages) -> float:
    """Mean KL divergence of the answers from the reference's."""
    found, wanted = (logits_of(each, images).log_softmax(dim=1) for each in (network, reference))
    return float(F.kl_div(found, wanted, log_target=True, reduction="batchmean"))
