"""What the scaling bench found: directions at equal latency, and the family by phi. No torch here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from nas.benches.scaling_plan import DIRECTIONS, Member
from nas.cost import macs
from nas.paired import paired_difference, unpack
from nas.statistics import wilson_interval

Row = Mapping[str, Any]
Found = dict[str, Any]


def summarise(members: Sequence[Member], rows: Sequence[Row]) -> Found:
    """Returns the comparison.

    Args:
        members: Networks of the bench, the base among them.
        rows: Trained ones.

    Returns:
        `networks`: a row a member with `seeds`, mean `accuracy` and its interval (None if untrained),
        predicted and measured cost, and `over_base`: difference to the base, image by image, over the seeds
        that both have; `against_compound`: the same difference of each direction to the compound network.
    """
    by_name = {member.name: member for member in members}
    answers = {name: _answers(rows, name) for name in by_name}
    return {
        "networks": [_network(member, answers, rows) for member in members],
        "against_compound": {
            name: _difference(answers[name], answers["compound"])
            for name in by_name
            if by_name[name].group in ("ablation", "weights") and name != "compound"
        },
    }


def lines(document: Mapping[str, Any]) -> list[str]:
    """Returns the tables for people, in Markdown."""
    summary = document["summary"]
    networks = {one["name"]: one for one in summary["networks"]}
    base = networks["base"]
    found = [
        f"Base: Lite0 at {base['resolution']} px, {base['latency_ms']:.2f} ms, {_accuracy(base)}",
        "",
        f"| at {document['factor']:g} x the base's latency | phi | px | MMACs | ms | seeds | right "
        "| less compound |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in (*DIRECTIONS, *(one for one in networks if networks[one]["group"] == "weights")):
        one = networks[name]
        phi = "–" if one["phi"] is None else f"{one['phi']:g}"
        found.append(
            f"| {name} | {phi} | {one['resolution']} | {one['macs'] / 1e6:.0f} | {one['latency_ms']:.2f} "
            f"| {one['seeds']} | {_accuracy(one)} | {_points(summary['against_compound'].get(name))} |"
        )
    found += [
        "",
        "| phi | px | MMACs predicted | MMACs | ms predicted | ms | measured by predicted | right "
        "| less base |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    family = [base, *(one for one in summary["networks"] if one["group"] == "family")]
    for one in sorted(family, key=lambda one: one["phi"]):
        found.append(
            f"| {one['phi']:g} | {one['resolution']} | {one['predicted_macs'] / 1e6:.0f} "
            f"| {one['macs'] / 1e6:.0f} | {one['predicted_ms']:.2f} | {one['latency_ms']:.2f} "
            f"| {one['latency_ms'] / one['predicted_ms']:.2f} | {_accuracy(one)} "
            f"| {_points(one['over_base'])} |"
        )
    return [*found, "", *verdict(summary)]


def verdict(summary: Mapping[str, Any]) -> list[str]:
    """Returns what the figures say, one sentence each."""
    said = [
        f"{name}: {_relation(difference)} compound at equal latency"
        for name, difference in summary["against_compound"].items()
        if difference is not None
    ]
    larger = [
        one
        for one in summary["networks"]
        if one["group"] == "family" and one["phi"] > 0 and one["over_base"] is not None
    ]
    said += [
        f"phi {one['phi']:g}: {_relation(one['over_base'])} the base after equal training work"
        for one in larger
    ]
    return said


def _network(member: Member, answers: Mapping[str, dict[int, list[bool]]], rows: Sequence[Row]) -> Found:
    mine = answers[member.name]
    accuracy = fmean(fmean(right) for right in mine.values()) if mine else None
    n_images = len(next(iter(mine.values()))) if mine else 0
    low, high = (None, None) if accuracy is None else wilson_interval(round(accuracy * n_images), n_images)
    return {
        "name": member.name,
        "group": member.group,
        "phi": member.phi,
        "resolution": member.architecture.resolution,
        "macs": macs(member.architecture),
        "predicted_macs": member.predicted_macs,
        "latency_ms": member.latency_ms,
        "predicted_ms": member.predicted_ms,
        "seeds": len(mine),
        "accuracy": accuracy,
        "accuracy_low": low,
        "accuracy_high": high,
        "cpu_seconds": [row["cpu_seconds"] for row in rows if row["name"] == member.name],
        "over_base": None if member.group == "base" else _difference(mine, answers["base"]),
    }


def _answers(rows: Sequence[Row], name: str) -> dict[int, list[bool]]:
    """Returns which validation images a network got right, by seed."""
    return {row["seed"]: unpack(row["right"]) for row in rows if row["name"] == name}


def _difference(first: dict[int, list[bool]], second: dict[int, list[bool]]) -> Found | None:
    """Compares over the seeds that both were trained with."""
    seeds = sorted(set(first) & set(second))
    if not seeds:
        return None
    found = paired_difference([first[seed] for seed in seeds], [second[seed] for seed in seeds])
    return None if found is None else {"value": found.value, "low": found.low, "high": found.high}


def _relation(difference: Mapping[str, float]) -> str:
    if difference["low"] > 0:
        return f"better than ({_points(difference)})"
    if difference["high"] < 0:
        return f"worse than ({_points(difference)})"
    return f"indistinguishable from ({_points(difference)})"


def _accuracy(one: Found) -> str:
    if one["accuracy"] is None:
        return "not trained"
    return f"{100 * one['accuracy']:.1f}% ({100 * one['accuracy_low']:.1f}–{100 * one['accuracy_high']:.1f})"


def _points(difference: Mapping[str, float] | None) -> str:
    if difference is None:
        return "–"
    value, low, high = (100 * difference[key] for key in ("value", "low", "high"))
    return f"{value:+.1f} points ({low:+.1f} to {high:+.1f})"
