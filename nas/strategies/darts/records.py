"""What a DARTS search tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from nas.architecture import CellArchitecture


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch showed.

    Attributes:
        epoch: Number, from 0.
        skips: Skip connections of the normal cell that the largest alphas give now.
        cell: That cell, in one line.
        eigenvalue: Largest eigenvalue of the Hessian of the loss with respect to the alphas, on images of the
            alphas' half; None if not measured.
        train_loss: Mean cross-entropy of the weights' steps.
        val_accuracy: Of the mixed network on validation images, which no step of the search sees.
        entropy: Mean entropy of the mixtures in nats, all edges of all kinds.
        mixture: Kind -> edges -> weights of the operations.
        beta: Weight of the auxiliary skip.
        seconds: Of this epoch, measurements included.
        cpu_seconds: Processor seconds of the same.
    """

    epoch: int
    skips: int
    cell: str
    eigenvalue: float | None
    train_loss: float
    val_accuracy: float
    entropy: float
    mixture: dict[str, list[list[float]]]
    beta: float
    seconds: float
    cpu_seconds: float

    def shares(self, operations: Sequence[str]) -> dict[str, float]:
        """Returns the mean weight of each operation over all edges of all kinds.

        Args:
            operations: Their names, in the order of the weights.
        """
        rows = [row for kind in self.mixture.values() for row in kind]
        return {name: fmean(row[i] for row in rows) for i, name in enumerate(operations)}


@dataclass(frozen=True)
class DartsResult:
    """What a search came to.

    Attributes:
        architecture: The derived network at the size of the search's proxy.
        skips: Skip connections of its normal cell.
        epochs: One record an epoch.
        stopped_at: Epoch at which the eigenvalue ended the search; None if it went to its end.
        seconds: Working seconds, earlier processes included.
    """

    architecture: CellArchitecture
    skips: int
    epochs: tuple[EpochRecord, ...]
    stopped_at: int | None
    seconds: float
