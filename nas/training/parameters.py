"""What of a network is trained, and at which rate."""

from __future__ import annotations

import torch
from torch import nn

from nas.training.config import TrainingConfig


def freeze(module: nn.Module, config: TrainingConfig) -> None:
    """Takes out of the training what the configuration keeps as it is."""
    if config.freeze_norms:
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eval()
    if config.first_stage > 0:
        kept = ("conv_stem.", "bn1.", *(f"blocks.{stage}." for stage in range(config.first_stage)))
        for name, parameter in module.named_parameters():
            parameter.requires_grad_(not name.startswith(kept))


def make_optimizer(module: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """Returns AdamW with four groups: (body, head) x (decayed, not decayed)."""
    head = {id(parameter) for parameter in head_parameters(module)}
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for parameter in (each for each in module.parameters() if each.requires_grad):
        groups.setdefault((id(parameter) in head, parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "peak": config.learning_rate * (config.head_multiplier if is_head else 1.0),
                "weight_decay": config.weight_decay if is_decayed else 0.0,
            }
            for (is_head, is_decayed), parameters in sorted(groups.items())
        ],
        lr=config.learning_rate,
        fused=True,  # one pass over memory: worth a few percent of a step on CPUs
    )


def head_parameters(module: nn.Module) -> list[nn.Parameter]:
    """Returns the parameters of the classifier of a timm network; none for other modules."""
    get_classifier = getattr(module, "get_classifier", None)
    return list(get_classifier().parameters()) if callable(get_classifier) else []
