"""What stands below the list: uploads that break, change, meet each other or do not fit."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.images import photo_zip
from tests.integration.forty.conftest import QUOTA_MB
from tests.integration.forty.hall import GOOD, Hall, Outcome
from tests.integration.stack import wait_for

ALL = {"limit": 100}

HALF = 20_000


@pytest.fixture
def photos(tmp_path: Path) -> bytes:
    return photo_zip(tmp_path / "photos.zip", 6, 64, 2).read_bytes()


def announced(hall: Hall, content: bytes, **marks: str) -> str:
    return hall.sender.create(len(content), filename="photos.zip", confirm="0", **marks)


def ended(hall: Hall, path: str, dataset: str) -> Outcome:
    def settled() -> Outcome | None:
        found = hall.person.call("GET", f"/datasets/{dataset}")
        busy = {"UPLOADING", "UPLOADED", "CHECKING"}
        return None if found["state"] in busy else Outcome(hall.person, found, Path(path), 0)

    return wait_for(settled, 60, "the upload was not looked at")


def dataset_of(hall: Hall, path: str) -> str:
    key = path.strip("/").split("/")[-1]
    (found,) = (one for one in hall.person.call("GET", "/uploads")["items"] if one["id"] == key)
    return str(found["dataset"]["id"])


def test_input_16_half_an_upload_is_offered_and_goes_on(hall: Hall, photos: bytes) -> None:
    path = announced(hall, photos, fingerprint="row 16")
    assert hall.piece(path, 0, photos[:HALF]).status_code == 204
    (offered,) = (
        one for one in hall.person.call("GET", "/uploads")["items"] if one["fingerprint"] == "row 16"
    )
    assert (offered["offset"], offered["length"]) == (HALF, len(photos))
    assert hall.piece(path, HALF, photos[HALF:]).status_code == 204
    outcome = ended(hall, path, offered["dataset"]["id"])
    assert outcome.dataset["state"] == "READY"
    assert {one["path"]: one["label"] for one in outcome.images()} == GOOD


def test_file_that_changed_between_two_pieces_is_refused(hall: Hall, photos: bytes) -> None:
    path = announced(hall, photos, sha256=hashlib.sha256(photos).hexdigest())
    dataset = dataset_of(hall, path)
    assert hall.piece(path, 0, photos[:HALF]).status_code == 204
    changed = bytes(byte ^ 1 for byte in photos[HALF:])
    assert hall.piece(path, HALF, changed).status_code == 204
    outcome = ended(hall, path, dataset)
    assert outcome.dataset["state"] == "REJECTED"
    assert "'photos.zip' did not arrive as it was sent" in outcome.dataset["error"]
    assert "upload it again" in outcome.dataset["error"]


def test_wrong_offset_is_a_conflict_and_costs_nothing(hall: Hall, photos: bytes) -> None:
    path = announced(hall, photos)
    assert hall.piece(path, 0, photos[:HALF]).status_code == 204
    for offset in (0, HALF - 1, HALF + 1):
        answer = hall.piece(path, offset, photos[offset : offset + 100])
        assert answer.status_code == 409
        assert "Ask it how many" in answer.json()["detail"]
    assert hall.sender.offset(path) == HALF
    assert hall.sender.ask("DELETE", path).status == 204


def test_of_two_tabs_on_one_upload_one_goes_on(hall: Hall, photos: bytes) -> None:
    path = announced(hall, photos)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: hall.piece(path, 0, photos[:HALF]), range(2)))
    statuses = sorted(answer.status_code for answer in answers)
    # 423: both at the very same moment; 409: one after the other.
    assert statuses in ([204, 409], [204, 423])
    assert hall.sender.offset(path) == HALF
    late = hall.piece(path, 0, photos[:HALF])
    assert late.status_code == 409
    assert hall.sender.ask("DELETE", path).status == 204


def test_quota_is_crossed_by_no_upload_and_its_bytes_are_free_again(hall: Hall, photos: bytes) -> None:
    held = sum(one["size_bytes"] for one in hall.person.call("GET", "/datasets", params=ALL)["items"])
    room = QUOTA_MB * 2**20 - held
    before = {one["id"] for one in hall.person.call("GET", "/datasets", params=ALL)["items"]}
    marks = {"Upload_Metadata": "filename cGhvdG9zLnppcA=="}
    refused = hall.sender.ask("POST", "/uploads/", Upload_Length=room + 1, **marks)
    assert refused.status == 413
    assert b"Delete a data set" in refused.body
    assert {one["id"] for one in hall.person.call("GET", "/datasets", params=ALL)["items"]} == before
    path = announced(hall, photos)
    assert hall.piece(path, 0, photos[:HALF]).status_code == 204
    more = hall.piece(path, HALF, photos[HALF:] + b"more than was announced")
    assert more.status_code == 413
    assert hall.sender.offset(path) == HALF
    (part,) = (hall.stack.var_dir / "storage/uploads").glob(f"*/{path.strip('/').split('/')[-1]}.part")
    assert part.stat().st_size == HALF
    assert hall.sender.ask("DELETE", path).status == 204
    assert not part.parent.exists()
