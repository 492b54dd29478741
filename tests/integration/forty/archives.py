"""Rows 1 to 19: what is wrong with the archive itself."""

from __future__ import annotations

import io
import os
import sqlite3
import stat
import tarfile
import unicodedata
import uuid
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.images import encode, photo, write_zip
from tests.integration.forty.hall import GOOD, PHOTOS, Case, Hall, Outcome
from tests.unit.data.hostile import Raw, central_record, deflate, raw_zip, wide_end, wide_zip

JPEG = encode(photo("temple", 900, 32))
GOOD_RAW = [Raw(path.encode(), content) for path, content in PHOTOS.items()]
MARK = f"escaped-{os.getpid()}"
"""In the names of files that must never appear on the disk."""

NFC, NFD = "caf\u00e9", "cafe\u0301"
HOLE = (4 << 30) + 1000


def raw(*entries: Raw) -> Callable[[Path], Path]:
    """Builds a zip of the good photos and these entries."""
    return lambda folder: raw_zip(folder / "photos.zip", [*GOOD_RAW, *entries])


def plain(*files: tuple[str, bytes]) -> Callable[[Path], Path]:
    """Builds a zip of the good photos and these files."""
    return lambda folder: write_zip(folder / "photos.zip", [*PHOTOS.items(), *files])


def named_photos(folder: bytes, n: int, seed: int) -> list[Raw]:
    """Photos in a folder whose name is written as these bytes, without the mark of UTF-8."""
    return [Raw(folder + b"/%d.jpg" % i, encode(photo("flower", seed + i, 32)), flags=0) for i in range(n)]


def numbered(folder: str, n: int, label: str = "") -> dict[str, str]:
    """Path -> class of such photos."""
    return {f"{folder}/{i}.jpg": label or folder for i in range(n)}


def inner_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("temple/hidden.jpg", JPEG)
    return buffer.getvalue()


def two_million(claimed: int) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        record = central_record(b"x", b"", 0)
        with (folder / "photos.zip").open("wb") as file:
            for _ in range(20):
                file.write(record * 100_000)
            file.write(wide_end(claimed, 2_000_000 * len(record), 0))
        return folder / "photos.zip"

    return build


def tar_of_links(folder: Path) -> Path:
    kinds = {
        "symlink": tarfile.SYMTYPE, "hardlink": tarfile.LNKTYPE, "device": tarfile.CHRTYPE,
        "fifo": tarfile.FIFOTYPE,
    }  # fmt: skip
    with tarfile.open(folder / "photos.tar", "w") as archive:
        for path, content in PHOTOS.items():
            info = tarfile.TarInfo(path)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name, kind in kinds.items():
            info = tarfile.TarInfo(f"temple/{name}.jpg")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    return folder / "photos.tar"


def kept_the_first(outcome: Outcome) -> None:
    assert outcome.image("temple/0000.jpg")["width"] == 32  # the second one of that name has 48


def two_spellings_are_one_class(outcome: Outcome) -> None:
    assert outcome.finding(NFC)["refused"] is False
    assert "merged into one class" in outcome.finding(NFC)["reason"]


def cases_are_merged_on_request(outcome: Outcome) -> None:
    assert {one["name"]: one["total"] for one in outcome.dataset["classes"]} == {
        "Cat": 6, "cat": 6, "flower": 6, "temple": 6,
    }  # fmt: skip
    warning = outcome.finding("Cat")
    assert "'Cat', 'cat'" in warning["reason"]
    assert "merge" in warning["remedy"]
    edit = {"kind": "merge", "labels": ["Cat", "cat"], "label": "cat"}
    outcome.person.call("POST", f"{outcome.address}/changes", json=edit)
    merged = outcome.person.call("GET", outcome.address)
    assert {one["name"]: one["total"] for one in merged["classes"]} == {"cat": 12, "flower": 6, "temple": 6}
    assert merged["state"] == "READY"  # nothing is left to decide
    outcome.person.call("POST", f"{outcome.address}/changes/undo")
    assert outcome.person.call("GET", outcome.address)["state"] == "NEEDS_ATTENTION"


def signs_are_shown_escaped(outcome: Outcome) -> None:
    shown = "".join(cell for row in outcome.table() for cell in row)
    assert not any(unicodedata.category(sign) in {"Cc", "Cf"} for sign in shown)
    assert r"\x202e" in shown


