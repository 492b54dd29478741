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
    """Returns AdamW with a group for each rate and decay: body (by stage where rates differ) and head."""
    head = {id(parameter) for parameter in head_parameters(module)}
    stages = len(getattr(module, "blocks", ()))
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            factor = config.head_multiplier if id(parameter) in head else _rate(name, stages, config)
            groups.setdefault((factor, parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "peak": config.learning_rate * factor,
                "weight_decay": config.weight_decay if is_decayed else 0.0,
            }
            for (factor, is_decayed), parameters in sorted(groups.items(), key=lambda group: group[0])
        ],
        lr=config.learning_rate,
        fused=True,  # one pass over memory: worth a few percent of a step on CPUs
    )


def _rate(name: str, stages: int, config: TrainingConfig) -> float:
    """Returns the factor on the rate of a parameter of the body; `stages` is 0 for other than MBConv."""
    if name.startswith(("conv_stem.", "bn1.")):
        below = stages
    elif name.startswith("blocks.") and stages:
        below = stages - 1 - int(name.split(".")[1])
    else:
        below = 0
    return config.layer_decay**below


def head_parameters(module: nn.Module) -> list[nn.Parameter]:
    """Returns the parameters of the classifier of a timm network; none for other modules."""
    get_classifier = getattr(module, "get_classifier", None)
    return list(get_classifier().parameters()) if callable(get_classifier) else []
