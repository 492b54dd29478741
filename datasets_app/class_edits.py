"""Renames and merges classes. What was found of a class follows its name, there and back."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db.models import Max

from datasets_app.models import Dataset
from datasets_app.rows import chunks
from nas.data.names import printable
from nas.data.reading import MAX_LABEL

JOINS: Final = ("rename", "merge")
_JOINERS: Final = "\u200c\u200d"

Undo = list[dict[str, Any]]


def clean_label(label: str) -> str:
    """A class name as it is kept: NFC, on one line, without control or direction characters.

    The joiners U+200C and U+200D stay: Persian and the scripts of India are spelt with them.

    Raises:
        ValidationError: Nothing is left of it, or it is longer than 500 characters.
    """
    kept = "".join(
        " " if unicodedata.category(sign)[0] == "C" and sign not in _JOINERS else sign for sign in label
    )
    cleaned = " ".join(unicodedata.normalize("NFC", kept).split())
    if not cleaned.strip(_JOINERS + " "):
        raise ValidationError("The name of the class is empty. Type a name.")
    if len(cleaned) > MAX_LABEL:
        raise ValidationError(f"The name of the class is longer than {MAX_LABEL} characters. Shorten it.")
    return cleaned


def wanted_label(dataset: Dataset, label: str) -> str:
    """The class as it is written in this data set, else as `clean_label` writes a new one.

    The import keeps more signs than people can be trusted to type; cleaning these would make a look-alike.
    """
    # What no import can have written, NUL for instance, must not reach the database.
    if label == printable(label) and dataset.images.filter(label=label).exists():
        return label
    return clean_label(label)


def join_classes(
    dataset: Dataset, labels: Sequence[str], label: str, *, merge: bool
) -> tuple[list[str], Undo]:
    """Renames one class, or brings several under one name; excluded photos come along.

    Args:
        dataset: Locked for an edit.
        labels: Classes that shall get the name.
        label: The name; for a rename no class may have it.
        merge: Whether there may be several, and the name may be taken.

    Returns:
        The classes that are gone, and how to undo it.

    Raises:
        ValidationError: A class does not exist, or nothing changes.
    """
    olds = sorted(set(labels) - {label})
    if not olds or (not merge and len(olds) > 1):
        raise ValidationError(
            "Choose at least two classes to merge." if merge else "Choose one class and a new name for it."
        )
    if not merge and dataset.images.filter(label=label).exists():
        raise ValidationError(f"There is a class '{label}' already. Merge the two classes instead.")
    undo: Undo = []
    newest = dataset.findings.aggregate(newest=Max("pk"))["newest"] or 0
    for old in olds:
        rows = list(dataset.images.filter(label=old).order_by("row").values_list("row", flat=True))
        if not rows:
            raise ValidationError(f"There is no class '{old}'. Choose one of the list.")
        undo.append({"rows": rows, "label": old, "became": label, "newest": newest})
        dataset.images.filter(label=old).update(label=label)
        undo += _carry_findings(dataset, old, label)
    undo += _settle_cases(dataset)
    return olds, undo


def take_names_back(dataset: Dataset, entry: dict[str, Any], *, renamed: bool) -> None:
    """Gives the old name to findings of a check that ran since the edit: it knew the new name only.

    Of a rename both names mean the same class. Of a merge the photo says which class was meant; a suggestion
    does not, so it stays.

    Args:
        dataset: Locked for an edit; the photos of `entry` have their old class again.
        entry: The part of the undo that named the rows of one class.
        renamed: Whether it was a rename.
    """
    if "newest" not in entry:
        return  # an edit that was made before this was kept
    since = dataset.findings.filter(pk__gt=entry["newest"])
    about = since.filter(label=entry["became"])
    if renamed:
        since.filter(suggestion=entry["became"]).update(suggestion=entry["label"])
    else:
        about = about.filter(row__in=dataset.images.filter(label=entry["label"]).values("row"))
    about.update(label=entry["label"])


def _carry_findings(dataset: Dataset, old: str, label: str) -> Undo:
    """Findings speak of the class by its new name; a remedy must not bring the old name back."""
    undo: Undo = []
    for name in ("label", "suggestion"):
        found = dataset.findings.filter(**{name: old})
        if keys := list(found.values_list("pk", flat=True)):
            undo.append({"findings": keys, name: old})
            found.update(**{name: label})
    return undo


def _settle_cases(dataset: Dataset) -> Undo:
    """Classes that differed in upper and lower case only are decided upon once one of them is left."""
    warnings = dataset.findings.filter(kind="label-case", dismissed=False).values_list("pk", "path")
    if not warnings:
        return []
    labels = dataset.images.order_by().values_list("label", flat=True).distinct()
    left = Counter(label.casefold() for label in labels)
    done = [key for key, path in warnings if left[path.casefold()] < 2]
    for some in chunks(done):
        dataset.findings.filter(pk__in=some).update(dismissed=True)
    return [{"findings": done, "dismissed": False}]
