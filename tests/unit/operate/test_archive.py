"""Archives that are broken, or that somebody made to do harm, are refused before anything is touched."""

from __future__ import annotations

import contextlib
import tarfile
from pathlib import Path
from typing import Any

import pytest

from automl_site.backup import restore
from automl_site.backup.errors import BackupError
from automl_site.backup.reading import check_archive
from automl_site.backup.writing import LIST
from tests.unit.operate.archives import listed, read_members, sealed, small_archive, write_tar

FILES = {"runs/a/weights/0": b"w" * 30_000, "caches/b/images.u8": bytes(range(256)) * 90}


@pytest.fixture
def archive(tmp_path: Path, storage: Path) -> Path:
    return small_archive(tmp_path / "good.tar", storage, FILES)


def check(path: Path) -> Any:
    return check_archive(path, lambda _: None)


def test_a_good_one_is_read_and_its_progress_told(archive: Path) -> None:
    told: list[int] = []
    found = check_archive(archive, told.append)
    assert sorted(path for paths in found.names.values() for path in paths) == sorted(FILES)
    assert sum(told) >= sum(map(len, FILES.values()))


def test_every_flipped_byte_of_content_is_found(archive: Path) -> None:
    good = archive.read_bytes()
    for content in FILES.values():
        at = good.index(content) + len(content) // 2
        archive.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with pytest.raises(BackupError, match="damaged"):
            check(archive)


def test_a_flipped_letter_of_a_name_is_found(archive: Path) -> None:
    good = archive.read_bytes()
    at = good.index(b"runs/a/weights")
    archive.write_bytes(good[:at] + b"s" + good[at + 1 :])
    with pytest.raises(BackupError, match="damaged"):
        check(archive)


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.8])
def test_one_that_was_cut_off_is_refused(archive: Path, part: float) -> None:
    good = archive.read_bytes()
    archive.write_bytes(good[: int(len(good) * part)])
    with pytest.raises(BackupError, match="another"):
        check(archive)


def test_a_file_that_is_none_and_one_that_is_not_there_are_named(tmp_path: Path) -> None:
    (tmp_path / "photo.tar").write_bytes(b"\xff\xd8" * 4000)
    with pytest.raises(BackupError, match=r"photo\.tar is no archive of `manage\.py backup`"):
        check(tmp_path / "photo.tar")
    with pytest.raises(BackupError, match="No such file"):
        check(tmp_path / "nowhere.tar")


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "/etc/passwd",
        "runs/../../outside",
        "runs",
        "runs//a",
        "runs/./a",
        "run/redis.sock",
        "secret_key",
        "runs/a\nb",
        "runs/a\0b",
        "C:/x",
        "runs/" + "a" * 1000,
        "",
    ],
)
def test_unsafe_names_are_refused(archive: Path, name: str) -> None:
    members = read_members(archive)
    lines = listed(members)
    next(one for one in lines if one["paths"])["paths"] = [name]
    with pytest.raises(BackupError, match="Nothing was touched"):
        check(write_tar(archive, {**members, LIST: sealed(lines)}))


@pytest.mark.parametrize("second", ["runs/a/weights/0", "runs/a/weights/0/deeper", "runs/a"])
def test_names_that_stand_in_each_others_way_are_refused(archive: Path, second: str) -> None:
    members = read_members(archive)
    lines = listed(members)
    next(one for one in lines if one["paths"] == ["caches/b/images.u8"])["paths"] = [second]
    with pytest.raises(BackupError, match="Nothing was touched"):
        check(write_tar(archive, {**members, LIST: sealed(lines)}))


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (tarfile.SYMTYPE, "files/00000007"),
        (tarfile.LNKTYPE, "files/00000007"),
        (tarfile.FIFOTYPE, "files/00000007"),
        (tarfile.CHRTYPE, "files/00000007"),
        (tarfile.DIRTYPE, "files"),
        (tarfile.REGTYPE, "../outside"),
        (tarfile.REGTYPE, "files/7"),
    ],
)
def test_members_that_no_archive_has_are_refused(archive: Path, kind: bytes, name: str) -> None:
    odd = tarfile.TarInfo(name)
    odd.type, odd.linkname = kind, "/etc/passwd"
    with pytest.raises(BackupError, match="Nothing was touched"):
        check(write_tar(archive, read_members(archive), odd))


def test_a_member_that_the_list_does_not_know_is_refused(archive: Path) -> None:
    with pytest.raises(BackupError, match="damaged"):
        check(write_tar(archive, read_members(archive), tarfile.TarInfo("files/00000099")))


@pytest.mark.parametrize("line", [b"{}", b"[1]", b"null", b"\xff", b""])
def test_a_list_that_is_nonsense_is_refused(archive: Path, line: bytes) -> None:
    with pytest.raises(BackupError, match="damaged"):
        check(write_tar(archive, {**read_members(archive), LIST: line}))
    with pytest.raises(BackupError, match="damaged"):
        check(write_tar(archive, {**read_members(archive), LIST: sealed([{"member": "files/00000001"}])}))


def test_another_form_names_the_version_that_reads_it(tmp_path: Path, storage: Path) -> None:
    path = small_archive(tmp_path / "new.tar", storage, {}, format=2)
    with pytest.raises(BackupError, match=r"with the version of the program that made it \(9\.9\)"):
        check(path)


def test_tables_that_are_newer_than_the_program_name_the_next_step(tmp_path: Path, storage: Path) -> None:
    newer = {"search_app": ["0001_initial", "9999_from_the_future"]}
    found = check(small_archive(tmp_path / "new.tar", storage, {}, migrations=newer))
    with pytest.raises(BackupError, match=r"search_app\.9999_from_the_future.*Install that version"):
        restore.check_fits(found)


def test_a_disk_that_is_too_small_is_named(archive: Path) -> None:
    found = check(archive)
    found.n_bytes = 10**18
    with pytest.raises(BackupError, match="the archive needs 1020000000"):
        restore.check_room(found)


@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_directories_change_places_or_none_of_them_does(
    storage: Path, error: type[BaseException] | None
) -> None:
    for place in ("runs/old", ".restoring/runs/new", ".restoring/caches/new", "devices/old"):
        (storage / place).mkdir(parents=True)
    with contextlib.suppress(KeyboardInterrupt), restore._places(storage) as change:
        change()
        if error is not None:
            raise error
    found = {str(path.relative_to(storage)) for path in storage.glob("*/*") if ".re" not in str(path)}
    assert found == ({"runs/old", "devices/old"} if error else {"runs/new", "caches/new"})
