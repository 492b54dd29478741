"""Learning from a trained network: the student imitates its answers on the very same pictures."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Teacher:
    """A frozen network whose answers are part of the loss.

    It sees the same crop, colours and mixtures as the student, at its own resolution: a consistent teacher is
    what makes distillation work (Beyer et al. 2022, "Knowledge distillation: a good teacher is patient and
    consistent").

    Attributes:
        module: The network, with the student's classes in the same order; put into eval mode.
        resolution: Side of its input in pixels.
        identity: What it is, e.g. a digest of its weights: a checkpoint is gone on with only under the same
            teacher.
        weight: Share in [0, 1] of the distilled loss; the rest is that of the labels.
        temperature: Divides the logits of both, > 0; above 1 the teacher's small probabilities count more.
    """

    module: nn.Module
    resolution: int
    identity: str
    weight: float = 0.5
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= 1 or self.temperature <= 0 or self.resolution < 1:
            raise ValueError("A teacher needs a weight from 0 to 1, a temperature and a resolution above 0.")

    def fingerprint(self) -> tuple[str, int, float, float]:
        """Returns all that changes what a student learns."""
        return (self.identity, self.resolution, self.weight, self.temperature)

    def answers(self, x: Tensor) -> Tensor:
        """Returns its (B, K) logits on a (B, 3, R, R) batch at its own resolution."""
        with torch.no_grad():
            logits: Tensor = self.module(x)
        return logits

    def loss(self, logits: Tensor, answers: Tensor, hard: Tensor) -> Tensor:
        """Mixes the loss of the labels with the divergence from the teacher (Hinton et al. 2015).

        Args:
            logits: (B, K) of the student.
            answers: (B, K) logits of the teacher.
            hard: () loss of the labels.
        """
        soft = F.kl_div(
            F.log_softmax(logits / self.temperature, dim=1),
            F.log_softmax(answers / self.temperature, dim=1),
            reduction="batchmean",
            log_target=True,
        )
        return (1 - self.weight) * hard + self.weight * self.temperature**2 * soft
