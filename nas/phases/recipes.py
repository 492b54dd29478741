"""How to train what inherits weights: the whole Lite0 gently, a changed network with all its layers.

The whole network fits its batch-norm statistics and is spoilt by those of small batches; few epochs are
best spent on the last stages, which also makes each step cheaper. A network with dropped blocks and
channels is the opposite case: its statistics are of another network. docs/decisions/0007 has the figures.
"""

from __future__ import annotations

from nas.architecture import Architecture, CellArchitecture
from nas.evaluators.base import Recipe
from nas.phases.context import RunContext
from nas.phases.speed import expected_epochs
from nas.spaces.lite import lite_version

_WHOLE_RATE = 3e-4
_CHANGED_RATE = 7e-4
_CHANGED_FINAL_RATE = 5e-4
_CELL_RATE = 2e-3
_EPOCHS_FOR_FULL_RATE = 2.0
_LEAST_FACTOR = 0.4
_FIRST_STAGES = ((5.0, 5), (10.0, 3))
"""(epochs, stage): below so many epochs of all layers, training begins with this stage."""


def inherited_recipe(ctx: RunContext, architecture: Architecture, seconds: float, *, final: bool) -> Recipe:
    """Returns the recipe of a training that begins with inherited weights.

    Args:
        ctx: The run; its measured speed tells how many epochs the seconds are.
        architecture: What is trained.
        seconds: Training seconds.
        final: True for a final training, whose weights have settled already.
    """
    if isinstance(architecture, CellArchitecture):  # its weights come from a short training of its own
        return Recipe(learning_rate=_CELL_RATE)
    if lite_version(architecture) is None:
        return Recipe(learning_rate=_CHANGED_FINAL_RATE if final else _CHANGED_RATE)
    return whole_recipe(expected_epochs(ctx, architecture, seconds))


def whole_recipe(epochs: float) -> Recipe:
    """Returns the recipe of a whole Lite0 that starts from ImageNet weights.

    Args:
        epochs: Expected passes over the training images with all layers trained.
    """
    factor = min(1.0, max(_LEAST_FACTOR, epochs / _EPOCHS_FOR_FULL_RATE))
    first_stage = next((stage for below, stage in _FIRST_STAGES if epochs < below), 0)
    return Recipe(learning_rate=_WHOLE_RATE * factor, freeze_norms=True, first_stage=first_stage)
