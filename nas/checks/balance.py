"""Classes of very different size."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from nas.checks.report import ImageFinding
from nas.checks.subject import Subject, class_finding

_RATIO: Final = 10
_MOST_FINDINGS: Final = 20


def find_imbalance(subject: Subject) -> tuple[list[ImageFinding], dict[str, Any]]:
    """Names classes that are more than ten times smaller than the largest one, the smallest first."""
    counts = np.bincount(subject.labels, minlength=subject.n_classes)
    largest = int(counts.argmax())
    small = [i for i in np.argsort(counts, kind="stable").tolist() if counts[largest] > _RATIO * counts[i]]
    findings = [
        class_finding(
            "imbalance",
            subject.classes[i],
            1 - counts[i] / counts[largest],
            large=subject.classes[largest],
            n_large=int(counts[largest]),
            n_small=int(counts[i]),
        )
        for i in small[:_MOST_FINDINGS]
    ]
    return findings, {
        "largest": int(counts.max()),
        "smallest": int(counts.min()),
        "small_classes": len(small),
    }
