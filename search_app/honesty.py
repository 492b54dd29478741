"""What a result says against itself: what it had at each moment, and what its cheap judgements are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from datasets_app.words.engine import said
from datasets_app.words.figures import percent
from nas.report.html import Markup
from nas.report.steps import Level, step_chart

SCORES = {
    "short_training": gettext_lazy("Short training"),
    "supernet": gettext_lazy("Supernet"),
    "proxy": gettext_lazy("Zero-cost proxy"),
    "surrogate": gettext_lazy("Surrogate"),
    "params": gettext_lazy("Parameters (trivial)"),
    "macs": gettext_lazy("Work (trivial)"),
}
TARGETS = {
    "final": gettext_lazy("against the final trainings"),
    "short": gettext_lazy("against the short trainings"),
}
KINDS = {
    "import": gettext_lazy("Import of the photos"),
    "set_up": gettext_lazy("Set-up of the search"),
    "first_model": gettext_lazy("First model"),
    "baselines": gettext_lazy("Hand-made networks"),
    "elastic_training": gettext_lazy("Elastic training of a supernet"),
    "short_trainings": gettext_lazy("Short trainings"),
    "final_trainings": gettext_lazy("Final trainings"),
    "failed": gettext_lazy("Failed networks"),
    "between": gettext_lazy("Between the networks"),
    "export": gettext_lazy("Export and proof"),
    "report": gettext_lazy("Report"),
}


@dataclass(frozen=True)
class Curve:
    """A line over the minutes of a search.

    Attributes:
        title: What it shows.
        drawing: As SVG.
    """

    title: str
    drawing: Markup


@dataclass(frozen=True)
class Ranked:
    """How judgements ranked some networks.

    Attributes:
        title: Which networks.
        rows: `name`, `tau`, `low`, `high`, `in_band`, `band_pairs` of each judgement.
    """

    title: str
    rows: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Honesty:
    """The section.

    Attributes:
        curves: Best accuracy and hypervolume against minutes spent.
        reference: The fixed reference point in words; empty without curves.
        rankings: Rank correlations.
        optimism: The winner on validation and test photos, in words.
        resnet50: Ratios to ResNet-50 in words; empty if there is none.
        kinds: Name and seconds of each kind of work.
        configurations: Label and hash of each training that is compared.
        equal: True if all hashes are the same; None if that is not known.
    """

    curves: tuple[Curve, ...]
    reference: str
    rankings: tuple[Ranked, ...]
    optimism: str
    resnet50: tuple[str, ...]
    kinds: tuple[tuple[str, float], ...]
    configurations: tuple[tuple[str, str], ...]
    equal: bool | None


def honesty_of(report: Mapping[str, Any]) -> Honesty | None:
    """Returns the section; None for reports of versions that had nothing of it."""
    if "fairness" not in report:
        return None
    fairness = report["fairness"]
    return Honesty(
        curves=_curves(report),
        reference=_reference(report),
        rankings=tuple(_ranked(target) for target in report.get("ranking") or []),
        optimism=_optimism(report.get("optimism")),
        resnet50=_resnet50(report.get("resnet50")),
        kinds=tuple(
            (str(KINDS.get(row["kind"], row["kind"])), float(row["seconds"]))
            for row in report["cost"].get("by_kind") or []
            if row["seconds"] > 0
        ),
        configurations=tuple(
            (said(row["label"]), row["config_hash"]) for row in fairness["rows"] if row["config_hash"]
        ),
        equal=fairness["equal"],
    )


def _curves(report: Mapping[str, Any]) -> tuple[Curve, ...]:
    found = report.get("anytime")
    if not found:
        return ()
    titles = (
        ("accuracy", _("Best accuracy on validation photos"), True),
        ("hypervolume", _("Hypervolume of the front"), False),
    )
    curves = []
    for key, title, in_percent in titles:
        chart = step_chart(
            [(point["seconds"] / 60.0, point[key]) for point in found["points"]],
            [Level(said(one["label"]), one[key]) for one in found["baselines"]],
            end=report["spent_seconds"] / 60.0,
            title=title,
            x_name=_("minutes"),
            percent=in_percent,
        )
        curves.append(Curve(title, chart))
    return tuple(curves)


def _reference(report: Mapping[str, Any]) -> str:
    found = report.get("anytime")
    if not found or found["cost"] != "latency":
        return ""
    return _(
        "Hypervolume is accuracy times decades of time per photo, up to a point that no result can move: "
        "nothing right in %(ms)s ms."
    ) % {"ms": f"{found['reference']['cost']:g}"}


def _ranked(target: Mapping[str, Any]) -> Ranked:
    rows = tuple({**row, "name": SCORES.get(row["score"], row["score"])} for row in target["rows"])
    title = _("%(n)s networks, %(against)s") % {
        "n": target["networks"],
        "against": TARGETS.get(target["target"], target["target"]),
    }
    return Ranked(title, rows)


def _optimism(found: Mapping[str, Any] | None) -> str:
    if not found:
        return ""
    words = {
        "validation": percent(found["validation"]),
        "test": percent(found["test"]),
        "error": percent(2 * found["standard_error"]),
    }
    if found["flagged"]:
        return (
            _(
                "The recommended network reached %(validation)s of the validation photos, which chose it, "
                "and %(test)s of the test photos: more than two standard errors of the difference "
                "(%(error)s) less."
            )
            % words
        )
    return (
        _(
            "The recommended network reached %(validation)s of the validation photos, which chose it, and "
            "%(test)s of the test photos: within two standard errors of the difference (%(error)s)."
        )
        % words
    )


def _resnet50(found: Mapping[str, Any] | None) -> tuple[str, ...]:
    if not found or not found["latency_ratio"] or not found["size_ratio"]:
        return ()
    ratios = _(
        "Against ResNet-50 of this search the recommended network is %(faster)s times as fast and "
        "%(smaller)s times as small, with %(mine)s right against %(theirs)s. EfficientNet's headline is "
        "6.1 and 8.4 times, of B7 against the best network of its time on ImageNet."
    ) % {
        "faster": f"{found['latency_ratio']:.1f}",
        "smaller": f"{found['size_ratio']:.1f}",
        "mine": percent(found["best_accuracy"]),
        "theirs": percent(found["accuracy"]),
    }
    return (ratios, said(found["note"]))
