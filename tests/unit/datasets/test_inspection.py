"""From the list of files to the import that the owner confirmed; other ways for files to arrive."""

from __future__ import annotations

import io
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import F
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from sklearn.datasets import load_digits

from datasets_app import attempt, handover, import_job, runner
from datasets_app.models import Dataset, DatasetState, Job
from datasets_app.services import dataset_create, dataset_draft_create, dataset_fetch
from nas.data import public
from nas.data.shelf import READING_TABLES
from tests.images import PHOTO_CLASSES, photo_files, photo_zip, write_zip

ClientOf = Callable[[User | None], Client]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def client(owner: User, client_of: ClientOf) -> Client:
    return client_of(owner)


@pytest.fixture
def dataset(owner: User, tmp_path: Path) -> Dataset:
    content = photo_zip(tmp_path / "a.zip", 20, 32, 3).read_bytes()
    upload = SimpleUploadedFile("a.zip", content)
    return dataset_create(owner=owner, name="Garden", upload=upload, confirm=True)


def post(client: Client, dataset: Dataset, path: str, interpretation: Any) -> HttpResponse:
    body = {"interpretation": interpretation}
    return client.post(f"/api/v1/datasets/{dataset.pk}/{path}", body, content_type="application/json")


def inspected(dataset: Dataset) -> Dataset:
    runner.check_dataset(dataset.pk)
    dataset.refresh_from_db()
    assert dataset.state == DatasetState.PREVIEW, dataset.error
    return dataset


def test_owner_sees_how_the_files_are_understood_corrects_and_imports(
    client: Client, dataset: Dataset
) -> None:
    inspected(dataset)
    preview = client.get(f"/api/v1/datasets/{dataset.pk}/preview").json()
    assert preview["n_images"] == 60 and {c["name"] for c in preview["classes"]} == set(PHOTO_CLASSES[:3])
    chosen = {
        **preview["interpretation"],
        "renames": {"temple dusk": "temple"},
        "dropped": [],
    }
    assert post(client, dataset, "preview", chosen).status_code == 202
    inspected(dataset)
    preview = client.get(f"/api/v1/datasets/{dataset.pk}/preview").json()
    assert {c["name"]: c["n"] for c in preview["classes"]} == {"temple": 40, "flower": 20}
    assert post(client, dataset, "import", preview["interpretation"]).status_code == 202
    assert post(client, dataset, "import", preview["interpretation"]).status_code == 422  # twice
    runner.check_dataset(dataset.pk)
    dataset.refresh_from_db()
    assert dataset.current_version is not None and dataset.current_version.classes == ["flower", "temple"]
    assert dataset.images.filter(label="temple").count() == 40


def test_nonsense_is_refused_in_words(client: Client, dataset: Dataset) -> None:
    inspected(dataset)
    for nonsense in ({"kind": "magic"}, {"kind": "table"}, {"colour": "red"}):
        answer = post(client, dataset, "import", nonsense)
        assert answer.status_code == 422 and len(answer.json()["detail"]) > 20
    assert post(client, dataset, "import", "text").status_code == 422


def test_reading_that_fails_leaves_the_one_before(client: Client, dataset: Dataset) -> None:
    inspected(dataset)
    before = dataset.preview
    assert before is not None
    table = {
        **before["interpretation"],
        "kind": "table",
        "table": "gone.csv",
        "path_column": "path",
        "label_column": "label",
    }
    assert post(client, dataset, "preview", table).status_code == 202
    runner.check_dataset(dataset.pk)
    dataset.refresh_from_db()
    assert dataset.state == DatasetState.PREVIEW
    assert dataset.error or dataset.preview != before
    assert post(client, dataset, "import", before["interpretation"]).status_code == 202
    runner.check_dataset(dataset.pk)
    dataset.refresh_from_db()
    assert dataset.current_version is not None and not dataset.error


def test_what_was_imported_is_not_inspected_again(client: Client, dataset: Dataset) -> None:
    preview = inspected(dataset).preview
    assert preview is not None
    post(client, dataset, "import", preview["interpretation"])
    runner.check_dataset(dataset.pk)
    for path in ("preview", "import"):
        assert post(client, dataset, path, preview["interpretation"]).status_code == 422


