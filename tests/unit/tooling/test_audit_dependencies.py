"""A known weakness fails the check; nobody to ask does not, and is said."""

import json
from pathlib import Path
from typing import Any

import pytest

from tooling.audit_dependencies import AuditFailedError, main

WEAK = {
    "name": "pillow",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["1.1"], "description": "..."}],
}
SOUND = {"name": "anyio", "version": "4.0", "vulns": []}
UNKNOWN = {
    "name": "idna",
    "skip_reason": "Dependency not found on PyPI and could not be audited: idna (3.20)",
}


@pytest.fixture
def pip_audit(tmp_path: Path) -> Any:
    """Makes a pip-audit that says what it is told to say."""

    def say(*packages: dict[str, Any], error: str = "") -> Path:
        output = json.dumps({"dependencies": packages, "fixes": []}) if packages else ""
        program = tmp_path / "pip-audit"
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{output}\nEND\ncat >&2 <<'END'\n{error}\nEND\nexit 1\n")
        program.chmod(0o755)
        return program

    return say


def audit(program: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    return main([str(program), "some.lock"]), capsys.readouterr().out


def test_a_known_weakness_fails_and_says_what_mends_it(
    pip_audit: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    failed, said = audit(pip_audit(SOUND, WEAK), capsys)
    assert failed
    assert "pillow 1.0: PYSEC-1, CVE-1; mended in 1.1" in said


def test_no_weakness_passes_and_says_how_many_were_asked_about(
    pip_audit: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    failed, said = audit(pip_audit(SOUND, UNKNOWN), capsys)
    assert not failed
    assert "1 packages asked about, 0 known weaknesses" in said
    assert "not known there: idna" in said


@pytest.mark.parametrize(
    "error", ["requests.exceptions.ProxyError: ...", "ERROR: Could not connect to PyPI's"]
)
def test_nobody_to_ask_does_not_fail_and_is_said(
    pip_audit: Any, capsys: pytest.CaptureFixture[str], error: str
) -> None:
    failed, said = audit(pip_audit(error=error), capsys)
    assert not failed
    assert "nothing was learnt" in said


def test_an_index_that_knows_no_package_is_no_good_news(
    pip_audit: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    failed, said = audit(pip_audit(UNKNOWN), capsys)
    assert not failed
    assert "nothing was learnt" in said
    assert "0 known" not in said


def test_any_other_failure_is_one(pip_audit: Any) -> None:
    with pytest.raises(AuditFailedError, match="invalid requirements"):
        main([str(pip_audit(error="invalid requirements input")), "some.lock"])
