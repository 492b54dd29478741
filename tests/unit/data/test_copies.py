"""Copies are found whatever was done to them, and pictures that merely resemble each other are none."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from nas.data.copies import Copies, CopyPair, _components, _grouped, find_copies
from tests.unit.checks.made import resized, scene

Bytes = npt.NDArray[np.uint8]


def copies_among(images: Sequence[Bytes]) -> Copies:
    """What is found in them; equal pixels count as equal files."""
    return find_copies(np.stack(images), [hashlib.sha256(image.tobytes()).hexdigest() for image in images])


def pairs_among(images: Sequence[Bytes]) -> list[tuple[int, int]]:
    return [(pair.a, pair.b) for pair in copies_among(images).pairs]


@lru_cache(maxsize=32)
def large(seed: int) -> Bytes:
    """A photo before it is squashed into the cache."""
    return scene(seed, 192)


def recompressed(picture: Bytes) -> Bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=40)
    return np.asarray(Image.open(buffer).convert("RGB"))


def cropped(picture: Bytes) -> Bytes:
    """3% off each side."""
    rim = round(0.03 * len(picture))
    return picture[rim:-rim, rim:-rim]


def cropped_aside(picture: Bytes) -> Bytes:
    """3% off two sides only, so that it is shifted and stretched."""
    rim = round(0.03 * len(picture))
    return picture[rim:, rim:]


def brightened(picture: Bytes) -> Bytes:
    return np.clip(picture * 0.8 + 40, 0, 255).astype(np.uint8)


WAYS: list[Callable[[Bytes], Bytes]] = [
    recompressed,
    lambda picture: resized(picture, 100),
    cropped,
    cropped_aside,
    brightened,
    lambda picture: picture[:, ::-1],
    lambda picture: recompressed(cropped(picture[:, ::-1])),
]


@pytest.mark.parametrize("change", WAYS)
@pytest.mark.parametrize("side", [64, 96])
def test_changed_pictures_are_near_copies_of_what_they_were_made_of(
    change: Callable[[Bytes], Bytes], side: int
) -> None:
    n = 12
    originals = [resized(large(seed), side) for seed in range(n)]
    changed = [resized(change(large(seed)), side) for seed in range(n)]
    found = copies_among(originals + changed)
    pairs = {(pair.a, pair.b) for pair in found.pairs}
    right = {(i, n + i) for i in range(n)}
    assert len(pairs & right) >= 0.9 * n
    assert not pairs - right
    assert not any(pair.exact for pair in found.pairs)


def test_small_pictures_recompressed_or_mirrored_are_near_copies() -> None:
    originals = [resized(large(seed), 32) for seed in range(12)]
    changed = [recompressed(resized(resized(large(seed), 150), 32)) for seed in range(6)]
    changed += [image[:, ::-1] for image in originals[6:]]
    pairs = set(pairs_among(originals + changed))
    assert len(pairs & {(i, 12 + i) for i in range(12)}) >= 11
    assert not pairs - {(i, 12 + i) for i in range(12)}


def test_equal_files_are_exact_copies_of_the_first() -> None:
    found = copies_among([scene(1), scene(2), scene(1), scene(1)])
    assert found.pairs == [CopyPair(0, 2, 1.0, True), CopyPair(0, 3, 1.0, True)]
    assert found.groups.tolist() == [0, -1, 0, 0]


def test_exact_copies_are_found_in_blank_pictures_too_but_no_near_ones() -> None:
    random = np.random.default_rng(0)
    walls = [
        np.clip(random.normal(level, 1, (64, 64, 3)), 0, 255).astype(np.uint8)
        for level in (90, 90, 120, 121, 200)
    ]
    assert pairs_among([*walls, walls[2]]) == [(2, 5)]


def test_pictures_with_the_same_large_shapes_but_other_details_are_no_copies() -> None:
    random = np.random.default_rng(0)
    ramp = np.linspace(40, 215, 64)[:, None, None] + np.zeros((1, 64, 3))
    skies = [np.clip(ramp + random.normal(0, 12, (64, 64, 1)), 0, 255).astype(np.uint8) for _ in range(12)]
    assert pairs_among(skies) == []


def test_same_pattern_in_another_colour_is_no_copy() -> None:
    tint = np.array([50, 0, -50])
    pictures = [np.clip(scene(1) + some, 0, 255).astype(np.uint8) for some in (tint, -tint)]
    assert pairs_among(pictures) == []


def test_mirrored_copies_are_marked() -> None:
    (pair,) = copies_among([scene(1), scene(1)[:, ::-1], scene(2)]).pairs
    assert (pair.a, pair.b, pair.mirrored, pair.exact) == (0, 1, True, False)


def test_copies_of_copies_are_one_group_and_groups_are_numbered_by_their_first_row() -> None:
    first, second = large(1), large(2)
    images = [
        resized(picture, 64)
        for picture in (large(3), second, first, cropped(first), resized(second, 90), recompressed(first))
    ]
    assert copies_among(images).groups.tolist() == [-1, 0, 1, 1, 0, 1]


def test_chain_of_doubtful_pairs_falls_apart_and_sure_ones_stay_together() -> None:
    chain = [CopyPair(i, i + 1, 0.94, False) for i in range(99)]
    sure = [CopyPair(10, 11, 0.99, False), CopyPair(40, 90, 1.0, True)]
    found = _grouped(100, [pair for pair in chain if pair.a != 10] + sure)
    assert found.pairs == sure
    assert sorted(np.flatnonzero(found.groups >= 0).tolist()) == [10, 11, 40, 90]


def test_short_chain_of_doubtful_pairs_stays() -> None:
    chain = [CopyPair(i, i + 1, 0.94, False) for i in range(5)]
    assert _grouped(8, chain).groups.tolist() == [0] * 6 + [-1] * 2


def test_components_do_not_depend_on_the_order_of_the_pairs() -> None:
    pairs = [CopyPair(0, 4, 1, True), CopyPair(2, 3, 1, True), CopyPair(3, 4, 1, True)]
    assert _components(5, pairs).tolist() == _components(5, pairs[::-1]).tolist() == [0, -1, 0, 0, 0]


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_pictures_are_no_trouble(n: int) -> None:
    assert copies_among([scene(seed) for seed in range(n)]).pairs == []


def test_same_pictures_same_answer_and_progress_ends_at_all_of_them() -> None:
    images = np.stack([*(scene(seed) for seed in range(10)), recompressed(scene(3))])
    told: list[tuple[int, int]] = []
    hashes = [str(i) for i in range(11)]
    first = find_copies(images, hashes, on_progress=lambda done, total: told.append((done, total)))
    assert first.pairs == find_copies(images, hashes).pairs
    assert told == sorted(told)
    assert told[-1] == (11, 11)
