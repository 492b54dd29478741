"""What the pages of devices show beside their rows."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from django.utils.translation import gettext, gettext_noop

from search_app.forms import SPACE_NAMES
from search_app.models import Device

FIGURE_NAMES = {
    "peak_gmacs": gettext_noop("Peak, billion multiply-adds a second"),
    "dram_gb_per_s": gettext_noop("Main memory, GB/s"),
    "sram_gb_per_s": gettext_noop("Fast memory, GB/s"),
    "sram_bytes": gettext_noop("Fast memory, bytes"),
    "resident_weight_bytes": gettext_noop("Weights that stay on the chip, bytes"),
    "launch_us": gettext_noop("Start of an operation, microseconds"),
    "mac_pj": gettext_noop("Energy of a multiply-add, pJ"),
    "dram_pj_per_byte": gettext_noop("Energy of main memory, pJ a byte"),
    "sram_pj_per_byte": gettext_noop("Energy of fast memory, pJ a byte"),
    "idle_w": gettext_noop("Power at rest, W"),
    "latency_ms": gettext_noop("Limit: milliseconds"),
    "peak_sram_bytes": gettext_noop("Limit: bytes of activations"),
    "size_bytes": gettext_noop("Limit: bytes of weights"),
}


@dataclass(frozen=True)
class FigureRow:
    """One figure of a profile, for people."""

    name: str
    value: float
    source: str
    year: int
    assumed: bool


@dataclass(frozen=True)
class ProfileRow:
    """A device that exists as figures only."""

    title: str
    bits: str
    figures: tuple[FigureRow, ...]

    @property
    def n_sourced(self) -> int:
        """Number of the figures that have a source."""
        return sum(not figure.assumed for figure in self.figures)


def profile_rows() -> tuple[ProfileRow, ...]:
    """Returns the profiles that come with the engine."""
    from nas.hardware.profile import ASSUMED, load_profile, profile_names

    rows = []
    for profile in map(load_profile, profile_names()):
        figures = tuple(
            FigureRow(
                _figure_name(name),
                figure.value,
                figure.source,
                figure.year,
                figure.source.startswith(ASSUMED),
            )
            for name, figure in (*profile.figures.items(), *profile.limits.items())
        )
        bits = gettext("%(weight)s bits a weight, %(activation)s an activation") % {
            "weight": profile.weight_bits,
            "activation": profile.activation_bits,
        }
        rows.append(ProfileRow(profile.title, bits, figures))
    return tuple(rows)


def _figure_name(name: str) -> str:
    if name in FIGURE_NAMES:
        return gettext(FIGURE_NAMES[name])
    operation = name.removeprefix("use_").replace("_", " ")
    return gettext("Share of the peak: %(operation)s") % {"operation": operation}


def space_names(device: Device) -> str:
    """Returns the measured search spaces in words."""
    return ", ".join(SPACE_NAMES.get(name, name).partition(":")[0] for name in device.spaces)


def only_this_machine(host: str) -> bool:
    """True if an address leads other devices to themselves.

    Args:
        host: As a browser sends it, with or without a port.
    """
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return name == "localhost"
