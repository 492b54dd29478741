"""The tables of `supernet-bench`: Kendall's tau of the supernet beside that of sizes. No torch here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from nas.benches.ranks import RankJudge

BAND = 0.1
"""Networks whose MACs differ by at most this part are about equal in size."""

SUPERNET = "supernet"
WANTED_TAU = 0.6
WANTED_LOSS = 0.005
"""The largest may be so much below the teacher, a fraction of the validation photos."""


def judged(scores: Mapping[str, Sequence[float]], accuracies: Sequence[float], seed: int) -> dict[str, Any]:
    """Returns name -> tau over all pairs, within the band, and its difference to that of MACs.

    Args:
        scores: Name -> one number a network, the larger the better; `macs` must be there.
        accuracies: What each network reached on its own.
        seed: Seed of the bootstrap.
    """
    judge = RankJudge(accuracies, scores["macs"], seed=seed)
    return {
        name: {
            "overall": asdict(judge.tau(values)),
            "band": asdict(judge.tau(values, band=BAND)),
            "less_macs": asdict(judge.difference(values, scores["macs"])),
        }
        for name, values in scores.items()
    }


def bars(document: Mapping[str, Any]) -> dict[str, bool]:
    """Returns what a supernet must keep, in words -> whether it did."""
    before, after, table = document["before"], document["after"], document["table"]
    tau = table[SUPERNET]["overall"]["value"]
    random, largest = _means(document, "random"), _means(document, "largest")
    return {
        f"tau is {WANTED_TAU} or more": tau >= WANTED_TAU,
        "tau is above that of MACs": tau > table["macs"]["overall"]["value"],
        "the smallest got better": after["smallest"] > before["smallest"],
        "random networks got better": random[1] > random[0],
        "the largest got better, mean of its resolutions": largest[1] > largest[0],
        "the largest is within half a point of the teacher": after["largest"]
        >= document["teacher"] - WANTED_LOSS,
    }


def table_lines(document: Mapping[str, Any]) -> list[str]:
    """Returns the tables as Markdown lines for people."""
    before, after = document["before"], document["after"]
    lines = [
        "| sub-network | before | after |",
        "|---|---|---|",
        f"| teacher | {document['teacher']:.1%} | |",
    ]
    for name in (name for name in before if not name.startswith("random")):
        lines.append(f"| {name} | {before[name]:.1%} | {after[name]:.1%} |")
    means, n = _means(document, "random"), sum(name.startswith("random") for name in before)
    lines.append(f"| mean of {n} random | {means[0]:.1%} | {means[1]:.1%} |")
    lines += [
        "",
        f"| score | tau | 95% | tau, MACs within {BAND:.0%} | 95% | pairs | tau less that of MACs | 95% |",
    ]
    lines.append("|---|---|---|---|---|---|---|---|")
    for name, row in document["table"].items():
        cells = [*_cells(row["overall"]), *_cells(row["band"]), str(row["band"]["pairs"])]
        cells += ["", ""] if name == "macs" else [*_cells(row["less_macs"])]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", *(f"{'kept' if kept else 'missed'}: {words}" for words, kept in bars(document).items())]
    return lines


def _means(document: Mapping[str, Any], kind: str) -> tuple[float, float]:
    """Returns the mean accuracies before and after of the networks of a kind that were scored twice."""
    names = [name for name in document["before"] if name.startswith(kind)]
    first, second = (sum(document[when][name] for name in names) for when in ("before", "after"))
    return first / len(names), second / len(names)


def _cells(tau: Mapping[str, Any]) -> tuple[str, str]:
    if tau["value"] is None:
        return "", ""
    return f"{tau['value']:.2f}", f"{tau['low']:.2f} to {tau['high']:.2f}"
