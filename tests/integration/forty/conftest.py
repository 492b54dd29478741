"""One installation for all rows; everything is sent before the first test looks."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.forty import archives, labels, pictures
from tests.integration.forty.hall import Hall
from tests.integration.stack import Person, Stack

CASES = (*archives.CASES, pictures.ALL, *pictures.CASES, *labels.CASES)
QUOTA_MB = 9000


@pytest.fixture(scope="package")
def hall() -> Iterator[Hall]:
    """Sends all rows: first what must be refused, one by one, so that its time and memory are its own."""
    with tempfile.TemporaryDirectory(prefix="forty-") as directory:
        root = Path(directory)
        with Stack(root / "var", AUTOML_QUOTA_MB=str(QUOTA_MB)) as stack, Person(stack) as person:
            hall = Hall(stack, person, root)
            hall.watch.start()
            refused = [case for case in CASES if case.refused]
            for case in refused:
                hall.send(case)
                hall.outcome(case)
            hall.watch.look()
            hall.peaks_of_refusals = dict(hall.watch.peaks)
            for case in sorted(
                (c for c in CASES if not c.refused), key=lambda case: (case.published, case.send is None)
            ):
                hall.send(case)
            yield hall
            hall.watch.ended.set()
            hall.watch.join()
        labels.OUTSIDE.unlink(missing_ok=True)
