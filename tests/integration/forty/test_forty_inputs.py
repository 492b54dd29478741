"""Each row: named in plain words, within time and memory, and nothing else is lost by it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.images import photo_zip
from tests.integration.forty import pictures
from tests.integration.forty.conftest import CASES
from tests.integration.forty.hall import Case, Hall, Outcome

MOST_SECONDS = 20  # to refuse an upload as a whole, its sending and the waiting for the worker included
ROWS = [
    *((case, case.prove, case.name) for case in CASES if case is not pictures.ALL),
    *((pictures.ALL, prove, name) for name, prove in pictures.ROWS.items()),
]


@pytest.mark.parametrize(
    ("case", "prove"),
    [pytest.param(case, prove, id=name) for case, prove, name in sorted(ROWS, key=lambda r: r[2])],
)
def test_input(hall: Hall, case: Case, prove: Callable[[Outcome], None]) -> None:
    outcome = hall.outcome(case)
    findings = outcome.findings()
    assert sorted((one["path"], one["kind"]) for one in findings) == sorted(case.named)
    assert_in_plain_words(outcome, findings)
    if case.refused:
        assert outcome.dataset["state"] == "REJECTED"
        assert case.refused in outcome.dataset["error"]
        assert outcome.dataset["error"].endswith(".")
        assert outcome.seconds < MOST_SECONDS
        assert not outcome.images()
    else:
        assert case.published or outcome.dataset["state"] == case.state
        if case.images is not None:
            assert {one["path"]: one["label"] for one in outcome.images()} == case.images
    prove(outcome)


def assert_in_plain_words(outcome: Outcome, findings: list[dict[str, Any]]) -> None:
    """Each finding has a sentence and a next step, on the page and in the downloaded table."""
    listed = {(row[0].removeprefix("'"), row[1]): row for row in outcome.table()}
    for one in findings:
        assert one["reason"].endswith("."), one
        assert one["remedy"].endswith("."), one
        assert listed[one["path"], one["kind"]][3:5] == [one["reason"], one["remedy"]]


def truncated(folder: Path) -> bytes:
    whole = photo_zip(folder / "whole.zip", 6, 32, 2).read_bytes()
    return whole[: len(whole) * 2 // 3]


def test_input_16_truncated_zip_is_refused_at_once(hall: Hall, tmp_path: Path) -> None:
    (tmp_path / "cut.zip").write_bytes(truncated(tmp_path))
    with pytest.raises(AssertionError, match=r"4\d\d .*The zip file is incomplete.*Upload it again"):
        hall.post(tmp_path / "cut.zip")
