"""Raw timings become a device table; what cannot be trusted is refused with a sentence."""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nas.errors import DeviceError
from nas.hardware import bundle
from nas.hardware.block_graph import carrier_of
from nas.hardware.blocks import Block
from nas.hardware.bundle import bundle_key, write_block_bundle
from nas.hardware.device_table import load_table, table_from_json
from nas.hardware.items import BUNDLE_VERSION, Item, Manifest, NetworkItem
from nas.hardware.measuring import take_timings, this_device
from nas.hardware.timings import table_from_timings
from tests.unit.hardware.tables import ANCHOR, block_ms, small_manifest, timings


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return small_manifest()


def test_a_blocks_time_is_its_probe_less_what_stands_before_it(manifest: Manifest) -> None:
    table = table_from_timings(timings(manifest), manifest)
    assert len(table.networks) == 12 and len(table.blocks) > 60
    for block, timing in table.blocks.items():
        assert timing.ms == pytest.approx(block_ms(block))
    assert table.spread == 0 and table.drift == 0 and table.reference_ms == ANCHOR


def test_a_device_that_slows_down_has_the_same_table(manifest: Manifest) -> None:
    steady = table_from_timings(timings(manifest), manifest)
    slower = timings(manifest, reference=lambda number: ANCHOR * (1 + number / 1000))
    drifted = table_from_timings(slower, manifest)
    assert drifted.drift > 0.05
    for block, timing in drifted.blocks.items():
        assert timing.ms == pytest.approx(steady.blocks[block].ms)


def test_scattered_times_are_refused_with_advice(manifest: Manifest) -> None:
    noisy = timings(manifest, samples=lambda ms: [ms * factor for factor in (0.6, 0.8, 1, 1.3, 1.6)])
    with pytest.raises(DeviceError, match=r"scatter by 50%.*Close other programs"):
        table_from_timings(noisy, manifest)


def test_a_drifting_device_is_refused_with_advice(manifest: Manifest) -> None:
    hot = timings(manifest, reference=lambda number: ANCHOR * (1 + number / 50))
    with pytest.raises(DeviceError, match=r"speed changed by .*grew hot.*measure again"):
        table_from_timings(hot, manifest)


@pytest.mark.parametrize("factor", [1.6, 0.6], ids=["disturbed", "quick for a moment"])
def test_an_anchor_that_the_references_do_not_bear_out_is_refused(manifest: Manifest, factor: float) -> None:
    data = timings(manifest) | {"anchor_ms": factor * ANCHOR}
    with pytest.raises(DeviceError, match=r"speed changed by 6.%.*in the foreground.*measure again"):
        table_from_timings(data, manifest)


def test_an_anchor_within_the_allowed_drift_is_taken(manifest: Manifest) -> None:
    table = table_from_timings(timings(manifest) | {"anchor_ms": 1.4 * ANCHOR}, manifest)
    assert table.drift == pytest.approx(0.4)


def test_timings_of_other_blocks_are_refused(manifest: Manifest) -> None:
    with pytest.raises(DeviceError, match="another version of the blocks"):
        table_from_timings(timings(small_manifest(blocks=50)), manifest)


def test_half_of_a_measurement_is_refused(manifest: Manifest) -> None:
    half = timings(manifest)
    half["items"] = half["items"][: len(half["items"]) // 2]
    with pytest.raises(DeviceError, match=r"Only .* graphs were measured"):
        table_from_timings(half, manifest)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("version",), 2, "version 2"),
        (("version",), True, "whole number"),
        (("format",), "other", "format"),
        (("anchor_ms",), float("nan"), "number from"),
        (("anchor_ms",), "fast", "number from"),
        (("device", "threads"), 0, "threads should be a whole number from 1"),
        (("device", "name"), "a\x00b", "printable"),
        (("device", "name"), "x" * 300, "printable text of 1 to 200"),
        (("device",), [], "object"),
        (("measured_at",), "yesterday", "ISO 8601"),
        (("items",), {}, "list"),
        (("items", 0, "name"), "../../etc", "graph of the bundle"),
        (("items", 0, "samples_ms"), [1.0, -1.0, 1, 1, 1], "numbers from 0"),
        (("items", 0, "samples_ms"), [1.0, 2.0], "at least 5 runs"),
        (("items", 0, "reference_ms"), [0, 0, 0, 0, 0], "numbers from"),
    ],
)
def test_damaged_timings_are_refused(
    manifest: Manifest, path: tuple[Any, ...], value: Any, said: str
) -> None:
    data = timings(manifest)
    place: Any = data
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    with pytest.raises(DeviceError, match=said):
        table_from_timings(data, manifest)


