"""The results of `quantise-bench` as lines for people."""

from __future__ import annotations

import statistics
from typing import Any


def table_lines(document: dict[str, Any]) -> list[str]:
    """Returns the tables of a result: ladders, mixtures, int8, test part."""
    return [
        *_ladders(document["ladders"]),
        "the float network, trained on like the quantised ones, validation:",
        *(f"  {name:16} {_spread([each['accuracy']])}" for name, each in document["control"].items()),
        *_mixed(document["mixed"]),
        f"int8: {document['int8']['reason']}",
        *_test(document["test"]),
    ]


def _ladders(ladders: dict[str, Any]) -> list[str]:
    by_bits: dict[int, list[dict[str, Any]]] = {}
    for climb in ladders.values():
        by_bits.setdefault(climb["weight_bits"], []).append(climb)
    lines = []
    for bits, climbs in by_bits.items():
        lines.append(f"weights of {bits} bits, activations of 8, validation ({len(climbs)} seeds):")
        lines.append(f"  {'float':16} {_spread([each['float_accuracy'] for each in climbs])}")
        for how in climbs[0]["rungs"][0]["details"]["calibrations"]:
            found = [each["rungs"][0]["details"]["calibrations"][how] for each in climbs]
            lines.append(f"  {how:16} {_spread(found)}")
        for number, rung in enumerate(climbs[0]["rungs"]):
            values = [each["rungs"][number]["accuracy"] for each in climbs]
            seconds = statistics.fmean(each["rungs"][number]["seconds"] for each in climbs)
            shown = "skipped" if None in values else f"{_spread(values)}  {seconds:6.0f} s"
            lines.append(f"  {rung['name']:16} {shown}")
    return lines


def _mixed(mixed: dict[str, Any]) -> list[str]:
    lines = [f"widths, statistics re-estimated, simulated below 8 bits ({mixed['evaluated']} mixtures):"]
    lines.append("  (mnat: thousandths of a nat of divergence from the float network, before that)")
    rows = [(f"uniform {each['bits']}", each) for each in mixed["uniform"]]
    rows += [(f"mixed-{number} ({each['origin']})", each) for number, each in enumerate(mixed["front"])]
    for name, row in sorted(rows, key=lambda each: -float(each[1]["costs"]["size_bytes"])):
        costs, accuracy = row["costs"], row["accuracy"]
        shown = "not scored" if accuracy is None else f"{100 * accuracy:5.1f}%"
        lines.append(
            f"  {name:22} {costs['size_bytes'] / 1e6:6.2f} MB {costs['bit_ops'] / 1e9:8.1f} G bit operations "
            f"{costs['energy_mj']:8.3f} mJ  {1e3 * row['divergence']:8.3f} mnat  {shown} validation"
        )
    return lines


def _test(test: dict[str, Any]) -> list[str]:
    lines = ["test part:"]
    for name, each in test.items():
        low, high = 100 * each["low"], 100 * each["high"]
        lines.append(f"  {name:12} {100 * each['accuracy']:5.1f}% ({low:.1f} to {high:.1f})")
    return lines


def _spread(values: list[float]) -> str:
    mean = f"{100 * statistics.fmean(values):5.1f}%"
    return mean if len(values) < 2 else f"{mean} ± {100 * statistics.stdev(values):.1f}"
