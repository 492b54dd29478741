"""The candidates of a run in columns: what the live page starts with, small and fast for tens of thousands.

Numbers travel as base64 of little-endian arrays, which a browser reads in milliseconds; a row takes about 80
bytes and its label. The architecture of one candidate is asked for when someone looks at it.
"""

from __future__ import annotations

import base64
import json
import sys
from array import array
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from django.db.models import TextField, Value
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

_CHUNK = 1000
_OF_DEVICE = ("energy_mj", "peak_sram_bytes", "size_bytes", "here_ms")
_EVENT_METRICS = ("accuracy", "accuracy_low", "accuracy_high", "latency_ms", "size_bytes", "macs")
_EVENT_FACTS = ("number", "source", "fidelity", "status", "label", "seconds", "refines")


def candidate_columns(run: SearchRun) -> dict[str, Any]:
    """Returns all candidates of a run, in the order of their numbers; one query.

    Returns:
        `labels`, a list; `sources` and `fidelities`, a digit a row; `numbers`, by column, as base64 of
        doubles or floats (NaN: not known; a failed candidate knows no accuracy); `device`: the same for the
        device that is searched for, with its `name`, `how` and `broken` (rows that it cannot hold), or null.
    """
    text = Value("") if run.device == HERE else Cast("device", TextField())
    names = ("label", "source", "fidelity", "device_text", *_NUMBERS)
    rows = run.candidates.order_by("number").annotate(device_text=text).values_list(*names)
    labels: list[str] = []
    sources: list[str] = []
    fidelities: list[str] = []
    numbers: dict[str, array[float]] = {name: array(kind) for name, kind in _NUMBERS.items()}
    device = _DeviceColumns()
    # In chunks: tens of thousands of tuples at once would make the garbage collector walk the whole process.
    for chunk in _chunks(rows.iterator(_CHUNK)):
        label, source, fidelity, devices, *values = zip(*chunk, strict=True)
        labels += label
        sources.append(_indices(source, SOURCES))
        fidelities.append(_indices(fidelity, FIDELITIES))
        for column, new in zip(numbers.values(), values, strict=True):
            column.extend([NONE if value is None else value for value in new])
        if run.device != HERE:
            device.extend(devices)
    return {
        "labels": labels,
        "source_names": SOURCES,
        "sources": "".join(sources),
        "fidelity_names": FIDELITIES,
        "fidelities": "".join(fidelities),
        "numbers": {name: packed(column) for name, column in numbers.items()},
        "device": device.packed(),
    }


def packed(numbers: array[float]) -> dict[str, str]:
    """Returns an array of doubles (`"d"`) or floats (`"f"`): its type, and base64 of little-endian bytes."""
    if sys.byteorder == "big":
        numbers.byteswap()
    return {"type": numbers.typecode, "data": base64.b64encode(numbers.tobytes()).decode("ascii")}


def _chunks(rows: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    while chunk := list(islice(rows, _CHUNK)):
        yield chunk


def _indices(words: Sequence[str], known: Sequence[str]) -> str:
    """Returns a digit a row: the place of its word among the known ones, 9 for others."""
    places = {word: str(place) for place, word in enumerate(known)}
    return "".join([places.get(word, "9") for word in words])


class _DeviceColumns:
    """The figures of a device, from the JSON text of each row."""

    def __init__(self) -> None:
        self.first: dict[str, Any] | None = None
        self.rows = 0
        self.broken: list[int] = []
        self.numbers = {name: array("d") for name in _OF_DEVICE}

    def extend(self, texts: Sequence[str | None]) -> None:
        for text in texts:
            one = json.loads(text) if text else {}
            self.first = self.first or one
            if one.get("broken_limits"):
                self.broken.append(self.rows)
            for name, column in self.numbers.items():
                value = one.get(name)
                column.append(NONE if value is None else value)
            self.rows += 1

    def packed(self) -> dict[str, Any] | None:
        if not self.first:
            return None
        return {
            "name": self.first["name"],
            "how": self.first["how"],
            "broken": self.broken,
            "numbers": {name: packed(column) for name, column in self.numbers.items()},
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
