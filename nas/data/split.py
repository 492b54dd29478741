"""Divides images into train, val and test: seeded, stratified, copies of one image never on two sides."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nas.data.findings import make_problem
from nas.data.partnames import Split
from nas.errors import Problem

SHARES: Final[dict[Split, float]] = {"train": 0.70, "val": 0.15, "test": 0.15}
MIN_PER_CLASS: Final = 5
FEW_PER_CLASS: Final = 25


@dataclass(slots=True)
class Sample:
    """One decoded image on its way into the cache.

    Attributes:
        slot: Its place in the file that the readers wrote.
        path: Name as shown.
        label: Class name.
        split: Ready split, or None until it is assigned.
        sha256: Hash of the file's bytes (not of the pixels).
        width: Original width in pixels.
        height: Original height in pixels.
        n_bytes: Size of the file in bytes.
        format: What its content is, e.g. ``"JPEG"``.
        mode: Pillow's mode before the conversion, e.g. ``"RGB"``.
        camera: Make and model by EXIF, or empty.
        has_exif: Whether it holds EXIF data.
        group: Number shared by exact and near copies, -1 for none.
    """

    slot: int
    path: str
    label: str
    split: Split | None
    sha256: str
    width: int
    height: int
    n_bytes: int = 0
    format: str = ""
    mode: str = ""
    camera: str = ""
    has_exif: bool = False
    group: int = -1


def drop_small_classes(samples: Sequence[Sample]) -> tuple[list[Sample], list[Problem]]:
    """Leaves out classes that cannot be divided, and warns of small ones."""
    counts = Counter(s.label for s in samples)
    ready = any(s.split is not None for s in samples)
    in_train = {s.label for s in samples if s.split == "train"}
    problems: list[Problem] = []
    refused: set[str] = set()
    for label, n in sorted(counts.items()):
        if n < MIN_PER_CLASS:
            refused.add(label)
            problems.append(make_problem(label, "small-class", n=n, limit=MIN_PER_CLASS))
        elif ready and label not in in_train:
            refused.add(label)
            problems.append(make_problem(label, "class-not-in-train"))
        elif n < FEW_PER_CLASS:
            problems.append(make_problem(label, "few-images", n=n))
    return [s for s in samples if s.label not in refused], problems


def remove_leaks(samples: Sequence[Sample]) -> tuple[list[Sample], list[Problem]]:
    """Keeps each image of ready splits on one side: test before val before train.

    Also names images that lie under two labels; which of them is right only a person can say, so both stay.
    """
    strictest: dict[str, Split] = {}
    order: dict[Split | None, int] = {"test": 0, "val": 1, "train": 2, None: 3}
    labels: dict[str, set[str]] = defaultdict(set)
    for sample in samples:
        labels[sample.sha256].add(sample.label)
        if sample.split is not None:
            best = strictest.get(sample.sha256)
            if best is None or order[sample.split] < order[best]:
                strictest[sample.sha256] = sample.split
    kept: list[Sample] = []
    problems: list[Problem] = []
    for sample in samples:
        best = strictest.get(sample.sha256, sample.split)
        if sample.split != best:
            problems.append(make_problem(sample.path, "split-leak", other=best, split=sample.split))
            continue
        others = labels[sample.sha256] - {sample.label}
        if others:
            problems.append(make_problem(sample.path, "two-labels", other=sorted(others)[0]))
        kept.append(sample)
    return kept, problems


def assign_splits(samples: Sequence[Sample], seed: int) -> None:
    """Fills in the missing parts in place.

    Without ready splits 70 / 15 / 15 in each class; a missing val or test part is cut from train so that it
    gets 15 parts for train's remaining. Existing val and test parts are never touched. Exact and near copies
    (the same `group`, else the same hash) go to one side together. Every class with at least three images
    that are no copies of each other keeps at least one in each part that is cut.

    Args:
        samples: All with a split, or all without.
        seed: Same seed and same images (by hash), same division, whatever their order.
    """
    present = {s.split for s in samples if s.split is not None}
    cut: tuple[Split, ...] = ("val", "test")
    missing = [part for part in cut if part not in present]
    if not missing:
        return
    pool = [s for s in samples if s.split in (None, "train")]
    whole = SHARES["train"] + sum(SHARES[part] for part in missing)
    by_class: dict[str, list[list[Sample]]] = defaultdict(list)
    for group in _groups_of(pool):
        by_class[_label_of(group)].append(group)
        for sample in group:
            sample.split = "train"
    for label in sorted(by_class):
        # Seeded by class, so that adding a class leaves the division of the others as it was.
        random.Random(f"{seed}/{label}").shuffle(by_class[label])
        _cut(by_class[label], missing, whole)


def _groups_of(pool: Sequence[Sample]) -> list[list[Sample]]:
    """Copies together, ordered by their smallest hash, which does not depend on the order of the files."""
    groups: dict[int | str, list[Sample]] = defaultdict(list)
    for sample in pool:
        groups[sample.group if sample.group >= 0 else sample.sha256].append(sample)
    return sorted(groups.values(), key=lambda group: min(s.sha256 for s in group))


def _label_of(group: Sequence[Sample]) -> str:
    """The class that most of the copies have; of equal ones the first by name."""
    tally = Counter(s.label for s in group)
    return min(tally, key=lambda label: (-tally[label], label))


def _cut(groups: Sequence[list[Sample]], missing: Sequence[Split], whole: float) -> None:
    """Moves groups of one class out of train until each missing part has its share."""
    n = sum(len(g) for g in groups)
    queue = list(groups)
    for later, part in enumerate(missing):
        target = max(1, round(n * SHARES[part] / whole))
        keep = len(missing) - later  # one group for train and one for each part that comes after
        taken = 0
        # A group larger than what is wanted stays in train, unless there are only such groups.
        fitting = [g for g in queue if len(g) <= target] or sorted(queue, key=len)[:1]
        for group in fitting:
            if len(queue) <= keep or taken >= target:
                break
            if taken and len(group) > target - taken:
                continue
            for sample in group:
                sample.split = part
            queue.remove(group)
            taken += len(group)
