"""What a sub-network of a supernet is worth: no training, only statistics of its own."""

from __future__ import annotations

import numpy as np
from torch import nn

from nas.architecture import MBConvArchitecture
from nas.data.cache import ImageCache
from nas.prediction import Evaluation, evaluate, reestimate_batch_norm
from nas.supernet.elastic import ElasticLite0

STATISTICS_IMAGES = 512
"""Training images whose batches give a sub-network its batch-norm statistics."""


def settled(
    supernet: ElasticLite0,
    architecture: MBConvArchitecture,
    cache: ImageCache,
    *,
    n_images: int = STATISTICS_IMAGES,
) -> nn.Module:
    """Returns an extracted sub-network with batch-norm statistics of its own.

    The shared statistics are those of the teacher; training leaves them, and they fit none of its parts.

    Args:
        supernet: The shared weights.
        architecture: Which sub-network.
        cache: Images; only the training part is read.
        n_images: About how many training images to use.
    """
    module = supernet.extract(architecture)
    reestimate_batch_norm(module, cache, architecture.resolution, n_images=n_images)
    return module


def score(
    supernet: ElasticLite0, architecture: MBConvArchitecture, cache: ImageCache, rows: np.ndarray
) -> Evaluation:
    """Judges a sub-network on labelled photos, e.g. those of `nas.prediction.validation_rows`."""
    return evaluate(settled(supernet, architecture, cache), cache, rows, architecture.resolution)
