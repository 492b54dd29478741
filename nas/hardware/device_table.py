"""The device table: how long the blocks of the search spaces take on one device. A versioned JSON file.

It may come from another machine, so nothing in it is believed before it was checked.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from nas.errors import DeviceError, SpaceError
from nas.files import write_atomically
from nas.hardware.blocks import OPS, Activation, Block
from nas.hardware.checked import Fields, read_json
from nas.hardware.items import NetworkItem
from nas.spaces import SPACES, make_space

TABLE_FORMAT = "nas-device-table"
TABLE_VERSION = 1
KEPT_TABLE = "device.json"
"""Name under which a run keeps the table of its device."""

MOST_SPREAD = 0.3
"""A table is refused if its mean spread, interquartile range over median, is above this."""

MOST_DRIFT = 0.5
"""A table is refused if the reference network's time drifted by more than this share of itself."""

LONGEST_MS = 60_000.0
_MOST_ROWS = 50_000
_WIDEST, _LARGEST_SIDE, _LARGEST_KERNEL, _LARGEST_EXPANSION = 65_536, 4_096, 15, 64.0


@dataclass(frozen=True)
class Device:
    """What was measured on.

    Attributes:
        name: What its owner calls it.
        hardware: Processor or model, as it tells.
        runtime: Name and version of the runtime.
        threads: Threads of the runtime, >= 1.
    """

    name: str
    hardware: str
    runtime: str
    threads: int


@dataclass(frozen=True)
class Timing:
    """A measured time.

    Attributes:
        ms: Milliseconds of batch 1 on the quiet device, see `nas.hardware.reference.quiet_ms`.
        spread: Interquartile range over median of what was run.
        runs: Measured runs.
    """

    ms: float
    spread: float
    runs: int


