"""All checks together: what is written, what is left when one fails or the caller stops."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from nas.checks import network, run
from nas.checks.features import choose_resolution, pixel_features
from nas.checks.network import NetworkMissingError, pretrained_network
from nas.checks.run import CheckReport, run_checks
from nas.data.cache import EXCLUDED
from nas.errors import DataError
from tests.unit.checks.made import Bytes, make_cache, scene

pytestmark = pytest.mark.usefixtures("no_network")


def images(n: int) -> list[Bytes]:
    """Two classes in turn, red and blue; the third photo is there twice and the fifth is black."""
    tints = np.array([50, 0, -50]), np.array([-50, 0, 50])
    made = [np.clip(scene(i) * 0.6 + 40 + tints[i % 2], 0, 255).astype(np.uint8) for i in range(n)]
    if n > 10:
        made[n - 2] = made[2]
        made[4] = made[4] // 20
    return made


def labels(n: int) -> list[str]:
    return ["red", "blue"] * (n // 2) + ["red"] * (n % 2)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return make_cache(tmp_path / "cache", images(40), labels(40))


def written_map(cache: Path) -> npt.NDArray[np.float32]:
    return np.fromfile(cache / "map.f32", dtype="<f4").reshape(-1, 2)


def kinds(report: CheckReport) -> set[str]:
    return {finding.kind for finding in report.findings}


def test_findings_map_and_facts_are_made_and_written(cache: Path) -> None:
    report = run_checks(cache)
    assert {"exact-copy", "dark"} <= kinds(report)
    assert report.map.shape == (40, 2)
    assert ((report.map >= 0) & (report.map <= 1)).all()
    assert written_map(cache).tolist() == report.map.tolist()
    assert json.loads((cache / "facts.json").read_text()) == report.facts
    assert report.facts["images"] == 40
    assert report.facts["classes"] == 2
    assert report.facts["failed"] == []
    assert "stopped" not in report.facts


def test_alike_images_lie_near_each_other_on_the_map(cache: Path) -> None:
    places = run_checks(cache).map
    copies = float(np.linalg.norm(places[2] - places[38]))
    others = np.linalg.norm(places - places[2], axis=1)
    assert copies <= np.median(others)


def test_images_left_out_have_no_place_and_no_findings(tmp_path: Path) -> None:
    splits = ["train"] * 40
    splits[4] = splits[38] = EXCLUDED
    cache = make_cache(tmp_path / "cache", images(40), labels(40), splits)
    report = run_checks(cache)
    missing = np.isnan(written_map(cache)).all(axis=1)
    assert np.flatnonzero(missing).tolist() == [4, 38]
    assert not {4, 38} & {f.row for f in report.findings}
    assert report.facts["images"] == 38


def test_everything_left_out_is_no_error(tmp_path: Path) -> None:
    cache = make_cache(tmp_path / "cache", images(6), labels(6), [EXCLUDED] * 6)
    report = run_checks(cache)
    assert report.findings == []
    assert report.facts["images"] == 0
    assert np.isnan(written_map(cache)).all()


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_few_images_are_no_error(tmp_path: Path, n: int) -> None:
    report = run_checks(make_cache(tmp_path / "cache", images(n), labels(n)))
    assert report.facts["failed"] == []
    assert np.isfinite(report.map).all()


def test_one_class_is_no_error(tmp_path: Path) -> None:
    report = run_checks(make_cache(tmp_path / "cache", images(20), ["a"] * 20))
    assert report.facts["failed"] == []
    assert "shortcuts" not in report.facts
    assert {"exact-copy", "dark"} <= kinds(report)


def test_a_check_that_fails_says_so_and_the_others_are_complete(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_subject: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(run, "find_bad_photos", fail)
    report = run_checks(cache)
    assert report.facts["failed"] == [
        "The check of light and sharpness could not be done because of an error (ZeroDivisionError); the "
        "other checks are complete."
    ]
    assert "exact-copy" in kinds(report)
    assert np.isfinite(report.map).all()


def test_lack_of_memory_is_said_in_words(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_subject: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(run, "find_copies_to_name", fail)
    assert "there was not enough memory" in run_checks(cache).facts["failed"][0]


def test_stopping_in_the_middle_keeps_what_was_found(cache: Path) -> None:
    stages: list[str] = []
    report = run_checks(
        cache,
        on_progress=lambda stage, _done, _total: stages.append(stage),
        should_stop=lambda: "Looking for shortcuts" in stages,
    )
    assert report.facts["stopped"] is True
    assert {"exact-copy", "dark"} <= kinds(report)
    assert "features" not in report.facts
    assert np.isnan(written_map(cache)).all()
    assert json.loads((cache / "facts.json").read_text())["stopped"] is True


def test_what_the_progress_raises_ends_the_checks(cache: Path) -> None:
    class NotYoursError(Exception):
        pass

    def lost(stage: str, _done: int, _total: int) -> None:
        if "light" in stage:
            raise NotYoursError

    with pytest.raises(NotYoursError):
        run_checks(cache, on_progress=lost)
    assert not (cache / "facts.json").exists()


def test_same_set_same_findings_and_map(cache: Path) -> None:
    first, second = run_checks(cache), run_checks(cache)
    assert first.findings == second.findings
    assert first.map.tolist() == second.map.tolist()


def test_missing_cache_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="missing or damaged"):
        run_checks(tmp_path / "nothing")


def test_without_the_network_photos_are_compared_by_pixels_and_that_is_said(cache: Path) -> None:
    facts = run_checks(cache).facts
    assert facts["features"]["network"] is None
    assert "Install requirements.txt again" in facts["features"]["why_not"]
    assert facts["labels"]["accuracy"] > 0.9


def test_reason_of_a_missing_network_is_the_last_line_of_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NetworkMissingError, match="could not be made"):
        pretrained_network(64)
    program = tmp_path / "failing"
    program.write_text("#!/bin/sh\necho 'first line' >&2\necho 'No module named weights' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(network.sys, "executable", str(program))
    with pytest.raises(NetworkMissingError, match=r"^No module named weights$"):
        pretrained_network(64)


@pytest.mark.parametrize(
    ("side", "n", "resolution"),
    [(256, 2_000, 192), (256, 70_000, 64), (32, 1_000, 64), (32, 70_000, 32), (96, 5_000, 96)],
)
def test_resolution_follows_the_squares_and_what_it_costs(side: int, n: int, resolution: int) -> None:
    assert choose_resolution(side, n) == resolution


def test_pixel_features_see_colour_and_direction() -> None:
    stripes = np.zeros((3, 64, 64, 3), dtype=np.uint8)
    stripes[0, ::8] = stripes[0, 1::8] = 255
    stripes[1] = stripes[0].swapaxes(0, 1)
    stripes[2] = stripes[0] // (1, 2, 2)
    lying, standing, red = pixel_features(stripes)
    colours = 8 * 8 * 3
    assert np.abs(lying - standing)[colours:].max() > 0.1
    assert np.abs(lying - red)[:colours].max() > 0.05
