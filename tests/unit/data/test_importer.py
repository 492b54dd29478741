"""The whole import on real photos: what lands in the cache, what is refused, what is left on disk."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas.data.archive import ArchiveLimits, inspect_archive
from nas.data.cache import ImageCache
from nas.data.importer import ImportReport, ImportStopped, import_archive
from nas.data.pool import PoolConfig, ReaderPool
from nas.data.protocol import Answer, Refused
from nas.errors import DataError
from tests.images import PHOTO_CLASSES, digits_zip, encode, photo, photo_files, photo_zip, write_zip


def run(archive: Path, tmp_path: Path, **options: object) -> ImportReport:
    return import_archive(archive, tmp_path / "cache", seed=0, **options)  # type: ignore[arg-type]


def kinds(report: ImportReport) -> list[str]:
    return sorted(p.kind for p in report.problems)


def readers() -> list[int]:
    """Process ids of this process's readers of images; other tests may have left it other children."""
    tasks = Path("/proc/self/task").iterdir()
    pids = [int(pid) for task in tasks for pid in (task / "children").read_text().split()]
    return [pid for pid in pids if b"nas.data.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_photos_become_a_cache_that_opens(tmp_path: Path) -> None:
    report = run(photo_zip(tmp_path / "a.zip", n_per_class=20, size=70, n_classes=3), tmp_path)
    assert report.classes == sorted(PHOTO_CLASSES[:3]) and report.n_images == 60 and report.blocking is None
    assert report.cache_size == 96  # the next multiple of 32
    cache = ImageCache.open(tmp_path / "cache")
    assert cache.images.shape == (60, 96, 96, 3) and cache.content_hash == report.content_hash
    assert {part: sum(c.values()) for part, c in report.counts.items()} == {"train": 42, "val": 9, "test": 9}
    # Each row holds the picture that its index line names.
    for line in (tmp_path / "cache" / "index.jsonl").read_text().splitlines()[::13]:
        row = json.loads(line)
        original = photo(row["label"], int(row["path"].split("/")[1][:4]), 70).resize((96, 96))
        assert cache.classes[cache.labels[row["row"]]] == row["label"]
        assert np.abs(cache.images[row["row"]].astype(float) - np.asarray(original)).mean() < 8
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_same_seed_same_division_whatever_the_order_of_the_zip(tmp_path: Path) -> None:
    files = list(photo_files(20, 32, 2))
    one = import_archive(write_zip(tmp_path / "a.zip", files), tmp_path / "1", seed=4)
    two = import_archive(write_zip(tmp_path / "b.zip", files[::-1]), tmp_path / "2", seed=4)
    other = import_archive(tmp_path / "a.zip", tmp_path / "3", seed=5)
    assert one.content_hash == two.content_hash != other.content_hash
    assert (tmp_path / "1" / "images.u8").read_bytes() == (tmp_path / "2" / "images.u8").read_bytes()


def test_directory_gives_the_same_cache_as_its_zip(tmp_path: Path) -> None:
    for name, content in photo_files(20, 32, 2):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "photos" / "temple" / "link.jpg").symlink_to(path)
    from_folder = import_archive(tmp_path / "photos", tmp_path / "1", seed=0)
    from_zip = import_archive(photo_zip(tmp_path / "a.zip", 20, 32, 2), tmp_path / "2", seed=0)
    assert from_folder.content_hash == from_zip.content_hash
    assert [p.path for p in from_folder.problems if p.kind == "link"] == ["temple/link.jpg"]


