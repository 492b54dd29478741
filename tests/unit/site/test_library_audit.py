"""What `make audit` makes of the answers of PyPI and npm."""

from __future__ import annotations

import json

import pytest

from automl_site import library_audit
from automl_site.library_audit import main, read_npm_audit, read_pip_audit, report

PIP = json.dumps(
    {
        "dependencies": [
            {"name": "otter", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]},
            {"name": "fine", "version": "2", "vulns": []},
            {"name": "own", "version": "3", "skip_reason": "not found"},
        ]
    }
)
NPM = json.dumps(
    {
        "metadata": {"dependencies": {"total": 7}},
        "vulnerabilities": {
            "badger": {"via": [{"url": "https://github.com/advisories/GHSA-2", "title": "Burrows"}, "otter"]}
        },
    }
)


def test_findings_are_named_and_counted() -> None:
    lines, n_open = report([read_pip_audit(PIP), read_npm_audit(NPM)])
    assert lines == [
        "PyPI: 2 libraries looked up, said nothing about 1, 1 findings.",
        "  PYSEC-1: otter 1.0, mended in 1.1",
        "npm: 7 libraries looked up, 1 findings.",
        "  GHSA-2: badger, Burrows",
    ]
    assert n_open == 2


def test_what_is_accepted_is_told_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library_audit, "ACCEPTED", {"PYSEC-1": "never called here"})
    lines, n_open = report([read_pip_audit(PIP)])
    assert lines[1].endswith("(accepted: never called here)")
    assert n_open == 0


@pytest.mark.parametrize("answer", ["", "ERROR", "[]", '{"message": "405"}', '{"dependencies": []}'])
def test_silence_is_not_taken_for_safety(answer: str) -> None:
    lines, n_open = report([read_pip_audit(answer), read_npm_audit(answer)])
    assert n_open == 0
    assert len(lines) == 2
    assert all(line.endswith("Nothing was learnt; run this again with a network.") for line in lines)


@pytest.mark.parametrize(("answer", "tell", "code"), [(PIP, [], 1), (PIP, ["--tell"], 0), ("", [], 0)])
def test_only_findings_fail(monkeypatch: pytest.MonkeyPatch, answer: str, tell: list[str], code: int) -> None:
    monkeypatch.setattr(library_audit, "_output", lambda command, host: answer)
    assert main(tell) == code
