"""What the networks of a finished run cost on other devices: figures for its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from nas.architecture import TimmArchitecture
from nas.candidate import HERE, Candidate
from nas.errors import DeviceError, ExportError, SpaceError
from nas.export.graph import onnx_core
from nas.hardware.elsewhere import (
    UNKNOWN,
    PlaceCost,
    cost_by_profile,
    cost_by_table,
    cost_here,
    cost_searched,
)
from nas.hardware.groups import GroupedNetwork, group_network
from nas.hardware.onnx_groups import group_onnx
from nas.hardware.profile import Profile, load_profile, profile_names
from nas.hardware.target import TableTarget, kept_target
from nas.networks import build_network

OWN = "own"
"""Name of the place that was searched for, where it is neither this machine nor a profile of the engine."""


def elsewhere(
    workdir: Path,
    device: str,
    candidates: Sequence[Candidate],
    *,
    n_classes: int,
    anchor_ms: float | None,
    tables: Mapping[str, TableTarget] | None = None,
) -> dict[str, Any]:
    """Returns what each network costs where it was searched for, here, and on every profile.

    Args:
        workdir: Directory of the run; holds the file of its device.
        device: The run's device, see `SearchConfig.device`.
        candidates: The networks; failed ones are left out.
        n_classes: Classes of the data.
        anchor_ms: What the reference network takes on this machine at rest, milliseconds; None if not known.
        tables: Further measured devices by name.

    Returns:
        The key `elsewhere` of report.json, see docs/report.md.

    Raises:
        DeviceError: If the file of the run's device is damaged.
    """
    searched = device if device == HERE or device in profile_names() else OWN
    places = [_place(HERE, "This machine")]
    if searched == OWN:
        target = kept_target(workdir)
        places.append(_place(OWN, device) if target is None else _place(OWN, target.name, target.limits))
    places += [_place(name, table.name) for name, table in (tables or {}).items()]
    profiles = {name: load_profile(name) for name in profile_names()}
    places += [_place(name, profile.title, profile.limits) for name, profile in profiles.items()]
    networks = []
    for one in candidates:
        if one.metrics is None:
            continue
        costs = {HERE: cost_here(one.metrics)}
        for name, table in (tables or {}).items():
            costs[name] = cost_by_table(table, one.architecture, one.metrics.float_ms, anchor_ms)
        costs |= _by_profiles(profiles, one, n_classes)
        costs[searched] = cost_searched(one.metrics)
        networks.append(
            {"candidate": one.number, "costs": {name: cost.to_json() for name, cost in costs.items()}}
        )
    return {
        "searched": searched,
        "anchor_ms": anchor_ms,
        "places": places,
        "networks": networks,
    }


def _place(name: str, title: str, limits: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    return {"name": name, "title": title, "limited": bool(limits)}


def _by_profiles(profiles: Mapping[str, Profile], one: Candidate, n_classes: int) -> dict[str, PlaceCost]:
    try:
        network = _groups(one, n_classes)
    except (DeviceError, ExportError, SpaceError):
        return dict.fromkeys(profiles, UNKNOWN)
    return {name: cost_by_profile(profile, network) for name, profile in profiles.items()}


def _groups(one: Candidate, n_classes: int) -> GroupedNetwork:
    """Returns the groups of a network; hand-made ones are built, with any weights."""
    architecture = one.architecture
    if not isinstance(architecture, TimmArchitecture):
        return group_network(architecture, n_classes)
    with torch.random.fork_rng(devices=[]):  # drawing the weights must not move the caller's randomness
        module = build_network(architecture, n_classes).eval()
    return group_onnx(onnx_core(module, architecture))
