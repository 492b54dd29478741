"""A map of the set: images that look alike lie near each other."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from nas.checks.features import Features
from nas.checks.subject import ChecksStopped, Subject

Floats = npt.NDArray[np.float32]

_SAMPLE: Final = 1500
_NUMBERS: Final = 50
_NEIGHBOURS: Final = 3
_FEWEST: Final = 8  # t-SNE needs more images than its perplexity
_BLOCK: Final = 4096


def lay_out(subject: Subject, features: Features) -> Floats:
    """Places every image on a map by t-SNE (van der Maaten and Hinton 2008).

    At most 1,500 images are laid out so; the others are placed at the mean of their three nearest ones.

    Returns:
        (N', 2) float32 in [0, 1].
    """
    subject.tell("Drawing the map", 0, len(subject))
    values = features.values[:, :_NUMBERS]
    n = len(values)
    if n < _FEWEST:
        few = PCA(2).fit_transform(np.pad(values, ((0, 0), (0, 2)))) if n > 2 else np.eye(2)[:n]
        return _unit(few.astype(np.float32))
    chosen = np.sort(np.random.default_rng(subject.seed).permutation(n)[:_SAMPLE])
    model = TSNE(
        2,
        perplexity=min(30.0, (len(chosen) - 1) / 3),
        init="pca",
        max_iter=500,
        random_state=subject.seed,
        n_jobs=1,
    )
    placed = model.fit_transform(values[chosen]).astype(np.float32)
    result = np.empty((n, 2), dtype=np.float32)
    norms = np.square(values[chosen]).sum(axis=1)
    for start in range(0, n, _BLOCK):
        if subject.should_stop():
            raise ChecksStopped
        block = values[start : start + _BLOCK]
        distances = norms - 2 * block @ values[chosen].T
        k = min(_NEIGHBOURS, len(chosen))
        nearest = np.argpartition(distances, k - 1, axis=1)[:, :k]
        result[start : start + _BLOCK] = placed[nearest].mean(axis=1)
    result[chosen] = placed
    return _unit(result)


def _unit(points: npt.NDArray[np.floating[np.typing.NBitBase]] | Floats) -> Floats:
    """Stretches both axes to [0, 1]."""
    low = points.min(axis=0)
    span = np.maximum(points.max(axis=0) - low, 1e-9)
    unit: Floats = np.clip((points - low) / span, 0, 1).astype(np.float32)
    return unit
