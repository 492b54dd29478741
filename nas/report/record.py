"""What a run hands to its report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nas.candidate import Candidate


@dataclass(frozen=True)
class RunRecord:
    """Everything that a finished or stopped run found out.

    Attributes:
        config: The search's settings; `space`, `strategy`, `seed`, `goal`, `baselines` are shown.
        data: Summary of the image cache; `classes`, `n_images`, `counts`, `content_hash` are shown.
        machine: Facts of the machine, see `nas.runtime.machine_facts`.
        phases: `{"phase", "seconds"}` in order.
        candidates: All candidates, failed ones included.
        front: Numbers on the front of validation accuracy against the cost of the run (`nas.costs`).
        models: Exported models: `{"name", "candidate", "source", "label", "directory", "files", "parity"}`.
        test: Results on the sealed test part: `{"name", "candidate", "source", "accuracy", "accuracy_low",
            "accuracy_high", "n_images", "confusion"}`; rows of the confusion are true classes. `int8` holds
            the three accuracies of the int8 file where there is one.
        spent_seconds: Working seconds of the whole run, import included.
        minutes: What was promised.
        best: Name of the exported model that validation data chose; None if nothing was exported.
        scaling: `{"base", "grid", "coefficients", "efficientnet", "family"}`, None if nothing was scaled.
        elsewhere: What the networks cost on other devices, see `nas.phases.elsewhere`; None if not known.
        stopped: True if the user ended the run early.
        warnings: Sentences that the run itself wants to be read.
    """

    config: dict[str, Any]
    data: dict[str, Any]
    machine: dict[str, Any]
    phases: list[dict[str, Any]]
    candidates: list[Candidate]
    front: list[int]
    models: list[dict[str, Any]]
    test: list[dict[str, Any]]
    spent_seconds: float
    minutes: float
    best: str | None = None
    scaling: dict[str, Any] | None = None
    elsewhere: dict[str, Any] | None = None
    stopped: bool = False
    warnings: list[str] = field(default_factory=list)
