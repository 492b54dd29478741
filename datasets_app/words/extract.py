"""Finds the sentences that the engine says: literals and f-strings of the modules that speak to people.

`manage.py messages` writes them to `datasets_app/words/sentences.py`, from where they come into the
catalogues of gettext like all other text. Nothing here runs in a web process.
"""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any, Final

SPEAKING: Final = (
    "nas/checks/*.py", "nas/costs.py", "nas/data/*.py", "nas/evaluators/__init__.py",
    "nas/evaluators/first_model.py", "nas/evaluators/operator_weights.py", "nas/report/honesty.py",
    "nas/report/ranking.py", "nas/export/browser_check.py", "nas/export/bundle.py",
    "nas/export/certificate.py", "nas/export/graph.py", "nas/export/int8_bundle.py", "nas/export/load.py",
    "nas/export/onnx_model.py", "nas/export/optional.py", "nas/export/parity.py", "nas/hardware/*.py",
    "nas/networks/weights.py", "nas/phases/*.py",
    "nas/planner/words.py", "nas/quantise/images.py", "nas/quantise/ladder.py",
    "nas/quantise/network.py", "nas/quantise/offer.py", "nas/quantise/onnx_int8.py",
    "nas/quantise/storage.py", "nas/report/elsewhere.py", "nas/report/proof.py", "nas/report/verdict.py",
    "nas/report/words.py", "nas/scaling.py", "nas/search.py", "nas/spaces/limited.py",
    "nas/spaces/base.py",
    "nas/strategies/__init__.py", "nas/strategies/pending.py", "nas/training/loop.py",
    "datasets_app/api_images.py", "datasets_app/arrival.py", "datasets_app/changes.py",
    "datasets_app/check_job.py", "datasets_app/class_edits.py", "datasets_app/import_job.py",
    "datasets_app/quota.py", "datasets_app/receiving.py", "datasets_app/remedies.py",
    "datasets_app/runner.py",
    "datasets_app/services.py", "datasets_app/tus.py", "datasets_app/uploads.py",
    "datasets_app/version_job.py", "automl_site/pieces.py", "search_app/comparisons.py",
    "search_app/device_services.py", "search_app/elsewhere.py", "search_app/runner.py",
    "search_app/services.py",
)  # fmt: skip
"""Modules whose sentences are stored in rows and files, or raised where a page or a worker passes them on."""

SILENT: Final = frozenset(
    {"nas/phases/commands.py", "nas/hardware/commands.py", "nas/hardware/arguments.py", "nas/data/exif.py"}
)
ALSO: Final = (
    "{n}: {from_labels} → {wanted}", "{n} to train on", "{n} to validate", "{n} to test",
    "{n} image in {classes} class, {origin}.", "{n} images in {classes} class, {origin}.",
    "{n} images in {classes} classes, {origin}.",
    "Its weights need {n} bytes; this device allows at most {limit}.",
    "Its activations need {n} bytes; this device allows at most {limit}.",
    "One image takes {n} ms; this device allows at most {limit}.", "{where} should be {expected}.",
    "No image of the upload could be used. The first finding: {path}: {finding}",
    "bottom", "upper", "lower", "left", "right", "training", "validation", "test", "network", "networks",
    "energy", "latency", "memory", "size", "first", "second", "third", "fourth", "fifth", "Baselines",
    "Export", "unreadable", "archive", "Weights", "Edges", "Camera", "Size", "measured", "Measuring",
)  # fmt: skip
"""What the rules below do not take for speech: single words, and a sentence without words."""
MOST_VARIANTS: Final = 16
_MUTE_CALLS: Final = frozenset(
    {
        "gettext",
        "gettext_lazy",
        "ngettext",
        "gettext_noop",
        "getattr",
        "compile",
        "sub",
        "el",
        "open",
        "encode",
    }
)
_MUTE_ERRORS: Final = frozenset({"ValueError", "TypeError", "KeyError", "RuntimeError", "AssertionError"})
_LOGS: Final = frozenset({"log", "logger", "logging"})
_PLACE: Final = re.compile(r"\{\w+\}")
_CODE: Final = re.compile(
    r"[<>=|`]|\\|^[-#./]|^\W*$|^[a-z0-9_./-]+$|^[A-Z0-9_]+$|https?:|-src |%[sdr]|^\{\w+\}[^ :;,.]|__|::"
    r"|\.py\b"
)

Parts = tuple[str, ...]
"""Literal text and ``{placeholders}`` in turn."""


def engine_sentences(root: Path) -> list[str]:
    """Returns every template once, sorted: text with ``{placeholders}``.

    Args:
        root: Directory of the project.
    """
    found = set(ALSO)
    for pattern in SPEAKING:
        for path in sorted(root.glob(pattern)):
            if path.relative_to(root).as_posix() not in SILENT:
                found.update(sentences_of(path.read_text(encoding="utf-8")))
    for path in sorted(root.glob("nas/hardware/profiles/*.toml")):
        found.update(_of_profile(tomllib.loads(path.read_text(encoding="utf-8"))))
    return sorted(found)


