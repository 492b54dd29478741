"""The table of `proxy-bench`: Kendall's tau of proxies beside that of parameters and MACs. No torch here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from nas.benches.ranks import RankJudge, Tau, best_of
from nas.proxies import BASELINES, PROXIES

BAND = 0.1
"""Networks whose MACs differ by at most this part are about equal in size."""

ENOUGH_PAIRS = 30
"""Fewer pairs in the band say nothing, so nothing is said."""

LEAST_NETWORKS = 4
"""Fewer trained networks have no ranks worth a table."""


def table_lines(document: dict[str, Any]) -> list[str]:
    """Returns the table of a document as Markdown lines for people."""
    if not document["table"]:
        return ["Fewer than four networks are trained; run the command again to go on."]
    best = document["better_baseline"]
    lines = [
        f"| proxy | tau | 95% | tau, MACs within {BAND:.0%} | 95% | tau less that of {best} | 95% | s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in document["table"].items():
        cells = [*_cells(row["overall"]), *_cells(row["band"]), *_cells(row["less_baseline"])]
        lines.append(f"| {name} | {' | '.join(cells)} | {row['seconds']:.2f} |")
    return lines


def judged(rows: Sequence[dict[str, Any]], seed: int) -> tuple[dict[str, Any], str]:
    """Returns proxy name -> its taus, and the name of the better one of parameters and MACs.

    Args:
        rows: Trained networks with `accuracy`, `scores` and `proxy_seconds`.
        seed: Seed of the bootstrap.
    """
    accuracies = [row["accuracy"] for row in rows]
    judge = RankJudge(accuracies, [row["scores"]["macs"] for row in rows], seed=seed)
    scores = {name: [row["scores"][name] for row in rows] for name in PROXIES}
    overall = {name: judge.tau(scores[name]) for name in PROXIES}
    best = best_of(BASELINES, overall)
    table = {}
    for name in PROXIES:
        band = judge.tau(scores[name], band=BAND)
        less = None if name == best else judge.difference(scores[name], scores[best])
        table[name] = {
            "overall": asdict(overall[name]),
            "band": asdict(band) if band.pairs >= ENOUGH_PAIRS else _nothing(band.pairs),
            "less_baseline": _nothing() if less is None else asdict(less),
            "seconds": sum(row["proxy_seconds"][name] for row in rows) / len(rows),
        }
    return table, best


def _cells(tau: dict[str, Any]) -> tuple[str, str]:
    if tau["value"] is None:
        return "", ""
    return f"{tau['value']:.2f}", f"{tau['low']:.2f} to {tau['high']:.2f}"


def _nothing(pairs: int = 0) -> dict[str, Any]:
    return asdict(Tau(None, None, None, pairs))
