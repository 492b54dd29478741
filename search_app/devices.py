"""Where a model may run: this server, and the devices that are known by a profile."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from django.core.exceptions import ValidationError

from nas.candidate import HERE
from nas.hardware.profile import Profile, load_profile, profile_names
from nas.strategies import DARTS

ICONS = {
    "server": "server-2",
    "desktop-cpu": "device-desktop",
    "phone-cpu": "device-mobile",
    "npu": "cpu-2",
    "dsp": "wave-sine",
    "edge-tpu": "grid-dots",
    "microcontroller": "cpu",
}


@dataclass(frozen=True)
class Place:
    """An answer to "where will it run?".

    Attributes:
        value: What a search stores and the engine understands.
        title: Its name.
        hint: How its times come about, in plain words.
        icon: Name of its icon.
        limited: True if it has hard limits.
    """

    value: str
    title: str
    hint: str
    icon: str
    limited: bool = False


@lru_cache(maxsize=1)
def places() -> tuple[Place, ...]:
    """Returns all places, this server first."""
    here = Place(
        HERE,
        "This server",
        "Each network's time per photo is measured on this machine: ONNX Runtime, one photo at a time, one "
        "processor core.",
        "server",
    )
    return (here, *(_place(name) for name in profile_names() if name != "server"))


def place_of(value: str) -> Place:
    """Returns the place of a value.

    Raises:
        ValidationError: If there is none.
    """
    found = {place.value: place for place in places()}
    if value not in found:
        raise ValidationError(f"There is no such device. Choose one of: {', '.join(found)}.")
    return found[value]


def limits_refusal(place: Place, strategy: str) -> str:
    """Returns why a strategy cannot search for a place; empty if it can."""
    if strategy == DARTS and place.limited:
        return (
            f"{place.title} holds small networks only, and DARTS cannot keep to such limits while it trains "
            "all networks at once. Choose another strategy."
        )
    return ""


def _place(name: str) -> Place:
    profile = load_profile(name)
    modelled = "Times, energy and memory come from a documented model; nothing was measured on such a device."
    hint = " ".join([modelled, *_limits(profile)])
    return Place(name, profile.title, hint, ICONS.get(name, "cpu"), limited=bool(profile.limits))


def _limits(profile: Profile) -> list[str]:
    words = {"size_bytes": "weights", "peak_sram_bytes": "activations"}
    held = [
        f"{profile.limits[name].value / 1000:,.0f} kB of {word}"
        for name, word in words.items()
        if name in profile.limits
    ]
    return [f"It holds {' and '.join(held)}, and only networks that fit are searched."] if held else []
