"""Sentences of an evaluation for people who have never seen a confusion matrix."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext, gettext_lazy, ngettext

from datasets_app.words.figures import decimal, percent, whole
from nas.evaluation.calibration import expected_calibration_error
from nas.evaluation.estimates import ClassGain, Estimate
from nas.evaluation.figures import Confusion, Share
from nas.evaluation.learning_file import LearningCurve
from nas.evaluation.slices import ELONGATED, GREY, Slice, SliceFigures
from search_app.evaluation import Answers

_CALIBRATED: Final = 0.03
_SMALL_GAIN: Final = 0.005
_LONGEST_NAME: Final = 60

TITLES: Final = {
    "dark": gettext_lazy("Dark photos"),
    "bright": gettext_lazy("Very bright photos"),
    "blurred": gettext_lazy("The least sharp photos"),
    "small": gettext_lazy("The smallest photos"),
    "tall": gettext_lazy("Upright photos"),
    "wide": gettext_lazy("Wide photos"),
    "grey": gettext_lazy("Photos without colour"),
}
RULES: Final = {
    "dark": gettext_lazy("mean brightness below a quarter of the range"),
    "bright": gettext_lazy("mean brightness above three quarters of the range"),
    "blurred": gettext_lazy("the fifth with the softest edges"),
    "small": gettext_lazy("the fifth with the fewest pixels in the original"),
    "class": gettext_lazy("the true class"),
    "format": gettext_lazy("the format of the file"),
    "folder": gettext_lazy("the folder above the class"),
    "camera": gettext_lazy("as the photo's EXIF data say"),
}


def points(fraction: float) -> str:
    """Returns a difference of shares as percentage points without their unit: ``1.2``."""
    return decimal(100 * fraction, 1)


def short(name: str) -> str:
    """Returns a class name that fits into a sentence."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def verdict(answers: Answers) -> str:
    """Says how often the model is right."""
    share = answers.accuracy
    values = {
        "right": round(100 * (share.value or 0)),
        "low": percent(share.low),
        "high": percent(share.high),
    }
    return gettext("Right for %(right)s of 100 photos; with 95%% certainty for %(low)s to %(high)s.") % values


def judged_on(answers: Answers) -> str:
    """Says which photos judged it."""
    n = len(answers.rows)
    if answers.part == "test":
        return ngettext(
            "Judged on %(n)s sealed test photo, opened once when the search ended.",
            "Judged on %(n)s sealed test photos, opened once when the search ended.",
            n,
        ) % {"n": whole(n)}
    return ngettext(
        "Judged on %(n)s validation photo, because there are no test answers of this model. The search chose "
        "by these photos, so the figures flatter it a little.",
        "Judged on %(n)s validation photos, because there are no test answers of this model. The search "
        "chose by these photos, so the figures flatter it a little.",
        n,
    ) % {"n": whole(n)}


def confusion(one: Confusion, classes: list[str]) -> str:
    """Says what is taken for what."""
    return gettext("“%(truth)s” was taken for “%(answer)s” in %(n)s of its %(support)s photos.") % {
        "truth": short(classes[one.truth]),
        "answer": short(classes[one.answer]),
        "n": whole(one.n),
        "support": whole(one.support),
    }


def calibration(answers: Answers) -> list[str]:
    """Says whether stated probabilities can be taken at their word."""
    mean = float(answers.confidences.mean()) if len(answers.rows) else 0.0
    right = answers.accuracy.value or 0.0
    error = expected_calibration_error(answers.bins)
    values = {"mean": percent(mean), "right": percent(right), "error": points(error)}
    if error < _CALIBRATED:
        first = gettext("Its probabilities can be taken at their word.")
    elif mean > right:
        first = gettext(
            "It is surer than it should be: on average it states %(mean)s and is right for %(right)s."
        )
    else:
        first = gettext("It is too modest: on average it states %(mean)s and is right for %(right)s.")
    second = gettext("Stated and real share of right answers differ by %(error)s points on average.")
    return [first % values, second % values]


def slice_title(one: Slice, classes: list[str]) -> str:
    """Names a kind of photos."""
    if one.number is not None:
        return gettext("Class “%(name)s”") % {"name": short(classes[one.number])}
    if one.kind in TITLES:
        return str(TITLES[one.kind])
    texts = {
        "format": gettext("%(value)s files"),
        "folder": gettext("From the folder “%(value)s”"),
        "camera": gettext("Taken with “%(value)s”"),
    }
    return texts[one.kind] % {"value": short(one.value)}


def slice_rule(one: Slice) -> str:
    """Says which photos are of a kind."""
    if one.kind in ("tall", "wide"):
        return gettext("one side more than %(ratio)s times the other") % {"ratio": decimal(ELONGATED, 1)}
    if one.kind == "grey":
        return gettext("colour channels differ by less than %(share)s") % {"share": percent(GREY, 0)}
    return str(RULES[one.kind])


def slice_sentence(one: SliceFigures, classes: list[str]) -> str:
    """Says that a model is worse on a kind of photos."""
    return gettext(
        "%(title)s: right for %(value)s of %(n)s, but for %(rest)s of the others. Chance does not "
        "explain this."
    ) % {
        "title": slice_title(one.slice, classes),
        "value": percent(one.right.value),
        "n": whole(one.right.n),
        "rest": percent(one.rest.value),
    }


def interval(share: Share) -> str:
    """Returns an interval as ``90.1% to 95.4%``."""
    return gettext("%(low)s to %(high)s") % {"low": percent(share.low), "high": percent(share.high)}


def more_photos(curve: LearningCurve) -> str:
    """Says what twice as many photos would bring."""
    gain = curve.doubled
    values = {"gain": points(gain.value), "low": points(gain.low), "high": points(gain.high)}
    if gain.high < _SMALL_GAIN:
        return (
            gettext(
                "More photos like these would hardly help: twice as many bring about +%(gain)s points "
                "(%(low)s to %(high)s). Look at the mistakes instead."
            )
            % values
        )
    if gain.low <= 0:
        return (
            gettext(
                "Twice as many photos of every class might bring +%(gain)s points (%(low)s to %(high)s); "
                "these photos cannot tell whether they bring anything."
            )
            % values
        )
    return (
        gettext(
            "Twice as many photos of every class would bring about +%(gain)s points (%(low)s to %(high)s)."
        )
        % values
    )


def class_gain(one: ClassGain, classes: list[str]) -> str:
    """Says what a class gained from the last doubling."""
    return gettext("“%(name)s”: +%(gain)s points (%(low)s to %(high)s)") % {
        "name": short(classes[one.number]),
        "gain": points(one.gain.value),
        "low": points(one.gain.low),
        "high": points(one.gain.high),
    }


def estimated(one: Estimate) -> str:
    """Returns an estimate as ``92.0% (90.1% to 93.4%)``."""
    return gettext("%(value)s (%(low)s to %(high)s)") % {
        "value": percent(one.value),
        "low": percent(one.low),
        "high": percent(one.high),
    }
