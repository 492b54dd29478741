"""Do cheap judgements rank networks as their final trainings do? Kendall's tau beside that of mere size.

What a run tells of its own networks: few, chosen and alike, so the intervals are wide, and said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nas.candidate import Candidate

BAND = 0.1
"""Networks whose MACs differ by no more than this part are compared among themselves as well."""

TRIVIAL = ("params", "macs")
_FEWEST = 3
_MOST = 120  # the bootstrap's memory grows with the square
_FEW = 8

_DETAILS = {"supernet_accuracy": "supernet", "proxy": "proxy", "surrogate_accuracy": "surrogate"}
"""Facts of a candidate that judged it before it was trained, and what they are called here."""

Score = Callable[[Candidate], float | None]


def rankings(candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    """Returns the rank correlations, by what was ranked.

    Args:
        candidates: All of a run.

    Returns:
        For `final` (networks that were fully trained) and `short` (briefly trained ones, whose own accuracy
        is then the result): `target`, `networks`, `rows` (`score`, `tau`, `low`, `high`, `in_band`,
        `band_pairs`; a tau is None where one side is constant) and `sentences`, warnings where a judgement
        ranks worse than size alone. Targets with fewer than three networks are left out.
    """
    by_number = {one.number: one for one in candidates}
    finals = [one for one in candidates if one.fidelity == "final" and one.metrics is not None]
    refined = [one for one in finals if _before(one, by_number) is not None]
    shorts = [
        one
        for one in candidates
        if one.fidelity == "short" and one.metrics is not None and one.source in ("base_search", "scaled")
    ]
    found = [
        _target("final", refined, by_number, with_short=True),
        _target("short", shorts[:_MOST], by_number, with_short=False),
    ]
    return [one for one in found if one is not None]


def _target(
    name: str, networks: Sequence[Candidate], by_number: Mapping[int, Candidate], *, with_short: bool
) -> dict[str, Any] | None:
    if len(networks) < _FEWEST:
        return None
    from nas.benches.ranks import RankJudge  # scipy, which readers of words alone do not need

    before = [_before(one, by_number) or one for one in networks] if with_short else list(networks)
    scores = _scores(networks, before, with_short=with_short)
    accuracies = [one.metrics.accuracy for one in networks if one.metrics is not None]
    judge = RankJudge(accuracies, [one.metrics.macs for one in networks if one.metrics is not None])
    rows = []
    for score, values in scores.items():
        whole, near = judge.tau(values), judge.tau(values, band=BAND)
        rows.append(
            {
                "score": score,
                "tau": whole.value,
                "low": whole.low,
                "high": whole.high,
                "in_band": near.value,
                "band_pairs": near.pairs,
            }
        )
    return {
        "target": name,
        "networks": len(networks),
        "rows": rows,
        "sentences": _warnings(name, rows, len(networks)),
    }


def _scores(
    networks: Sequence[Candidate], before: Sequence[Candidate], *, with_short: bool
) -> dict[str, list[float | None]]:
    """Returns each judgement's (networks,) scores; those that nobody was given are left out."""
    found: dict[str, list[float | None]] = {}
    if with_short:
        found["short_training"] = [one.metrics.accuracy if one.metrics else None for one in before]
    for key, name in _DETAILS.items():
        values = [_number(one.details.get(key)) for one in before]
        if any(value is not None for value in values):
            found[name] = values
    found["params"] = [float(one.metrics.n_params) if one.metrics else None for one in networks]
    found["macs"] = [float(one.metrics.macs) if one.metrics else None for one in networks]
    return found


def _number(fact: Any) -> float | None:
    """Returns a judgement that stands alone, or as the score of a proxy beside its name."""
    found = fact.get("score") if isinstance(fact, Mapping) else fact
    return None if found is None else float(found)


def _before(one: Candidate, by_number: Mapping[int, Candidate]) -> Candidate | None:
    """Returns the short training that a final one goes on from."""
    before = None if one.refines is None else by_number.get(one.refines)
    return before if before is not None and before.metrics is not None else None


_WORDS = {
    "short_training": "Short trainings",
    "supernet": "The supernet",
    "proxy": "The zero-cost proxy",
    "surrogate": "The surrogate",
}


def _warnings(target: str, rows: Sequence[Mapping[str, Any]], n: int) -> list[str]:
    """Returns a sentence for each judgement that ranks worse than the better one of params and MACs."""
    trivial = max(
        (row["tau"] for row in rows if row["score"] in TRIVIAL and row["tau"] is not None), default=None
    )
    found = []
    for row in rows:
        if row["score"] in TRIVIAL or row["tau"] is None or trivial is None or row["tau"] >= trivial:
            continue
        judge, tau, size = _WORDS[row["score"]], f"{row['tau']:.2f}", f"{trivial:.2f}"
        if target == "final":
            found.append(
                f"{judge} ranked the fully trained networks worse than their mere size did: "
                f"Kendall's tau {tau} against {size}."
            )
        else:
            found.append(
                f"{judge} ranked the briefly trained networks worse than their mere size did: "
                f"Kendall's tau {tau} against {size}."
            )
    if found and n < _FEW:
        found.append(f"These are {n} networks only, so such a tau is very uncertain.")
    return found
