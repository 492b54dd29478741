"""The scaling bench: networks of equal measured latency, equal work, and what is said of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nas.architecture import MBConvArchitecture
from nas.benches.scaling import Runner, ScalingBench, run_scaling_bench
from nas.benches.scaling_figure import draw
from nas.benches.scaling_plan import DIRECTIONS, Member, plan
from nas.benches.scaling_table import lines, summarise
from nas.cost import macs
from nas.data.cache import ImageCache
from nas.errors import DataError
from nas.paired import pack, unpack
from nas.scaling import WIDTH_ONLY, scale
from nas.spaces.lite import lite0_architecture

N = 400


def milliseconds(architecture: MBConvArchitecture) -> float:
    """A machine on which each block costs time, and not its multiply-accumulates alone."""
    return macs(architecture) / 40e6 + 0.03 * sum(stage.depth for stage in architecture.stages)


@pytest.fixture(scope="module")
def planned() -> tuple[list[Member], list[Member]]:
    return plan(96, 2.0, 4.0, 256, milliseconds)


def test_every_direction_has_a_network_of_the_wanted_latency(
    planned: tuple[list[Member], list[Member]],
) -> None:
    base, *others = planned[0]
    assert base.architecture.resolution == 96
    assert {one.name for one in others} == {*DIRECTIONS, "Lite1, own weights", "Lite2, own weights"}
    for one in others:
        assert one.latency_ms / base.latency_ms == pytest.approx(2.0, rel=0.12), one.name
        assert one.epochs == 2.0  # half the epochs at twice the time
    by_name = {one.name: one for one in others}
    assert by_name["resolution"].architecture.stages == base.architecture.stages
    deep, wide = by_name["depth"].architecture, by_name["width"].architecture
    assert deep.resolution == wide.resolution == 96
    assert [stage.channels for stage in deep.stages] == [s.channels for s in base.architecture.stages]
    assert [stage.depth for stage in wide.stages] == [s.depth for s in base.architecture.stages]
    # Each block costs time of its own here, so depth affords fewer multiply-accumulates.
    assert macs(deep) < macs(by_name["resolution"].architecture)


def test_the_family_trains_for_equal_work_and_knows_what_was_predicted(
    planned: tuple[list[Member], list[Member]],
) -> None:
    base = planned[0][0]
    for one in planned[1]:
        assert one.phi is not None and one.predicted_ms == pytest.approx(2**one.phi * base.latency_ms)
        work = one.epochs * macs(one.architecture)
        assert work == pytest.approx(base.epochs * macs(base.architecture))
    assert [one.phi for one in planned[1]] == [-2, -1, -0.5, 0.5, 1, 1.5, 2]


def row(name: str, wrong: range, seed: int = 0) -> dict[str, object]:
    right = [image not in wrong for image in range(N)]
    return {"seed": seed, "name": name, "right": pack(right), "cpu_seconds": 40.0}


def test_directions_are_compared_image_by_image_and_losers_are_named(
    planned: tuple[list[Member], list[Member]], tmp_path: Path
) -> None:
    members = [*planned[0], *planned[1]]
    rows = [
        row("base", range(40)),
        row("compound", range(44)),
        row("compound", range(44), seed=1),
        row("resolution", range(20)),
        row("width", range(2, 48)),
        row("phi 2", range(80)),
    ]
    summary = summarise(members, rows)
    assert summary["against_compound"]["resolution"]["low"] > 0
    assert summary["against_compound"]["depth"] is None
    networks = {one["name"]: one for one in summary["networks"]}
    assert networks["compound"]["seeds"] == 2 and networks["compound"]["accuracy"] == pytest.approx(0.89)
    assert networks["depth"]["accuracy"] is None
    document = {"summary": summary, "factor": 2.0}
    text = "\n".join(lines(document))
    assert "resolution: better than (+6.0 points" in text
    assert "width: indistinguishable from" in text
    assert "phi 2: worse than (-10.0 points" in text and "the base after equal training work" in text
    assert "| depth |" in text and "not trained" in text
    draw(document, tmp_path / "scaling.svg")
    assert (tmp_path / "scaling.svg").stat().st_size > 5_000


def test_a_network_grows_from_the_adapted_base_and_is_trained_once(
    photo_cache: ImageCache, tmp_path: Path
) -> None:
    bench = ScalingBench(photo_cache.directory, tmp_path, 1.0, 1, 32, 1.5, 0.2, flip=True)
    wide = Member("width", "ablation", scale(lite0_architecture(32), WIDTH_ONLY, 0.3), 0.2, 1.0, 0.3)
    runner = Runner(bench, print)
    row = runner.train(0, wide)
    assert (tmp_path / "adapted-0.safetensors").exists() and "grown" in row["inheritance"]
    assert len(unpack(row["right"])) == len(photo_cache.indices("val"))
    assert row["accuracy"] == pytest.approx(sum(unpack(row["right"])) / len(unpack(row["right"])))
    again = Runner(bench, print)
    assert again.known(0, wide) and not again.known(1, wide)
    assert again.rows == [json.loads(json.dumps(row))]


def test_results_of_other_settings_are_not_mixed(photo_cache: ImageCache, tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text("{}", encoding="utf-8")
    bench = ScalingBench(photo_cache.directory, tmp_path, 1.0, 1, 32, 1.5, 0.2, flip=True)
    with pytest.raises(DataError, match="other settings"):
        run_scaling_bench(bench, print)
