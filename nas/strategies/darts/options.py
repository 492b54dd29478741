"""What a DARTS search can be told."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from nas.cells import TEMPLATES
from nas.errors import SpaceError


@dataclass(frozen=True)
class DartsOptions:
    """Settings of a search; the defaults are the plain form of Liu et al. 2019 but for the size of the proxy.

    The paper searches with 8 cells of 16 channels; 3 cells of 8 channels are what a CPU does in minutes.

    Attributes:
        template: Cell family.
        resolution: Side of the images in pixels.
        channels: Channels of a node in the first stage, a multiple of `share`.
        cells: Normal cells a stage.
        stem_stride: 2 lets the cells of the search work at half of the side.
        epochs: Passes over one half of the training images.
        images: Most training images to use, both halves together; None for all.
        batch_size: Images of a step, for the weights and again for the alphas.
        weight_rate: Learning rate of the weights at the start; cosine down to `weight_rate_end`.
        weight_rate_end: Learning rate of the weights at the end.
        momentum: Of SGD on the weights.
        weight_decay: Of the weights.
        clip: Largest norm of the gradient of the weights.
        alpha_rate: Learning rate of Adam (betas .5 and .999) on the alphas.
        alpha_decay: Weight decay of the alphas.
        second_order: Takes the gradient of the alphas through one step of the weights (equations 7 and 8).
        share: K of PC-DARTS: one K-th of the channels is mixed.
        edge_normalisation: Weighs the edges into a node by a softmax of their own (PC-DARTS).
        frozen_epochs: Epochs at the start in which only the weights learn (PC-DARTS: 15).
        auxiliary_skip: A skip beside each mixture whose weight goes linearly from 1 to 0 (DARTS-).
        eigenvalue_stop: Ends the search when the eigenvalue grows (RobustDARTS) and takes the alphas of
            `stop_distance` epochs before.
        stop_factor: Growth of the smoothed eigenvalue that ends the search.
        stop_window: Epochs over which the eigenvalue is averaged.
        stop_distance: Epochs between the averages that are compared.
        selection: How a cell is derived: by the largest alpha, or by what hurts most when it is left out
            (DARTS-PT, Wang et al. 2021).
        judged_by: What a perturbation is judged by on images of the alphas' half: ``accuracy``, where the
            loss decides between equals, or the ``loss`` first.
        tune_epochs: Epochs of weight training before each edge that a perturbation settles.
        tune_rate: Learning rate of that training (DARTS-PT: a tenth of `weight_rate`).
        most_skips: Edges of the normal cell that may be skips; None for all (P-DARTS: 2).
        validation_images: Most validation images on which the mixture is judged; None for all.
        hessian_images: Images on which the eigenvalue is measured; 0 does not measure it.
        hessian_steps: Steps of Lanczos' iteration.
    """

    template: Literal["nasbench201", "darts"] = "nasbench201"
    resolution: int = 32
    channels: int = 8
    cells: int = 1
    stem_stride: int = 1
    epochs: int = 50
    images: int | None = None
    batch_size: int = 64
    weight_rate: float = 0.025
    weight_rate_end: float = 0.001
    momentum: float = 0.9
    weight_decay: float = 3e-4
    clip: float = 5.0
    alpha_rate: float = 3e-4
    alpha_decay: float = 1e-3
    second_order: bool = False
    share: int = 1
    edge_normalisation: bool = False
    frozen_epochs: int = 0
    auxiliary_skip: bool = False
    eigenvalue_stop: bool = False
    stop_factor: float = 1.3
    stop_window: int = 5
    stop_distance: int = 4
    selection: Literal["argmax", "perturbation"] = "argmax"
    judged_by: Literal["accuracy", "loss"] = "accuracy"
    tune_epochs: int = 5
    tune_rate: float = 0.0025
    most_skips: int | None = None
    validation_images: int | None = None
    hessian_images: int = 16
    hessian_steps: int = 5

    def __post_init__(self) -> None:
        if self.template not in TEMPLATES:
            raise SpaceError(f"There is no cell family {self.template!r}.")
        if self.share < 1 or self.channels < self.share or self.channels % self.share:
            raise SpaceError("The channels must be a multiple of the share that is mixed.")
        if min(self.epochs, self.batch_size, self.cells, self.hessian_steps) < 1:
            raise SpaceError("A search needs at least one epoch, one cell, one image a step.")
        if self.eigenvalue_stop and not self.hessian_images:
            raise SpaceError("The eigenvalue stop needs images to measure the eigenvalue on.")

    def text(self) -> str:
        """Returns the settings that differ from the defaults; equal texts are equal searches."""
        changed = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        return repr(sorted(changed.items()))

    @classmethod
    def plain(cls, **changes: Any) -> DartsOptions:
        """Returns the first-order form of the paper."""
        return cls(**changes)

    @classmethod
    def fixed(cls, **changes: Any) -> DartsOptions:
        """Returns the form with all remedies against the collapse to skips, at their papers' settings.

        Partial channels, edge normalisation, alphas frozen for 30% of the epochs (15 of 50) and then at a
        rate of 6e-4 (PC-DARTS); auxiliary skip (DARTS-); eigenvalue stop (RobustDARTS); perturbation
        (DARTS-PT). With K = 2 four of the eight channels are mixed at first, as many as with the paper's
        K = 4 of sixteen.
        """
        epochs = int(changes.get("epochs", cls.epochs))
        remedies: dict[str, Any] = {
            "share": 2,
            "edge_normalisation": True,
            "frozen_epochs": round(0.3 * epochs),
            "alpha_rate": 6e-4,
            "auxiliary_skip": True,
            "eigenvalue_stop": True,
            "selection": "perturbation",
        }
        return cls(**{**remedies, **changes})

    @classmethod
    def limited(cls, **changes: Any) -> DartsOptions:
        """Returns the fixed form with at most two skips in the normal cell (P-DARTS, Chen et al. 2019)."""
        return cls.fixed(**{"most_skips": 2, **changes})
