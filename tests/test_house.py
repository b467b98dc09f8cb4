"""The house rules that a machine can check."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from worker.domain.alert import AlertKind
from worker.domain.outcome import Decision, Status
from worker.domain.trigger import TriggerState
from worker.settings import VARIABLES
from worker.store.keys import Keys

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "worker").rglob("*.py"))
REFERENCE = (ROOT / "docs" / "reference.md").read_text()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_has_one_idea_and_says_it_in_its_first_line(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    assert ast.get_docstring(ast.parse(text)), "the first line says what the file is for"
    assert path.stem not in {"utils", "common", "helpers", "base", "manager"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_functions_are_short_and_import_nothing(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= 40, f"{node.name} has {length} lines"
            inner = [child for child in ast.walk(node) if isinstance(child, ast.Import | ast.ImportFrom)]
            assert not inner, f"{node.name} imports inside"


@pytest.mark.parametrize("path", sorted((ROOT / "worker").rglob("*.lua")), ids=lambda path: path.name)
def test_a_script_begins_with_its_signature(path: Path) -> None:
    assert path.read_text().startswith(f"-- {path.stem}(")


def test_every_variable_key_and_state_is_in_the_reference() -> None:
    for name in VARIABLES:
        assert f"`{name}`" in REFERENCE
    for name, member in vars(Keys).items():
        if isinstance(member, property):
            assert str(getattr(Keys(), name)).removeprefix("zenbeat:").split(":")[0] in REFERENCE
    for member in (*Status, *Decision, *TriggerState, *AlertKind):
        assert f"`{member.value}`" in REFERENCE


def test_every_state_is_drawn() -> None:
    drawn = (ROOT / "docs" / "states.md").read_text()
    for state in TriggerState:
        assert state.value in drawn


def test_no_file_speaks_of_the_place_where_it_was_written() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    places = re.compile(r"/root/|/work/main|/work/shared|/opt/(wheels|pypi)")
    for name in tracked:
        path = ROOT / name
        if path.name != Path(__file__).name and path.suffix in {".py", ".md", ".toml", ".yaml", ".yml", ".txt", ".lua"}:
            assert not places.search(path.read_text()), name


def test_links_in_the_documents_lead_somewhere() -> None:
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"
