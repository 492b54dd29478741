"""What the owner does about findings: dismiss them, or let one click repair all of one kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, QuerySet

from datasets_app.changes import exclude, lock_for_edit, photos, record_change, relabel, settle
from datasets_app.class_edits import Undo
from datasets_app.findings import kind_of, open_findings
from datasets_app.models import IN_USE, Change, Dataset, Finding
from datasets_app.rows import chunks

MAX_IDS: Final = 50_000


@transaction.atomic
def finding_dismiss(*, dataset: Dataset, ids: Sequence[int], dismissed: bool = True) -> int:
    """Marks findings as fine, or, with `dismissed` False, as open again; returns how many there were.

    Raises:
        ValidationError: None or too many were chosen, or the data set is being worked on.
    """
    dataset = lock_for_edit(dataset)
    n = sum(dataset.findings.filter(pk__in=some).update(dismissed=dismissed) for some in _checked(ids))
    if not n:
        raise ValidationError("These findings do not exist any more. Reload the page.")
    settle(dataset)
    return n


@transaction.atomic
def finding_remedy(*, dataset: Dataset, kind: str, ids: Sequence[int] | None = None) -> Change:
    """Applies the one-click remedy of a kind to all its open findings, or to some of them.

    Raises:
        ValidationError: The kind has no remedy, nothing is left to do, or the data set is being worked on.
    """
    dataset = lock_for_edit(dataset)
    action = kind_of(kind).action
    if action is None:
        raise ValidationError(
            "One click cannot repair this: only a person can decide. Look at the photos one by one."
        )
    found = _chosen(open_findings(dataset).filter(kind=kind, row__isnull=False), ids)
    if action == "relabel":
        text, undo = _take_suggestions(dataset, found)
    elif action == "keep-one":
        text, undo = exclude(dataset, _copies_to_leave_out(dataset, found))
    else:
        text, undo = exclude(dataset, [finding.row for finding in found if finding.row is not None])
    change_kind = "relabel" if action == "relabel" else "exclude"
    return record_change(dataset, change_kind, f"{text} ({kind_of(kind).title.lower()})", undo)


def _chosen(findings: QuerySet[Finding], ids: Sequence[int] | None) -> list[Finding]:
    findings = findings.only("row", "other_row", "suggestion").order_by("id")
    if ids is None:
        found = list(findings)
    else:
        found = [finding for some in _checked(ids) for finding in findings.filter(pk__in=some)]
    if not found:
        raise ValidationError("Nothing is left to do here: every finding of this kind is dealt with.")
    return found


def _take_suggestions(dataset: Dataset, found: Sequence[Finding]) -> tuple[str, Undo]:
    """Suggestions that name a class which no longer exists are left to a person."""
    classes = set(dataset.images.order_by().values_list("label", flat=True).distinct())
    by_row = {f.row: f.suggestion for f in found if f.row is not None and f.suggestion in classes}
    wanted: dict[str, list[int]] = {}
    for row, label in by_row.items():
        wanted.setdefault(label, []).append(row)
    if not wanted:
        raise ValidationError(
            "The suggested classes do not exist any more. Choose the classes by hand, or check again."
        )
    _, undo = relabel(dataset, dict(wanted))
    return f"{photos(sum(len(entry['rows']) for entry in undo))}: took the suggested classes", undo


def _copies_to_leave_out(dataset: Dataset, found: Sequence[Finding]) -> list[int]:
    """Rows of copies, so that of each group of copies at least one photo stays.

    A pair names the copy and the photo that it resembles. Kinds may name them the other way round, and pairs
    form chains, so it is not enough to trust the pair: the group's photos that stay are counted.
    """
    rows = sorted({row for f in found for row in (f.row, f.other_row) if row is not None})
    group_of: dict[int, int] = {}
    for some in chunks(rows):
        group_of.update(dataset.images.filter(row__in=some).values_list("row", "group"))
    staying: Counter[int] = Counter()
    for some in chunks(sorted({group for group in group_of.values() if group >= 0})):
        kept = dataset.images.filter(IN_USE, group__in=some).order_by()
        staying.update(dict(kept.values_list("group").annotate(n=Count("pk"))))
    left_out: set[int] = set()
    for finding in found:
        row, other = finding.row, finding.other_row
        if row is None or row in left_out:
            continue
        group = group_of.get(row, -1)
        if (group >= 0 and staying[group] <= 1) or (group < 0 and other in left_out):
            continue
        left_out.add(row)
        staying[group] -= 1
    if not left_out:
        raise ValidationError(
            "Of each of these groups only one photo is left. There is nothing to leave out."
        )
    return sorted(left_out)


def _checked(ids: Sequence[int]) -> list[Sequence[int]]:
    chosen = sorted({one for one in ids if 0 < one < 2**63})
    if not chosen:
        raise ValidationError("No finding was chosen. Choose at least one.")
    if len(chosen) > MAX_IDS:
        raise ValidationError(f"At most {MAX_IDS:,} findings can be changed at once. Choose fewer.")
    return list(chunks(chosen))
