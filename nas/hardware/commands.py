"""Other devices as commands: what they are given, and what is made of what they send back."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console

from nas.candidate import HERE
from nas.hardware.effort import EXTENTS
from nas.spaces import SPACES

_console = Console(stderr=True)


def add_device_commands(commands: Any) -> None:
    """Adds the parsers of `DEVICE_COMMANDS` to the sub-commands of the command line."""
    commands.add_parser("devices", help="list the devices that a search knows")
    bundle = commands.add_parser("device-bundle", help="write graphs and script for a device with Python")
    _add_choice(bundle)
    bundle.add_argument("--out", type=Path, required=True, help="directory of the script and its graphs")
    table = commands.add_parser("device-table", help="make a device table of the timings that came back")
    table.add_argument("timings", type=Path, help="timings.json of the device")
    _add_choice(table)
    table.add_argument("--out", type=Path, required=True, help="file of the device table")


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--space", choices=SPACES, nargs="+", default=[SPACES[0]], help="spaces to measure")
    parser.add_argument("--extent", choices=tuple(EXTENTS), default="thorough", help="how much is measured")


def _bundle(options: argparse.Namespace) -> int:
    from nas.hardware.bundle import manifest_of, write_script_bundle

    manifest = manifest_of(tuple(options.space), options.extent)
    write_script_bundle(options.out, manifest, EXTENTS[options.extent].seconds)
    _console.print(
        f"{len(manifest.items)} graphs in {options.out}. Copy the directory to the device and run: "
        "python measure.py",
        highlight=False,
    )
    return 0


def _table(options: argparse.Namespace) -> int:
    from nas.hardware.bundle import manifest_of
    from nas.hardware.checked import read_json
    from nas.hardware.timings import table_from_timings

    manifest = manifest_of(tuple(options.space), options.extent)
    table = table_from_timings(read_json(options.timings), manifest)
    table.save(options.out)
    _console.print(
        f"{table.device.name}: {len(table.blocks)} blocks and {len(table.networks)} networks, "
        f"spread {table.spread:.1%}, drift {table.drift:.1%}; {options.out}",
        highlight=False,
        markup=False,
    )
    return 0


def _devices(_options: argparse.Namespace) -> int:
    from nas.hardware.profile import load_profile, profile_names

    console = Console(soft_wrap=True, highlight=False, markup=False)
    console.print(f"{HERE:16} this machine; latency is measured")
    for name in profile_names():
        profile = load_profile(name)
        limits = ", ".join(f"{limit} <= {figure.value:,.0f}" for limit, figure in profile.limits.items())
        assumed = f"{len(profile.assumed)} of {len(profile.figures)} figures assumed"
        console.print(f"{name:16} {profile.title}; {assumed}{'; ' + limits if limits else ''}")
    return 0


DEVICE_COMMANDS = {"devices": _devices, "device-bundle": _bundle, "device-table": _table}
