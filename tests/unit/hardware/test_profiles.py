"""Device profiles and the analytic model, against hand calculations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import nas.hardware.profile as profile_module
from nas.architecture import MBConvArchitecture, Stage, TimmArchitecture
from nas.errors import DeviceError, SpaceError
from nas.hardware.analytic import estimate, estimate_groups
from nas.hardware.groups import Group, GroupedNetwork
from nas.hardware.profile import FIGURES, Figure, Profile, load_profile, profile_names
from nas.spaces.lite import lite0_architecture

# A pointwise layer (1,000,000 MACs, 1,000 weights, 2,000 -> 3,000 numbers), then a pooling to 500.
NETWORK = GroupedNetwork(
    (Group("pointwise", 1_000_000, 1_000, (0,), 1), Group("elementwise", 0, 0, (1,), 2)), (2_000, 3_000, 500)
)


def device(**changes: float) -> Profile:
    """An int8 device: 1 GMAC/s at half use, DRAM 0.1 GB/s, SRAM 1 GB/s of 10 kB, 10 us a launch."""
    values = dict.fromkeys(FIGURES, 0.0) | {
        "peak_gmacs": 1.0,
        "use_pointwise": 0.5,
        "dram_gb_per_s": 0.1,
        "sram_gb_per_s": 1.0,
        "sram_bytes": 10_000,
        "launch_us": 10.0,
        "mac_pj": 2.0,
        "dram_pj_per_byte": 100.0,
        "sram_pj_per_byte": 1.0,
        "idle_w": 0.001,
    }
    figures = {name: Figure(value, "hand", 2026) for name, value in (values | changes).items()}
    return Profile("hand", "By hand", 8, 8, figures, {})


def test_arithmetic_binds() -> None:
    found = estimate_groups(device(), NETWORK)
    # 1e6 / 0.5e9 = 2 ms > 1,000 B / 0.1 GB/s = 10 us > 6,000 B / 1 GB/s; pooling 3,500 B / 1 GB/s = 3.5 us
    assert found.latency_ms == pytest.approx(2.0 + 0.010 + 0.0035 + 0.010)
    # 2 pJ * 1e6 + 100 * 1,000 + 1 * (6,000 + 3,500), and 1 mW all along
    energy = (2e6 + 1e5 + 9.5e3) * 1e-9 + 0.001 * 2.0235
    assert found.energy_mj == pytest.approx(energy)
    assert found.images_per_joule == pytest.approx(1000 / energy)
    assert (found.peak_sram_bytes, found.size_bytes, found.dram_bytes) == (5_000, 1_000, 1_000)
    assert found.spilled_groups == 0 and found.groups == 2


def test_what_does_not_fit_on_the_chip_goes_to_dram() -> None:
    found = estimate_groups(device(sram_bytes=4_000, use_pointwise=1.0, peak_gmacs=100.0), NETWORK)
    # first group: 5,000 B alive > 4,000: 1,000 + 5,000 B at 0.1 GB/s; second: 3,500 B alive, fits
    assert found.latency_ms == pytest.approx(0.060 + 0.010 + 0.0035 + 0.010)
    assert found.dram_bytes == 6_000 and found.spilled_groups == 1


def test_weights_that_stay_on_the_chip_cost_no_dram() -> None:
    assert estimate_groups(device(resident_weight_bytes=1_000), NETWORK).dram_bytes == 0
    assert estimate_groups(device(resident_weight_bytes=999), NETWORK).dram_bytes == 1_000


def test_bits_count_for_size_and_memory() -> None:
    found = estimate_groups(replace(device(), weight_bits=4, activation_bits=16), NETWORK)
    assert (found.size_bytes, found.peak_sram_bytes) == (500, 10_000)


def test_limits_are_sentences() -> None:
    limited = replace(device(), limits={"peak_sram_bytes": Figure(4_999, "hand", 2026)})
    assert estimate_groups(limited, NETWORK).broken_limits(limited) == (
        "Its activations need 5,000 bytes; this device allows at most 4,999.",
    )
    limited = replace(device(), limits={"peak_sram_bytes": Figure(5_000, "hand", 2026)})
    assert estimate_groups(limited, NETWORK).broken_limits(limited) == ()


def test_a_tiny_network_by_hand() -> None:
    stage = Stage("ds", kernel=3, expansion=1, se_ratio=0, depth=1, channels=8, stride=1)
    network = MBConvArchitecture(4, stem_channels=4, head_channels=16, stages=(stage,))
    found = estimate(device(use_convolution=0.5, use_depthwise=0.1, use_linear=0.5, launch_us=0), network, 2)
    macs = {
        "stem": 3 * 4 * 9 * 4 / 0.5,
        "dw": 4 * 9 * 4 / 0.1,
        "pw": 4 * 8 * 4 / 0.5,
        "head": 8 * 16 * 4 / 0.5,
    }
    dram = {"stem": 112 * 10, "dw": 40 * 10, "pw": 40 * 10, "head": 144 * 10, "fc": 34 * 10}  # ns at 0.1 GB/s
    pool = 16 * 4 + 16
    expected = sum(max(macs.get(name, 0), dram[name]) for name in dram) + pool  # nanoseconds
    assert found.latency_ms == pytest.approx(expected * 1e-6)
    assert found.peak_sram_bytes == 96  # head: 8 and 16 channels of 2 x 2


def test_shipped_profiles_are_sound_and_say_where_their_figures_come_from() -> None:
    assert {"desktop-cpu", "phone-cpu", "npu", "dsp", "edge-tpu", "microcontroller", "server"} == set(
        profile_names()
    )
    for name in profile_names():
        profile = load_profile(name)
        assert profile.name == name and profile.assumed
        assert "mac_pj" not in profile.assumed  # energies are published
        small, large = (estimate(profile, lite0_architecture(side), 6) for side in (64, 224))
        assert small.latency_ms < large.latency_ms and small.energy_mj < large.energy_mj


def test_lite0_does_not_fit_the_microcontroller() -> None:
    profile = load_profile("microcontroller")
    broken = estimate(profile, lite0_architecture(224), 6).broken_limits(profile)
    assert [sentence.split()[1] for sentence in broken] == ["activations", "weights"]


def test_hand_made_networks_are_refused() -> None:
    with pytest.raises(SpaceError, match="not made of blocks"):
        estimate(load_profile("npu"), TimmArchitecture(224, "resnet18"), 6)


GOOD = (Path(profile_module.__file__).parent / "profiles" / "npu.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("value = 5000.0", 'value = "fast"', "peak_gmacs.value should be a number"),
        ("value = 5000.0", "value = -1", "peak_gmacs.value should be a number"),
        ("value = 5000.0", "value = inf", "peak_gmacs.value should be a number"),
        ("[figures.peak_gmacs]", "[figures.peak_tops]", "unknown name 'peak_tops'"),
        ("weight_bits = 8", "weight_bits = 0", "whole number from 1 to 64"),
        ("version = 1", "version = 9", "version 9"),
        ('source = "assumed"', "", "no field 'source'"),
        ("year = 2026", "year = 26", "year should be a whole number"),
        ("format =", "format ", "not a readable TOML"),
    ],
)
def test_an_edited_profile_is_checked(tmp_path, old: str, new: str, said: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DeviceError, match=said):
        load_profile(path)


def test_a_copied_profile_may_be_edited(tmp_path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD.replace("weight_bits = 8", "weight_bits = 4"), encoding="utf-8")
    halved = estimate(load_profile(tmp_path / "mine.toml"), lite0_architecture(64), 6)
    assert 2 * halved.size_bytes == estimate(load_profile("npu"), lite0_architecture(64), 6).size_bytes


def test_unknown_devices_are_named(tmp_path) -> None:
    with pytest.raises(DeviceError, match=r"choose one of .*microcontroller"):
        load_profile("toaster")
    with pytest.raises(DeviceError, match="not a readable TOML"):
        load_profile(tmp_path / "none.toml")
