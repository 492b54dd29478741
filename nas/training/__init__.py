"""The only training loop: winners, baselines, short and final trainings all pass through `train`."""

from nas.prediction import Evaluation, evaluate
from nas.training.config import TrainingConfig, TrainingResult
from nas.training.distillation import Teacher
from nas.training.loop import train
from nas.training.parameters import head_parameters
from nas.training.schedule import one_cycle

__all__ = [
    "Evaluation",
    "Teacher",
    "TrainingConfig",
    "TrainingResult",
    "evaluate",
    "head_parameters",
    "one_cycle",
    "train",
]