def test_a_table_survives_its_file(manifest: Manifest, tmp_path) -> None:
    table = table_from_timings(timings(manifest), manifest)
    table.save(tmp_path / "table.json")
    assert load_table(tmp_path / "table.json") == table


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"op": "rm -rf"}, "not a block"),
        ({"side": 10**9}, "side should be a whole number"),
        ({"ms": -1}, "ms should be a number"),
        ({"skip": 1}, "true or false"),
        ({"activation": "gelu"}, "one of"),
        ({"more": 1}, "not a block"),
    ],
)
def test_a_damaged_block_is_refused(manifest: Manifest, change: dict[str, Any], said: str) -> None:
    data = table_from_timings(timings(manifest), manifest).to_json()
    data["blocks"][3] |= change
    with pytest.raises(DeviceError, match=said):
        table_from_json(data)


def test_a_table_with_a_network_of_no_space_or_without_blocks_is_refused(manifest: Manifest) -> None:
    good = table_from_timings(timings(manifest), manifest).to_json()
    bad = copy.deepcopy(good)
    bad["networks"][0]["choices"] = [99]
    with pytest.raises(DeviceError, match="not a network of a space"):
        table_from_json(bad)
    with pytest.raises(DeviceError, match="no blocks"):
        table_from_json({**good, "blocks": []})
    with pytest.raises(DeviceError, match="scatter"):
        table_from_json({**good, "spread": 0.9})


def test_a_table_with_a_network_of_a_space_that_it_does_not_name_or_of_half_choices_is_refused(
    manifest: Manifest,
) -> None:
    document = table_from_timings(timings(manifest), manifest).to_json()
    with pytest.raises(DeviceError, match="a space that it does not name"):
        table_from_json(document | {"spaces": ["mbconv"]})
    document["networks"][0]["choices"][0] += 0.5
    with pytest.raises(DeviceError, match="whole numbers"):
        table_from_json(document)


def test_files_that_are_no_table_are_refused(tmp_path) -> None:
    with pytest.raises(DeviceError, match="not a readable JSON"):
        load_table(tmp_path / "missing.json")
    (tmp_path / "deep.json").write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(DeviceError, match="not a readable JSON"):
        load_table(tmp_path / "deep.json")
    (tmp_path / "list.json").write_text("[]", encoding="utf-8")
    with pytest.raises(DeviceError, match="object with named fields"):
        load_table(tmp_path / "list.json")


def test_this_machine_measures_a_few_blocks() -> None:
    block = Block("ir", 16, 24, 16, 3, 2, 6.0, activation="relu6")
    contents = [block, carrier_of(block), Block("floor", 3, 3, 16)]
    items = tuple(Item(f"g{i}", content, 16) for i, content in enumerate(contents) if content is not None)
    few = Manifest(("lite-elastic",), items)
    done: list[float] = []
    data = take_timings(few, this_device("here"), seconds=0.1, on_progress=done.append)
    assert json.loads(json.dumps(data))["bundle"] == few.fingerprint
    assert done == sorted(done) and 0 < done[-1] <= 1
    assert all(len(row["samples_ms"]) == len(row["reference_ms"]) >= 5 for row in data["items"])


def test_a_bundle_holds_its_manifest_and_one_graph_an_item(tmp_path) -> None:
    few = small_manifest(blocks=5, networks=2)
    write_block_bundle(tmp_path / "bundle", few)
    written = json.loads((tmp_path / "bundle" / "manifest.json").read_text(encoding="utf-8"))
    assert written["fingerprint"] == few.fingerprint
    named = {item["file"] for item in written["items"]} | {written["reference"]["file"], "manifest.json"}
    assert {path.name for path in (tmp_path / "bundle").iterdir()} == named
    kinds = {isinstance(item.content, NetworkItem) for item in few.items}
    assert kinds == {True, False}


def test_the_key_of_kept_files_follows_all_that_is_in_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = small_manifest(blocks=5, networks=2)
    keys = [
        bundle_key(few, 60.0),
        bundle_key(few, 61.0),
        bundle_key(small_manifest(blocks=6, networks=2), 60.0),
    ]
    assert bundle_key(small_manifest(blocks=5, networks=2), 60.0) == keys[0]
    with monkeypatch.context() as changed:
        changed.setattr(bundle, "BLOCK_EFFORT", replace(bundle.BLOCK_EFFORT, most=41))
        keys.append(bundle_key(few, 60.0))
    script = tmp_path / "measure.py"
    script.write_bytes(bundle._SCRIPT.read_bytes() + b"\n")
    monkeypatch.setattr(bundle, "_SCRIPT", script)
    keys.append(bundle_key(few, 60.0))
    assert len(set(keys)) == 5


def test_other_graphs_need_another_version() -> None:
    graphs = hashlib.sha256(b"".join(item.graph() for item in small_manifest(blocks=40, networks=4).items))
    # If this differs, raise BUNDLE_VERSION: kept bundles and timings of the old ones would pass for new ones.
    assert (BUNDLE_VERSION, graphs.hexdigest()[:16]) == (1, "320600d4c8c1c954")
