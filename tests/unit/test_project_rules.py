"""Rules of the project that no linter knows."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("automl_site", "search_app", "datasets_app", "nas")

LONGEST_MODULE = 400
LONGER_WITH_REASON: dict[str, str] = {"datasets_app/words/sentences.py": "one list, written by a command"}

# Read, but not ours to document.
FOREIGN_VARIABLES = {"XDG_RUNTIME_DIR", "DJANGO_SETTINGS_MODULE", "PATH", "HOME"}
# The reader itself: its names are its callers' arguments.
READER = ROOT / "automl_site" / "env.py"

HEAVY = ("torch", "torchvision", "timm", "onnxruntime", "sklearn", "matplotlib")


def modules(*, tests: bool = False) -> Iterator[Path]:
    """Yields our Python files; migrations are generated and left out."""
    yield ROOT / "manage.py"
    for package in (*PACKAGES, *(("tests",) if tests else ())):
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def documents() -> Iterator[Path]:
    """Yields the pages of documentation."""
    yield from sorted(ROOT.glob("*.md"))
    yield from sorted((ROOT / "docs").rglob("*.md"))


def variables_read(path: Path) -> set[str]:
    """Returns the names of environment variables that a module reads by a literal name."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        argument: ast.expr | None = None
        if isinstance(node, ast.Call) and node.args:
            called = ast.unparse(node.func)
            if called.split(".")[-1].startswith("env_") or called in {"os.environ.get", "os.getenv"}:
                argument = node.args[0]
            if called.split(".")[-1] == "env_secret" and isinstance(argument, ast.Constant):
                names.add(f"{argument.value}_FILE")
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            argument = node.slice if isinstance(node.ctx, ast.Load) else None
        if argument is None:
            continue
        if isinstance(argument, ast.Constant):
            names.add(str(argument.value))
        elif path != READER:
            pytest.fail(f"{path.relative_to(ROOT)}:{argument.lineno} reads a variable by a computed name")
    return names - FOREIGN_VARIABLES


def all_variables() -> set[str]:
    return set().union(*(variables_read(path) for path in modules()))


def run(*command: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "AUTOML_VAR_DIR": str(tmp_path), "OMP_NUM_THREADS": "1", "COLUMNS": "100"}
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_every_environment_variable_is_documented() -> None:
    found = all_variables()
    assert {"DATABASE_URL", "AUTOML_SECRET_KEY", "AUTOML_SECRET_KEY_FILE"} <= found  # the scan sees something
    for name in (".env.example", "docs/configuration.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        missing = sorted(v for v in found if not re.search(rf"\b{v}\b", text))
        assert not missing, f"{name} does not explain {missing}"


def test_example_file_names_no_variable_that_nobody_reads() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^#?\s*([A-Z][A-Z0-9_]+)=", text, re.MULTILINE))
    assert named
    assert named <= all_variables() | FOREIGN_VARIABLES


def test_no_module_is_too_long() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in modules(tests=True)
    }
    too_long = {name: n for name, n in lengths.items() if n > LONGEST_MODULE}
    assert too_long.keys() == LONGER_WITH_REASON.keys(), f"split by concept: {too_long}"


def test_web_process_loads_no_heavy_library(tmp_path: Path) -> None:
    program = (
        "import sys, automl_site.asgi\n"
        "from django.urls import get_resolver\n"
        "get_resolver().url_patterns\n"  # the URL table brings in every view and API operation
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    done = run("-c", program, tmp_path=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip().splitlines()[-1] == "[]"


@pytest.mark.parametrize("arguments", [(), ("search",), ("predict",)], ids=["nas", "search", "predict"])
def test_command_line_explains_itself(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run("-m", "nas", *arguments, "--help", tmp_path=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "usage" in done.stdout.lower()


def test_engine_names_no_web_framework() -> None:
    # import-linter judges imports; this also catches importlib and strings.
    for path in (ROOT / "nas").rglob("*.py"):
        found = re.search(r"\b(django|celery|channels_redis|kombu)\b", path.read_text(encoding="utf-8"))
        assert not found, f"{path.relative_to(ROOT)} names {found and found.group()}"


def test_documents_name_only_existing_make_targets() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    assert "run" in targets
    for page in (*documents(), ROOT / ".ci" / "run"):
        named = set(re.findall(r"(?:^|`)make ([a-z][a-z-]*)", page.read_text(encoding="utf-8"), re.MULTILINE))
        assert named <= targets, f"{page.relative_to(ROOT)} names {named - targets}"


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for page in documents():
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            if re.match(r"[a-z]+:|#", target):
                continue
            if not (page.parent / target.split("#")[0]).exists():
                broken.append(f"{page.relative_to(ROOT)} -> {target}")
    assert not broken
