"""A public client of the tus protocol, which we did not write, on both kinds of installation."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from resumable_upload import TusClient

from tests.integration.sender import MIB, Content, Sender, file_of, sha256_of
from tests.integration.stack import STACKS, Person, Stack


@pytest.fixture(scope="module", params=["embedded", "grown_up"])
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    with STACKS[request.param]() as started:
        yield started


@pytest.fixture(scope="module")
def person(stack: Stack) -> Iterator[Person]:
    with Person(stack) as signed_in:
        yield signed_in


@pytest.fixture
def sender(stack: Stack, person: Person) -> Sender:
    return Sender(stack, person)


@pytest.mark.parametrize(
    "options", [{}, {"checksum": "sha256"}, {"checksum": False}, {"override_patch_method": True}]
)
def test_public_client_uploads_resumes_and_deletes(
    stack: Stack, sender: Sender, tmp_path: Path, options: dict[str, Any]
) -> None:
    file = tmp_path / "photos of Zoë.zip"
    file.write_bytes(os.urandom(3_500_000))
    headers = {name: value for name, value in sender.headers.items() if name in {"Cookie", "X-CSRFToken"}}
    client = TusClient(
        f"{stack.base_url}/uploads/", headers=headers, chunk_size=MIB, max_retries=0, **options
    )
    told = client.get_server_info()
    assert told["version"] == "1.0.0"
    assert set(told["extensions"]) == {"creation", "termination", "expiration", "checksum"}

    address = client.upload_file(str(file), metadata={"filename": file.name}, stop_at=2 * MIB)
    info = client.get_upload_info(address)
    assert (info["offset"], info["length"], info["complete"]) == (2 * MIB, 3_500_000, False)
    assert info["metadata"]["filename"] == file.name
    client.resume_upload(str(file), address)
    assert client.get_upload_info(address)["complete"]
    assert sha256_of(file_of(stack, address)) == sha256_of(file)

    unwanted = client.upload_file(str(file), metadata={"filename": file.name}, stop_at=MIB)
    client.delete_upload(unwanted)
    assert sender.ask("HEAD", unwanted.removeprefix(stack.base_url)).status == 404


def test_two_last_files_at_once_complete_their_data_set_once(person: Person, sender: Sender) -> None:
    draft = person.call("POST", "/datasets/drafts", json={"name": "Eight", "confirm": False, "n_uploads": 8})
    content = Content(300_000)
    paths = [sender.create(content.length, filename=f"{i}.zip", dataset=draft["id"]) for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda path: sender.send(path, content), paths))
    assert [reply.status for reply in replies if reply is not None] == [204] * 8
    found = person.call("GET", f"/datasets/{draft['id']}")
    assert found["state"] != "UPLOADING"
    assert found["size_bytes"] == 8 * content.length
