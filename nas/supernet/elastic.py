"""EfficientNet-Lite0 whose depth, expansion and kernels may shrink: all sub-networks share its weights.

After Cai et al. 2020, "Once-for-All" (arXiv 1908.09791). A sub-network takes the first blocks of a stage, the
first channels of an expansion and the centre of a kernel, times a learnt matrix. Nothing is copied to run
one: timm's own code computes it, on slices of the shared weights.

Beyond the paper, what the dropped channels did may be folded into the kept ones, see `nas.supernet.folding`.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.func import functional_call

from nas.architecture import MBConvArchitecture, Stage
from nas.errors import SpaceError
from nas.networks import build_network
from nas.networks.channels import mid_importance, resize_kernel
from nas.spaces.lite import LITE0_STAGES, lite0_architecture
from nas.spaces.lite_elastic import EXPANSIONS

_SMALL_KERNEL = 3


class ElasticLite0(nn.Module):
    """The shared weights, and how a sub-network reads them.

    Args:
        n_classes: Number of outputs, >= 1.
        dropout: Dropout before the classifier, fraction in [0, 1).

    Attributes:
        network: The largest sub-network, a whole Lite0 in timm's layout.
        transforms: Block -> (9, 9) matrix that makes a 3x3 kernel of the centre of its 5x5 one; shared by the
            channels of the block. The identity at first: the centre crop.
        folds: Block and kept channels -> (dropped, kept) matrix: how the projection's columns of dropped
            channels add to those of kept ones. Zero at first: the columns are dropped.
        orders: Block -> (mid,) the place that each expanded channel had before `sort_channels`.
    """

    def __init__(self, n_classes: int, *, dropout: float = 0.2) -> None:
        super().__init__()
        self.n_classes, self.dropout = n_classes, dropout
        self.network = build_network(lite0_architecture(), n_classes, dropout=dropout)
        self.network.to(memory_format=torch.channels_last)
        names = [name for name, stage in _blocks() if stage.kernel > _SMALL_KERNEL]
        self.transforms = nn.ParameterDict({_plain(name): torch.eye(_SMALL_KERNEL**2) for name in names})
        self.folds = nn.ParameterDict(
            {
                _fold_key(name, kept): torch.zeros(mid - kept, kept)
                for name, stage in _blocks()
                for mid in [len(self.network.state_dict()[f"{name}.conv_dw.weight"])]
                for kept in [round(mid * ratio / stage.expansion) for ratio in EXPANSIONS[:-1]]
            }
        )
        self.orders: dict[str, Tensor] = {}
        self._forms: dict[tuple[int, float], nn.Module] = {}

    @classmethod
    def of(
        cls,
        state: Mapping[str, Tensor],
        n_classes: int,
        *,
        dropout: float = 0.2,
        orders: Mapping[str, Tensor] | None = None,
    ) -> ElasticLite0:
        """Returns the supernet of a trained whole Lite0, its channels sorted by importance.

        Args:
            state: State dict of the Lite0, classifier included.
            n_classes: Number of its outputs.
            dropout: Dropout before the classifier, fraction in [0, 1).
            orders: Takes this order of channels instead, see `sort_channels`.
        """
        with torch.random.fork_rng(devices=[]):  # the drawn weights are replaced at once
            supernet = cls(n_classes, dropout=dropout)
        supernet.network.load_state_dict(dict(state))
        supernet.sort_channels(orders)
        return supernet

    def sort_channels(self, orders: Mapping[str, Tensor] | None = None) -> None:
        """Puts the expanded channels that matter most first; what the network computes stays the same.

        Args:
            orders: Block -> (mid,) which channel comes to each place, instead.
        """
        state = self.network.state_dict()
        for block, _ in _blocks():
            key = f"{block}."
            if orders is None:
                importance = mid_importance(state, key, "bn2", "conv_pwl", "bn3")
                order = importance.argsort(descending=True, stable=True)
            else:
                order = orders[block]
            permute_block(state, key, order)
            self.orders[block] = order

    def folds_of(self, block: str) -> dict[int, Tensor]:
        """Returns number of kept channels -> fold of a block."""
        names = {key: key.rpartition("_") for key in self.folds}
        return {int(n): self.folds[key] for key, (name, _, n) in names.items() if name == _plain(block)}

    def slices(self, stages: tuple[Stage, ...]) -> dict[str, Tensor]:
        """Returns the state of a sub-network as views of the shared weights; gradients flow through them."""
        whole = {**dict(self.network.named_parameters()), **dict(self.network.named_buffers())}
        return {
            key: self._slice(key, whole[key], wanted.shape)
            for key, wanted in self._form(stages).state_dict().items()
        }

    def forward(self, x: Tensor, architecture: MBConvArchitecture | None = None) -> Tensor:
        """Computes one sub-network; in training mode by the batch's statistics, which leave no trace.

        Args:
            x: (N, 3, R, R) float32 at the resolution of the sub-network.
            architecture: Which one; the largest if None.

        Returns:
            (N, n_classes) logits.
        """
        stages = LITE0_STAGES if architecture is None else architecture.stages
        form, state = self._form(stages).train(self.training), self.slices(stages)
        if self.training:  # batch norm would write into the shared statistics
            state = {key: value if value.requires_grad else value.clone() for key, value in state.items()}
        logits: Tensor = functional_call(form, state, (x,))
        return logits

    def extract(self, architecture: MBConvArchitecture) -> nn.Module:
        """Returns a sub-network as a plain network of `build_network`, with weights of its own, in eval mode.

        Raises:
            SpaceError: If the architecture is none of the sub-networks.
        """
        state = {key: value.detach().clone() for key, value in self.slices(architecture.stages).items()}
        with torch.random.fork_rng(devices=[]):
            module = build_network(architecture, self.n_classes, dropout=self.dropout)
        module.load_state_dict(state)
        return module.to(memory_format=torch.channels_last).eval()

    def _form(self, stages: tuple[Stage, ...]) -> nn.Module:
        """Returns timm's network of these stages without memory for weights; its blocks serve many forms."""
        _check(stages)
        parts = []
        for index, (stage, whole) in enumerate(zip(stages, LITE0_STAGES, strict=True)):
            forms = self._uniform(min(stage.kernel, whole.kernel), stage.expansion).get_submodule("blocks")
            parts.append(nn.Sequential(*list(forms.get_submodule(str(index)).children())[: stage.depth]))
        form = copy(self._uniform(LITE0_STAGES[1].kernel, LITE0_STAGES[1].expansion))
        form._modules = dict(form._modules)  # the copy gets a body of its own
        form.add_module("blocks", nn.Sequential(*parts))
        return form

    def _uniform(self, kernel: int, expansion: float) -> nn.Module:
        """Returns a network of full depth whose stages have this kernel and expansion where they may."""
        key = (kernel, expansion)
        if key not in self._forms:
            whole = lite0_architecture()
            stages = tuple(
                replace(stage, kernel=min(stage.kernel, kernel), expansion=min(stage.expansion, expansion))
                for stage in whole.stages
            )
            with torch.device("meta"):
                self._forms[key] = build_network(
                    replace(whole, stages=stages), self.n_classes, dropout=self.dropout
                )
        return self._forms[key]

    def _slice(self, key: str, tensor: Tensor, shape: torch.Size) -> Tensor:
        """Returns the first channels of a tensor; of a larger kernel the transformed centre."""
        kept = tensor[tuple(slice(size) for size in shape[:2])]
        if key.endswith(".conv_pwl.weight") and shape[1] < tensor.shape[1]:
            fold = self.folds[_fold_key(key.removesuffix(".conv_pwl.weight"), shape[1])]
            added: Tensor = tensor[:, shape[1] :].flatten(1) @ fold
            return kept + added.view(shape)
        if len(shape) != 4 or shape[-1] == tensor.shape[-1]:
            return kept
        matrix = self.transforms[_plain(key.removesuffix(".conv_dw.weight"))]
        small: Tensor = resize_kernel(kept, shape[-1]).flatten(1) @ matrix
        return small.view(shape)


