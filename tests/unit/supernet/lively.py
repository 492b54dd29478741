"""A supernet in which every tensor matters."""

from __future__ import annotations

import torch
from torch import nn

from nas.supernet.elastic import ElasticLite0


def lively(n_classes: int = 3, seed: int = 0) -> ElasticLite0:
    """In eval mode; batch norms, kernel transforms and folds are nothing special like zero or one."""
    torch.manual_seed(seed)
    supernet = ElasticLite0(n_classes)
    with torch.no_grad():
        nn.init.uniform_(supernet.network.get_submodule("classifier").weight, -0.5, 0.5)
        for layer in supernet.network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.weight.uniform_(0.5, 1.5)
                layer.bias.normal_(0.2, 0.3)
                layer.running_mean.normal_(0, 0.1)
                layer.running_var.uniform_(0.5, 1.5)
        for matrix in [*supernet.transforms.values(), *supernet.folds.values()]:
            matrix.add_(0.05 * torch.randn(matrix.shape))
    supernet.sort_channels()
    return supernet.eval()
