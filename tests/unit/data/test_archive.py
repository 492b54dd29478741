"""The judgement of a zip from its directory alone."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nas.data.archive import ArchiveLimits, inspect_archive
from nas.data.entries import EntryError, read_entry
from nas.errors import DataError
from tests.images import photo_zip, write_zip
from tests.unit.data.hostile import Raw, deflate, raw_zip

GOOD = Raw(b"a/good.jpg")


def kinds(path: Path, limits: ArchiveLimits | None = None) -> list[str]:
    listing = inspect_archive(path, limits)
    assert "a/good.jpg" in [e.path for e in listing.entries]
    assert all(p.reason and p.remedy for p in listing.problems)
    return [p.kind for p in listing.problems]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (b"../x.jpg", "path-traversal"),
        (b"a/../../b.jpg", "path-traversal"),
        (b"/etc/passwd", "absolute-path"),
        (b"C:/x.jpg", "absolute-path"),
        (b"a\\b.jpg", "backslash"),
        (b"..\\..\\b.jpg", "backslash"),
        (b"a/b.jpg\x00.txt", "odd-name"),
        (b"a/\x1b[2J.jpg", "odd-name"),
        ("a/\u202egpj.exe".encode(), "odd-name"),
        (b"a//b.jpg", "odd-name"),
        (b"a/./b.jpg", "odd-name"),
        (b"a/" + b"n" * 300 + b".jpg", "name-too-long"),
        (b"d/" * 20 + b"b.jpg", "too-deep"),
        (b"a/inner.zip", "nested-archive"),
        (b"a/INNER.TAR.GZ", "nested-archive"),
    ],
)
def test_bad_name_is_refused_and_the_rest_kept(tmp_path: Path, name: bytes, kind: str) -> None:
    assert kinds(raw_zip(tmp_path / "a.zip", [Raw(name), GOOD])) == [kind]


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        (Raw(b"a/link.jpg", mode=stat.S_IFLNK | 0o777), "link"),
        (Raw(b"a/dev.jpg", mode=stat.S_IFBLK | 0o600), "link"),
        (Raw(b"a/fifo.jpg", mode=stat.S_IFIFO | 0o600), "link"),
        (Raw(b"a/secret.jpg", flags=0x801), "encrypted"),
        (Raw(b"a/odd.jpg", method=12), "compression"),
        (Raw(b"a/none.jpg", content=b""), "empty"),
        (Raw(b"a/bomb.jpg", method=8, packed=deflate(bytes(20_000_000)), size=20_000_000), "bomb"),
        (Raw(b"a/big.jpg", size=200_000_000, packed=bytes(2_000_000)), "entry-too-large"),
    ],
)
def test_bad_entry_is_refused_and_the_rest_kept(tmp_path: Path, entry: Raw, kind: str) -> None:
    assert kinds(raw_zip(tmp_path / "a.zip", [entry, GOOD])) == [kind]


def test_litter_is_ignored_without_a_word(tmp_path: Path) -> None:
    names = [b"__MACOSX/a/._good.jpg", b"a/.DS_Store", b"a/Thumbs.db", b"a/._x.jpg"]
    assert kinds(raw_zip(tmp_path / "a.zip", [*map(Raw, names), GOOD])) == []


def test_same_name_twice_keeps_the_first_and_says_so(tmp_path: Path) -> None:
    assert kinds(raw_zip(tmp_path / "a.zip", [GOOD, Raw(b"a/good.jpg", content=b"other")])) == [
        "duplicate-name"
    ]


@pytest.mark.parametrize(
    "entries",
    [
        [GOOD, Raw(b"a/again.jpg", at=0)],
        [Raw(b"a/whole.jpg", content=b"y" * 500), Raw(b"a/inside.jpg", content=b"y" * 30, at=100)],
        [GOOD, Raw(b"a/past.jpg", size=50, packed=b"z" * 50, at=60)],
    ],
)
def test_overlapping_entries_refuse_the_whole(tmp_path: Path, entries: list[Raw]) -> None:
    with pytest.raises(DataError, match="overlap"):
        inspect_archive(raw_zip(tmp_path / "a.zip", entries))


def test_number_of_entries_is_limited_by_claim_and_by_count(tmp_path: Path) -> None:
    entries = [Raw(b"a/%d.jpg" % i) for i in range(20)]
    limits = ArchiveLimits(max_entries=10)
    with pytest.raises(DataError, match="20 files"):
        inspect_archive(raw_zip(tmp_path / "a.zip", entries), limits)
    with pytest.raises(DataError, match="11 files"):
        inspect_archive(raw_zip(tmp_path / "b.zip", entries, claimed_entries=3), limits)


def test_totals_are_limited(tmp_path: Path) -> None:
    path = raw_zip(
        tmp_path / "a.zip", [Raw(b"a/%d.jpg" % i, size=90_000_000, packed=bytes(900_000)) for i in range(6)]
    )
    with pytest.raises(DataError, match="times its size"):
        inspect_archive(path)
    with pytest.raises(DataError, match="the limit is"):
        inspect_archive(path, ArchiveLimits(max_total_bytes=1_000_000))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "not a zip"), (b"hello", "not a zip"), (b"PK\x03\x04" + bytes(90), "incomplete")],
)
def test_what_is_no_zip_says_so(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words):
        inspect_archive(path)


def test_truncated_zip_says_so(tmp_path: Path) -> None:
    path = photo_zip(tmp_path / "a.zip", 5, 32, 2)
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(DataError, match="incomplete"):
        inspect_archive(path)


def test_zip64_and_a_leading_stub_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive, archive.open("a/x.jpg", "w", force_zip64=True) as file:
        file.write(b"hello")
    path.write_bytes(b"#!/bin/sh\n" + path.read_bytes())
    (entry,) = inspect_archive(path).entries
    with path.open("rb") as file:
        assert read_entry(file.fileno(), entry, 100) == b"hello"


def test_names_in_old_code_pages_are_kept_apart(tmp_path: Path) -> None:
    path = raw_zip(
        tmp_path / "a.zip", [Raw("a/ü.jpg".encode("cp437"), flags=0), Raw("a/é.jpg".encode(), flags=0)]
    )
    assert [e.path for e in inspect_archive(path).entries] == ["a/é.jpg", "a/ü.jpg"]


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        (Raw(b"a.jpg", content=b"q" * 99, crc=1), "damaged-entry"),
        (Raw(b"a.jpg", method=8, packed=deflate(b"q" * 5000), size=100), "size-mismatch"),
        (Raw(b"a.jpg", method=8, packed=deflate(b"q" * 50), size=5000), "damaged-entry"),
        (Raw(b"a.jpg", method=8, packed=b"\xff" * 40), "damaged-entry"),
        (Raw(b"a.jpg", local_name=b"b.jpg"), "damaged-entry"),
    ],
)
def test_lies_are_found_while_reading(tmp_path: Path, entry: Raw, kind: str) -> None:
    path = raw_zip(tmp_path / "a.zip", [entry])
    (listed,) = inspect_archive(path).entries
    with path.open("rb") as file, pytest.raises(EntryError) as caught:
        read_entry(file.fileno(), listed, 10_000_000)
    assert caught.value.kind == kind


def test_a_lying_bomb_is_never_unpacked_beyond_its_claim(tmp_path: Path) -> None:
    import tracemalloc

    path = raw_zip(
        tmp_path / "a.zip", [Raw(b"a.jpg", method=8, packed=deflate(bytes(60_000_000)), size=1000)]
    )
    (listed,) = inspect_archive(path).entries
    tracemalloc.start()
    with path.open("rb") as file, pytest.raises(EntryError):
        read_entry(file.fileno(), listed, 10_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_flipped_bytes_never_do_more_than_refuse(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "a.zip"
    write_zip(path, [("a/one.jpg", b"1" * 60), ("b/two.jpg", b"2" * 60), ("b/ü.png", b"3" * 60)])
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        listing = inspect_archive(path)
    except DataError:
        return
    with path.open("rb") as file:
        for entry in listing.entries:
            try:
                assert len(read_entry(file.fileno(), entry, 1000)) <= 1000
            except EntryError:
                continue
