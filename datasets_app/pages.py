"""What the page of a data set shows, tab by tab."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from datasets_app.changes import EDITABLE_STATES
from datasets_app.findings import DECISION_KINDS, kind_counts
from datasets_app.models import LEFT_OUT, Dataset, DatasetState
from datasets_app.selectors import (
    findings_of,
    n_refused,
    pending_changes,
    version_summary,
    versions_of,
    working_counts,
)

TABS: Final = {
    "overview": _("Overview"),
    "findings": _("Findings"),
    "photos": _("Photos"),
    "map": _("Map"),
    "versions": _("Versions"),
}
MAX_REFUSED: Final = 100
"""Refused files listed while there are no photos; the CSV has all of them."""
N_SAMPLES: Final = 12
ALARM_KINDS: Final = ("shortcut", "checks-failed")
"""Kinds that the first tab shows in full."""


def page_context(dataset: Dataset, tab: str) -> dict[str, Any]:
    """Returns everything that the page of a data set says, with one of its tabs.

    Args:
        dataset: With its versions and uploads.
        tab: One of `TABS`; anything else is the first one.
    """
    version = dataset.current_version
    context: dict[str, Any] = {
        "dataset": dataset,
        "version": version,
        "working": dataset.state in {DatasetState.UPLOADED, DatasetState.CHECKING},
        "editable": dataset.state in EDITABLE_STATES,
    }
    if version is None:
        found = findings_of(dataset)
        return {**context, "findings": found[:MAX_REFUSED], "n_findings": found.count()}
    tab = tab if tab in TABS else "overview"
    kinds = _kinds(dataset)
    classes = working_counts(dataset)
    context |= {
        "tabs": TABS.items(),
        "tab": tab,
        "n_open": sum(kind["n_open"] for kind in kinds if kind["action"]),
        "n_changes": pending_changes(dataset).count(),
        "next_number": version.number + 1,
        "n_images": sum(row["total"] for row in classes),
        "classes": classes,
        "largest": max((row["total"] for row in classes), default=0),
        "kinds": kinds,
        "page_data": {
            "classes": [row["name"] for row in classes],
            "kinds": {kind["kind"]: kind["title"] for kind in kinds},
            "skipped": [kind["kind"] for kind in kinds if kind["skipped"]],
            "version": version.number,
        },
    }
    return context | (_TAB_CONTEXTS[tab](dataset) if tab in _TAB_CONTEXTS else {})


def _overview(dataset: Dataset) -> dict[str, Any]:
    n_rows = dataset.versions.all()[0].n_images
    spread = sorted({n_rows * part // N_SAMPLES for part in range(N_SAMPLES)})
    return {
        "n_refused": n_refused(dataset),
        "n_excluded": dataset.images.filter(LEFT_OUT).count(),
        "alarms": [
            found for kind in ALARM_KINDS for found in findings_of(dataset, kind, only_open=True)[:20]
        ],
        "samples": dataset.images.exclude(LEFT_OUT).filter(row__in=spread).order_by("row"),
    }


def _kinds(dataset: Dataset) -> list[dict[str, Any]]:
    """Kinds of findings, alarms first, files that were skipped last.

    Beside what the API says of a kind: `skipped`, its files were left out by the import; `decide`, the state
    of the data set waits for the owner's word on it.
    """
    refused = dataset.findings.filter(refused=True).order_by()
    skipped = set(refused.values_list("kind", flat=True).distinct())
    kinds = [
        {
            **kind,
            "skipped": kind["kind"] in skipped,
            "decide": kind["kind"] in DECISION_KINDS and kind["n_open"] > 0,
        }
        for kind in kind_counts(dataset)
    ]
    return sorted(kinds, key=lambda kind: (kind["skipped"], kind["kind"] not in ALARM_KINDS))


def _versions(dataset: Dataset) -> dict[str, Any]:
    return {
        "versions": [version_summary(version) for version in versions_of(dataset)[:200]],
        "changes": list(pending_changes(dataset)[:200]),
    }


_TAB_CONTEXTS: Final[dict[str, Callable[[Dataset], dict[str, Any]]]] = {
    "overview": _overview,
    "versions": _versions,
}
