"""What a finished run's networks cost elsewhere, as a command."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from nas.errors import DeviceError


def add_elsewhere_command(commands: Any) -> None:
    """Adds the parser of `elsewhere` to the sub-commands of the command line."""
    parser = commands.add_parser(
        "elsewhere", help="what the networks of a finished run cost on other devices"
    )
    parser.add_argument("run", type=Path, help="directory of the run, the one with report.json")
    parser.add_argument(
        "--device",
        type=Path,
        action="append",
        default=[],
        help="device table (.json) to ask as well; may be given several times",
    )


def elsewhere_command(options: argparse.Namespace) -> int:
    """Prints, for each network of a run, its cost in each place, and what that means for the choice.

    Raises:
        DeviceError: If there is no finished run in the directory, or a file of a device is damaged.
    """
    from nas.candidate import Candidate
    from nas.hardware.device_table import load_table
    from nas.hardware.target import TableTarget
    from nas.phases.elsewhere import elsewhere

    document = _report(options.run)
    candidates = [Candidate.from_json(one) for one in document["candidates"]]
    shown = set(document["front"]) | {one.number for one in candidates if one.fidelity == "final"}
    found = elsewhere(
        options.run,
        document["config"].get("device") or "here",
        [one for one in candidates if one.number in shown],
        n_classes=len(document["data"]["classes"]),
        anchor_ms=(document.get("elsewhere") or {}).get("anchor_ms"),
        tables={path.stem: TableTarget(load_table(path)) for path in options.device},
    )
    _show({**document, "elsewhere": found})
    return 0


def _report(directory: Path) -> dict[str, Any]:
    try:
        document = json.loads((directory / "report.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DeviceError(
            f"{directory} holds no report.json that can be read. Give the directory of a finished run, "
            "the one that --out named."
        ) from error
    if not isinstance(document, dict) or "candidates" not in document:
        raise DeviceError(f"{directory / 'report.json'} is no report of a search.")
    return document


def _show(document: dict[str, Any]) -> None:
    from nas.report.elsewhere import choices_of, consequence, home_words, recommended_of
    from nas.report.words import kilobytes, milliseconds

    console = Console(soft_wrap=True, highlight=False, markup=False)
    choices, found = choices_of(document), document["elsewhere"]
    home = found["searched"]
    for one in choices:
        table = Table("Place", "Latency", "Energy", "Activations", "Weights", "Fits", "How", title=one.label)
        for place in found["places"]:
            cost = one.at(place["name"])
            table.add_row(
                f"{place['title']} *" if place["name"] == home else place["title"],
                milliseconds(cost.latency_ms),
                "–" if cost.energy_mj is None else f"{cost.energy_mj:.3g} mJ",
                kilobytes(cost.peak_sram_bytes),
                kilobytes(cost.size_bytes),
                ("yes" if place["limited"] else "–") if cost.fits else "no",
                cost.how,
            )
        console.print(table)
    console.print("* searched for")
    mine = recommended_of(document, choices)
    for place in found["places"] if mine is not None else []:
        if place["name"] != home:
            assert mine is not None
            words = consequence(mine, choices, place["name"], home, home_words(found))
            console.print(f"{mine.label} · {place['title']}: {words}")
