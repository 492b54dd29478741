"""The candidates of a run in columns: what the live page starts with, small and fast for tens of thousands.

Numbers travel as base64 of little-endian arrays, which a browser reads in milliseconds; a row takes about 80
bytes and its label. The architecture of one candidate is asked for when someone looks at it.
"""

from __future__ import annotations

import base64
import json
import sys
from array import array
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import TextField
from django.db.models.functions import Cast

from nas.candidate import HERE
from search_app.models import SearchRun, twin_key

NONE = float("nan")
SOURCES = ("base_search", "scaled", "baseline", "first_model")
FIDELITIES = ("frozen", "short", "final")
_NUMBERS = {
    "number": "d",
    "twin": "d",  # 48 bits: exact in a double
    "refines": "d",
    "seconds": "f",
    "accuracy": "d",
    "accuracy_low": "f",
    "accuracy_high": "f",
    "latency_ms": "d",
    "size_bytes": "d",
    "macs": "d",
}
"""Column -> type; doubles where a front or another row depends on the exact value."""

_OF_DEVICE = ("energy_mj", "peak_sram_bytes", "size_bytes", "here_ms")
_EVENT_METRICS = ("accuracy", "accuracy_low", "accuracy_high", "latency_ms", "size_bytes", "macs")
_EVENT_FACTS = ("number", "source", "fidelity", "status", "label", "seconds", "refines")


def candidate_columns(run: SearchRun) -> dict[str, Any]:
    """Returns all candidates of a run, in the order of their numbers; two queries at most.

    Returns:
        `labels`, a list; `sources` and `fidelities`, a digit a row; `numbers`, by column, as base64 of
        doubles or floats (NaN: not known; a failed candidate knows no accuracy); `device`: the same for
        the device that is searched for, with its `name`, `how` and `broken` (rows that it cannot hold), or
        null.
    """
    names = ("label", "source", "fidelity", *_NUMBERS)
    found = list(run.candidates.order_by("number").values_list(*names))
    labels, sources, fidelities, *numbers = zip(*found, strict=True) if found else [()] * len(names)
    return {
        "labels": list(labels),
        "source_names": SOURCES,
        "sources": _indices(sources, SOURCES),
        "fidelity_names": FIDELITIES,
        "fidelities": _indices(fidelities, FIDELITIES),
        "numbers": {
            name: {"type": kind, "data": packed(column, kind)}
            for (name, kind), column in zip(_NUMBERS.items(), numbers, strict=True)
        },
        "device": None if run.device == HERE else _device_columns(run),
    }


def packed(values: Iterable[float | None], kind: str) -> str:
    """Returns numbers as base64 of little-endian doubles (`"d"`) or floats (`"f"`), None as NaN."""
    numbers = array(kind, [NONE if value is None else value for value in values])
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode("ascii")


def _indices(words: Sequence[str], known: Sequence[str]) -> str:
    """Returns a digit a row: the place of its word among the known ones, the last place for others."""
    places = {word: str(place) for place, word in enumerate(known)}
    return "".join([places.get(word, "9") for word in words])


def _device_columns(run: SearchRun) -> dict[str, Any] | None:
    texts = run.candidates.order_by("number").annotate(text=Cast("device", TextField()))
    # One text for one parser: thrice as fast as a JSONField that reads each row by itself.
    figures = json.loads(
        "[" + ",".join([text or "null" for text in texts.values_list("text", flat=True)]) + "]"
    )
    first = next((one for one in figures if one), None)
    if first is None:
        return None
    return {
        "name": first["name"],
        "how": first["how"],
        "broken": [place for place, one in enumerate(figures) if one and one["broken_limits"]],
        "numbers": {
            name: {"type": "d", "data": packed([one and one[name] for one in figures], "d")}
            for name in _OF_DEVICE
        },
    }


def brief(candidate: dict[str, Any]) -> dict[str, Any]:
    """Returns what the live page needs of a candidate that the engine reports: a fifth of it."""
    found = {name: candidate.get(name) for name in _EVENT_FACTS}
    found["twin"] = twin_key(candidate["source"], candidate["architecture"])
    metrics = candidate.get("metrics")
    if metrics is not None:
        device = metrics.get("device")
        kept = ("name", "how", "broken_limits", *_OF_DEVICE)
        metrics = {name: metrics.get(name) for name in _EVENT_METRICS}
        metrics["device"] = device and {name: device.get(name) for name in kept}
    found["metrics"] = metrics
    return found
