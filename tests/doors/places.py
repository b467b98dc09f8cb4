"""Where callers of other kinds live: a Python that has Celery and nothing of zenbeat, and a folder of Node packages."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.e2e.environment import locked, python_with_pip

HERE = Path(__file__).parent
HOME = HERE.parents[1] / ".zenbeat" / "doors"


def python_with(*requirements: str) -> Path:
    """Make an environment with these packages alone, once; gives its Python."""
    place = HOME / f"python-{_digest(sys.version, *requirements)}"
    python = place / "bin" / "python"
    with locked(HOME / f"{place.name}.lock"):
        if not (place / "complete").exists():
            shutil.rmtree(place, ignore_errors=True)
            run([sys.executable, "-m", "venv", "--without-pip", str(place)])
            run([python_with_pip(), "-m", "pip", "--python", str(python), "install", "--quiet", *requirements])
            (place / "complete").touch()
    return python


def node_folder() -> Path:
    """Install the packages of package-lock.json, once; gives the folder that scripts may stand in."""
    lock = HERE / "package-lock.json"
    place = HOME / f"node-{_digest(lock.read_text())}"
    with locked(HOME / f"{place.name}.lock"):
        if not (place / "complete").exists():
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            for name in ("package.json", lock.name):
                shutil.copy(HERE / name, place)
            run([program("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=place)
            (place / "complete").touch()
    return place


def program(name: str) -> str:
    """Find a program. Without it the tests fail: a door that nobody has tried is not open."""
    found = shutil.which(name)
    assert found, f"apt-get install {'nodejs npm' if name in {'node', 'npm'} else name}"
    return found


def run(command: Sequence[str], **options: object) -> str:
    """Run a program, which has to succeed; gives what it printed."""
    HOME.mkdir(parents=True, exist_ok=True)
    given: dict[str, object] = {
        "cwd": HOME,
        "capture_output": True,
        "text": True,
        "timeout": 110,
        "check": False,
        **options,
    }
    said = subprocess.run(command, **given)  # type: ignore[call-overload]
    assert said.returncode == 0, f"{command[0]} ended with {said.returncode}: {said.stdout}{said.stderr}"
    return str(said.stdout)


def _digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]