def _of_profile(profile: dict[str, Any]) -> Iterator[str]:
    """Yields the title of a device profile and where its figures come from."""
    yield profile["title"]
    for part in ("figures", "limits"):
        yield from (figure["source"] for figure in profile.get(part, {}).values())


def sentences_of(source: str) -> Iterator[str]:
    """Yields the templates of one module."""
    finder = _Finder()
    finder.visit(ast.parse(source))
    for text in finder.found:
        if _is_speech(text):
            yield text


def _is_speech(text: str) -> bool:
    """True for text that a person reads; names, paths and markup are not."""
    plain = _PLACE.sub("", text).strip()
    words = re.findall(r"[A-Za-z]{3,}", plain)
    if not words or _CODE.search(text):
        return False
    return " " in text.strip() and (len(words) > 1 or "{" in text or plain[0].isupper())


class _Finder(ast.NodeVisitor):
    """Collects string expressions in places where speech may stand."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.choices: dict[str, ast.IfExp] = {}

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        outer, self.choices = self.choices, _choices(node)
        self.generic_visit(node)
        self.choices = outer

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # a docstring
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        owner = getattr(node.func.value, "id", "") if isinstance(node.func, ast.Attribute) else ""
        if name not in _MUTE_CALLS and owner not in _LOGS and name not in _MUTE_ERRORS:
            self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self.visit(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self._take(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self._take(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if isinstance(node.op, ast.Add) and _is_text(node):
            self._take(node)
        else:
            self.generic_visit(node)

    def _take(self, node: ast.expr) -> None:
        self.found.extend(_named(parts) for parts in _variants(node, self.choices))
        for inner in ast.walk(node):  # pieces inside placeholders, such as ", ".join(f"{name} at {place}")
            if isinstance(inner, ast.FormattedValue) and not isinstance(inner.value, ast.IfExp | ast.Name):
                self.visit(inner.value)


def _choices(function: ast.FunctionDef) -> dict[str, ast.IfExp]:
    """Returns local names that hold one of two texts, with the choice; a name that is set twice is none."""
    found: dict[str, ast.IfExp] = {}
    for node in ast.walk(function):
        if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)):
            continue
        name, value = node.targets[0].id, node.value
        if (
            name not in found
            and isinstance(value, ast.IfExp)
            and _is_text(value.body)
            and _is_text(value.orelse)
        ):
            found[name] = value
        else:
            found.pop(name, None)
    return found


def _is_text(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Add) and (_is_text(node.left) or _is_text(node.right))
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _variants(node: ast.expr, choices: Mapping[str, ast.IfExp]) -> list[Parts]:
    """Returns what a string expression may become; a choice between two texts gives two variants."""
    if isinstance(node, ast.Name) and node.id in choices:
        node = choices[node.id]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [(node.value,)]
    if isinstance(node, ast.JoinedStr):
        return _joined([_variants(value, choices) for value in node.values])
    if isinstance(node, ast.FormattedValue):
        chosen = isinstance(node.value, ast.IfExp) or getattr(node.value, "id", "") in choices
        return _variants(node.value, choices) if chosen else [("{" + _name(node.value) + "}",)]
    if isinstance(node, ast.IfExp):
        return [*_variants(node.body, choices), *_variants(node.orelse, choices)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _joined([_variants(node.left, choices), _variants(node.right, choices)])
    return [("{" + _name(node) + "}",)]


def _joined(pieces: list[list[Parts]]) -> list[Parts]:
    made = [tuple(part for piece in chosen for part in piece) for chosen in product(*pieces)]
    return made[:MOST_VARIANTS]


def _name(node: ast.expr) -> str:
    """Returns a name for a placeholder: of the variable, the attribute or the function that gives it."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = node.value.id + "_" if isinstance(node.value, ast.Name) and node.value.id != "self" else ""
        return owner + node.attr
    if isinstance(node, ast.Call):
        inner = next((arg for arg in node.args if not isinstance(arg, ast.Constant)), node.func)
        if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            inner = node.func.value
        return _name(inner)
    if isinstance(node, ast.Subscript):
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        return key if isinstance(key, str) else _name(node.value)
    if isinstance(node, ast.BinOp):
        return _name(node.left if not isinstance(node.left, ast.Constant) else node.right)
    return "value"


def _named(parts: Parts) -> str:
    """Joins parts; a placeholder name that occurs twice is numbered."""
    seen: dict[str, int] = {}

    def unique(match: re.Match[str]) -> str:
        name = match[0][1:-1].strip("_") or "value"
        seen[name] = seen.get(name, 0) + 1
        return "{" + (name if seen[name] == 1 else f"{name}{seen[name]}") + "}"

    return _PLACE.sub(unique, "".join(parts))


def module_of(sentences: list[str]) -> str:
    """Returns the source of `datasets_app/words/sentences.py`."""
    lines = "".join(f"    gettext_noop({_literal(text)}),\n" for text in sentences)
    return (
        '"""Sentences of the engine, written by `manage.py messages`: do not edit."""\n\n'
        "from __future__ import annotations\n\n"
        "from typing import Final\n\n"
        "from django.utils.translation import gettext_noop\n\n"
        f"# fmt: off\nSENTENCES: Final = (\n{lines})\n"
    )


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
