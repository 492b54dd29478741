"""Accuracy on kinds of photos (slices), and on which of them a model is worse than chance explains.

The rules are fixed, so that nobody can choose them after looking at the result:

| slice | a photo is in it when |
|---|---|
| `dark`, `bright` | its mean luminance is below 0.25, above 0.75 |
| `blurred` | its edge sharpness is at or below the 20% quantile of the judged photos |
| `small` | the area of its original is at or below the 20% quantile of the judged photos |
| `tall`, `wide` | height / width, width / height of its original is above 1.2 |
| `grey` | the mean difference of its channels is below 0.04 |
| `format`, `folder`, `camera` | it has one value of those, if the judged photos have 2 to 12 of them |
| `class` | its true class is this one |

A quantile slice that would hold more than half of the photos (many have the same value) is left out, and so
are slices that hold no photo or all of them. A folder that only says the class is left out, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from nas.evaluation.figures import Share
from nas.evaluation.photos import PhotoFacts
from nas.evaluation.predictions import Ints

Mask = npt.NDArray[np.bool_]

DARK: Final = 0.25
BRIGHT: Final = 0.75
GREY: Final = 0.04
ELONGATED: Final = 1.2
QUANTILE: Final = 0.2
LEVEL: Final = 0.05
"""Chance of naming any slice worse when none is."""
FEWEST: Final = 10
"""Photos that a slice and the rest must have to be tested."""
_MOST_VALUES: Final = 12


@dataclass(frozen=True)
class Slice:
    """A kind of photos.

    Attributes:
        key: Unique name, for addresses: the kind, and for several slices of a kind a colon and a number.
        kind: One of the table above.
        value: Format, folder or camera; else empty.
        number: Class of `class` slices; else None.
        threshold: Of quantile slices: the quantile.
        mask: (N,) which of the judged photos are in it.
    """

    key: str
    kind: str
    value: str
    number: int | None
    threshold: float | None
    mask: Mask


@dataclass(frozen=True)
class SliceFigures:
    """A model on one slice.

    Attributes:
        slice: Which.
        right: Share of right answers in it.
        rest: Share of right answers outside.
        p: Chance of so few right answers or fewer if right answers fell on photos at random (one-sided exact
            test of Fisher 1935); None where slice or rest is too small to be tested.
        p_holm: The same, corrected for the number of slices tested (Holm 1979).
    """

    slice: Slice
    right: Share
    rest: Share
    p: float | None
    p_holm: float | None

    @property
    def worse(self) -> bool:
        """True if chance does not explain that the model is less often right here."""
        return self.p_holm is not None and self.p_holm < LEVEL


def slices_of(facts: PhotoFacts | None, labels: Ints, n_classes: int) -> list[Slice]:
    """Returns the slices of judged photos.

    Args:
        facts: What was measured of them; None gives class slices alone.
        labels: (N,) true classes.
        n_classes: Number of classes.
    """
    found = [] if facts is None else [*_measured(facts), *_named(facts, labels)]
    found += [Slice(f"class:{i}", "class", "", i, None, labels == i) for i in range(n_classes)]
    return [one for one in found if 0 < int(one.mask.sum()) < len(labels)]


def slice_figures(slices: Sequence[Slice], correct: Mask) -> list[SliceFigures]:
    """Returns a model's figures on slices, in their order.

    Args:
        slices: The slices; all of them count as tested together.
        correct: (N,) where the model is right.
    """
    n, n_right = len(correct), int(correct.sum())
    log_factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    shares = [Share(int(correct[one.mask].sum()), int(one.mask.sum())) for one in slices]
    values = [
        _at_most(one, n, n_right, log_factorials) if min(one.n, n - one.n) >= FEWEST else None
        for one in shares
    ]
    corrected = holm([p for p in values if p is not None])
    given = iter(corrected)
    return [
        SliceFigures(one, share, Share(n_right - share.k, n - share.n), p, None if p is None else next(given))
        for one, share, p in zip(slices, shares, values, strict=True)
    ]


def holm(values: Sequence[float]) -> list[float]:
    """Returns p-values corrected for their number, in the order given.

    Of m values the i-th smallest becomes max over j <= i of min(1, (m - j + 1) p_j), Holm 1979: the chance
    of any false alarm stays below the level, however the slices overlap.
    """
    order = sorted(range(len(values)), key=lambda i: values[i])
    corrected, largest = [0.0] * len(values), 0.0
    for j, i in enumerate(order):
        largest = max(largest, min(1.0, (len(values) - j) * values[i]))
        corrected[i] = largest
    return corrected


def _at_most(share: Share, n: int, n_right: int, log_factorials: npt.NDArray[np.float64]) -> float:
    """P(K <= k), K hypergeometric: right ones among share.n photos drawn from n, n_right of them right.

    Not scipy.stats, with which a test compares it: the web process computes this and would keep all of it.
    """

    def log_choose(a: Any, b: Any) -> Any:
        return log_factorials[a] - log_factorials[b] - log_factorials[a - b]

    counts = np.arange(max(0, share.n - (n - n_right)), share.k + 1)
    logs = log_choose(n_right, counts) + log_choose(n - n_right, share.n - counts) - log_choose(n, share.n)
    return float(min(1.0, np.exp(logs).sum()))


def _measured(facts: PhotoFacts) -> Iterator[Slice]:
    ratio = facts.widths / np.maximum(1, facts.heights)
    for kind, mask in (("dark", facts.light < DARK), ("bright", facts.light > BRIGHT)):
        yield Slice(kind, kind, "", None, None, mask)
    yield from _lowest("blurred", facts.sharpness)
    yield from _lowest("small", (facts.widths * facts.heights).astype(np.float64))
    for kind, mask in (("tall", 1 / ratio > ELONGATED), ("wide", ratio > ELONGATED)):
        yield Slice(kind, kind, "", None, None, mask)
    yield Slice("grey", "grey", "", None, None, facts.colour < GREY)


def _lowest(kind: str, values: npt.NDArray[Any]) -> Iterator[Slice]:
    known = values[np.isfinite(values)]
    if len(known) == 0:
        return
    threshold = float(np.quantile(known, QUANTILE, method="lower"))
    with np.errstate(invalid="ignore"):
        mask = values <= threshold
    if mask.sum() <= len(values) / 2:
        yield Slice(kind, kind, "", None, threshold, mask)


def _named(facts: PhotoFacts, labels: Ints) -> Iterator[Slice]:
    for kind, texts in (("format", facts.formats), ("folder", facts.folders), ("camera", facts.cameras)):
        values = [str(value) for value in np.unique(texts) if value]
        if not 2 <= len(values) <= _MOST_VALUES or (kind == "folder" and _says_class(texts, labels)):
            continue
        for i, value in enumerate(values):
            yield Slice(f"{kind}:{i}", kind, value, None, None, texts == value)


def _says_class(texts: npt.NDArray[np.str_], labels: Ints) -> bool:
    """True if each value goes with one class only."""
    pairs = {(str(text), int(label)) for text, label in zip(texts, labels, strict=True) if text}
    return len(pairs) == len({text for text, _ in pairs})
