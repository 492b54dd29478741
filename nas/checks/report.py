"""What the checks of a data set found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class ImageFinding:
    """One thing worth a look.

    Attributes:
        kind: One of the kinds of `nas.data.findings`.
        row: Row of the image, None for a finding about a class or the whole set.
        other_row: Row of the image it is compared with, if any.
        label: Its class, empty for a finding about the whole set.
        score: 0 to 1, higher is surer; 0 where there is nothing to rank.
        suggestion: What to do or to set instead, e.g. another label; may be empty.
        reason: One plain sentence.
        remedy: The next step.
        path: The image's name as the user knows it; stays data.
    """

    kind: str
    row: int | None
    other_row: int | None
    label: str
    score: float
    suggestion: str
    reason: str
    remedy: str
    path: str


@dataclass
class CheckReport:
    """Result of `nas.checks.run.run_checks`.

    Attributes:
        findings: All findings, those of a kind ranked, surest first.
        facts: JSON-ready facts about the set and about the checks themselves.
        map: (N, 2) float32 in [0, 1], alike images near each other; NaN for images that are left out.
    """

    findings: list[ImageFinding] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    map: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 2), dtype=np.float32))
