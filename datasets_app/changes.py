"""Edits of a data set's images. Each is one `Change` that can be taken back until a version takes it in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max

from datasets_app.class_edits import JOINS, Undo, join_classes, take_names_back, wanted_label
from datasets_app.findings import settled_state
from datasets_app.models import BULKY, Change, Dataset, DatasetState, Image
from datasets_app.rows import chunks
from datasets_app.waiting import take_back

EDITABLE_STATES: Final = (DatasetState.READY, DatasetState.NEEDS_ATTENTION)
MAX_ROWS: Final = 100_000
SPLITS: Final = {"train": "training", "val": "validation", "test": "test"}
_UNDONE: Final = ("label", "split", "excluded", "suggestion", "dismissed")
_LAST_ROW: Final = 2**31 - 1


@transaction.atomic
def change_create(
    *,
    dataset: Dataset,
    kind: str,
    rows: Sequence[int] = (),
    labels: Sequence[str] = (),
    label: str = "",
    split: str = "",
) -> Change:
    """Edits images, at once and so that it can be taken back.

    Args:
        dataset: Whose images.
        kind: ``exclude``, ``restore``, ``relabel`` (rows -> label), ``move`` (rows -> split), ``rename``
            (one of labels -> label) or ``merge`` (labels -> label).
        rows: Rows of the images, at most 100,000.
        labels: Classes to rename or merge.
        label: The new class; it need not exist yet.
        split: ``train``, ``val`` or ``test``.

    Raises:
        ValidationError: The data set is being worked on, a row or class does not exist, or nothing changes.
        Dataset.DoesNotExist: It was deleted meanwhile.
    """
    dataset = lock_for_edit(dataset)
    if kind in {"exclude", "restore"}:
        text, undo = _set_excluded(dataset, rows, excluded=kind == "exclude")
    elif kind == "relabel":
        text, undo = relabel(dataset, {wanted_label(dataset, label): rows})
    elif kind == "move":
        text, undo = _move(dataset, rows, split)
    elif kind in JOINS:
        text, undo = _join(dataset, labels, wanted_label(dataset, label), merge=kind == "merge")
    else:
        raise ValidationError(
            "There is no such edit. Choose exclude, restore, relabel, move, rename or merge."
        )
    return record_change(dataset, kind, text, undo)


@transaction.atomic
def change_undo(*, dataset: Dataset) -> Change:
    """Takes the newest pending edit back and returns it.

    Raises:
        ValidationError: Nothing is pending, or the data set is being worked on.
    """
    dataset = lock_for_edit(dataset)
    change = dataset.changes.filter(version=None).order_by("-number").first()
    if change is None:
        raise ValidationError(
            "There is nothing to take back: every edit is part of a version. Make the opposite edit instead."
        )
    for entry in reversed(change.undo):
        values = {name: entry[name] for name in _UNDONE if name in entry}
        if "upload" in entry:
            take_back(dataset, entry)
        elif "rows" in entry:
            _update_images(dataset, entry["rows"], **values)
            if change.kind in JOINS:
                take_names_back(dataset, entry, renamed=change.kind == "rename")
        else:
            for some in chunks(entry["findings"]):
                dataset.findings.filter(pk__in=some).update(**values)
    change.delete()
    settle(dataset)
    return change


def lock_for_edit(dataset: Dataset) -> Dataset:
    """Locks the row until the transaction ends, so that edits come one after the other.

    Raises:
        ValidationError: A worker has it, or will have it.
    """
    locked = Dataset.objects.select_for_update().defer(*BULKY).get(pk=dataset.pk)
    if locked.state not in EDITABLE_STATES:
        raise ValidationError(
            "This data set is being worked on. Wait until its state is Ready, then try again."
            if locked.state != DatasetState.REJECTED
            else "This data set was rejected and has no photos to edit. Upload it again."
        )
    return locked


def record_change(dataset: Dataset, kind: str, text: str, undo: Undo) -> Change:
    """Saves an edit that was made just now, in the same transaction."""
    last = dataset.changes.aggregate(last=Max("number"))["last"] or 0
    change = Change.objects.create(dataset=dataset, number=last + 1, kind=kind, text=text, undo=undo)
    settle(dataset)
    return change


def settle(dataset: Dataset) -> None:
    """Says anew whether the owner still has to decide something, after an edit or a dismissal."""
    Dataset.objects.filter(pk=dataset.pk, state__in=EDITABLE_STATES).update(state=settled_state(dataset))


def relabel(dataset: Dataset, wanted: dict[str, Sequence[int]]) -> tuple[str, Undo]:
    """Gives rows a class; `wanted` says which rows get which. Returns the sentence and how to undo it."""
    undo: Undo = []
    from_labels: set[str] = set()
    for label, rows in wanted.items():
        before = _grouped(dataset, rows, "label", label)
        for old, those in before.items():
            undo.append({"rows": those, "label": old})
            from_labels.add(old)
            _update_images(dataset, those, label=label)
    n = sum(len(entry["rows"]) for entry in undo)
    if not n:
        raise ValidationError("These photos have that class already. Choose another class.")
    return f"{photos(n)}: {_names(from_labels)} → {_names(wanted)}", undo


def exclude(dataset: Dataset, rows: Sequence[int]) -> tuple[str, Undo]:
    """Leaves rows out. Returns the sentence and how to undo it."""
    return _set_excluded(dataset, rows, excluded=True)


def photos(n: int) -> str:
    """For example ``"1 photo"`` or ``"12,000 photos"``."""
    return f"{n:,} photo{'' if n == 1 else 's'}"


def _set_excluded(dataset: Dataset, rows: Sequence[int], *, excluded: bool) -> tuple[str, Undo]:
    changed = [row for those in _grouped(dataset, rows, "excluded", excluded).values() for row in those]
    if not changed:
        raise ValidationError(
            "These photos are left out already. Choose others."
            if excluded
            else "These photos are part of the data set already. Choose photos that are left out."
        )
    _update_images(dataset, changed, excluded=excluded)
    n = photos(len(changed))
    text = f"{n} left out" if excluded else f"{n} taken back in"
    return text, [{"rows": changed, "excluded": not excluded}]


def _move(dataset: Dataset, rows: Sequence[int], split: str) -> tuple[str, Undo]:
    if split not in SPLITS:
        raise ValidationError("There is no such part. Choose train, val or test.")
    before = _grouped(dataset, rows, "split", split)
    if not before:
        raise ValidationError(f"These photos are in the {SPLITS[split]} part already. Choose another part.")
    for those in before.values():
        _update_images(dataset, those, split=split)
    n = sum(len(those) for those in before.values())
    undo = [{"rows": those, "split": old} for old, those in before.items()]
    return f"{photos(n)} moved to the {SPLITS[split]} part", undo


def _join(dataset: Dataset, labels: Sequence[str], label: str, *, merge: bool) -> tuple[str, Undo]:
    """Renames one class, or brings several under one name; excluded photos come along."""
    olds, undo = join_classes(dataset, labels, label, merge=merge)
    n = sum(len(entry["rows"]) for entry in undo if "rows" in entry)
    if not merge:
        return f"Class {olds[0]} renamed to {label} ({photos(n)})", undo
    return f"Classes {_names(set(labels))} merged into {label} ({photos(n)} changed)", undo


def _grouped(dataset: Dataset, rows: Sequence[int], column: str, wanted: Any) -> dict[Any, list[int]]:
    """Rows by the present value of a column; those that have the wanted one already are left out.

    Raises:
        ValidationError: None, too many, or a row that does not exist.
    """
    chosen = sorted(set(rows))
    if not chosen:
        raise ValidationError("No photo was chosen. Choose at least one.")
    if len(chosen) > MAX_ROWS:
        raise ValidationError(f"At most {MAX_ROWS:,} photos can be changed at once. Choose fewer.")
    groups: dict[Any, list[int]] = {}
    n = 0
    for some in chunks([row for row in chosen if 0 <= row <= _LAST_ROW]):
        for row, value in dataset.images.filter(row__in=some).values_list("row", column):
            n += 1
            if value != wanted:
                groups.setdefault(value, []).append(row)
    if n != len(chosen):
        raise ValidationError("Some of these photos do not exist. Reload the page and choose again.")
    return groups


def _update_images(dataset: Dataset, rows: Sequence[int], **values: Any) -> None:
    for some in chunks(rows):
        Image.objects.filter(dataset_id=dataset.pk, row__in=some).update(**values)


def _names(labels: Sequence[str] | set[str] | dict[str, Any]) -> str:
    """The first few names and how many more there are."""
    names = sorted(labels)
    more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
