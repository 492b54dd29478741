"""Everything that is needed to repeat a search: the command, the data's hash, versions and machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import nas
from nas.report.command import search_command
from search_app.models import SearchRun

OWN_TABLE = "YOUR_DEVICE.json"
"""Stands for the table of a device that was measured by its owner; it can be downloaded from its page."""

_OPTIONS = (
    "minutes",
    "seed",
    "space",
    "strategy",
    "goal",
    "target_latency_ms",
    "reward",
    "cost",
    "evaluator",
    "precision",
    "baselines",
)


@dataclass(frozen=True)
class Reproduction:
    """What a reader needs.

    Attributes:
        command: To be typed, with the photos as `YOUR_DATA.zip`.
        facts: The same as JSON.
        own_device: True if the command names the table of a device that must be downloaded first.
    """

    command: str
    facts: dict[str, Any]
    own_device: bool


def reproduction_of(run: SearchRun, report: Mapping[str, Any]) -> Reproduction:
    """Returns how to repeat a run."""
    own = run.device.startswith("device:")
    options = {name: getattr(run, name) for name in _OPTIONS}
    options["device"] = OWN_TABLE if own else run.device
    if run.evaluator == "proxy":
        options["proxy"] = (report.get("config") or {}).get("proxy")
    command = search_command(options)
    version = run.dataset_version
    facts = {
        "command": command,
        "options": options,
        "data": {
            "content_hash": version.content_hash,
            "version": version.number,
            "n_images": version.n_images,
            "classes": version.classes,
            "changes": version.changes,
        },
        "engine_version": report.get("engine_version") or nas.__version__,
        "machine": report.get("machine") or {},
    }
    return Reproduction(command, facts, own)
