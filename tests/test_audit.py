"""`.ci/audit` against a pip-audit that says what a test wants: it finds, and it never passes for want of an answer."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

AUDIT = Path(__file__).parents[1] / ".ci" / "audit"

BAD: dict[str, Any] = {
    "id": "PYSEC-2026-1",
    "aliases": ["CVE-2026-1"],
    "description": "it explodes",
    "fix_versions": [],
}
CANARY = {"name": "jinja2", "version": "2.10", "vulns": [BAD | {"id": "PYSEC-2019-217", "aliases": []}]}
CLEAN = {"name": "celery", "version": "5.7.0", "vulns": []}
FOUND = {"name": "celery", "version": "5.7.0", "vulns": [BAD]}
SKIPPED = {"name": "celery", "skip_reason": "Dependency not found on PyPI and could not be audited: celery (5.7.0)"}

PROGRAM = """\
#!/bin/sh
while [ "$1" ]; do
  case $1 in --requirement) asked=$2 ;; --output) out=$2 ;; esac
  shift
done
case $asked in *canary.txt) cp {folder}/canary.json "$out" ;; *) cp {folder}/report.json "$out" ;; esac
exit 1
"""


@pytest.fixture
def audit(tmp_path: Path) -> Any:
    """Run the step; `canary` and `report` are what the service says of a package each."""

    def go(canary: Any, report: Any, ignored: str = "", offline: str = "") -> tuple[int, str]:
        for name, package in (("canary", canary), ("report", report)):
            (tmp_path / f"{name}.json").write_text(json.dumps({"dependencies": [package], "fixes": []}))
        (tmp_path / "ignored").write_text(f"# a comment\n\n{ignored}\n")
        program = tmp_path / "pip-audit"
        program.write_text(PROGRAM.format(folder=tmp_path))
        program.chmod(0o755)
        variables = {"PIP_AUDIT": str(program), "AUDIT_IGNORED": str(tmp_path / "ignored")}
        said = subprocess.run(
            [AUDIT, tmp_path / "pins.txt"],
            env={**os.environ, **variables, "AUDIT_MAY_BE_OFFLINE": offline},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return said.returncode, said.stdout + said.stderr

    return go


def test_what_is_clean_passes(audit: Any) -> None:
    code, said = audit(CANARY, CLEAN)
    assert (code, "1 packages audited" in said) == (0, True), said


def test_an_advisory_fails_and_is_told(audit: Any) -> None:
    for offline in ("", "1"):
        code, said = audit(CANARY, FOUND, offline=offline)
        assert code == 1
        assert "celery 5.7.0: CVE-2026-1 PYSEC-2026-1: it explodes" in said


@pytest.mark.parametrize("name", ["PYSEC-2026-1", "CVE-2026-1"])
def test_an_advisory_that_is_listed_with_a_reason_passes(name: str, audit: Any) -> None:
    assert audit(CANARY, FOUND, f"{name} we do not call it")[0] == 0
    assert audit(CANARY, FOUND, name) == (1, audit(CANARY, FOUND, name)[1])
    assert "nothing is reported of it any more" in audit(CANARY, CLEAN, f"{name} we do not call it")[1]


def test_a_package_that_the_service_does_not_know_is_not_audited(audit: Any) -> None:
    code, said = audit(CANARY, SKIPPED)
    assert (code, "could not be audited" in said) == (1, True)


@pytest.mark.parametrize("silent", [SKIPPED, {"name": "jinja2", "version": "2.10", "vulns": []}, {}])
def test_without_the_service_it_says_that_nothing_was_audited(silent: Any, audit: Any) -> None:
    for offline, code in (("", 1), ("0", 1), ("1", 0)):
        ended, said = audit(silent, CLEAN, offline=offline)
        assert ended == code
        assert "NOT AUDITED: the advisory service cannot be reached" in said
