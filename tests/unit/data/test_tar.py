"""Tar and tar.gz: the same judgement as for zips, by the same words."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import tracemalloc
import zlib
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nas.data.archive import ArchiveLimits, ArchiveListing
from nas.data.importer import import_archive
from nas.data.sources import EntryError, Source, list_sources, open_reader
from nas.data.tarlist import inspect_tar
from nas.errors import DataError
from tests.images import photo_files, photo_zip


def member(name: str, content: bytes = b"x" * 50, **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, content


def write_tar(
    path: Path, members: Iterable[tuple[tarfile.TarInfo, bytes]], format: int = tarfile.PAX_FORMAT
) -> Path:
    with tarfile.open(path, "w", format=format) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return path


def listed(path: Path, tmp_path: Path, limits: ArchiveLimits | None = None) -> ArchiveListing:
    return list_sources([Source(path, "set")], limits, scratch=tmp_path / "scratch")


def contents(path: Path, tmp_path: Path) -> dict[str, bytes]:
    sources = [Source(path, "set")]
    listing = list_sources(sources, scratch=tmp_path / "scratch")
    with open_reader(sources, listing) as read:
        return {e.path: read(e, 1_000_000) for e in listing.entries}


GOOD = member("a/good.jpg")


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_dialect_is_read(tmp_path: Path, format: int) -> None:
    names = {"a/1.jpg": b"one", "long" * 30 + "/2.jpg": b"two" * 400, "d/" * 12 + "3.jpg": b"3" * 513}
    path = write_tar(tmp_path / "a.tar", [member(n, c) for n, c in names.items()], format)
    assert contents(path, tmp_path) == names


@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_names_beyond_ascii_are_kept(tmp_path: Path, format: int) -> None:
    path = write_tar(tmp_path / "a.tar", [member("Bäume/ü.jpg"), member("猫/1.jpg")], format)
    assert sorted(contents(path, tmp_path)) == ["Bäume/ü.jpg", "猫/1.jpg"]


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        (member("../x.jpg"), "path-traversal"),
        (member("/etc/passwd"), "absolute-path"),
        (member("a\\b.jpg"), "backslash"),
        (member("a/\x1b[2J.jpg"), "odd-name"),
        (member("a/inner.zip"), "nested-archive"),
        (member("a/none.jpg", b""), "empty"),
        (member("a/link.jpg", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "link"),
        (member("a/hard.jpg", b"", type=tarfile.LNKTYPE, linkname="a/good.jpg"), "link"),
        (member("a/dev.jpg", b"", type=tarfile.BLKTYPE), "link"),
        (member("a/tty.jpg", b"", type=tarfile.CHRTYPE), "link"),
        (member("a/fifo.jpg", b"", type=tarfile.FIFOTYPE), "link"),
        (member("a/unknown.jpg", type=b"q"), "link"),
        (member("a/holes.jpg", pax_headers={"GNU.sparse.major": "1"}), "sparse"),
        (member("a/old-holes.jpg", type=tarfile.GNUTYPE_SPARSE), "sparse"),
        (member("a/good.jpg", b"again"), "duplicate-name"),
    ],
)
def test_bad_entry_is_refused_and_the_rest_kept(
    tmp_path: Path, entry: tuple[tarfile.TarInfo, bytes], kind: str
) -> None:
    listing = listed(write_tar(tmp_path / "a.tar", [GOOD, entry, member("b/last.jpg")]), tmp_path)
    assert [e.path for e in listing.entries] == ["a/good.jpg", "b/last.jpg"]
    assert [p.kind for p in listing.problems] == [kind]


def test_litter_and_folders_are_no_files(tmp_path: Path) -> None:
    folder = member("empty", b"", type=tarfile.DIRTYPE)
    listing = listed(write_tar(tmp_path / "a.tar", [folder, member("a/._good.jpg"), GOOD]), tmp_path)
    assert (len(listing.entries), listing.problems, listing.folders) == (1, [], ["empty"])


@pytest.mark.parametrize("cut", [100, 512, 700, 1024, 1500])
def test_truncated_tar_is_refused(tmp_path: Path, cut: int) -> None:
    path = write_tar(tmp_path / "a.tar", [member("a/1.jpg", b"1" * 600), GOOD])
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match=r"incomplete|not a zip"):
        listed(path, tmp_path)


def test_cut_in_a_file_names_it(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", [member("a/photo.jpg", b"1" * 6000)])
    os.truncate(path, 2000)
    with pytest.raises(DataError, match=r"incomplete: it ends in the middle of 'a/photo\.jpg'"):
        listed(path, tmp_path)


def test_damaged_header_is_refused(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", [GOOD, member("b/1.jpg")])
    data = bytearray(path.read_bytes())
    data[1030] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match="damaged"):
        listed(path, tmp_path)


def test_number_size_and_total_are_limited(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", [member(f"a/{i}.jpg", b"x" * 1000) for i in range(20)])
    with pytest.raises(DataError, match="files; the limit is 10"):
        listed(path, tmp_path, ArchiveLimits(max_entries=10))
    with pytest.raises(DataError, match="the limit is"):
        listed(path, tmp_path, ArchiveLimits(max_total_bytes=5000))
    kinds = {p.kind for p in listed(path, tmp_path, ArchiveLimits(max_entry_bytes=10)).problems}
    assert kinds == {"entry-too-large"}


def test_entry_of_eight_gigabytes_is_skipped_by_its_size(tmp_path: Path) -> None:
    info, _ = member("a/big.bin")
    info.size = 9 * 1024**3
    path = tmp_path / "a.tar"
    with path.open("wb") as file:
        file.write(info.tobuf(tarfile.GNU_FORMAT))
        file.seek(info.size, 1)  # a hole: takes no disk
        file.write(GOOD[0].tobuf(tarfile.GNU_FORMAT) + GOOD[1].ljust(512, b"\0") + bytes(1024))
    listing = inspect_tar(path)
    assert [e.path for e in listing.entries] == ["a/good.jpg"]
    assert [p.kind for p in listing.problems] == ["entry-too-large"]


def test_tar_and_tar_gz_give_the_same_cache_as_a_zip(tmp_path: Path) -> None:
    files = list(photo_files(20, 32, 2))
    tar = write_tar(tmp_path / "a", [member(n, c) for n, c in files])
    packed = tmp_path / "b"
    packed.write_bytes(gzip.compress(tar.read_bytes()))
    reports = [
        import_archive(path, tmp_path / f"cache{i}", seed=0)
        for i, path in enumerate([photo_zip(tmp_path / "a.zip", 20, 32, 2), tar, packed])
    ]
    assert len({r.content_hash for r in reports}) == 1 and reports[2].n_images == 40
    assert not [p for p in (tmp_path / "cache2").iterdir() if p.is_dir()]  # the unpacked tar is gone


def test_gzip_of_several_members_is_one_stream(tmp_path: Path) -> None:
    data = write_tar(tmp_path / "a.tar", [GOOD, member("b/1.jpg", b"one")]).read_bytes()
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(data[:700]) + gzip.compress(data[700:]) + bytes(100))
    assert contents(path, tmp_path)["b/1.jpg"] == b"one"


def test_truncated_and_damaged_tar_gz_are_refused(tmp_path: Path) -> None:
    tar = write_tar(tmp_path / "a.tar", [member("a/1.jpg", os.urandom(50_000))])
    whole = gzip.compress(tar.read_bytes())
    path = tmp_path / "a.tar.gz"
    path.write_bytes(whole[:-2000])
    with pytest.raises(DataError, match="incomplete"):
        listed(path, tmp_path)
    path.write_bytes(whole[:30_000] + bytes(100) + whole[30_100:])
    with pytest.raises(DataError, match=r"damaged"):
        listed(path, tmp_path)


def test_gzip_of_something_else_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"file,label\n" * 1000))
    with pytest.raises(DataError, match="no tar archive"):
        listed(path, tmp_path)


def gzip_bomb(path: Path, n_bytes: int) -> Path:
    """A tar.gz of one file of zeros."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    info, _ = member("a/zeros.bmp")
    info.size = n_bytes
    with path.open("wb") as file:
        file.write(packer.compress(info.tobuf()))
        block = bytes(1 << 20)
        for _ in range(n_bytes >> 20):
            file.write(packer.compress(block))
        file.write(packer.flush())
    return path


