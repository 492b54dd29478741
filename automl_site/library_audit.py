"""Asks PyPI and npm for known vulnerabilities of the libraries: ``make audit``.

Without a network it says so and ends well: the check tells about the world, not about a change. What is
accepted stands in `ACCEPTED` with its reason; docs/security.md says the same.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent
ACCEPTED: Final[dict[str, str]] = {}
"""Id of a vulnerability -> why it does not matter here."""
SECONDS: Final = 300.0
REACHED_SECONDS: Final = 3.0


class Told(NamedTuple):
    """What one source said.

    Attributes:
        source: Its name.
        n_asked: Number of libraries that it answered for.
        n_silent: Number of those that it said nothing about; all of them if it was not reached.
        found: Lines about vulnerabilities, ids first.
        problem: Why it was not reached, or empty.
    """

    source: str
    n_asked: int
    n_silent: int
    found: tuple[str, ...]
    problem: str = ""


def read_pip_audit(text: str) -> Told:
    """Reads what ``pip-audit --format json`` prints."""
    try:
        rows: list[dict[str, Any]] = json.loads(text)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Told("PyPI", 0, 0, (), "PyPI was not reached")
    answered = [row for row in rows if "vulns" in row]
    found = tuple(
        f"{one['id']}: {row['name']} {row['version']}, mended in {', '.join(one['fix_versions']) or 'none'}"
        for row in answered
        for one in row["vulns"]
    )
    problem = "" if answered else "PyPI answered for none of the libraries"
    return Told("PyPI", len(answered), len(rows) - len(answered), found, problem)


def read_npm_audit(text: str) -> Told:
    """Reads what ``npm audit --json`` prints."""
    try:
        answer: dict[str, Any] = json.loads(text)
        n_asked = int(answer["metadata"]["dependencies"]["total"])
    except (ValueError, KeyError, TypeError):
        return Told("npm", 0, 0, (), "npm's registry was not reached, or keeps no advisories")
    found = tuple(
        f"{str(cause.get('url', '')).rsplit('/', 1)[-1]}: {name}, {cause.get('title', '')}"
        for name, one in answer.get("vulnerabilities", {}).items()
        for cause in one["via"]
        if isinstance(cause, dict)
    )
    return Told("npm", n_asked, 0, found)


def report(told: Sequence[Told]) -> tuple[list[str], int]:
    """Returns the lines to print, and the number of vulnerabilities that nobody accepted."""
    lines: list[str] = []
    n_open = 0
    for one in told:
        if one.problem:
            lines.append(f"{one.source}: {one.problem}. Nothing was learnt; run this again with a network.")
            continue
        silent = f", said nothing about {one.n_silent}" if one.n_silent else ""
        lines.append(f"{one.source}: {one.n_asked} libraries looked up{silent}, {len(one.found)} findings.")
        for line in one.found:
            reason = ACCEPTED.get(line.partition(":")[0])
            n_open += reason is None
            lines.append(f"  {line}" + (f" (accepted: {reason})" if reason else ""))
    return lines, n_open


def _output(command: Sequence[str], host: str) -> str:
    try:
        socket.create_connection((host, 443), REACHED_SECONDS).close()  # offline: at once, not after retries
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def main(arguments: Sequence[str] | None = None) -> int:
    """Asks both, prints what they said; 1 if there is a vulnerability that nobody accepted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tell", action="store_true", help="end well whatever is found")
    tell: bool = parser.parse_args(arguments).tell
    programs = Path(sys.executable).parent
    pip = [str(programs / "pip-audit"), "--local", "--format", "json", "--progress-spinner", "off"]
    npm = [str(programs / "npm"), "audit", "--json"]
    lines, n_open = report(
        [read_pip_audit(_output(pip, "pypi.org")), read_npm_audit(_output(npm, "registry.npmjs.org"))]
    )
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if n_open and not tell else 0


if __name__ == "__main__":
    sys.exit(main())