def says_password(outcome: Outcome) -> None:
    assert "password" in outcome.finding("temple/secret.jpg")["reason"]
    assert "Zip again without" in outcome.finding("temple/secret.jpg")["remedy"]


def bytes_of_names_are_kept(outcome: Outcome) -> None:
    """The stored upload is what was sent, byte by byte, so the names as written are in it."""
    (stored,) = (outcome.upload.parents[1] / "var/storage/uploads" / outcome.dataset["id"]).iterdir()
    assert stored.read_bytes() == outcome.upload.read_bytes()


def large_files() -> Iterable[tuple[bytes, bytes]]:
    yield from ((b"__MACOSX/%d" % i, b"x") for i in range(66_000))
    yield from ((path.encode(), content) for path, content in PHOTOS.items())


def send_around_a_hole(hall: Hall, file: Path) -> str:
    """Sends what stands before and behind 4 GB of nothing; the 4 GB are put where they would have arrived.

    Both pieces go through the protocol. In between the stored file gets a hole and its row the offset behind
    it, as if the zeros had been sent: sending 4 GB would take longer than all other rows together.
    """
    draft = hall.person.call("POST", "/datasets/drafts", json={"name": "large", "confirm": True})
    path = hall.sender.create(file.stat().st_size, filename=file.name, dataset=draft["id"])
    key = uuid.UUID(path.strip("/").split("/")[-1])
    with file.open("rb") as stream:
        hole = os.lseek(stream.fileno(), 0, os.SEEK_HOLE)
        behind = os.lseek(stream.fileno(), hole, os.SEEK_DATA)
        stream.seek(0)
        assert hall.piece(path, 0, stream.read(hole)).status_code == 204
        os.truncate(hall.stack.var_dir / "storage/uploads" / draft["id"] / f"{key}.part", behind)
        with sqlite3.connect(hall.stack.var_dir / "db.sqlite3", timeout=30) as database:
            change = 'UPDATE datasets_app_upload SET "offset" = ? WHERE id = ?'
            assert database.execute(change, (behind, key.hex)).rowcount == 1
        stream.seek(behind)
        assert hall.piece(path, behind, stream.read()).status_code == 204
    return str(draft["id"])


