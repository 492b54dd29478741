"""EfficientNet-Lite networks with their ImageNet weights, as parents to inherit from."""

from __future__ import annotations

from functools import lru_cache

from nas.evaluators.base import ParentWeights
from nas.networks.weights import lite_state_dict, lite_versions_at_hand
from nas.spaces.lite import lite_architecture

__all__ = ["imagenet_parent", "lite_versions_at_hand"]

_SIDES = {0: 224, 1: 240, 2: 260}
"""Resolution in pixels that each version was trained at."""


@lru_cache(maxsize=3)
def imagenet_parent(version: int = 0) -> ParentWeights:
    """Returns an EfficientNet-Lite as trained on ImageNet, without its classifier.

    Args:
        version: 0, 1 or 2; the weights of 1 and 2 are read when they are first asked for.

    Raises:
        NasError: If the weights of that version are not installed.
    """
    state = {
        key: value for key, value in lite_state_dict(version).items() if not key.startswith("classifier.")
    }
    return ParentWeights(lite_architecture(version, _SIDES[version]), state)
