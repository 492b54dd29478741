"""Two searches of the same photos for different devices: what the winner of each costs on both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser, User

from datasets_app.words.engine import said
from nas.hardware.elsewhere import PlaceCost
from nas.report.elsewhere import Choice, points
from nas.report.words import milliseconds
from search_app.devices import Place
from search_app.elsewhere import Elsewhere, elsewhere_of, in_words
from search_app.models import SearchRun
from search_app.pages import report_of
from search_app.selectors import search_runs_of_user

MOST_OTHERS = 3
_MOST_READ = 20


@dataclass(frozen=True)
class Winner:
    """The recommended network of a search.

    Attributes:
        run: The search.
        place: What it was searched for.
        choice: The network.
        accuracy: On test photos if both searches were judged on them, else on validation photos.
        on_mine: Cost on the device of the search that is looked at.
        on_theirs: Cost on the device of the other one.
    """

    run: SearchRun
    place: Place
    choice: Choice
    accuracy: float
    on_mine: PlaceCost
    on_theirs: PlaceCost


@dataclass(frozen=True)
class Comparison:
    """The search that is looked at and one for another device.

    Attributes:
        mine: Winner of the one that is looked at.
        theirs: Winner of the other one.
        tested: True if the accuracies are of test photos.
    """

    mine: Winner
    theirs: Winner
    tested: bool

    @property
    def both(self) -> tuple[Winner, Winner]:
        """This search's winner and the other one's."""
        return self.mine, self.theirs

    @property
    def sentence(self) -> str:
        """What the other winner would cost here, and this one there."""
        mine, theirs = self.mine, self.theirs
        gap = points(theirs.accuracy - mine.accuracy, "test" if self.tested else "validation")
        here, there, own = in_words(mine.place), in_words(theirs.place), mine.choice.label
        return said(
            f"Searched for {there}, the best is {theirs.choice.label}, {gap}. "
            f"On {here} it {_does(theirs.on_mine)}; {own} of this search {_does(mine.on_mine)}. "
            f"On {there} it {_does(theirs.on_theirs)}; {own} of this search {_does(mine.on_theirs)}."
        )


def comparisons_of(
    run: SearchRun,
    report: Mapping[str, Any],
    found: Elsewhere,
    places: Sequence[Place],
    user: User | AnonymousUser,
) -> list[Comparison]:
    """Returns the newest finished search of the same version of the photos for each of some other devices.

    Args:
        run: The search that is looked at.
        report: Its report.json.
        found: Its costs.
        places: Places of the user.
        user: Who is looking; only searches that they may see are compared.
    """
    if found.mine is None:
        return []
    others = search_runs_of_user(user).filter(
        dataset_version_id=run.dataset_version_id, state__in=(SearchRun.State.DONE, SearchRun.State.STOPPED)
    )
    compared: dict[str, Comparison] = {}
    for other in others.exclude(device=run.device)[:_MOST_READ]:
        if other.device in compared or len(compared) == MOST_OTHERS:
            continue
        other_report = report_of(other)
        theirs = elsewhere_of(other, other_report, places)
        if theirs is not None and theirs.mine is not None:
            compared[other.device] = _compare((run, report, found), (other, other_report, theirs))
    return list(compared.values())


_Side = tuple[SearchRun, Mapping[str, Any], Elsewhere]


def _compare(mine: _Side, theirs: _Side) -> Comparison:
    tests = [_test_accuracy(report, found.mine) for _, report, found in (mine, theirs)]
    tested = all(accuracy is not None for accuracy in tests)
    homes = (mine[2].home, theirs[2].home)
    winners = []
    for (run, _, found), accuracy in zip((mine, theirs), tests, strict=True):
        choice = found.mine
        assert choice is not None
        on_mine, on_theirs = (choice.at(place.value) for place in homes)
        shown = accuracy if tested and accuracy is not None else choice.accuracy
        winners.append(Winner(run, found.home, choice, shown, on_mine, on_theirs))
    return Comparison(winners[0], winners[1], tested)


def _test_accuracy(report: Mapping[str, Any], choice: Choice | None) -> float | None:
    number = None if choice is None else choice.number
    return next((one["accuracy"] for one in report.get("test") or [] if one["candidate"] == number), None)


def _does(cost: PlaceCost) -> str:
    if not cost.fits:
        return "does not fit"
    return f"takes {milliseconds(cost.latency_ms)}" if cost.latency_ms is not None else "has no known time"