def test_death_and_loss_of_the_claim_during_an_inspection(
    dataset: Dataset, storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(BaseException):
        """Stands for kill -9."""

    def die(*_args: object, **_kwargs: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(attempt, "release", die)
        with pytest.raises(Died):
            runner.check_dataset(dataset.pk)
    Dataset.objects.update(lease_until="2020-01-01T00:00:00Z")
    with monkeypatch.context() as patch:
        real = import_job.preview

        def steal(*args: Any) -> Any:
            Dataset.objects.update(fence=F("fence") + 1)
            return real(*args)

        patch.setattr(import_job, "preview", steal)
        runner.check_dataset(dataset.pk)
    dataset.refresh_from_db()
    assert dataset.state == DatasetState.CHECKING and dataset.preview is None
    Dataset.objects.update(lease_until="2020-01-01T00:00:00Z")
    inspected(dataset)
    assert not (storage / "caches").exists() or not list((storage / "caches").iterdir())


def test_worker_that_shall_end_leaves_a_large_table_in_the_middle(
    owner: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f"{i % 9}.jpg,{'ab'[i % 9 % 2]},{'n' * 60}\n" for i in range(12_000))
    files = [(f"{i}.jpg", b"x") for i in range(9)]
    path = write_zip(tmp_path / "a.zip", [("labels.csv", f"file,label,note\n{rows}".encode()), *files])
    upload = SimpleUploadedFile("a.zip", path.read_bytes())
    made = dataset_create(owner=owner, name="Large", upload=upload, confirm=True)
    told: list[tuple[str, int]] = []
    real = attempt.fenced_update

    def watch(held: Any, **values: Any) -> bool:
        if values.get("stage"):
            told.append((values["stage"], values["progress_done"]))
        if values.get("progress_done") and values["stage"] == READING_TABLES:
            handover.request_handover()
        return real(held, **values)

    monkeypatch.setattr(attempt, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(attempt, "fenced_update", watch)
    try:
        runner.check_dataset(made.pk)
    finally:
        handover._flag[0] = 0
    made.refresh_from_db()
    assert [done for stage, done in told if stage == READING_TABLES and done] == [told[-1][1]]
    assert made.state == DatasetState.CHECKING and made.lease_until is None and made.preview is None
    monkeypatch.undo()
    assert inspected(made).preview["n_images"] == 9  # type: ignore[index]


def test_upload_without_images_is_rejected_with_findings(client: Client, owner: User, tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", [("../x.jpg", b"x"), ("a/../../y.jpg", b"x")])
    upload = SimpleUploadedFile("a.zip", path.read_bytes())
    made = dataset_create(owner=owner, name="", upload=upload)
    runner.check_dataset(made.pk)
    made.refresh_from_db()
    assert made.state == DatasetState.REJECTED and made.findings.filter(kind="path-traversal").count() == 2


def test_files_of_one_data_set_are_read_together(owner: User, tmp_path: Path) -> None:
    made = dataset_draft_create(owner=owner, name="Two", n_uploads=2)
    for label in PHOTO_CLASSES[:2]:
        made.storage_dir.mkdir(parents=True, exist_ok=True)
        photos = [(name.split("/"), content) for name, content in photo_files(10, 32)]
        files = [(name, content) for (folder, name), content in photos if folder == label]
        path = write_zip(made.storage_dir / label, files)
        size = path.stat().st_size
        made.uploads.create(
            filename=f"{label}.zip", length=size, offset=size, completed_at=timezone.now(),
            path=f"uploads/{made.pk}/{label}",
        )  # fmt: skip
    Dataset.objects.filter(pk=made.pk).update(state=DatasetState.UPLOADED)
    preview = inspected(made).preview
    assert preview is not None
    assert {c["name"]: c["n"] for c in preview["classes"]} == dict.fromkeys(PHOTO_CLASSES[:2], 10)


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_tars_are_taken_in_one_request(client: Client, mode: str) -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as tar:  # type: ignore[call-overload]
        for name, data in photo_files(25, 32, 2):
            head = tarfile.TarInfo(name)
            head.size = len(data)
            tar.addfile(head, io.BytesIO(data))
    file = SimpleUploadedFile("photos.zip", content.getvalue())  # the ending does not count
    answer = client.post("/api/v1/datasets", {"file": file, "name": "Tar"})
    assert answer.status_code == 201, answer.content
    runner.check_dataset(answer.json()["id"])
    made = Dataset.objects.get()
    assert made.images.count() == 50, made.error


@pytest.mark.parametrize("content", [b"\x1f\x8b" + b"x" * 600, b"\0" * 1024, b"photo" * 300])
def test_what_is_no_archive_is_refused_at_once(client: Client, content: bytes) -> None:
    answer = client.post("/api/v1/datasets", {"file": SimpleUploadedFile("a.tar", content)})
    assert answer.status_code == 422 and not Dataset.objects.exists()


def test_public_set_is_fetched_kept_and_imported(owner: User) -> None:
    made = dataset_fetch(owner=owner, key="fashion-mnist")
    assert made.state == DatasetState.UPLOADED
    # What a download leaves: the loader finds it and needs no internet.
    raw = made.storage_dir / "fetch" / "download" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    digits = load_digits()
    pixels = np.kron(digits.images[:200] * 15, np.ones((1, 4, 4))).astype(np.uint8)[:, :28, :28]
    for name, rows in (("train", slice(0, 140)), ("t10k", slice(140, 200))):
        _write_idx(raw / f"{name}-images-idx3-ubyte", pixels[rows])
        _write_idx(raw / f"{name}-labels-idx1-ubyte", digits.target[:200].astype(np.uint8)[rows])
    runner.check_dataset(made.pk)
    made.refresh_from_db()
    assert made.current_version is not None, made.error
    assert made.images.filter(split="test").count() == 60 and made.images.count() == 200
    assert [path.name for path in made.storage_dir.iterdir()] == [str(made.uploads.get().pk)]
    assert made.size_bytes == made.uploads.get().length


def _write_idx(path: Path, values: np.ndarray) -> None:
    head = struct.pack(">HBB", 0, 8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(head + values.tobytes())


def test_machine_that_is_offline_says_so(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there: offline on any machine
    monkeypatch.setenv("no_proxy", "")
    made = dataset_fetch(owner=owner, key=public.PUBLIC_SETS[0].key)
    runner.check_dataset(made.pk)
    made.refresh_from_db()
    assert made.state == DatasetState.REJECTED and "does not reach the set's server" in made.error


def test_full_disk_is_said_in_words(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: object, **_options: object) -> None:
        raise OSError(28, "No space left on device")

    Dataset.objects.update(job=Job.IMPORT)
    monkeypatch.setattr(import_job, "import_sources", full)
    runner.check_dataset(dataset.pk)
    dataset.refresh_from_db()
    assert dataset.state == DatasetState.REJECTED and "disk of this server is full" in dataset.error
