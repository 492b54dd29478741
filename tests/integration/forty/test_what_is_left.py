"""After all rows: memory was bounded, the worker goes on, and the disk holds nothing that it should not."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from tests.images import photo_zip
from tests.integration.forty.archives import MARK
from tests.integration.forty.conftest import CASES
from tests.integration.forty.hall import GOOD, Case, Hall
from tests.integration.stack import ROOT, wait_for

ALL = {"limit": 100}

MOST_WHILE_REFUSING = 300_000_000
MOST_OF_A_WORKER = 1_000_000_000  # the import and the checks of 50,000 images in 10,000 classes
MOST_OF_A_READER = 200_000_000  # decoding the picture of 20,000 x 20,000 takes 400 MB
STORED = re.compile(
    r"uploads/[0-9a-f-]{36}/[0-9a-f-]{36}(\.part)?"
    r"|caches/[0-9a-f-]{36}/(images\.u8|index\.jsonl|manifest\.json|facts\.json|map\.f32)"
)


def stored(hall: Hall) -> list[str]:
    storage = hall.stack.var_dir / "storage"
    return sorted(str(path.relative_to(storage)) for path in storage.rglob("*") if path.is_file())


def test_memory_stayed_bounded(hall: Hall) -> None:
    for case in CASES:
        hall.outcome(case)
    print(f"highest memory in bytes: while refusing {hall.peaks_of_refusals}, in all {hall.watch.peaks}")
    assert 0 < hall.peaks_of_refusals["worker"] < MOST_WHILE_REFUSING
    assert hall.watch.peaks["worker"] < MOST_OF_A_WORKER
    assert 0 < hall.watch.peaks["reader"] < MOST_OF_A_READER


def test_the_same_workers_serve_the_next_data_set(hall: Hall) -> None:
    next_one = Case("99-the-next-data-set", lambda folder: photo_zip(folder / "photos.zip", 6, 32, 2))
    hall.send(next_one)
    outcome = hall.outcome(next_one)
    assert outcome.dataset["state"] == "READY"
    assert {one["path"]: one["label"] for one in outcome.images()} == GOOD
    assert hall.workers() == hall.workers_at_first
    assert "broke off" not in hall.stack.log()
    assert "Traceback" not in hall.stack.log()


def test_no_file_lies_where_none_belongs(hall: Hall) -> None:
    files = stored(hall)
    assert [path for path in files if not STORED.fullmatch(path)] == []
    datasets = {one["id"] for one in hall.person.call("GET", "/datasets", params=ALL)["items"]}
    assert {path.split("/")[1] for path in files if path.startswith("uploads/")} == datasets
    n_versions = sum(
        one["version"] is not None for one in hall.person.call("GET", "/datasets", params=ALL)["items"]
    )
    assert len({path.split("/")[1] for path in files if path.startswith("caches/")}) == n_versions
    places = [
        ROOT,
        ROOT.parent,
        Path(tempfile.gettempdir()),
        Path("/"),
        Path("/tmp"),
        *hall.stack.var_dir.parents,
    ]
    assert [path for place in places for path in place.glob(f"*{MARK}*")] == []
    assert not list(hall.stack.var_dir.rglob(f"*{MARK}*"))


def test_nothing_is_left_when_all_is_deleted(hall: Hall) -> None:
    for one in hall.person.call("GET", "/datasets", params=ALL)["items"]:
        hall.person.call("DELETE", f"/datasets/{one['id']}")
    wait_for(lambda: not stored(hall), 20, "deleted data sets left bytes behind")
    assert not list((hall.stack.var_dir / "tmp").iterdir())