def test_good_rest_is_imported(tmp_path: Path) -> None:
    jpeg = encode(photo("temple", 500, 64))
    extra = {
        "temple/cut.jpg": jpeg[: len(jpeg) // 2],
        "temple/page.jpg": b"<html></html>",
        "temple/drawing.jpg": b"<svg></svg>",
        "temple/none.jpg": b"",
        "temple/dot.png": encode(Image.new("RGB", (1, 1)), "PNG"),
        "temple/huge.png": encode(Image.new("1", (7100, 7100)), "PNG"),
        "../climb.jpg": jpeg,
        "loose.jpg": jpeg,
        "README.txt": b"hello",
        "inner.zip": b"PK\x03\x04",
        "__MACOSX/temple/._0001.jpg": b"x",
        "empty/": b"",
    }
    report = run(photo_zip(tmp_path / "a.zip", 25, 64, 2, extra=extra), tmp_path)
    assert report.n_images == 50
    assert kinds(report) == sorted(
        ["truncated", "not-an-image", "not-an-image", "empty", "too-small", "too-many-pixels",
         "path-traversal", "unlabelled", "not-an-image", "nested-archive", "empty-folder"]
    )  # fmt: skip
    assert report.n_refused == 10


def test_progress_counts_every_file_and_stop_leaves_nothing(tmp_path: Path) -> None:
    archive = photo_zip(tmp_path / "a.zip", 10, 32, 2)
    seen: list[tuple[int, int]] = []
    run(archive, tmp_path, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen) and seen[0] == (0, 20) and seen[-1] == (20, 20)
    with pytest.raises(ImportStopped):
        import_archive(archive, tmp_path / "other", seed=0, should_stop=lambda: True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip", "cache", "storage"] and not readers()


def test_leftovers_of_a_killed_import_are_removed(tmp_path: Path) -> None:
    (tmp_path / ".cache.partial-abc").mkdir()
    (tmp_path / ".cache.partial-abc" / "images.u8").write_bytes(b"x")
    archive = photo_zip(tmp_path / "a.zip", 10, 32, 2)
    run(archive, tmp_path)
    run(archive, tmp_path)  # a finished cache is replaced
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip", "cache", "storage"]


@pytest.mark.parametrize("n", [0, 3])
def test_nothing_usable_is_an_error_with_findings(tmp_path: Path, n: int) -> None:
    archive = write_zip(tmp_path / "a.zip", [(f"a/{i}.jpg", b"text") for i in range(n)])
    with pytest.raises(DataError) as caught:
        run(archive, tmp_path)
    assert len(caught.value.problems) == n and not (tmp_path / "cache").exists()


def test_one_class_is_imported_but_blocked(tmp_path: Path) -> None:
    report = run(photo_zip(tmp_path / "a.zip", 25, 32, 1), tmp_path)
    assert report.n_images == 25 and "at least two classes" in (report.blocking or "")
    assert kinds(report) == ["one-class"]


def test_small_classes_are_left_out_and_warned_of(tmp_path: Path) -> None:
    files = [*photo_files(25, 32, 2), *(("rare/" + n.split("/")[1], c) for n, c in photo_files(4, 40, 1))]
    files += [("some/" + n.split("/")[1], c) for n, c in photo_files(6, 44, 1)]
    report = run(write_zip(tmp_path / "a.zip", files), tmp_path)
    assert report.classes == ["flower", "some", "temple"] and kinds(report) == ["few-images", "small-class"]
    assert report.n_refused == 4
    assert all(report.counts[part]["some"] >= 1 for part in ("train", "val", "test"))


def test_ready_splits_are_kept_and_a_missing_one_is_cut_from_train(tmp_path: Path) -> None:
    files = [(f"set/Training/{n}", c) for n, c in photo_files(34, 32, 2)]
    files += [(f"set/testing/{n}", c) for n, c in photo_files(8, 48, 2)]
    files.append(("set/Training/temple/leak.jpg", files[-16][1]))
    report = run(write_zip(tmp_path / "a.zip", files), tmp_path)
    assert report.counts == {
        "train": {"temple": 28, "flower": 28},
        "val": {"temple": 6, "flower": 6},
        "test": {"temple": 8, "flower": 8},
    }
    assert kinds(report) == ["split-leak"]


def test_copies_stay_on_one_side_and_two_labels_are_named(tmp_path: Path) -> None:
    files = []
    for name, content in photo_files(10, 32, 2):
        files += [(name.replace(".jpg", f"-{i}.jpg"), content) for i in range(3)]
    files.append(("flower/wrong.jpg", files[0][1]))
    report = run(write_zip(tmp_path / "a.zip", files), tmp_path)
    sides: dict[str, set[str]] = {}
    for row in report.index:
        sides.setdefault(row["sha256"], set()).add(row["split"])
    assert all(len(parts) == 1 for parts in sides.values())
    assert kinds(report) == ["two-labels"] * 4


def test_strange_labels_are_only_text(tmp_path: Path) -> None:
    labels = ["<script>alert(1)</script>", "é" * 60, "🌷 tulip"]
    files = [
        (f"{label}/{i}.png", encode(photo("flower", i + 50 * n, 32), "PNG"))
        for n, label in enumerate(labels)
        for i in range(6)
    ]
    files += [(n.replace("é", "e\u0301"), c + b"\0") for n, c in files if n.startswith("é")]
    report = run(write_zip(tmp_path / "a.zip", files[:18]), tmp_path)
    # "</script>" holds a slash, so what stands before it is the class.
    assert set(report.classes) == {"<script>alert(1)<", "é" * 60, "🌷 tulip"}
    merged = run(write_zip(tmp_path / "b.zip", files), tmp_path)
    assert merged.classes == report.classes and "label-merged" in kinds(merged)


def test_digits_are_stored_at_their_own_size(tmp_path: Path) -> None:
    report = run(digits_zip(tmp_path / "a.zip", 30, digits=(3, 8), size=28), tmp_path)
    assert report.cache_size == 32 and report.classes == ["3", "8"]


def reader_pool(tmp_path: Path, archive: Path, **options: float) -> ReaderPool:
    (tmp_path / "out").touch()
    return ReaderPool(PoolConfig([archive], tmp_path / "out", ArchiveLimits(), n_workers=1, **options))


def read_all(pool: ReaderPool, archive: Path) -> dict[int, Answer]:
    entries = inspect_archive(archive, ArchiveLimits(max_total_ratio=1e9)).entries
    return {i: answer for batch in pool.run(entries, 32) for i, answer in batch}


def kind_of(answer: Answer) -> str:
    return answer.kind if isinstance(answer, Refused) else "fine"


def test_memory_of_a_reader_is_limited_and_it_goes_on(tmp_path: Path) -> None:
    big = encode(Image.new("RGB", (4000, 4000)), "PNG", compress_level=1)
    archive = photo_zip(tmp_path / "a.zip", 10, 32, 1, extra={"a-big.png": big})
    with reader_pool(tmp_path, archive, memory_bytes=110_000_000) as pool:
        answers = read_all(pool, archive)
    assert [kind_of(answers[i]) for i in range(11)] == ["memory"] + ["fine"] * 10


def _decoding_seconds(path: Path) -> float:
    """Processor seconds, in a process of its own: no thread of another test makes them longer."""
    code = (
        "import pathlib, sys, time; from nas.data.decode import decode_image;"
        "data = pathlib.Path(sys.argv[1]).read_bytes(); begin = time.process_time();"
        "decode_image(data, 32, 50_000_000); print(time.process_time() - begin)"
    )
    return float(subprocess.run([sys.executable, "-c", code, path], check=True, capture_output=True).stdout)


def test_file_that_takes_too_long_costs_only_itself(tmp_path: Path) -> None:
    slow = encode(Image.new("I;16", (7000, 7000)), "PNG", compress_level=1)
    (tmp_path / "slow.png").write_bytes(slow)
    # Whatever the machine: too little for this one. The best of three, for another program can slow one down.
    patience = min(_decoding_seconds(tmp_path / "slow.png") for _ in range(3)) / 3
    archive = photo_zip(tmp_path / "a.zip", 20, 32, 1, extra={"temple/0010-slow.png": slow})
    with reader_pool(tmp_path, archive, seconds=patience) as pool:
        answers = read_all(pool, archive)
    odd = {i: kind_of(answer) for i, answer in answers.items() if kind_of(answer) != "fine"}
    assert odd == {10: "too-slow"}, patience
    assert len(answers) == 21 and not readers()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_reader_that_is_killed_or_frozen_from_outside_costs_nothing(
    tmp_path: Path, how: signal.Signals
) -> None:
    archive = photo_zip(tmp_path / "a.zip", 10, 32, 1)
    with reader_pool(tmp_path, archive, seconds=1) as pool:
        first = read_all(pool, archive)
        (reader,) = readers()
        os.kill(reader, how)
        assert read_all(pool, archive) == first
    assert {kind_of(answer) for answer in first.values()} == {"fine"} and not readers()


def _import_as_daemon(archive: Path, destination: Path) -> None:
    assert multiprocessing.current_process().daemon
    import_archive(archive, destination, seed=0)


def test_works_inside_a_daemonic_process(tmp_path: Path) -> None:
    archive = photo_zip(tmp_path / "a.zip", 10, 32, 2)
    process = multiprocessing.get_context("spawn").Process(
        target=_import_as_daemon, args=(archive, tmp_path / "cache"), daemon=True
    )
    process.start()
    process.join(60)
    assert process.exitcode == 0 and len(ImageCache.open(tmp_path / "cache")) == 20


def test_readers_load_neither_torch_nor_numpy() -> None:
    code = "import nas.data.worker, sys; sys.exit(bool({'torch', 'numpy', 'django'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    code = "import nas.data.importer, nas.data.sealed, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
