"""What findings are called, which of them are still open, and what one click can do about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext, gettext_noop

from datasets_app.models import LEFT_OUT, Dataset, DatasetState, Finding

Action = Literal["exclude", "relabel", "keep-one"]

ACTION_LABELS: Final[dict[str, str]] = {
    "exclude": gettext_noop("Leave these photos out"),
    "relabel": gettext_noop("Take the suggested classes"),
    "keep-one": gettext_noop("Keep one of each, leave the copies out"),
}


@dataclass(frozen=True)
class Kind:
    """One kind of finding.

    Attributes:
        title: For people.
        action: What one click does to all of this kind, or None when a person has to decide one by one.
        of_check: True when the checks find it, False when the import does.
    """

    title: str
    action: Action | None = None
    of_check: bool = False


KINDS: Final[dict[str, Kind]] = {
    # from the checks
    "exact-copy": Kind(gettext_noop("Exact copies"), "keep-one", of_check=True),
    "near-copy": Kind(gettext_noop("Almost the same photo"), "keep-one", of_check=True),
    "copy-two-labels": Kind(gettext_noop("Copies under two classes"), of_check=True),
    "split-copy": Kind(gettext_noop("Copies in two parts"), "keep-one", of_check=True),
    "wrong-label": Kind(gettext_noop("Probably the wrong class"), "relabel", of_check=True),
    "dark": Kind(gettext_noop("Too dark"), "exclude", of_check=True),
    "bright": Kind(gettext_noop("Too bright"), "exclude", of_check=True),
    "blurred": Kind(gettext_noop("Blurred"), "exclude", of_check=True),
    "near-uniform": Kind(gettext_noop("Almost one colour"), "exclude", of_check=True),
    "odd-size": Kind(gettext_noop("Unusual size"), "exclude", of_check=True),
    "odd-aspect": Kind(gettext_noop("Unusual proportions"), "exclude", of_check=True),
    "shortcut": Kind(gettext_noop("Something else gives the class away"), of_check=True),
    "imbalance": Kind(gettext_noop("Classes of very different size"), of_check=True),
    "checks-failed": Kind(gettext_noop("The checks could not be done"), of_check=True),
    # from the import: names and archives
    "path-traversal": Kind(gettext_noop("Name leads out of the archive")),
    "absolute-path": Kind(gettext_noop("Name is an absolute path")),
    "backslash": Kind(gettext_noop("Backslash in the name")),
    "odd-name": Kind(gettext_noop("Invisible characters in the name")),
    "name-too-long": Kind(gettext_noop("Name too long")),
    "too-deep": Kind(gettext_noop("Too many folders deep")),
    "link": Kind(gettext_noop("Link instead of a file")),
    "encrypted": Kind(gettext_noop("Protected by a password")),
    "nested-archive": Kind(gettext_noop("Archive inside the archive")),
    "duplicate-name": Kind(gettext_noop("Two files of the same name")),
    "entry-too-large": Kind(gettext_noop("File too large")),
    "bomb": Kind(gettext_noop("Unpacks to far too much")),
    "compression": Kind(gettext_noop("Packed by an unknown method")),
    # from the import: files
    "damaged-entry": Kind(gettext_noop("Damaged inside the archive")),
    "size-mismatch": Kind(gettext_noop("Longer than the archive says")),
    "empty": Kind(gettext_noop("Empty file")),
    "not-an-image": Kind(gettext_noop("Not an image")),
    "truncated": Kind(gettext_noop("Damaged image")),
    "too-many-pixels": Kind(gettext_noop("Too many pixels")),
    "too-small": Kind(gettext_noop("Too small")),
    "too-slow": Kind(gettext_noop("Took too long to read")),
    "memory": Kind(gettext_noop("Needs too much memory")),
    "animated": Kind(gettext_noop("Animated image")),
    # from the import: classes and parts
    "unlabelled": Kind(gettext_noop("No class")),
    "outside-splits": Kind(gettext_noop("Outside the train, val and test folders")),
    "empty-folder": Kind(gettext_noop("Folder without images")),
    "small-class": Kind(gettext_noop("Class too small")),
    "few-images": Kind(gettext_noop("Class with few images")),
    "class-not-in-train": Kind(gettext_noop("Class without training images")),
    "label-merged": Kind(gettext_noop("Two spellings of one class")),
    "label-case": Kind(gettext_noop("Classes that differ in upper and lower case")),
    "no-train-folder": Kind(gettext_noop("No train folder")),
    "split-leak": Kind(gettext_noop("Copy in another part")),
    "two-labels": Kind(gettext_noop("Same image in two classes")),
    "one-class": Kind(gettext_noop("Only one class")),
    # from the import: tables, tars, corrections
    "sparse": Kind(gettext_noop("File stored with holes")),
    "no-class-in-name": Kind(gettext_noop("File name without a class")),
    "not-in-table": Kind(gettext_noop("Not in the table")),
    "row-missing": Kind(gettext_noop("Row of a file that is not there")),
    "row-ambiguous": Kind(gettext_noop("Row that fits several files")),
    "row-outside": Kind(gettext_noop("Row that leads out of the upload")),
    "row-foreign": Kind(gettext_noop("Row with a web address")),
    "row-no-label": Kind(gettext_noop("Row without a class")),
    "row-odd-label": Kind(gettext_noop("Row with an overlong class")),
    "row-two-labels": Kind(gettext_noop("Several classes for one image")),
    "table-damaged": Kind(gettext_noop("Table that ends in an error")),
    "folder-left-out": Kind(gettext_noop("Folder left out on request")),
    "class-left-out": Kind(gettext_noop("Class left out on request")),
    "more-findings": Kind(gettext_noop("More findings than are listed")),
}

CHECK_KINDS: Final = frozenset(name for name, kind in KINDS.items() if kind.of_check)
DECISION_KINDS: Final = frozenset(
    {"small-class", "class-not-in-train", "two-labels", "label-case", "no-train-folder", "copy-two-labels"}
)
"""Kinds after which the owner should decide something; mere skipped files are not among them."""

_ABOUT_LABELS: Final = ("wrong-label", "copy-two-labels")


def kind_of(name: str) -> Kind:
    """The entry of a kind; one that is not listed is shown by its name."""
    return KINDS.get(name) or Kind(name.replace("-", " ").capitalize())


def open_findings(dataset: Dataset) -> QuerySet[Finding]:
    """Findings that nobody has dealt with: not dismissed, and not done by an edit since.

    One is done when its image (or, for copies, the other one) was left out, when a doubted class was changed,
    or when two copies have come to the same class or part.
    """
    images = dataset.images.order_by()
    left_out = images.filter(LEFT_OUT).values("row")
    this = images.filter(row=OuterRef("row"))
    other = images.filter(row=OuterRef(OuterRef("other_row")))
    done = Q(row__in=left_out) | Q(other_row__in=left_out)
    done |= Q(kind__in=_ABOUT_LABELS) & ~Q(label="") & Q(Exists(this.exclude(label=OuterRef("label"))))
    done |= Q(kind="copy-two-labels") & Q(Exists(this.filter(label=Subquery(other.values("label")))))
    done |= Q(kind="split-copy") & Q(Exists(this.filter(split=Subquery(other.values("split")))))
    return dataset.findings.filter(dismissed=False).exclude(done)


def kind_counts(dataset: Dataset) -> list[dict[str, Any]]:
    """``[{"kind", "title", "n", "n_open", "action", "action_label"}]``, in the order of `KINDS`."""
    present = _counts(dataset.findings.all())
    still_open = _counts(open_findings(dataset))
    order = {name: i for i, name in enumerate(KINDS)}
    found = []
    for name in sorted(present, key=lambda name: (order.get(name, len(order)), name)):
        kind = kind_of(name)
        found.append(
            {
                "kind": name,
                "title": gettext(kind.title),
                "n": present[name],
                "n_open": still_open.get(name, 0),
                "action": kind.action,
                "action_label": gettext(ACTION_LABELS[kind.action]) if kind.action else "",
            }
        )
    return found


def settled_state(dataset: Dataset) -> DatasetState:
    """State of a data set on which nobody works: whether its owner still has to decide something."""
    version = dataset.versions.filter(complete=True).first()
    undecided = open_findings(dataset).filter(kind__in=DECISION_KINDS).exists()
    blocked = version is None or bool(version.blocking)
    return DatasetState.NEEDS_ATTENTION if undecided or blocked else DatasetState.READY


def sorted_findings(findings: QuerySet[Finding], kind: str | None) -> QuerySet[Finding]:
    """Surest first within one kind; otherwise refusals first."""
    if kind is not None:
        return findings.filter(kind=kind).order_by(F("score").desc(nulls_last=True), "id")
    return findings.order_by("-refused", "id")


def _counts(findings: QuerySet[Finding]) -> dict[str, int]:
    counted = findings.order_by().values_list("kind").annotate(n=Count("pk"))
    return dict(counted)
