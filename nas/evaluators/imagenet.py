"""EfficientNet-Lite0 with its ImageNet weights, as a parent to inherit from."""

from __future__ import annotations

from functools import lru_cache

from nas.evaluators.base import ParentWeights
from nas.networks import lite0_state_dict
from nas.spaces.lite import lite0_architecture


@lru_cache(maxsize=1)
def imagenet_parent() -> ParentWeights:
    """Returns Lite0 as trained on ImageNet, without its classifier."""
    state = {key: value for key, value in lite0_state_dict().items() if not key.startswith("classifier.")}
    return ParentWeights(lite0_architecture(224), state)