CASES = (
    Case(
        "01-single-entry-bomb",
        # The checksum is wrong, too: that it is not what is complained of shows that nothing was unpacked.
        raw(Raw(b"temple/bomb.jpg", method=8, packed=deflate(bytes(20_000_000)), size=20_000_000, crc=1)),
        named=(("temple/bomb.jpg", "bomb"),),
    ),
    Case("02-overlapping-entries", raw(Raw(b"temple/again.jpg", at=0)), refused="overlap each other"),
    Case(
        "03-nested-zip",
        plain(("temple/inner.zip", inner_zip())),
        named=(("temple/inner.zip", "nested-archive"),),
    ),
    Case(
        "04-declared-size-lies",
        raw(
            Raw(b"temple/more.jpg", method=8, packed=deflate(bytes(60_000_000)), size=1000),
            Raw(b"temple/less.jpg", method=8, packed=deflate(JPEG), size=len(JPEG) + 1000),
        ),
        named=(("temple/less.jpg", "damaged-entry"), ("temple/more.jpg", "size-mismatch")),
    ),
    Case("05-two-million-empty-entries", two_million(2_000_000), refused="the limit is 1,000,000"),
    Case("05-two-million-that-claim-to-be-three", two_million(3), refused="the limit is 1,000,000"),
    Case(
        "06-climbing-names",
        raw(
            Raw(f"../../../../{MARK}.jpg".encode(), JPEG),
            Raw(b"temple/../../flower/moved.jpg", JPEG),
        ),
        named=(
            (f"../../../../{MARK}.jpg", "path-traversal"),
            ("temple/../../flower/moved.jpg", "path-traversal"),
        ),
    ),
    Case(
        "07-absolute-name",
        raw(Raw(f"/tmp/{MARK}.jpg".encode(), JPEG)),
        named=((f"/tmp/{MARK}.jpg", "absolute-path"),),
    ),
    Case(
        "08-drive-and-backslashes",
        raw(
            Raw(f"C:/{MARK}.jpg".encode(), JPEG),
            Raw(f"C:\\{MARK}.jpg".encode(), JPEG),
            Raw(b"temple\\..\\flower\\moved.jpg", JPEG),
        ),
        named=(
            (f"C:/{MARK}.jpg", "absolute-path"),
            (f"C:\\{MARK}.jpg", "backslash"),
            ("temple\\..\\flower\\moved.jpg", "backslash"),
        ),
    ),
    Case(
        "09-links-and-devices-in-zip",
        raw(
            Raw(b"temple/symlink.jpg", b"/etc/passwd", mode=stat.S_IFLNK | 0o777),
            Raw(b"temple/device.jpg", mode=stat.S_IFBLK | 0o600),
            Raw(b"temple/fifo.jpg", mode=stat.S_IFIFO | 0o600),
        ),
        named=tuple((f"temple/{name}.jpg", "link") for name in ("symlink", "device", "fifo")),
    ),
    Case(
        "09-links-and-devices-in-tar",
        tar_of_links,
        named=tuple((f"temple/{name}.jpg", "link") for name in ("symlink", "hardlink", "device", "fifo")),
    ),
    Case(
        "10-duplicate-names",
        raw(Raw(b"temple/0000.jpg", encode(photo("temple", 901, 48)))),
        named=(("temple/0000.jpg", "duplicate-name"),),
        prove=kept_the_first,
    ),
    Case(
        "11-nfc-and-nfd-class",
        raw(*named_photos(NFC.encode(), 3, 910), *named_photos(NFD.encode(), 3, 920)),
        named=((NFC, "label-merged"),),
        images={**GOOD, **numbered(NFC, 3, NFC), **numbered(NFD, 3, NFC)},
        prove=two_spellings_are_one_class,
    ),
    Case(
        "12-classes-that-differ-in-case",
        raw(*named_photos(b"Cat", 6, 930), *named_photos(b"cat", 6, 940)),
        named=(("Cat", "label-case"),),
        images={**GOOD, **numbered("Cat", 6), **numbered("cat", 6)},
        state="NEEDS_ATTENTION",
        prove=cases_are_merged_on_request,
    ),
    Case(
        "13-nul-control-and-bidi-signs",
        raw(
            Raw(b"temple/nul.jpg\0.txt", JPEG),
            Raw(b"temple/\x1b[2J.jpg", JPEG),
            Raw("temple/\u202egpj.exe".encode(), JPEG),
        ),
        named=(
            (r"temple/nul.jpg\x00.txt", "odd-name"),
            (r"temple/\x1b[2J.jpg", "odd-name"),
            (r"temple/\x202egpj.exe", "odd-name"),
        ),
        prove=signs_are_shown_escaped,
    ),
    Case(
        "14-old-code-pages",
        raw(*named_photos("Größe".encode("cp437"), 6, 950), *named_photos("表示猫".encode("cp932"), 6, 970)),
        images={**GOOD, **numbered("Größe", 6), **numbered("表示猫", 6)},
        prove=bytes_of_names_are_kept,
    ),
    Case(
        "15-encrypted-entry",
        raw(Raw(b"temple/secret.jpg", os.urandom(900), flags=0x801)),
        named=(("temple/secret.jpg", "encrypted"),),
        prove=says_password,
    ),
    Case(
        "15-everything-encrypted",
        lambda folder: raw_zip(
            folder / "photos.zip", [Raw(path.encode(), os.urandom(900), flags=0x801) for path in PHOTOS]
        ),
        named=tuple((path, "encrypted") for path in PHOTOS),
        refused="Zip again without a password",
    ),
    Case(
        "17-one-wrong-checksum",
        raw(Raw(b"temple/damaged.jpg", JPEG, crc=1)),
        named=(("temple/damaged.jpg", "damaged-entry"),),
    ),
    Case(
        "18-zip64-over-4-gb-and-65535-entries",
        lambda folder: wide_zip(folder / "photos.zip", large_files(), hole=HOLE),
        send=send_around_a_hole,
    ),
    Case(
        "19-litter-of-operating-systems",
        plain(
            ("__MACOSX/temple/._0000.jpg", b"x" * 99),
            ("temple/._0001.jpg", b"x" * 99),
            ("temple/.DS_Store", b"x" * 99),
            ("flower/Thumbs.db", b"x" * 99),
        ),
    ),
)  # fmt: skip
