"""How many more photos would help: a stand-in is trained on parts of the training photos.

The stand-in is a linear discriminant on what a pretrained network sees in each photo (`nas.checks`). It has
never seen these photos before, so that fewer of them are really fewer; the features of the searched network
would not do, for they were learnt from all of them. Its level is not that of the searched network, its slope
is what is asked for. Answers on validation photos judge it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from nas.checks.features import describe, load_network
from nas.checks.probe import discriminant
from nas.checks.subject import Subject
from nas.data.cache import ImageCache, iterate_index
from nas.errors import EvaluationError
from nas.evaluation.curve import Wrong, bootstrapped, class_gains, estimate, fit_power_law
from nas.evaluation.learning_file import LearningCurve
from nas.evaluation.predictions import Ints

Values = npt.NDArray[np.float32]
Tell = Callable[[str, int, int], None]

MOST_TRAINING: Final = 6_000
MOST_VALIDATION: Final = 3_000
N_SIZES: Final = 6
N_REPEATS: Final = 5
_LEAST_OF_CLASS: Final = 8  # training photos a class, on average
_MOST_PARTS: Final = 16
_FITTING: Final = "Training on parts of the photos"


def make_learning_curve(data: Path, tell: Tell, *, seed: int = 0) -> LearningCurve:
    """Describes the photos, trains the stand-in on parts of them and fits the curve.

    Args:
        data: Directory of the image cache.
        tell: Called with (stage, done, total).
        seed: Of every draw.

    Raises:
        DataError: If the cache is unusable.
        EvaluationError: If there are too few photos.
    """
    started = time.monotonic()
    cache = ImageCache.open(data)
    train, val = cache.indices("train"), cache.indices("val")
    if len(train) < _LEAST_OF_CLASS * cache.n_classes or len(val) < 2:
        raise EvaluationError(
            f"A learning curve needs at least {_LEAST_OF_CLASS} training photos a class. Add photos first."
        )
    rng = np.random.default_rng(seed)
    chosen = _some(rng, train, cache.labels[train], MOST_TRAINING)
    judges = _some(rng, val, cache.labels[val], MOST_VALIDATION)
    values, network = _described(cache, np.concatenate([chosen, judges]), tell)
    n = len(chosen)
    sizes = sizes_for(n, cache.n_classes)
    labels = cache.labels
    wrong = wrong_answers(
        (values[:n], labels[chosen]), (values[n:], labels[judges]), sizes, cache.n_classes, tell, seed=seed
    )
    curve = curve_of(wrong, sizes, labels[judges], n_train=len(train))
    return LearningCurve(
        data_hash=cache.content_hash,
        network=network,
        n_train=len(train),
        n_val=len(judges),
        sizes=sizes,
        seconds=time.monotonic() - started,
        **curve,
    )


def sizes_for(n: int, n_classes: int) -> list[int]:
    """Returns up to six sizes in equal ratios, from n / 16 (but two a class) to n."""
    least = max(2 * n_classes, n / _MOST_PARTS)
    return sorted({round(size) for size in np.geomspace(least, n, N_SIZES)})


def curve_of(wrong: list[Wrong], sizes: list[int], labels: Ints, *, n_train: int) -> dict[str, Any]:
    """Returns the figures of a curve from wrong answers.

    Args:
        wrong: For each size (R, V): whether repeat r was wrong on validation photo v.
        sizes: Numbers of training photos.
        labels: (V,) true classes.
        n_train: Training photos that there are, at least the largest size.
    """
    errors = bootstrapped(wrong)
    fit = fit_power_law(sizes, errors)
    half = max((i for i, size in enumerate(sizes) if size <= 0.6 * sizes[-1]), default=0)
    return {
        "accuracy": [estimate(1 - row) for row in errors],
        "ahead": [(times * n_train, estimate(1 - fit.error(times * n_train))) for times in (1, 2, 4)],
        "doubled": estimate(fit.error(n_train) - fit.error(2 * n_train)),
        "classes": class_gains(wrong[half], wrong[-1], labels),
    }


def wrong_answers(
    train: tuple[Values, Ints],
    val: tuple[Values, Ints],
    sizes: list[int],
    n_classes: int,
    tell: Tell,
    *,
    seed: int = 0,
) -> list[Wrong]:
    """Trains on stratified parts; returns for each size (R, V) wrong answers, R = 5, but 1 for all photos."""
    rng = np.random.default_rng(seed)
    values, labels = train
    found = []
    for i, size in enumerate(sizes):
        tell(_FITTING, i, len(sizes))
        repeats = []
        for _ in range(N_REPEATS if size < len(labels) else 1):
            part = _some(rng, np.arange(len(labels)), labels, size)
            weights, offsets = discriminant(values[part], labels[part], n_classes)
            repeats.append((val[0] @ weights + offsets).argmax(axis=1) != val[1])
        found.append(np.array(repeats))
    return found


def _some(rng: np.random.Generator, rows: Ints, labels: Ints, n: int) -> Ints:
    """Draws n rows, each class in its proportion; all of them if there are no more."""
    if n >= len(rows):
        return rows
    order = rng.permutation(len(rows))
    order = order[np.argsort(labels[order], kind="stable")]
    counts = np.bincount(labels)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rank = np.arange(len(order)) - starts[labels[order]]
    place = (rank + rng.random(len(order))) / counts[labels[order]]
    drawn: Ints = np.sort(rows[order[np.argsort(place, kind="stable")[:n]]])
    return drawn


def _described(cache: ImageCache, rows: Ints, tell: Tell) -> tuple[Values, str | None]:
    """Returns (N, D) features of rows in the order given, and the name of the network."""
    ascending = np.sort(rows)
    wanted = set(rows.tolist())
    subject = Subject(
        cache=cache,
        rows=ascending,
        labels=cache.labels[ascending],
        groups=np.full(len(rows), -1, dtype=np.int64),
        index=[line for row, line in enumerate(iterate_index(cache.directory)) if row in wanted],
        tell=tell,
        should_stop=lambda: False,
    )
    features = describe(subject, load_network(cache.cache_size, len(rows)))
    return features.values[np.searchsorted(ascending, rows)], features.facts.get("network")
