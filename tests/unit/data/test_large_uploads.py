"""Uploads that are hostile or honest by sheer number and size: bounded, named, nothing lost."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from nas.data.archive import ArchiveLimits, inspect_archive
from nas.data.importer import import_archive
from nas.data.interpretation import preview, propose
from nas.data.sources import Source, list_sources, open_reader
from nas.errors import DataError
from tests.images import encode, photo
from tests.unit.data.hostile import Raw, central_record, raw_zip, wide_end, wide_zip
from tests.unit.data.uploads import Upload


@pytest.mark.parametrize("claimed", [2_000_000, 3])
def test_two_million_empty_files_are_refused_by_number_in_little_memory(tmp_path: Path, claimed: int) -> None:
    path = tmp_path / "a.zip"
    record = central_record(b"x", b"", 0)
    with path.open("wb") as file:
        for _ in range(20):
            file.write(record * 100_000)
        file.write(wide_end(claimed, 2_000_000 * len(record), 0))
    code = (
        "import sys; from pathlib import Path; from nas.data.archive import inspect_archive\n"
        "try: inspect_archive(Path(sys.argv[1]))\n"
        "except Exception as error: print(error)\n"
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    words, kilobytes = done.stdout.splitlines()
    assert "the limit is 1,000,000" in words and int(kilobytes) < 100_000


def test_more_than_65535_files_are_all_listed(tmp_path: Path) -> None:
    path = wide_zip(tmp_path / "a.zip", ((b"%d/%d.jpg" % (i % 7, i), b"x%d" % i) for i in range(66_000)))
    listing = inspect_archive(path)
    assert len(listing.entries) == 66_000 and listing.problems == []
    with open_reader([Source(path, "a.zip")], listing) as read:
        assert [read(listing.entries[i], 10)[:1] for i in (0, 32_768, 65_999)] == [b"x"] * 3


def test_files_behind_four_gigabytes_are_read(tmp_path: Path) -> None:
    jpeg = encode(photo("flower", 1, 64))
    files = [(b"%s/%d.jpg" % (label, i), jpeg + bytes([i])) for label in (b"a", b"b") for i in range(6)]
    report = import_archive(wide_zip(tmp_path / "a.zip", files, hole=5 << 30), tmp_path / "cache", seed=0)
    assert report.n_images == 12 and report.n_refused == 0


def test_ten_thousand_classes_are_understood_and_shown() -> None:
    upload = Upload(*(f"class {i % 10_000:05}/{i}.jpg" for i in range(50_000)))
    shown = preview(upload.listing, upload.read)
    assert len(shown["classes"]) == 10_000 and all(c["n"] == 5 for c in shown["classes"])
    assert shown["summary"].startswith("50,000 images in 10,000 classes")


def test_names_in_a_japanese_code_page_are_read(tmp_path: Path) -> None:
    names = ["猫/表示.jpg", "犬/ソ１.jpg", "cat/a.jpg"]
    path = raw_zip(tmp_path / "a.zip", [Raw(name.encode("cp932"), flags=0) for name in names])
    assert [e.path for e in inspect_archive(path).entries] == sorted(names)
    european = raw_zip(tmp_path / "b.zip", [Raw("Müller/größe.jpg".encode("cp437"), flags=0)])
    assert [e.path for e in inspect_archive(european).entries] == ["Müller/größe.jpg"]


def test_a_table_of_one_endless_line_is_a_finding_and_the_rest_counts(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    for label in ("a", "b"):
        (folder / label).mkdir(parents=True)
        for i in range(6):
            (folder / label / f"{i}.jpg").write_bytes(encode(photo("flower", i + 9 * (label == "a"), 32)))
    with (folder / "labels.csv").open("wb") as file:
        file.write(b"file,label\n")
        file.truncate(1 << 30)  # a line of a gigabyte, as a hole
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = import_archive(folder, tmp_path / "cache", seed=0)
    assert report.n_images == 12
    assert [p.kind for p in report.problems if p.path == "labels.csv"] == ["entry-too-large"]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_a_large_table_is_read_row_by_row(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    with (tmp_path / "set" / "labels.csv").open("w") as file:
        file.write("file,label,note\n")
        for i in range(20_000):
            file.write(f"{i % 10}.jpg,{'ab'[i % 2]},{'n' * 1000}\n")
    for i in range(10):
        (tmp_path / "set" / f"{i}.jpg").write_bytes(b"x")
    source = Source(tmp_path / "set", "set")
    listing = list_sources([source], ArchiveLimits(), scratch=tmp_path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open_reader([source], listing) as read:
        assert propose(listing, read).label_column == "label"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_too_many_files_say_what_to_do(tmp_path: Path) -> None:
    path = wide_zip(tmp_path / "a.zip", ((b"a/%d.jpg" % i, b"x") for i in range(30)))
    with pytest.raises(DataError, match="Divide it into several data sets"):
        inspect_archive(path, ArchiveLimits(max_entries=20))
