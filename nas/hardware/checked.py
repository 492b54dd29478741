"""Reading values out of files that somebody else wrote: every type and bound is checked, every refusal is a
sentence."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nas.errors import DeviceError

LARGEST_FILE = 32 << 20
"""Bytes of the largest file that is read."""


def read_json(path: Path) -> Any:
    """Returns the content of a JSON file of bounded size.

    Raises:
        DeviceError: If it cannot be read.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise DeviceError(f"{path.name} is larger than {LARGEST_FILE >> 20} MB and is not read.")
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DeviceError(f"{path.name} is not a readable JSON file.") from error


class Fields:
    """The fields of one object of a file.

    Args:
        data: What should be an object.
        where: Its place, for messages, e.g. ``"blocks[3]"``.

    Raises:
        DeviceError: If it is not an object.
    """

    def __init__(self, data: Any, where: str) -> None:
        if not isinstance(data, dict):
            raise DeviceError(f"{where} should be an object with named fields.")
        self._data: dict[str, Any] = data
        self.where = where

    def names(self) -> set[str]:
        """Returns the names of the fields."""
        return {str(name) for name in self._data}

    def text(self, name: str, most: int = 200) -> str:
        """Returns a printable text of 1 to `most` characters."""
        value = self._value(name)
        if not isinstance(value, str) or not 1 <= len(value) <= most or not value.isprintable():
            raise self._error(name, f"a printable text of 1 to {most} characters")
        return value

    def integer(self, name: str, low: int, high: int) -> int:
        """Returns a whole number from `low` to `high`."""
        value: Any = self._value(name)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self._error(name, f"a whole number from {low} to {high}")
        return int(value)

    def number(self, name: str, low: float, high: float) -> float:
        """Returns a finite number from `low` to `high`."""
        value = self._value(name)
        if not _is_number(value) or not low <= value <= high:
            raise self._error(name, f"a number from {low:g} to {high:g}")
        return float(value)

    def flag(self, name: str) -> bool:
        """Returns true or false."""
        value = self._value(name)
        if not isinstance(value, bool):
            raise self._error(name, "true or false")
        return value

    def choice(self, name: str, allowed: Sequence[Any]) -> Any:
        """Returns one of the allowed values."""
        value = self._value(name)
        if value not in allowed:
            raise self._error(name, f"one of {', '.join(map(repr, allowed))}")
        return value

    def choices(self, name: str, allowed: Sequence[Any]) -> list[Any]:
        """Returns a list of different allowed values, at least one."""
        listed = self._list(name, len(allowed), "values")
        if not listed or any(value not in allowed for value in listed):
            raise self._error(name, f"a list of some of {', '.join(map(repr, allowed))}")
        return list(dict.fromkeys(listed))

    def objects(self, name: str, most: int) -> list[Fields]:
        """Returns a list of at most `most` objects."""
        listed = self._list(name, most, "objects")
        return [Fields(each, f"{self.where}.{name}[{number}]") for number, each in enumerate(listed)]

    def numbers(self, name: str, most: int, low: float, high: float) -> list[float]:
        """Returns a list of at most `most` finite numbers from `low` to `high`."""
        listed = self._list(name, most, "numbers")
        if not all(_is_number(each) and low <= each <= high for each in listed):
            raise self._error(name, f"a list of numbers from {low:g} to {high:g}")
        return [float(each) for each in listed]

    def part(self, name: str) -> Fields:
        """Returns an object inside this one."""
        return Fields(self._value(name), f"{self.where}.{name}")

    def _list(self, name: str, most: int, what: str) -> list[Any]:
        value = self._value(name)
        if not isinstance(value, list) or len(value) > most:
            raise self._error(name, f"a list of at most {most} {what}")
        return value

    def _value(self, name: str) -> Any:
        if name not in self._data:
            raise DeviceError(f"{self.where} has no field {name!r}.")
        return self._data[name]

    def _error(self, name: str, expected: str) -> DeviceError:
        return DeviceError(f"{self.where}.{name} should be {expected}.")


def _is_number(value: Any) -> bool:
    # isfinite would turn a whole number of hundreds of digits into a float, and fail
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < math.inf