@dataclass(frozen=True)
class DeviceTable:
    """Times of blocks and of some whole networks on one device.

    Attributes:
        device: What was measured on.
        measured_at: Date and time in ISO 8601.
        spaces: Spaces whose blocks are in it.
        reference_ms: The reference network's milliseconds while the device was at rest.
        spread: Mean of the spreads, weighted by time.
        drift: How far the reference network's time went up and down, as a share of itself.
        blocks: Time of each measured block, without what stood around it.
        networks: Time of each whole network.
    """

    device: Device
    measured_at: str
    spaces: tuple[str, ...]
    reference_ms: float
    spread: float
    drift: float
    blocks: dict[Block, Timing]
    networks: dict[NetworkItem, Timing]

    def to_json(self) -> dict[str, Any]:
        """Returns the content of the file; `table_from_json` is its inverse."""
        return {
            "format": TABLE_FORMAT,
            "version": TABLE_VERSION,
            "device": asdict(self.device),
            "measured_at": self.measured_at,
            "spaces": list(self.spaces),
            "reference_ms": self.reference_ms,
            "spread": self.spread,
            "drift": self.drift,
            "blocks": [{**asdict(block), **asdict(time)} for block, time in self.blocks.items()],
            "networks": [
                {"space": item.space, "choices": list(item.choices), **asdict(time)}
                for item, time in self.networks.items()
            ],
        }

    def save(self, path: Path) -> None:
        """Writes the file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(self.to_json(), indent=1) + "\n")


def load_table(path: Path) -> DeviceTable:
    """Reads and checks a device table.

    Raises:
        DeviceError: If it is no device table, was damaged, or is too noisy to trust.
    """
    return table_from_json(read_json(path))


def table_from_json(data: Any) -> DeviceTable:
    """Checks the content of a device table and returns it.

    Raises:
        DeviceError: As `load_table`.
    """
    top = Fields(data, "The device table")
    check_version(top, TABLE_FORMAT, TABLE_VERSION)
    table = DeviceTable(
        device=read_device(top.part("device")),
        measured_at=read_moment(top, "measured_at"),
        spaces=tuple(top.choices("spaces", SPACES)),
        reference_ms=top.number("reference_ms", 1e-4, LONGEST_MS),
        spread=top.number("spread", 0, 1e3),
        drift=top.number("drift", 0, 1e3),
        blocks=dict(_block(row) for row in top.objects("blocks", _MOST_ROWS)),
        networks=dict(_network(row) for row in top.objects("networks", _MOST_ROWS)),
    )
    if any(item.space not in table.spaces for item in table.networks):
        raise DeviceError(
            "The device table holds a network of a space that it does not name. Measure the device again."
        )
    refuse_noise(table)
    return table


def refuse_noise(table: DeviceTable) -> None:
    """Raises DeviceError, with advice, if a table is empty or too noisy to trust."""
    advice = (
        "Close other programs, plug the device in, let it cool down, keep the page in the foreground, "
        "and measure again."
    )
    if not table.blocks:
        raise DeviceError("The device table holds no blocks. Measure the device again.")
    if table.spread > MOST_SPREAD:
        raise DeviceError(
            f"The times scatter by {table.spread:.0%} (at most {MOST_SPREAD:.0%} is accepted): the device "
            f"was busy. {advice}"
        )
    if table.drift > MOST_DRIFT:
        raise DeviceError(
            f"The device's speed changed by {table.drift:.0%} during the measurement (at most "
            f"{MOST_DRIFT:.0%} is accepted): it was busy or grew hot. {advice}"
        )


def check_version(top: Fields, kind: str, version: int) -> None:
    """Raises DeviceError unless an object says that it is of this format and version."""
    if "format" not in top.names() or top.text("format") != kind:
        raise DeviceError(f"{top.where} should have the format {kind!r}.")
    found = top.integer("version", 1, 1_000_000)
    if found != version:
        raise DeviceError(
            f"{top.where} has version {found}; this program reads version {version}. Measure again."
        )


def read_device(data: Fields) -> Device:
    """Returns a checked description of a device."""
    return Device(
        data.text("name"), data.text("hardware"), data.text("runtime"), data.integer("threads", 1, 1024)
    )


def read_moment(data: Fields, name: str) -> str:
    """Returns a checked date and time."""
    text = data.text(name, 40)
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise DeviceError(f"{data.where}.{name} should be a date and time as ISO 8601 has it.") from error
    return text


def _timing(row: Fields) -> Timing:
    return Timing(
        row.number("ms", 0, LONGEST_MS), row.number("spread", 0, 1e3), row.integer("runs", 1, 1_000_000)
    )


def _block(row: Fields) -> tuple[Block, Timing]:
    op = row.text("op")
    activation: Activation = row.choice("activation", get_args(Activation))
    block = Block(
        op,
        row.integer("inputs", 1, _WIDEST),
        row.integer("outputs", 1, _WIDEST),
        row.integer("side", 1, _LARGEST_SIDE),
        row.integer("kernel", 1, _LARGEST_KERNEL),
        row.integer("stride", 1, 2),
        row.number("expansion", 1, _LARGEST_EXPANSION),
        row.integer("squeeze", 0, _WIDEST),
        row.flag("skip"),
        activation,
    )
    extra = row.names() - {field.name for field in (*fields(Block), *fields(Timing))}
    if op not in OPS or extra:
        raise DeviceError(f"{row.where} is not a block that this program knows.")
    return block, _timing(row)


def _network(row: Fields) -> tuple[NetworkItem, Timing]:
    name = row.text("space")
    values = row.numbers("choices", 200, 0, 1_000)
    if any(value % 1 for value in values):
        raise DeviceError(f"{row.where}.choices should be whole numbers.")
    choices = tuple(int(value) for value in values)
    try:
        make_space(name).decode(choices)
    except SpaceError as error:
        raise DeviceError(f"{row.where} is not a network of a space: {error}") from error
    return NetworkItem(name, choices), _timing(row)
