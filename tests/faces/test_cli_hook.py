"""`zenbeat hook …`: what is there, what comes of a payload, and a delivery signed for curl; and what `doctor` says."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from worker.cli import cli
from worker.cli.examine_hooks import examine_hooks
from worker.domain.signatures import Scheme, verify
from worker.settings import load_settings
from worker.source import lint

SECRET = "a long random secret"

FILE = """
hooks:
  - name: push
    pipeline: training
    signature: github
    when: "{{ payload.ref == 'main' }}"
    idempotency_key: "{{ payload.id }}"
    config: {tags: ["{{ payload.id }}", "{{ headers['x-by'] | default('nobody') }}"]}
  - {name: std, pipeline: etl, signature: standard}
"""

Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.yaml").write_text(FILE)
    (tmp_path / "p.json").write_text('{"ref": "main", "id": "e1"}')
    (tmp_path / "other.json").write_text('{"ref": "dev", "id": "e1"}')
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    def go(*words: str, secrets: object = None) -> Result:
        given = {"ZENBEAT_HOOK_SECRETS": json.dumps(secrets)} if secrets else {}
        return CliRunner().invoke(cli, ["hook", *words], env={"SCHEDULES_DIR": str(folder), "COLUMNS": "200", **given})

    return go


def test_list_tells_whether_there_is_a_secret(run: Run) -> None:
    result = run("list", "-o", "json", secrets={"push": SECRET, "std": "no base64, but long"})
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert [(row["name"], row["address"], row["secret"]) for row in rows] == [
        ("push", "/hooks/push", True),
        ("std", "/hooks/std", False),
    ]
    assert SECRET not in result.output
    assert "push" in run("list").stdout


def test_a_payload_is_tried_without_a_signature(run: Run, folder: Path) -> None:
    result = run("test", "push", "--payload", f"{folder}/p.json", "--header", "X-By=ann", "-o", "json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == [
        {
            "pipeline": "training",
            "config": {"tags": ["e1", "ann"]},
            "idempotency_key": "hook:push:e1",
            "priority": 0,
        }
    ]
    assert "hook:push:e1" in run("test", "push", "--payload", f"{folder}/p.json").stdout


def test_what_is_ignored_is_said(run: Run, folder: Path) -> None:
    result = run("test", "push", "--payload", f"{folder}/other.json", "-o", "json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, [])
    assert result.stderr == "It starts nothing: when is false.\n"


def test_what_cannot_be_used_is_told_with_its_place(run: Run, folder: Path) -> None:
    (folder / "p.json").write_text('{"ref": "main"}')
    result = run("test", "push", "--payload", f"{folder}/p.json")
    assert result.exit_code == 2
    assert 'hook push: config.tags.0: there is no "id" in a value of type dict' in result.stderr
    assert 'did you mean "push"' in run("test", "pus", "--payload", f"{folder}/p.json").stderr
    assert "is not NAME=VALUE" in run("test", "push", "--payload", f"{folder}/p.json", "--header", "x").stderr


def test_a_signed_delivery_for_curl(run: Run, folder: Path) -> None:
    result = run("sign", "push", "--payload", f"{folder}/p.json", secrets={"push": SECRET})
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("curl -sS http://127.0.0.1:8420/hooks/push \\\n")
    (signature,) = re.findall(r"x-hub-signature-256: (\S+?)'", result.stdout)
    verify(Scheme.GITHUB, [SECRET], {"x-hub-signature-256": signature}, (folder / "p.json").read_bytes())
    without = run("sign", "push", "--payload", f"{folder}/p.json")
    assert without.exit_code == 2
    assert "has no secret that can be used" in without.stderr


def test_lint_counts_hooks(folder: Path) -> None:
    result = CliRunner().invoke(cli, ["schedule", "lint", str(folder)])
    assert result.stdout == "0 schedules, 2 hooks in 1 file: no faults\n"


def test_doctor_finds_hooks_without_secrets_and_secrets_without_hooks(folder: Path) -> None:
    definitions = lint([folder])

    def found(secrets: object) -> list[tuple[str, str]]:
        given = {"ZENBEAT_HOOK_SECRETS": json.dumps(secrets)} if secrets else {}
        findings = examine_hooks(load_settings(given, folder), definitions)
        return [(finding.what, finding.found) for finding in findings]

    good = "whsec_" + "a" * 32
    assert found({"push": SECRET, "std": good}) == [("hooks", "hooks: 2, each with a secret")]
    assert found(None) == [("hook push", "it has no secret"), ("hook std", "it has no secret")]
    assert found({"psh": SECRET, "push": SECRET, "std": "no base64, but long"}) == [
        ("hook std", "its secret is not whsec_ and base64 behind it"),
        ("hook psh", 'there is a secret, and no such hook; did you mean "push"?'),
    ]