def test_gzip_bomb_is_stopped_by_size_or_ratio_with_little_memory(tmp_path: Path) -> None:
    path = gzip_bomb(tmp_path / "a.tar.gz", 40 << 20)
    tracemalloc.start()
    with pytest.raises(DataError, match="limit"):
        listed(path, tmp_path, ArchiveLimits(max_total_bytes=20_000_000))
    assert (tmp_path / "scratch" / "0.tar").stat().st_size <= 20_000_000
    with pytest.raises(DataError, match="times its size"):
        listed(path, tmp_path, ArchiveLimits(total_ratio_floor_bytes=30_000_000))
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("magic", "name"),
    [
        (b"BZh91AY", "bzip2"), (b"\xfd7zXZ\0", "xz"), (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
        (b"Rar!\x1a\x07\x00", "RAR"), (b"\x28\xb5\x2f\xfd", "Zstandard"),
    ],
)  # fmt: skip
def test_other_archives_are_named(tmp_path: Path, magic: bytes, name: str) -> None:
    path = tmp_path / "photos.zip"
    path.write_bytes(magic + bytes(1000))
    with pytest.raises(DataError, match=f"{name} archive"):
        listed(path, tmp_path)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_flipped_bytes_never_do_more_than_refuse(tmp_path: Path, data: st.DataObject) -> None:
    path = write_tar(tmp_path / "a.tar", [member("a/ü.jpg", b"1" * 60), member("b/2.jpg", b"2" * 700)])
    content = bytearray(path.read_bytes()[:6000])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, 5999))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    sources = [Source(path, "a.tar")]
    try:
        listing = list_sources(sources, scratch=tmp_path / "scratch")
    except DataError:
        return
    with open_reader(sources, listing) as read:
        for entry in listing.entries:
            assert ".." not in entry.path.split("/") and not entry.path.startswith("/")
            try:
                assert len(read(entry, 1000)) <= 1000
            except EntryError:
                continue
