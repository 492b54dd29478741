"""Where a model may run: this server, devices known by a profile, and the user's own measured ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import ValidationError
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext, gettext_noop

from datasets_app.words.engine import said
from datasets_app.words.figures import whole
from nas.candidate import HERE
from nas.hardware.profile import Profile, load_profile, profile_names
from nas.strategies import DARTS
from search_app.device_selectors import measured_devices_of_user
from search_app.models import Device

PROFILES = {
    "phone-cpu": (gettext_noop("A phone"), "device-mobile"),
    "npu": (gettext_noop("A phone's neural engine"), "cpu-2"),
    "dsp": (gettext_noop("A phone's signal processor"), "wave-sine"),
    "desktop-cpu": (gettext_noop("A desktop computer"), "device-desktop"),
    "edge-tpu": (gettext_noop("An Edge TPU"), "grid-dots"),
    "microcontroller": (gettext_noop("A microcontroller"), "cpu"),
}
"""Name of a profile -> its title and icon, in the order in which they are offered."""


@dataclass(frozen=True)
class Place:
    """An answer to "where will it run?".

    Attributes:
        value: What a search stores and the engine understands.
        title: Its name.
        hint: How its times come about, in plain words.
        icon: Name of its icon.
        limited: True if it has hard limits.
        bits: Width of the weights that its figures are for; None for this server, which runs both widths.
        spaces: Search spaces that it knows; None for all.
        table: Its device table, if it measured one.
    """

    value: str
    title: str
    hint: str
    icon: str
    limited: bool = False
    bits: int | None = None
    spaces: tuple[str, ...] | None = None
    table: Path | None = None

    @property
    def name(self) -> str:
        """Its title as rows keep it: in English, or as its owner called it. `shown_title` says it again."""
        if self.value == HERE:
            return "This server"
        return PROFILES[self.value][0] if self.value in PROFILES else self.title

    @property
    def profiled(self) -> bool:
        """True if a profile tells energy and memory of networks there."""
        return self.value != HERE and self.table is None


def shown_title(device: str, title: str) -> str:
    """Returns the title of a place that a row keeps, in the active language; people's own names stay."""
    return title if device.startswith("device:") else gettext(title)


def places_of(user: User | AnonymousUser) -> tuple[Place, ...]:
    """Returns this server, the user's measured devices and the profiles."""
    here, *profiles = _common()
    return (here, *map(_measured, measured_devices_of_user(user)), *profiles)


def _common() -> tuple[Place, ...]:
    return _common_in(get_language())


@lru_cache(maxsize=8)
def _common_in(_language: str | None) -> tuple[Place, ...]:
    here = Place(
        HERE,
        gettext("This server"),
        gettext(
            "Each network's time per photo is measured on this machine: ONNX Runtime, one photo at a time, "
            "one processor core."
        ),
        "server",
    )
    others = [name for name in profile_names() if name not in PROFILES and name != "server"]
    return (here, *map(_place, [*PROFILES, *others]))


def place_of(value: str, user: User | AnonymousUser) -> Place:
    """Returns the place of a value.

    Raises:
        ValidationError: If there is none, or it is someone else's.
    """
    found = {place.value: place for place in places_of(user)}
    if value not in found:
        raise ValidationError(
            gettext("There is no such device. Choose one of: %(names)s.") % {"names": ", ".join(found)}
        )
    return found[value]


def refusal(place: Place, strategy: str, space: str) -> str:
    """Returns why a strategy cannot search a space for a place; empty if it can."""
    if place.spaces is not None and space not in place.spaces:
        known = ", ".join(place.spaces)
        return gettext(
            "%(name)s measured the blocks of %(known)s only. Choose one of these spaces, or measure the "
            "device again for this one."
        ) % {"name": place.title, "known": known}
    if strategy == DARTS and place.limited:
        return gettext(
            "%(name)s holds small networks only, and DARTS cannot keep to such limits while it trains all "
            "networks at once. Choose another strategy."
        ) % {"name": place.title}
    return ""


def _measured(device: Device) -> Place:
    hint = gettext("Its own measurement of %(day)s: %(hardware)s, %(runtime)s.") % {
        "day": date_format(device.measured_at) if device.measured_at else "",
        "hardware": device.hardware,
        "runtime": device.runtime,
    }
    return Place(
        f"device:{device.pk}",
        device.name,
        hint,
        "device-mobile" if device.kind == Device.Kind.BROWSER else "cpu",
        bits=32,
        spaces=tuple(device.spaces),
        table=device.table_file,
    )


def _place(name: str) -> Place:
    profile = load_profile(name)
    title, icon = PROFILES.get(name, (profile.title, "cpu"))
    hint = " ".join([f"{said(profile.title)}.", *_limits(profile)])
    return Place(name, gettext(title), hint, icon, limited=bool(profile.limits), bits=profile.weight_bits)


def _limits(profile: Profile) -> list[str]:
    words = {
        "size_bytes": gettext_noop("%(n)s KiB of weights"),
        "peak_sram_bytes": gettext_noop("%(n)s KiB of activations"),
    }
    held = [
        gettext(text) % {"n": whole(profile.limits[name].value / 1024)}
        for name, text in words.items()
        if name in profile.limits
    ]
    if not held:
        return []
    told = gettext(" and ").join(held)
    return [gettext("It holds %(what)s, and only networks that fit are searched.") % {"what": told}]
