"""Elastic weights of a large set of images, brought to the photos at hand."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from nas.supernet.elastic import ElasticLite0


def adapted(elastic: ElasticLite0, before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> ElasticLite0:
    """Returns elastic weights plus what a fine-tuning changed in the weights that they were made from.

    Task arithmetic (Ilharco et al. 2023, arXiv 2212.04089): elastic + (after - before). The elastic weights
    began as `before`, so the difference means the same in both. The classifier is that of `after`.

    Args:
        elastic: Made by `nas.supernet.pretraining` from `before`; not changed.
        before: State of Lite0 with ImageNet weights.
        after: State of the same Lite0 adapted to the photos, classifier included.
    """
    n_classes = len(after["classifier.bias"])
    result = ElasticLite0.of(after, n_classes, orders=elastic.orders)
    origin = ElasticLite0.of(
        {key: before.get(key, value) for key, value in after.items()}, n_classes, orders=elastic.orders
    )
    own, start = result.state_dict(), origin.state_dict()
    with torch.no_grad():
        for key, value in elastic.state_dict().items():
            if key.startswith("network.classifier.") or not value.is_floating_point():
                continue
            if key.startswith("network."):
                own[key].add_(value - start[key])
            else:
                own[key].copy_(value)
            if key.endswith("running_var"):
                own[key].clamp_min_(0.0)
    return result
