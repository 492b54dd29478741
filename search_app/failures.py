"""Why candidates failed, grouped by reason, each with the next step. No database here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from nas.candidate import Candidate


@dataclass(frozen=True)
class Failures:
    """Networks that failed for the same reason.

    Attributes:
        reason: What happened, in plain words.
        step: What to do about it.
        candidates: The networks, in the order of their numbers; each has its own `error`.
    """

    reason: str | Promise
    step: str | Promise
    candidates: tuple[Candidate, ...]

    @property
    def seconds(self) -> float:
        """Working seconds that were spent on them."""
        return sum(one.seconds for one in self.candidates)


# Tried in this order; torch tells of an exhausted memory in words of its own.
_KNOWN: tuple[tuple[str, str | Promise, str | Promise], ...] = (
    (
        r"memory|alloc|DefaultCPUAllocator|bad_alloc",
        _("The memory of the machine was used up."),
        _("Close other programs, or search smaller networks: a smaller space or a device with limits."),
    ),
    (
        r"diverged|no longer a number|infinite|\bnan\b|\binf\b",
        _("The training went astray: its loss was no longer a number."),
        _("Nothing to do if it is one or two. If it is many, look for damaged or wrongly labelled photos."),
    ),
    (
        r"cannot be exported|translated to ONNX|ONNX Runtime cannot run",
        _("The network could not be turned into a file that runs elsewhere."),
        _("Choose another search space, or leave the hand-made networks out."),
    ),
    (
        r"at least two images|Too few images",
        _("There were too few photos to train on."),
        _("Add photos to every class and search again."),
    ),
    (
        r"measured|device|table",
        _("What it costs on the device is not known."),
        _("Measure the device again for this search space, or choose another device."),
    ),
    (
        r"quanti[sz]|int8",
        _("It did not survive quantisation to 8 bits."),
        _("Search with 32-bit floats; an int8 file is offered for each model where it pays."),
    ),
)
_OTHER = (
    _("Something else went wrong."),
    _("Search again. If it fails at the same place, the sentences below help whoever runs this server."),
)


def failures_of(candidates: Sequence[Candidate]) -> list[Failures]:
    """Returns the failed networks by reason, the most frequent first."""
    groups: dict[int, list[Candidate]] = {}
    for one in candidates:
        if one.status == "failed":
            groups.setdefault(_kind(one.error or ""), []).append(one)
    return [
        Failures(*((_KNOWN[kind][1], _KNOWN[kind][2]) if kind < len(_KNOWN) else _OTHER), tuple(failed))
        for kind, failed in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


def _kind(error: str) -> int:
    matches = (re.search(pattern, error, re.IGNORECASE) for pattern, *_words in _KNOWN)
    return next((number for number, match in enumerate(matches) if match), len(_KNOWN))
