"""Other divisions of one image cache: evenly drawn samples of a large set, folds of a tiny one."""

from __future__ import annotations

import copy
import hashlib
from typing import Literal

import numpy as np
import numpy.typing as npt

from nas.data.cache import ImageCache

Rows = npt.NDArray[np.int64]


class CacheView(ImageCache):
    """An image cache whose training and validation parts are other rows; pixels and labels are shared.

    Its `content_hash` tells the rows, so that no training goes on with a checkpoint made on others.
    """

    def __init__(self, cache: ImageCache, train: Rows, val: Rows) -> None:
        """Takes the opened cache and the (N,) rows of both parts, none of them sealed."""
        vars(self).update(vars(copy.copy(cache)))
        digest = hashlib.sha256(np.sort(train).tobytes() + b"/" + np.sort(val).tobytes()).hexdigest()
        self.content_hash = f"{cache.content_hash}:{digest[:16]}"
        self._parts = {"train": np.sort(train), "val": np.sort(val)}

    def indices(self, split: Literal["train", "val"]) -> Rows:
        """Rows of a part, ascending; see the base class."""
        super().indices(split)  # refuses the sealed part
        return self._parts[split]


def sampled(cache: ImageCache, train: int | None, val: int | None) -> ImageCache:
    """Returns a cache with at most so many training and validation rows, evenly of all classes.

    Args:
        cache: The whole one.
        train: Training rows wanted, None for all.
        val: Validation rows wanted, None for all.
    """
    if train is None and val is None:
        return cache
    rows = [
        part if wanted is None else stratified(cache, part, wanted)
        for part, wanted in ((cache.indices("train"), train), (cache.indices("val"), val))
    ]
    return CacheView(cache, *rows)


def stratified(cache: ImageCache, rows: Rows, wanted: int, seed: int = 0) -> Rows:
    """Returns some of the rows: of each class its share, rounded up, so that no class is missing.

    A larger sample of the same rows and seed holds the smaller one.

    Args:
        cache: Where the labels are.
        rows: (N,) rows to choose from.
        wanted: Rows wanted, >= 1; up to one a class more are returned.
        seed: Of the order within a class.
    """
    if wanted >= len(rows):
        return rows
    order = np.random.default_rng(seed).permutation(rows)
    labels = cache.labels[order]
    chosen = []
    for label in np.unique(labels):
        of_class = order[labels == label]
        chosen.append(of_class[: -(-len(of_class) * wanted // len(rows))])
    return np.sort(np.concatenate(chosen))


def folds(cache: ImageCache, n: int, seed: int = 0) -> list[tuple[Rows, Rows]]:
    """Returns (training rows, held-out rows) of each fold over training and validation part together.

    Each row is held out once. The rows of a class are spread evenly over the folds.

    Args:
        cache: The whole cache; the sealed part is in no fold.
        n: Number of folds, >= 2.
        seed: Of the order within a class.
    """
    rows = np.sort(np.concatenate([cache.indices("train"), cache.indices("val")]))
    order = np.random.default_rng(seed).permutation(rows)
    order = order[np.argsort(cache.labels[order], kind="stable")]  # class after class, dealt like cards
    parts = [np.sort(order[first::n]) for first in range(n)]
    return [(np.setdiff1d(rows, part), part) for part in parts]
