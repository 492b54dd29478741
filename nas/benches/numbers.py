"""Numbers on the command lines of the benches."""

from __future__ import annotations

import argparse


def count(text: str) -> int:
    """Reads a number of 1 or more."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def several(text: str) -> int:
    """Reads a number of 2 or more."""
    number = count(text)
    if number < 2:
        raise argparse.ArgumentTypeError("a comparison needs 2 or more")
    return number


def counts(text: str) -> tuple[int, ...]:
    """Reads numbers of 1 or more with commas between, each once."""
    return tuple(dict.fromkeys(count(part) for part in text.split(",")))
