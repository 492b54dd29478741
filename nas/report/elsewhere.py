"""On other devices: what each choice of a run costs there, as figures and in plain words.

The choice among networks is made by validation accuracy, as everywhere; test figures play no part in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nas.candidate import HERE
from nas.hardware.elsewhere import UNKNOWN, PlaceCost
from nas.report.html import Markup, el, join, table
from nas.report.sections import chosen, section
from nas.report.words import kilobytes, milliseconds

HOW = {
    "measured": "measured",
    "table": "predicted from its blocks",
    "profile": "by a documented model",
    "scaled": "it measured other blocks: scaled by a reference network",
    "unknown": "it measured other blocks: not known",
}
_SLOWER = 1.05  # times that differ by less are called the same
_SAME_POINTS = 0.05


@dataclass(frozen=True)
class Choice:
    """A network that may be chosen.

    Attributes:
        number: Of the candidate.
        label: Its name for people.
        accuracy: On validation images, fraction in [0, 1].
        costs: Cost by name of the place.
    """

    number: int
    label: str
    accuracy: float
    costs: Mapping[str, PlaceCost]

    def at(self, place: str) -> PlaceCost:
        """Returns the cost in a place."""
        return self.costs.get(place, UNKNOWN)


def choices_of(document: Mapping[str, Any]) -> list[Choice]:
    """Returns the networks of a report document with their costs, the most accurate first.

    Reports that were written before there were such figures have none.
    """
    found = document.get("elsewhere") or {}
    by_number = {one["number"]: one for one in document.get("candidates") or []}
    choices = [
        Choice(
            number=row["candidate"],
            label=by_number[row["candidate"]]["label"],
            accuracy=by_number[row["candidate"]]["metrics"]["accuracy"],
            costs={name: PlaceCost.from_json(cost) for name, cost in row["costs"].items()},
        )
        for row in found.get("networks") or []
    ]
    return sorted(choices, key=lambda choice: -choice.accuracy)


def recommended_of(document: dict[str, Any], choices: Sequence[Choice]) -> Choice | None:
    """Returns the network that the report recommends, None if it recommends none."""
    best = chosen(document)
    number = None if best is None else best["number"]
    return next((one for one in choices if one.number == number), None)


def home_words(found: Mapping[str, Any]) -> str:
    """Returns what the place that was searched for is called within a sentence."""
    if found["searched"] == HERE:
        return "this machine"
    return str(next(place["title"] for place in found["places"] if place["name"] == found["searched"]))


def consequence(mine: Choice, choices: Sequence[Choice], place: str, home: str, home_title: str) -> str:
    """Returns what a choice means in another place: its time there, and what would be the better choice.

    Args:
        mine: The choice.
        choices: All networks that could be chosen.
        place: The other place.
        home: Where the choice was made for.
        home_title: What people call it.
    """
    cost, limit_ms = mine.at(place), mine.at(home).latency_ms
    if cost.latency_ms is None:
        return "Nothing is known of this network there: the device measured the blocks of other networks."
    if not cost.fits:
        return " ".join(["It does not fit:", *cost.broken_limits, _fitting(mine, choices, place)])
    about = "" if cost.how == "measured" else "about "
    time = f"It takes {about}{milliseconds(cost.latency_ms)} there"
    alone = f"It takes {about}{milliseconds(cost.latency_ms)} there."
    if limit_ms is None:
        return alone
    if cost.latency_ms <= _SLOWER * limit_ms:
        return f"{time}, no more than on {home_title}."
    here = milliseconds(limit_ms)
    usable = _usable(choices, place)
    within = [one for one in usable if _ms(one, place) <= limit_ms]
    if within:
        best = max(within, key=lambda one: (one.accuracy, -_ms(one, place)))
        gap = points(best.accuracy - mine.accuracy)
        most = (
            f"The most accurate that answers there in the {here} it takes on {home_title} is {best.label}, "
            f"{gap}."
        )
        return " ".join([alone, most])
    fastest = min(usable, key=lambda one: (_ms(one, place), -one.accuracy))
    none = f"None of these networks answers there in the {here} that it takes on {home_title}."
    return " ".join([alone, none, _fastest(mine, fastest, place)])


def points(difference: float, part: str = "validation") -> str:
    """Returns a difference of accuracies in words, e.g. ``"1.2 points less accurate on test images"``."""
    value = 100 * difference
    if abs(value) < _SAME_POINTS:
        return f"as accurate on {part} images"
    return f"{abs(value):.1f} points {'more' if value > 0 else 'less'} accurate on {part} images"


def section_of(document: dict[str, Any]) -> Markup | None:
    """The section of report.html: in words for the recommended network, then a table for each network."""
    choices = choices_of(document)
    if not choices:
        return None
    found = document["elsewhere"]
    home, mine = found["searched"], recommended_of(document, choices)
    words = None
    if mine is not None:
        items = [
            el(
                "li",
                el("strong", place["title"]),
                ": ",
                consequence(mine, choices, place["name"], home, home_words(found)),
            )
            for place in found["places"]
            if place["name"] != home
        ]
        words = join(
            el("p", f"What {mine.label}, the recommended network, costs elsewhere:"), el("ul", *items)
        )
    return section(
        "On other devices",
        words,
        *[_network(one, found["places"], home, unfolded=one is mine) for one in choices],
        note="Only the time on this machine is measured. Figures of profiles come from a documented model "
        "(docs/hardware.md): compare networks on one device by them, not devices with each other.",
    )


def fits_words(cost: PlaceCost, *, limited: bool) -> str:
    """Returns whether a network fits a device, in a word or with what it exceeds."""
    if not cost.fits:
        return "no: " + " ".join(cost.broken_limits)
    return "yes" if limited else "no limits known"


def _network(one: Choice, places: Sequence[Mapping[str, Any]], home: str, *, unfolded: bool) -> Markup:
    rows = [_row(one.at(place["name"]), place, searched=place["name"] == home) for place in places]
    content = table(
        f"{one.label} in each place, for one image",
        [
            "Place",
            "Latency",
            "Energy",
            "Images per joule",
            "Activations",
            "Weights",
            "Fits",
            "How it is known",
        ],
        rows,
        numeric={1, 2, 3, 4, 5},
        marked={index for index, place in enumerate(places) if place["name"] == home},
    )
    return el("details", el("summary", one.label), content, open=unfolded)


def _row(cost: PlaceCost, place: Mapping[str, Any], *, searched: bool) -> list[object]:
    energy, per_joule = cost.energy_mj, cost.images_per_joule
    return [
        join(place["title"], el("span", "searched for", class_="chip") if searched else None),
        milliseconds(cost.latency_ms),
        "–" if energy is None else f"{energy:.3g} mJ",
        "–" if per_joule is None else f"{per_joule:,.0f}",
        kilobytes(cost.peak_sram_bytes),
        kilobytes(cost.size_bytes),
        fits_words(cost, limited=place["limited"]),
        HOW[cost.how],
    ]


def _ms(one: Choice, place: str) -> float:
    latency_ms = one.at(place).latency_ms
    assert latency_ms is not None
    return latency_ms


def _usable(choices: Sequence[Choice], place: str) -> list[Choice]:
    """Returns the networks that fit a place and whose time there is known."""
    return [one for one in choices if one.at(place).latency_ms is not None and one.at(place).fits]


def _fastest(mine: Choice, fastest: Choice, place: str) -> str:
    if fastest.number == mine.number:
        return "It is the fastest of them."
    gap = points(fastest.accuracy - mine.accuracy)
    time = milliseconds(_ms(fastest, place))
    return f"The fastest of them is {fastest.label}, {gap}; it takes {time} there."


def _fitting(mine: Choice, choices: Sequence[Choice], place: str) -> str:
    fits = _usable(choices, place)
    if not fits:
        return "None of these networks does."
    best = max(fits, key=lambda one: (one.accuracy, -_ms(one, place)))
    gap, time = points(best.accuracy - mine.accuracy), milliseconds(_ms(best, place))
    return f"The most accurate that does is {best.label}, {gap}; it takes {time} there."
