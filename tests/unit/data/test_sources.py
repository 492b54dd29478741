"""Several uploads as one data set."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.data.archive import ArchiveLimits, ArchiveListing
from nas.data.importer import import_sources
from nas.data.interpretation import Interpretation
from nas.data.sources import Source, list_sources, open_reader
from nas.errors import DataError
from tests.images import photo_files, write_zip
from tests.unit.data.test_tar import member, write_tar


def listing_of(tmp_path: Path, *sources: Source, **options: ArchiveLimits) -> ArchiveListing:
    return list_sources(sources, scratch=tmp_path / "scratch", **options)  # type: ignore[arg-type]


def paths(listing: ArchiveListing) -> list[str]:
    return [e.path for e in listing.entries]


def test_a_zip_a_tar_and_a_folder_together(tmp_path: Path) -> None:
    (tmp_path / "birds" / "sub").mkdir(parents=True)
    (tmp_path / "birds" / "sub" / "3.jpg").write_bytes(b"bird")
    sources = [
        Source(write_zip(tmp_path / "u1", [("1.jpg", b"cat")]), "cats.zip"),
        Source(write_tar(tmp_path / "u2", [member("2.jpg", b"dog")]), "dogs.tar"),
        Source(tmp_path / "birds", "birds"),
    ]
    listing = listing_of(tmp_path, *sources)
    assert paths(listing) == ["birds/sub/3.jpg", "cats/1.jpg", "dogs/2.jpg"]
    with open_reader(sources, listing) as read:
        assert [read(entry, 100) for entry in listing.entries] == [b"bird", b"cat", b"dog"]


def test_names_on_disk_in_another_encoding_are_readable(tmp_path: Path) -> None:
    folder = tmp_path / "set" / "Bär".encode("cp437").decode("utf-8", "surrogateescape")
    folder.mkdir(parents=True)
    (folder / "1.jpg").write_bytes(b"x")
    source = Source(tmp_path / "set", "set")
    listing = listing_of(tmp_path, source)
    assert paths(listing) == ["Bär/1.jpg"]
    with open_reader([source], listing) as read:
        assert read(listing.entries[0], 10) == b"x"


def test_one_upload_gets_no_prefix_and_neither_does_a_folder_of_that_name(tmp_path: Path) -> None:
    one = Source(write_zip(tmp_path / "u1", [("train/a/1.jpg", b"x")]), "train.zip")
    two = Source(write_zip(tmp_path / "u2", [("a/2.jpg", b"x")]), "test.tar.gz")
    assert paths(listing_of(tmp_path, one)) == ["train/a/1.jpg"]
    assert paths(listing_of(tmp_path, one, two)) == ["test/a/2.jpg", "train/a/1.jpg"]


@pytest.mark.parametrize("name", ["../up.zip", "/etc/x.zip", ".zip", "a\\b.zip", "\x00.zip", "n" * 400])
def test_strange_names_of_uploads_become_numbers(tmp_path: Path, name: str) -> None:
    one = Source(write_zip(tmp_path / "u1", [("1.jpg", b"x")]), name)
    two = Source(write_zip(tmp_path / "u2", [("2.jpg", b"x")]), "dogs.zip")
    assert paths(listing_of(tmp_path, one, two)) == ["dogs/2.jpg", "upload-1/1.jpg"]


def test_uploads_of_one_name_are_one_folder_and_doubles_are_named(tmp_path: Path) -> None:
    one = Source(write_zip(tmp_path / "u1", [("a/1.jpg", b"x"), ("a/2.jpg", b"x")]), "set.zip")
    two = Source(write_zip(tmp_path / "u2", [("a/2.jpg", b"y"), ("../b.jpg", b"y")]), "set.tar")
    listing = listing_of(tmp_path, one, two)
    assert paths(listing) == ["set/a/1.jpg", "set/a/2.jpg"] and listing.entries[1].archive == 0
    assert [(p.path, p.kind) for p in listing.problems] == [
        ("set/../b.jpg", "path-traversal"), ("set/a/2.jpg", "duplicate-name"),
    ]  # fmt: skip


def zips(tmp_path: Path, **files: list[str]) -> list[Source]:
    """Uploads by name; ``__`` stands for a slash, ``_`` before a number for a hyphen."""
    made = []
    for number, (name, inside) in enumerate(files.items()):
        content = [(path, f"{number}{path}".encode()) for path in inside]
        path = write_zip(tmp_path / f"u{number}", content)
        made.append(Source(path, f"{name.replace('__', '/').replace('_', '-')}.zip"))
    return made


@pytest.mark.parametrize("front", ["", "pets__", "my__pets__"])
def test_uploads_of_one_name_from_different_folders_are_the_classes_of_these(
    tmp_path: Path, front: str
) -> None:
    sources = zips(
        tmp_path, **{f"{front}cats__photos": ["1.jpg", "2.jpg"], f"{front}dogs__photos": ["1.jpg"]}
    )
    listing = listing_of(tmp_path, *sources)
    assert paths(listing) == ["cats/1.jpg", "cats/2.jpg", "dogs/1.jpg"] and not listing.problems
    with open_reader(sources, listing) as read:
        assert read(listing.entries[2], 10) == b"11.jpg"


def test_folders_of_uploads_may_be_parts(tmp_path: Path) -> None:
    names = ("train__cats", "train__dogs", "test__cats", "test__birds")
    listing = listing_of(tmp_path, *zips(tmp_path, **{name: ["1.jpg"] for name in names}))
    assert paths(listing) == [
        f"{part}/1.jpg" for part in ("test/birds", "test/cats", "train/cats", "train/dogs")
    ]


def test_folders_of_uploads_do_not_count_when_their_names_tell_them_apart(tmp_path: Path) -> None:
    listing = listing_of(tmp_path, *zips(tmp_path, y2023__cats=["1.jpg"], y2024__dogs=["1.jpg"]))
    assert paths(listing) == ["cats/1.jpg", "dogs/1.jpg"]


def test_an_upload_beside_folders_with_one_of_its_name_keeps_its_own(tmp_path: Path) -> None:
    listing = listing_of(tmp_path, *zips(tmp_path, photos=["1.jpg"], sub__photos=["1.jpg"]))
    assert paths(listing) == ["photos/1.jpg", "sub/1.jpg"]


def test_a_folder_of_the_uploads_name_inside_it_is_not_doubled(tmp_path: Path) -> None:
    sources = zips(tmp_path, train__cats=["cats/1.jpg"], test__cats=["1.jpg"], test__dogs=["1.jpg"])
    assert paths(listing_of(tmp_path, *sources)) == ["test/cats/1.jpg", "test/dogs/1.jpg", "train/cats/1.jpg"]


@pytest.mark.parametrize("names", [("photos_1_001", "photos_1_002"), ("x_part1", "x_part2")])
def test_numbered_parts_of_one_archive_are_one_folder(tmp_path: Path, names: tuple[str, str]) -> None:
    inside = (["set/cats/1.jpg", "set/dogs/1.jpg"], ["set/cats/2.jpg"])
    listing = listing_of(tmp_path, *zips(tmp_path, **dict(zip(names, inside, strict=True))))
    base = names[0].rpartition("_")[0].replace("_", "-")
    assert paths(listing) == [f"{base}/set/{path}.jpg" for path in ("cats/1", "cats/2", "dogs/1")]


@pytest.mark.parametrize("inside", ["1.jpg", "images/1.jpg"])
def test_numbered_uploads_whose_names_must_be_the_classes_stay_apart(tmp_path: Path, inside: str) -> None:
    listing = listing_of(tmp_path, *zips(tmp_path, digit_001=[inside], digit_002=[inside]))
    assert paths(listing) == [f"digit-001/{inside}", f"digit-002/{inside}"]


def test_classes_are_those_of_the_folders_that_the_archives_came_from(tmp_path: Path) -> None:
    made = []
    for name in ("temple", "flower"):
        photos = [
            (path.rpartition("/")[2], one) for path, one in photo_files(10, 32, 2) if path.startswith(name)
        ]
        made.append(Source(write_zip(tmp_path / name, photos), f"pets/{name}/photos.zip"))
    report = import_sources(made, tmp_path / "cache", seed=0)
    assert report.classes == ["flower", "temple"] and report.n_images == 20


def test_limits_count_for_all_together_and_errors_name_the_upload(tmp_path: Path) -> None:
    one = Source(write_zip(tmp_path / "u1", [(f"a/{i}.jpg", b"x" * 100) for i in range(6)]), "one.zip")
    two = Source(write_zip(tmp_path / "u2", [(f"b/{i}.jpg", b"x" * 100) for i in range(6)]), "two.zip")
    with pytest.raises(DataError, match="12 files"):
        listing_of(tmp_path, one, two, limits=ArchiveLimits(max_entries=10))
    with pytest.raises(DataError, match="the limit is"):
        listing_of(tmp_path, one, two, limits=ArchiveLimits(max_total_bytes=1000))
    bad = Source(tmp_path / "u3", "photos.rar")
    bad.path.write_bytes(b"Rar!\x1a\x07\x00" + bytes(50))
    with pytest.raises(DataError, match=r"photos\.rar: This is a RAR archive"):
        listing_of(tmp_path, one, bad)
    with pytest.raises(DataError, match="no file or folder"):
        listing_of(tmp_path, Source(tmp_path / "nothing", "nothing"))


def test_train_and_test_uploads_are_parts(tmp_path: Path) -> None:
    files = list(photo_files(30, 32, 2))
    train = Source(write_zip(tmp_path / "u1", [f for i, f in enumerate(files) if i % 3]), "train.zip")
    test = Source(write_zip(tmp_path / "u2", [f for i, f in enumerate(files) if not i % 3]), "test.zip")
    stages: list[str] = []
    report = import_sources(
        [train, test],
        tmp_path / "cache",
        seed=0,
        on_progress=lambda stage, _done, _total: stages.append(stage),
    )
    counts = {part: sum(n.values()) for part, n in report.counts.items()}
    assert counts["test"] == 20 and counts["train"] + counts["val"] == 40
    assert list(dict.fromkeys(stages))[:2] == ["Reading the list of files", "Opening photos"]


def test_a_table_beside_a_zip_labels_its_images(tmp_path: Path) -> None:
    files = [(f"{i}.jpg", content) for i, (_, content) in enumerate(photo_files(12, 32, 2))]
    table = tmp_path / "u2"
    table.write_text(
        "file,label\n" + "".join(f"{i}.jpg,{'flower' if i > 11 else 'temple'}\n" for i in range(24))
    )
    sources = [Source(write_zip(tmp_path / "u1", files), "images.zip"), Source(table, "labels.csv")]
    report = import_sources(sources, tmp_path / "cache", seed=0)
    assert report.classes == ["flower", "temple"] and report.n_images == 24
    assert {p.kind for p in report.problems} <= {"few-images"}
    facts = report.index[0]
    assert (facts["format"], facts["mode"], facts["camera"], facts["has_exif"]) == ("JPEG", "RGB", "", False)
    assert facts["n_bytes"] == len(dict(files)[facts["path"].removeprefix("images/")])


def test_the_chosen_reading_is_imported(tmp_path: Path) -> None:
    source = Source(write_zip(tmp_path / "u1", photo_files(10, 32, 3)), "a.zip")
    chosen = Interpretation(renames={"temple dusk": "temple"})
    report = import_sources([source], tmp_path / "cache", interpretation=chosen, seed=0)
    assert report.classes == ["flower", "temple"] and report.n_images == 30
