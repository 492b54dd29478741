"""Rows 33 to 40: classes, tables and copies."""

from __future__ import annotations

import random
import tempfile
import zlib
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

from tests.images import encode, photo, write_zip
from tests.integration.forty.archives import numbered
from tests.integration.forty.hall import GOOD, PHOTOS, Case, Outcome
from tests.unit.data.hostile import Raw, raw_zip, wide_zip

JPEG = encode(photo("temple", 900, 32))
SCRIPT = "<script>alert(1)</script>"
LABELS = ("cats/dogs", SCRIPT, "🐈‍⬛ Kätzchen", "x" * 300)
OVERLONG = "y" * 501
OUTSIDE = Path(tempfile.gettempdir()).resolve() / "outside-the-upload.jpg"
CLASSES, EACH = 10_000, 5
GIGABYTE = 1_000_000_000


def photos_in(folder: str, n: int, seed: int) -> list[tuple[str, bytes]]:
    return [(f"{folder}/{i}.jpg", encode(photo("flower", seed + i, 32))) for i in range(n)]


def table_zip(
    folder: Path, rows: Sequence[Sequence[str]], delimiter: str = ",", encoding: str = "utf-8"
) -> Path:
    """Twenty-four photos in one folder, and the table that says what they are."""
    text = "\r\n".join(delimiter.join(row) for row in [("file", "label"), *rows, ()])
    return write_zip(
        folder / "photos.zip",
        [*photos_in("images", 24, 1000), ("labels.csv", text.encode(encoding))],
    )


def rows_of(labels: Sequence[str]) -> list[tuple[str, str]]:
    """A class for each of the 24 photos, in turn."""
    return [(f"images/{i}.jpg", labels[i % len(labels)]) for i in range(24)]


def thousands(folder: Path) -> Path:
    draw = random.Random(37)
    head = b"P6 4 4 255\n"
    return wide_zip(
        folder / "photos.zip",
        ((b"class %05d/%d.ppm" % divmod(i, EACH), head + draw.randbytes(48)) for i in range(CLASSES * EACH)),
    )


