"""Elastic weights from any images: the pretrained network teaches its own parts, no labels needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from nas.data.cache import ImageCache
from nas.events import ShouldStop
from nas.networks import build_network
from nas.networks.weights import IMAGENET_CLASSES, LITE0_LICENCE, lite0_state_dict
from nas.spaces.lite import lite0_architecture
from nas.spaces.resolutions import RESOLUTIONS
from nas.supernet.draws import Sandwich
from nas.supernet.elastic import ElasticLite0
from nas.supernet.files import save_elastic
from nas.supernet.folding import fit_folds
from nas.supernet.norms import recentre_norms
from nas.supernet.training import ElasticConfig, train_elastic
from nas.training import TrainingResult

LARGEST_SIDE = 224
"""Side in pixels at which ImageNet was learnt."""


def pretrain(
    cache: ImageCache,
    path: Path,
    *,
    seconds: float,
    seed: int = 0,
    on_progress: Callable[[float], None] | None = None,
    should_stop: ShouldStop | None = None,
) -> TrainingResult:
    """Makes elastic weights of EfficientNet-Lite0 as it was trained on ImageNet, and writes them.

    Its answers over the 1,000 classes of ImageNet are what the sub-networks learn, on images of any kind. A
    run that was cut short goes on from the checkpoint beside the file.

    Args:
        cache: Images; only the training part is read, no labels.
        path: The safetensors file to write; a JSON file of the same name lies beside it.
        seconds: Training seconds, > 0.
        seed: Of everything random.
        on_progress: Takes the fraction done after each step.
        should_stop: Polled after every step; True writes what there is.

    Raises:
        EvaluationError: If there are no images to train on.
    """
    sides = tuple(side for side in RESOLUTIONS if side <= cache.cache_size) or RESOLUTIONS[:1]
    side = max(sides)
    supernet, teacher = _start(cache, side)
    config = ElasticConfig(side, seconds=seconds, labels=False, seed=seed)
    checkpoint = path.with_suffix(".checkpoint")
    result = train_elastic(
        supernet,
        teacher,
        cache,
        config,
        Sandwich(sides),
        checkpoint=checkpoint,
        on_progress=on_progress,
        should_stop=should_stop,
    )
    facts = {
        "source": "EfficientNet-Lite0, ImageNet",
        "licence": LITE0_LICENCE,
        "resolutions": list(sides),
        "images": len(cache.indices("train")),
        "images_seen": result.images_seen,
        "seconds": round(result.seconds, 1),
        "steps": result.steps,
    }
    save_elastic(supernet, path, facts)
    if not result.interrupted:
        checkpoint.unlink(missing_ok=True)
    return result


def _start(cache: ImageCache, side: int) -> tuple[ElasticLite0, nn.Module]:
    """Returns the supernet and its teacher, both as ImageNet left them."""
    with torch.random.fork_rng(devices=[]):
        teacher = build_network(lite0_architecture(side), IMAGENET_CLASSES)
    teacher.load_state_dict(lite0_state_dict())
    recentre_norms(teacher, cache, side)
    supernet = ElasticLite0.of(teacher.state_dict(), IMAGENET_CLASSES)
    fit_folds(supernet, cache, side)
    return supernet, teacher
