"""Cells of tables that people download and open in a spreadsheet."""

from __future__ import annotations

from typing import Final

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def no_formula(value: str) -> str:
    """Keeps spreadsheets from running a cell: a leading ' marks it as text."""
    return f"'{value}" if value.startswith(_FORMULA_STARTS) else value