def endless_line(folder: Path) -> Path:
    """A table with a line of a gigabyte, packed into one megabyte, beside class folders."""
    part = b"a" * (GIGABYTE // 100)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = packer.compress(b"file,label\n") + packer.flush(zlib.Z_FULL_FLUSH)
    packed = packer.compress(part) + packer.flush(zlib.Z_FULL_FLUSH)  # the same wherever it stands
    crc = zlib.crc32(b"file,label\n")
    for _ in range(100):
        crc = zlib.crc32(part, crc)
    whole = head + packed * 100 + packer.flush()
    table = Raw(b"labels.csv", b"", method=8, packed=whole, size=GIGABYTE + 11, crc=crc)
    return raw_zip(folder / "photos.zip", [*(Raw(p.encode(), c) for p, c in PHOTOS.items()), table])


def long_line(folder: Path) -> Path:
    """A table that is fine until a line of three megabytes, which is within the limits of a file."""
    return table_zip(folder, [*rows_of(("a", "b")), ("images/0.jpg", "c" * 3_000_000), ("images/1.jpg", "d")])


def listed_only(outcome: Outcome) -> None:
    reasons = {one["path"]: one["reason"] for one in outcome.findings()}
    assert "outside the upload; such files are never opened" in reasons[str(OUTSIDE)]
    assert "a file that the upload does not hold" in reasons["images/nowhere.jpg"]
    assert "nothing is downloaded" in reasons["https://example.org/1.jpg"]


def foreign_table(folder: Path) -> Path:
    OUTSIDE.write_bytes(JPEG)
    names = (
        str(OUTSIDE),
        "../../outside.jpg",
        "images/nowhere.jpg",
        "https://example.org/1.jpg",
        "C:\\x.jpg",
    )
    return table_zip(folder, [*rows_of(("a", "b")), *((name, "a") for name in names)])


def cannot_be_trained_on(outcome: Outcome) -> None:
    assert "at least two classes" in outcome.dataset["error"]
    answer = outcome.person.post(
        "/api/v1/searches",
        json={"dataset_id": outcome.dataset["id"], "minutes": 1},
        headers={"X-CSRFToken": outcome.person.cookies["csrftoken"], "Origin": str(outcome.person.base_url)},
    )
    assert answer.status_code in {400, 409, 422}
    assert "at least two classes" in answer.text


def small_class_is_left_out(outcome: Outcome) -> None:
    assert "only 1 usable image" in outcome.finding("lonely")["reason"]
    assert "lonely" not in {one["name"] for one in outcome.dataset["classes"]}


def labels_are_text(outcome: Outcome) -> None:
    page = outcome.person.get(f"/datasets/{outcome.dataset['id']}/")
    assert page.status_code == 200
    assert escape(SCRIPT) in page.text or SCRIPT.replace("<", "\\u003C").replace(">", "\\u003E") in page.text
    assert SCRIPT not in page.text
    assert "longer than 500 characters" in outcome.finding("images/0.jpg")["reason"]


def all_classes_are_there(outcome: Outcome) -> None:
    assert outcome.dataset["n_images"] == CLASSES * EACH
    totals = {one["name"]: one["total"] for one in outcome.dataset["classes"]}
    assert totals == {f"class {i:05d}": EACH for i in range(CLASSES)}
    outcome.person.call("DELETE", outcome.address)  # the checks of 50,000 images would hold up the others


def cells_are_marked(outcome: Outcome) -> None:
    assert outcome.image("=cmd|' !A0/0.jpg")["label"] == "=cmd|' !A0"
    (row,) = (row for row in outcome.table() if row[1] == "not-an-image")
    assert row[0] == "'=cmd|' !A0/=1+1.jpg"


def leak_is_moved_out_of_train(outcome: Outcome) -> None:
    assert outcome.finding("train/temple/0.jpg")["refused"]
    assert "also in the test part" in outcome.finding("train/temple/0.jpg")["reason"]
    assert outcome.image("test/temple/copy.jpg")["split"] == "test"
    assert {one["split"] for one in outcome.images() if one["path"].split("/")[0] == "train"} <= {
        "train",
        "val",
    }


def both_labels_are_flagged(outcome: Outcome) -> None:
    """The checks say it, once for the two of them, in place of the import."""
    (asked,) = (one for one in outcome.all_findings() if one["kind"] == "copy-two-labels")
    assert {asked["image"]["path"], asked["other"]["path"]} == {"temple/0000.jpg", "flower/same.jpg"}
    assert "'temple'" in asked["reason"]
    assert "'flower'" in asked["reason"]
    assert "Decide which class is right" in asked["remedy"]
    assert outcome.image("temple/0000.jpg")["split"] == outcome.image("flower/same.jpg")["split"]


def parts_zip(folder: Path) -> Path:
    files = [*photos_in("train/temple", 6, 1100), *photos_in("train/flower", 6, 1110)]
    copy = ("test/temple/copy.jpg", files[0][1])
    more = [*photos_in("test/temple", 3, 1120), *photos_in("test/flower", 3, 1130)]
    return write_zip(folder / "photos.zip", [*files, *more, copy])


def with_photos(*files: tuple[str, bytes]) -> Callable[[Path], Path]:
    return lambda folder: write_zip(folder / "photos.zip", [*PHOTOS.items(), *files])


FROM_TABLE = dict(rows_of(("a", "b")))

CASES = (
    Case(
        "33-one-class-only",
        lambda folder: write_zip(folder / "photos.zip", photos_in("temple", 6, 1200)),
        named=(("temple", "one-class"),),
        images=numbered("temple", 6),
        state="NEEDS_ATTENTION",
        prove=cannot_be_trained_on,
    ),
    Case(
        "34-class-of-one-image",
        with_photos(("lonely/0.jpg", JPEG)),
        named=(("lonely", "small-class"),),
        state="NEEDS_ATTENTION",
        prove=small_class_is_left_out,
    ),
    Case(
        "35-empty-folders-and-images-at-the-root",
        with_photos(("empty/", b""), ("also/empty/", b""), ("lost.jpg", JPEG)),
        named=(("empty", "empty-folder"), ("also/empty", "empty-folder"), ("lost.jpg", "unlabelled")),
    ),
    Case(
        "36-odd-labels",
        lambda folder: table_zip(folder, [*rows_of(LABELS), ("images/0.jpg", OVERLONG)]),
        named=(("images/0.jpg", "row-odd-label"),),
        images=dict(rows_of(LABELS)),
        prove=labels_are_text,
    ),
    Case(
        "37-ten-thousand-classes",
        thousands,
        images=None,
        prove=all_classes_are_there,
        published=True,
    ),
    Case(
        "38-formulas",
        with_photos(*photos_in("=cmd|' !A0", 6, 1300), ("=cmd|' !A0/=1+1.jpg", b"text")),
        named=(("=cmd|' !A0/=1+1.jpg", "not-an-image"),),
        images={**GOOD, **numbered("=cmd|' !A0", 6)},
        prove=cells_are_marked,
    ),
    Case(
        "38-byte-order-mark-and-semicolons",
        lambda folder: table_zip(folder, rows_of(("a", "b")), ";", "utf-8-sig"),
        images=FROM_TABLE,
    ),
    Case(
        "38-utf-16",
        lambda folder: table_zip(folder, rows_of(("a", "b")), "\t", "utf-16"),
        images=FROM_TABLE,
    ),
    Case("38-line-of-a-gigabyte", endless_line, named=(("labels.csv", "bomb"),)),
    Case(
        "38-line-of-three-megabytes",
        long_line,
        named=(("labels.csv", "table-damaged"),),
        images=FROM_TABLE,
    ),
    Case(
        "39-rows-of-missing-and-foreign-files",
        foreign_table,
        named=(
            (str(OUTSIDE), "row-outside"),
            ("../../outside.jpg", "row-outside"),
            ("C:\\x.jpg", "row-outside"),
            ("images/nowhere.jpg", "row-missing"),
            ("https://example.org/1.jpg", "row-foreign"),
        ),
        images=FROM_TABLE,
        prove=listed_only,
    ),
    Case(
        "40-same-image-in-train-and-test",
        parts_zip,
        named=(("train/temple/0.jpg", "split-leak"),),
        images={
            **{
                path: label
                for path, label in numbered("train/temple", 6, "temple").items()
                if path[-5] != "0"
            },
            **numbered("train/flower", 6, "flower"),
            **numbered("test/temple", 3, "temple"),
            **numbered("test/flower", 3, "flower"),
            "test/temple/copy.jpg": "temple",
        },
        prove=leak_is_moved_out_of_train,
    ),
    Case(
        "40-same-image-under-two-labels",
        with_photos(("flower/same.jpg", PHOTOS["temple/0000.jpg"])),
        images={**GOOD, "flower/same.jpg": "flower"},
        state="NEEDS_ATTENTION",
        prove=both_labels_are_flagged,
    ),
)
