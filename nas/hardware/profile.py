"""Device profiles: the figures of a device that the analytic model needs, each with its source and year.

A profile is a TOML file that anyone can copy and edit; those that come with the engine are in
`nas/hardware/profiles`. Figures without a public source say "assumed".
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from nas.errors import DeviceError
from nas.hardware.checked import Fields
from nas.hardware.device_table import check_version
from nas.hardware.groups import OPERATOR_CLASSES

PROFILE_FORMAT = "nas-device-profile"
PROFILE_VERSION = 1
ASSUMED = "assumed"
_DIRECTORY = Path(__file__).parent / "profiles"
_LARGEST_FILE = 100_000

FIGURES: MappingProxyType[str, tuple[float, float]] = MappingProxyType(
    {
        "peak_gmacs": (1e-4, 1e7),
        "dram_gb_per_s": (1e-4, 1e5),
        "sram_gb_per_s": (1e-4, 1e6),
        "sram_bytes": (1e3, 1e12),
        "resident_weight_bytes": (0, 1e12),
        "launch_us": (0, 1e6),
        "mac_pj": (1e-4, 1e5),
        "dram_pj_per_byte": (0, 1e6),
        "sram_pj_per_byte": (0, 1e6),
        "idle_w": (0, 1e4),
        **{f"use_{kind}": (1e-4, 1.0) for kind in OPERATOR_CLASSES if kind != "elementwise"},
    }
)
"""Name of each figure and its bounds. GMAC/s, GB/s, bytes, microseconds, picojoules, watts; ``use_*`` is the
share of the peak that an operator class reaches."""

LIMITS: MappingProxyType[str, tuple[float, float]] = MappingProxyType(
    {"latency_ms": (1e-3, 1e6), "peak_sram_bytes": (1e3, 1e12), "size_bytes": (1e3, 1e12)}
)
"""What a device may forbid to exceed, with the bounds of the limit itself."""


@dataclass(frozen=True)
class Figure:
    """A figure of a device with where it comes from: a source and its year, or "assumed"."""

    value: float
    source: str
    year: int


@dataclass(frozen=True)
class Profile:
    """A device for the analytic model.

    Attributes:
        name: Short name, as on the command line.
        title: Name for people.
        weight_bits: Bits of a weight.
        activation_bits: Bits of an activation.
        figures: Figure by name, all of `FIGURES`.
        limits: Hard limits by the name of a metric of `Estimate`.
    """

    name: str
    title: str
    weight_bits: int
    activation_bits: int
    figures: dict[str, Figure]
    limits: dict[str, Figure]

    def __getitem__(self, name: str) -> float:
        """Returns the value of a figure."""
        return self.figures[name].value

    @property
    def assumed(self) -> tuple[str, ...]:
        """Names of the figures that have no source."""
        return tuple(name for name, figure in self.figures.items() if figure.source.startswith(ASSUMED))


def profile_names() -> tuple[str, ...]:
    """Returns the names of the profiles that come with the engine."""
    return tuple(sorted(path.stem for path in _DIRECTORY.glob("*.toml")))


def load_profile(name: str | Path) -> Profile:
    """Reads and checks a profile.

    Args:
        name: One of `profile_names`, or a path to a TOML file.

    Raises:
        DeviceError: If there is no such profile, or a figure is missing, of the wrong type or out of bounds.
    """
    path = profile_path(name)
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise DeviceError(f"{path.name} is too large for a device profile.")
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DeviceError(f"{path.name} is not a readable TOML file.") from error
    return profile_from_data(data)


def profile_path(name: str | Path) -> Path:
    """Returns the file of a profile: a path to a TOML file itself, or where the profile of a name lies.

    Raises:
        DeviceError: If there is no profile of this name.
    """
    if Path(name).suffix == ".toml":
        return Path(name)
    if str(name) not in profile_names():
        raise DeviceError(f"There is no device {str(name)!r}; choose one of {', '.join(profile_names())}.")
    return _DIRECTORY / f"{name}.toml"


def profile_from_data(data: object) -> Profile:
    """Checks the content of a profile and returns it.

    Raises:
        DeviceError: As `load_profile`.
    """
    top = Fields(data, "The device profile")
    check_version(top, PROFILE_FORMAT, PROFILE_VERSION)
    precision, figures = top.part("precision"), top.part("figures")
    limits = top.part("limits") if "limits" in top.names() else Fields({}, "limits")
    for part, known in ((figures, FIGURES), (limits, LIMITS)):
        if unknown := part.names() - set(known):
            raise DeviceError(
                f"{part.where} has an unknown name {min(unknown)!r}; known are {', '.join(known)}."
            )
    return Profile(
        name=top.text("name", 40),
        title=top.text("title"),
        weight_bits=precision.integer("weight_bits", 1, 64),
        activation_bits=precision.integer("activation_bits", 1, 64),
        figures={name: _figure(figures, name, *bounds) for name, bounds in FIGURES.items()},
        limits={name: _figure(limits, name, *LIMITS[name]) for name in sorted(limits.names())},
    )


def _figure(part: Fields, name: str, low: float, high: float) -> Figure:
    figure = part.part(name)
    return Figure(
        figure.number("value", low, high), figure.text("source", 300), figure.integer("year", 1970, 2100)
    )


def whole_bytes(count: float, bits: int) -> int:
    """Returns the bytes of `count` numbers of `bits` bits, rounded up."""
    return math.ceil(count * bits / 8)
