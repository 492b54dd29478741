"""Building blocks of model.py: real modules beside the templates, of which each network gets what it uses."""

from __future__ import annotations

import ast
from pathlib import Path

TEMPLATES = Path(__file__).parent.parent / "templates" / "plain"


def with_parts(template: str, code: str) -> str:
    """Puts the functions and classes of a template that code uses, also through one another, before it.

    Args:
        template: Name of a Python file in the directory of templates.
        code: Python code.

    Returns:
        The definitions in the order of the template, then the code.
    """
    parts = _definitions((TEMPLATES / template).read_text(encoding="utf-8"))
    used = _names(code) & parts.keys()
    while more := {name for part in used for name in _names(parts[part]) & parts.keys()} - used:
        used |= more
    return "\n\n\n".join([*(text for name, text in parts.items() if name in used), code])


def _definitions(text: str) -> dict[str, str]:
    """Returns the source of each function and class at the top of a module, by name."""
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = ast.get_source_segment(text, node) or ""
    return found


def _names(code: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
