"""The command line that repeats a search."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from nas.automatic import AUTO

DATA, OUT = "YOUR_DATA.zip", "OUT"
"""What a reader replaces: where the photos lie and where the results shall go."""

_PLANNED = ("space", "strategy", "evaluator")
_ALWAYS = ("seed", "space", "strategy", "goal", "device")
_UNLESS = {"reward": "absolute", "cost": "latency", "evaluator": AUTO, "precision": "fp32"}


def search_command(config: Mapping[str, Any]) -> str:
    """Returns the command line that repeats a search on the same data.

    Args:
        config: Its options by the names of `nas.phases.context.SearchConfig`; those that are missing keep
            their defaults.
    """
    words = ["python", "-m", "nas", "search", "--data", DATA, "--minutes", f"{config['minutes']:g}"]
    config = {**config, **_left_to_the_planner(config)}
    for key in _ALWAYS:
        if config.get(key) is not None:
            words += [f"--{key}", str(config[key])]
    if config.get("target_latency_ms") is not None:
        words += ["--target-latency-ms", str(config["target_latency_ms"])]
    for key, default in _UNLESS.items():
        if config.get(key, default) != default:
            words += [f"--{key}", str(config[key])]
    if config.get("elastic_weights"):
        words += ["--elastic-weights", str(config["elastic_weights"])]
    if config.get("evaluator") == "proxy" and config.get("proxy"):
        words += ["--proxy", str(config["proxy"])]
    if config.get("finalists") is not None:
        words += ["--finalists", str(config["finalists"])]
    if not config.get("baselines", True):
        words.append("--no-baselines")
    return shlex.join([*words, "--out", OUT])


def _left_to_the_planner(config: Mapping[str, Any]) -> dict[str, str]:
    """Returns `AUTO` for what the planner chose: named as people's own choices, it would plan otherwise."""
    plan = (config.get("plan") or {}).get("plan")
    return {name: AUTO for name in _PLANNED if name not in plan["yours"]} if plan else {}
