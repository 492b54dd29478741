"""From an architecture to an untrained `nn.Module`."""

from __future__ import annotations

from functools import partial
from typing import Any

import timm
from timm.layers.create_act import get_act_layer
from timm.models.efficientnet import EfficientNet
from torch import nn

from nas.architecture import Architecture, CellArchitecture, MBConvArchitecture, Stage
from nas.errors import SpaceError
from nas.networks.cells import build_cells

BATCH_NORM_EPS = 1e-3
"""TensorFlow's value, with which the EfficientNet-Lite weights were trained."""

BATCH_NORM_MOMENTUM = 0.1
_HEAD_DEVIATION = 0.01
_NO_DILATION = 1 << 16  # timm turns strides beyond `output_stride` into dilation: never wanted here


def build_network(architecture: Architecture, n_classes: int, *, dropout: float = 0.2) -> nn.Module:
    """Builds the network of an architecture with freshly drawn weights.

    MBConv networks use timm's EfficientNet class, so that keys and 'same' padding are those of timm's
    ``tf_efficientnet_lite0``. Weights come from torch's global generator.

    Args:
        architecture: What to build.
        n_classes: Number of outputs, >= 1.
        dropout: Dropout before the classifier, fraction in [0, 1).

    Returns:
        A module in training mode: (N, 3, R, R) float32 -> (N, n_classes) logits.

    Raises:
        SpaceError: If the architecture cannot be built.
    """
    if n_classes < 1:
        raise SpaceError(f"A network needs at least one class, not {n_classes}.")
    if isinstance(architecture, MBConvArchitecture):
        return _calm_head(_build_mbconv(architecture, n_classes, dropout))
    if isinstance(architecture, CellArchitecture):
        return _calm_head(build_cells(architecture, n_classes, dropout))
    if not timm.is_model(architecture.name):
        raise SpaceError(
            f"timm knows no network named {architecture.name!r}; take a name of timm.list_models()."
        )
    module: nn.Module = timm.create_model(
        architecture.name, pretrained=False, num_classes=n_classes, drop_rate=dropout
    )
    return _calm_head(module)


def _calm_head(module: nn.Module) -> nn.Module:
    """Draws the classifier small, as torchvision does.

    timm's range is 1 / sqrt(classes): with few classes the first loss is several times that of a guess, and
    its gradients tear the features that were inherited.
    """
    get_classifier = getattr(module, "get_classifier", None)
    head = get_classifier() if callable(get_classifier) else None
    if isinstance(head, nn.Linear):
        nn.init.normal_(head.weight, std=_HEAD_DEVIATION)
        nn.init.zeros_(head.bias)
    return module


def _build_mbconv(architecture: MBConvArchitecture, n_classes: int, dropout: float) -> nn.Module:
    _check(architecture)
    module: nn.Module = EfficientNet(
        block_args=[_block_args(stage) for stage in architecture.stages],
        num_classes=n_classes,
        num_features=architecture.head_channels,
        stem_size=architecture.stem_channels,
        fix_stem=True,
        output_stride=_NO_DILATION,
        pad_type="same",
        act_layer=get_act_layer(architecture.activation),
        norm_layer=partial(nn.BatchNorm2d, eps=BATCH_NORM_EPS, momentum=BATCH_NORM_MOMENTUM),
        round_chs_fn=lambda channels: channels,
        drop_rate=dropout,
    )
    return module


def _check(architecture: MBConvArchitecture) -> None:
    widths = [architecture.stem_channels, architecture.head_channels]
    widths += [stage.channels for stage in architecture.stages]
    if not architecture.stages or min(widths) < 1 or architecture.resolution < 1:
        raise SpaceError(
            "An architecture needs a positive resolution, positive widths and at least one stage."
        )
    for stage in architecture.stages:
        odd_kernel = stage.kernel >= 1 and stage.kernel % 2 == 1
        if stage.depth < 1 or stage.stride not in (1, 2) or stage.expansion < 1 or not odd_kernel:
            raise SpaceError(
                f"A stage needs depth >= 1, stride 1 or 2, expansion >= 1 and an odd kernel: {stage}."
            )


def _block_args(stage: Stage) -> list[dict[str, Any]]:
    """Returns timm's block arguments of one stage, one dict a block."""
    args: dict[str, Any] = {
        "block_type": stage.op,
        "out_chs": stage.channels,
        "stride": stage.stride,
        "act_layer": None,
        "se_ratio": stage.se_ratio,
        "pw_kernel_size": 1,
        "noskip": False,
    }
    if stage.op == "ds":
        args |= {"dw_kernel_size": stage.kernel}
    elif stage.op == "ir":
        args |= {"dw_kernel_size": stage.kernel, "exp_kernel_size": 1, "exp_ratio": float(stage.expansion)}
    elif stage.op == "er":
        args |= {"exp_kernel_size": stage.kernel, "exp_ratio": float(stage.expansion), "force_in_chs": 0}
    else:
        raise SpaceError(f"Unknown block type {stage.op!r}; known are ds, ir and er.")
    return [dict(args) for _ in range(stage.depth)]
