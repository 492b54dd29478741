"""Copies as findings: which one to keep, and where a copy does harm."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from nas.checks.report import ImageFinding
from nas.checks.subject import Subject, grey, shrink

_STRICTNESS: Final = {"test": 0, "val": 1, "train": 2}
_SIDE: Final = 16


def find_copies_to_name(subject: Subject) -> tuple[list[ImageFinding], dict[str, Any]]:
    """Turns the groups of copies into findings.

    Of each group one image is kept: the one in the strictest part (test before val before train), of these
    the first. Every other one gets one finding. A file that stands earlier in the same class and part is
    named after that twin, which carries what else there is to say; else the gravest that applies: another
    label than the kept one, another part, or almost the same picture.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for place in np.flatnonzero(subject.groups >= 0).tolist():
        members[int(subject.groups[place])].append(place)
    findings: list[ImageFinding] = []
    for places in members.values():
        kept = min(places, key=lambda p: (_STRICTNESS[subject.index[p]["split"]], p))
        findings += [_finding(subject, place, kept, places) for place in places if place != kept]
    findings.sort(key=lambda f: (f.kind, -f.score, f.row or 0))
    kinds = [f.kind for f in findings]
    facts = {"groups": sum(len(places) > 1 for places in members.values()), "copies": len(findings)}
    return findings, facts | {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def _finding(subject: Subject, place: int, kept: int, group: list[int]) -> ImageFinding:
    mine, theirs = subject.index[place], subject.index[kept]
    twin = next((p for p in group if p < place and _twins(mine, subject.index[p])), None)
    if twin is not None:
        return _named(subject, "exact-copy", place, twin, 1.0)
    same_file = mine["sha256"] == theirs["sha256"]
    score = 1.0 if same_file else similarity(subject, place, kept)
    if mine["label"] != theirs["label"]:
        words = {"label": mine["label"], "theirs": theirs["label"]}
        return _named(subject, "copy-two-labels", place, kept, score, **words)
    if mine["split"] != theirs["split"]:
        return _named(subject, "split-copy", place, kept, score, part=theirs["split"])
    return _named(subject, "near-copy", place, kept, score, percent=round(100 * score))


def _twins(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return all(a[key] == b[key] for key in ("sha256", "label", "split"))


def _named(
    subject: Subject, kind: str, place: int, other: int, score: float, **words: object
) -> ImageFinding:
    words["other"] = subject.index[other]["path"]
    return subject.finding(kind, place, words, other=other, score=score)


def similarity(subject: Subject, a: int, b: int) -> float:
    """1 for the same or the mirrored picture, about 0 for unrelated ones: correlation of coarse luminance."""
    x, y = (_coarse(subject, place) for place in (a, b))
    both = float(np.sqrt(np.square(x).sum() * np.square(y).sum()))
    if both < 1e-6:
        return 1.0
    alike = max(float((x * y).sum()), float((x[:, ::-1] * y).sum()))
    return float(np.clip(alike / both, 0.0, 1.0))


def _coarse(subject: Subject, place: int) -> npt.NDArray[np.float32]:
    pixels = subject.cache.images[subject.rows[place : place + 1]]
    coarse = shrink(grey(pixels), _SIDE)[0]
    centred: npt.NDArray[np.float32] = coarse - coarse.mean()
    return centred
