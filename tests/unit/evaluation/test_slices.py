"""Slices follow their stated rules, and what is called worse is worse beyond chance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import fisher_exact

from nas.data.cache import ImageCache
from nas.errors import EvaluationError
from nas.evaluation.photos import PhotoFacts, load_photos, measure_photos, photos_file, save_photos
from nas.evaluation.slices import Slice, holm, slice_figures, slices_of


def facts(n: int = 200, **changes: np.ndarray) -> PhotoFacts:
    values = {
        "rows": np.arange(n),
        "light": np.full(n, 0.5, np.float32),
        "sharpness": np.linspace(0, 1, n).astype(np.float32),
        "colour": np.full(n, 0.3, np.float32),
        "widths": np.full(n, 640),
        "heights": np.full(n, 640),
        "formats": np.full(n, "JPEG"),
        "folders": np.full(n, ""),
        "cameras": np.full(n, ""),
    }
    return PhotoFacts(**{**values, **changes})  # type: ignore[arg-type]


def some_slice(key: str, mask: np.ndarray) -> Slice:
    return Slice(key, "dark", "", None, None, mask)


def masks(found: list[Slice]) -> dict[str, list[int]]:
    return {one.key: np.flatnonzero(one.mask).tolist() for one in found}


def test_each_slice_follows_its_rule() -> None:
    n = 20
    light = np.full(n, 0.5)
    light[:3], light[3], light[4] = (0.0, 0.24, 0.249), 0.25, 0.76
    widths, heights = np.full(n, 640), np.full(n, 640)
    widths[5], heights[6], widths[7] = 1000, 1000, 700
    widths[8:11] = heights[8:11] = 32
    colour = np.full(n, 0.04)
    colour[11] = 0.039
    formats = np.array(["JPEG"] * 15 + ["PNG"] * 4 + [""])
    found = masks(
        slices_of(
            facts(n, light=light, widths=widths, heights=heights, colour=colour, formats=formats),
            np.array([0] * 12 + [1] * 8),
            3,
        )
    )
    assert found == {
        "dark": [0, 1, 2],
        "bright": [4],
        "blurred": [0, 1, 2, 3],  # sharpness grows with the row; the 20% quantile is the fourth
        "wide": [5],
        "tall": [6],
        "grey": [11],
        "format:0": list(range(15)),
        "format:1": [15, 16, 17, 18],
        "class:0": list(range(12)),
        "class:1": list(range(12, 20)),  # nothing of the third class, and no "small": most have one size
    }


def test_small_photos_are_the_smallest_fifth() -> None:
    widths = np.arange(100, 200)
    found = masks(slices_of(facts(100, widths=widths, heights=widths), np.zeros(100, int), 1))
    assert found["small"] == list(range(20))


def test_sharpness_that_cannot_be_told_makes_no_slice_and_is_in_none() -> None:
    sharpness = np.full(50, np.nan)
    assert "blurred" not in masks(slices_of(facts(50, sharpness=sharpness), np.zeros(50, int), 1))
    sharpness[10:] = np.arange(40)
    found = masks(slices_of(facts(50, sharpness=sharpness), np.zeros(50, int), 1))
    assert found["blurred"] == list(range(10, 18))


def test_folders_that_only_say_the_class_make_no_slices() -> None:
    folders = np.array(["north", "south"] * 20)
    by_class = np.array([0, 1] * 20)
    assert "folder:0" not in masks(slices_of(facts(40, folders=folders), by_class, 2))
    mixed = np.array([0, 0, 1, 1] * 10)
    assert masks(slices_of(facts(40, folders=folders), mixed, 2))["folder:1"] == list(range(1, 40, 2))
    many = np.array([f"place {i % 13}" for i in range(40)])
    assert "folder:0" not in masks(slices_of(facts(40, folders=many), mixed, 2))


def test_chances_are_those_of_fishers_test() -> None:
    rng = np.random.default_rng(1)
    correct = rng.random(400) < 0.8
    parts = [
        Slice(str(i), "dark", "", None, None, rng.random(400) < share)
        for i, share in enumerate([0.05, 0.3, 0.6])
    ]
    for found in slice_figures(parts, correct):
        table = [
            [found.right.k, found.right.n - found.right.k],
            [found.rest.k, found.rest.n - found.rest.k],
        ]
        assert found.p == pytest.approx(fisher_exact(table, alternative="less").pvalue, rel=1e-9)
        assert found.right.n + found.rest.n == 400
        assert found.right.k == int(correct[found.slice.mask].sum())


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_slice_that_is_worse_is_named_and_the_others_are_not() -> None:
    correct = np.ones(300, bool)
    correct[:15] = False
    correct[100:103] = False
    dark = np.zeros(300, bool)
    dark[:30] = True
    other = np.zeros(300, bool)
    other[100:140] = True
    few = np.zeros(300, bool)
    few[:9] = True
    found = slice_figures(
        [
            Slice(key, key, "", None, None, mask)
            for key, mask in (("dark", dark), ("grey", other), ("few", few))
        ],
        correct,
    )
    assert [one.worse for one in found] == [True, False, False]
    assert found[2].p is None  # nine photos are not tested, however bad they are


def test_false_alarms_stay_below_their_level() -> None:
    rng = np.random.default_rng(4)
    alarms = 0
    for _ in range(200):
        correct = rng.random(300) < 0.85
        parts = [some_slice(str(i), rng.random(300) < 0.3) for i in range(15)]
        alarms += any(one.worse for one in slice_figures(parts, correct))
    assert alarms <= 17  # five in a hundred, and chance: 200 draws of 0.05 exceed 17 once in fifty times


def test_measures_of_real_photos(photo_cache: ImageCache, tmp_path: Path) -> None:
    rows = photo_cache.indices("val")
    found = measure_photos(photo_cache, rows)
    for place in range(0, len(rows), 5):
        pixels = photo_cache.images[rows[place]].astype(float)
        luminance = pixels @ np.array([2, 5, 1]) / 8 / 255
        assert found.light[place] == pytest.approx(luminance.mean(), abs=1e-3)
        spread = (pixels.max(axis=2) - pixels.min(axis=2)) / 255
        assert found.colour[place] == pytest.approx(spread.mean(), abs=1e-5)
    assert set(found.formats.tolist()) == {"JPEG"}
    assert set(found.widths.tolist()) == {96}
    path = photos_file(tmp_path, "val")
    save_photos(path, found)
    again = load_photos(path)
    assert np.array_equal(again.sharpness, found.sharpness, equal_nan=True)
    assert np.array_equal(again.rows, rows)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(EvaluationError, match="damaged"):
        load_photos(path)
