"""A learning curve as it is kept. Module without torch: the web process reads it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from nas.evaluation.estimates import ClassGain, Estimate
from nas.evaluation.predictions import DIRECTORY
from nas.files import write_atomically


@dataclass(frozen=True)
class LearningCurve:
    """What came of it.

    Attributes:
        data_hash: Content hash of the image cache.
        network: Name of the pretrained network, None if photos were compared by colours and edges.
        n_train: Training photos of the data set.
        n_val: Validation photos that judged.
        sizes: Numbers of training photos that were tried.
        accuracy: Right answers at each size, measured, with intervals.
        ahead: Fitted curve: number of training photos -> right answers, for all, twice and four times.
        doubled: What twice as many training photos would add to the share of right answers.
        classes: Classes that surely gained from the last doubling.
        seconds: Time it took.
    """

    data_hash: str
    network: str | None
    n_train: int
    n_val: int
    sizes: list[int]
    accuracy: list[Estimate]
    ahead: list[tuple[int, Estimate]]
    doubled: Estimate
    classes: list[ClassGain] = field(default_factory=list)
    seconds: float = 0.0


def learning_file(workdir: Path) -> Path:
    """Returns where the curve of a run is kept: it is the same for all its models."""
    return workdir / DIRECTORY / "learning.json"


def save_learning_curve(path: Path, curve: LearningCurve) -> None:
    """Writes a curve in one piece; the directory is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(asdict(curve)))


def load_learning_curve(path: Path) -> LearningCurve | None:
    """Reads a curve; None if there is none or it is damaged: it can be made again."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return LearningCurve(
            **{
                **found,
                "accuracy": [Estimate(**one) for one in found["accuracy"]],
                "ahead": [(int(n), Estimate(**one)) for n, one in found["ahead"]],
                "doubled": Estimate(**found["doubled"]),
                "classes": [
                    ClassGain(**{**one, "gain": Estimate(**one["gain"])}) for one in found["classes"]
                ],
            }
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None