def permute_block(state: Mapping[str, Tensor], key: str, order: Tensor) -> None:
    """Reorders the expanded channels of an inverted residual block, in place.

    Args:
        state: State dict of the network.
        key: Key of the block, with a dot at the end.
        order: (mid,) which channel comes to each place.
    """
    norms = [f"{norm}.{field}" for norm in ("bn1", "bn2") for field in _NORM_FIELDS]
    with torch.no_grad():
        for name in ("conv_pw.weight", "conv_dw.weight", *norms):
            state[key + name].copy_(state[key + name][order])
        state[f"{key}conv_pwl.weight"].copy_(state[f"{key}conv_pwl.weight"][:, order])


_NORM_FIELDS = ("weight", "bias", "running_mean", "running_var")


def _plain(block: str) -> str:
    """Returns a block's key without dots, which names of parameters may not have."""
    return block.replace(".", "_")


def _fold_key(block: str, kept: int) -> str:
    return f"{_plain(block)}_{kept}"


def _blocks() -> list[tuple[str, Stage]]:
    """Returns key and stage of each inverted residual block of Lite0."""
    return [
        (f"blocks.{index}.{number}", stage)
        for index, stage in enumerate(LITE0_STAGES)
        if stage.op == "ir"
        for number in range(stage.depth)
    ]


def _check(stages: tuple[Stage, ...]) -> None:
    fits = len(stages) == len(LITE0_STAGES) and all(
        (stage.op, stage.se_ratio, stage.channels, stage.stride)
        == (whole.op, whole.se_ratio, whole.channels, whole.stride)
        and stage.depth <= whole.depth
        and stage.kernel <= whole.kernel
        and stage.expansion <= whole.expansion
        for stage, whole in zip(stages, LITE0_STAGES, strict=True)
    )
    if not fits:
        raise SpaceError("This network is no part of EfficientNet-Lite0; the supernet cannot hold it.")
