"""From a bare Python 3.11 to a running zenbeat: the folder .venv, made once, then the command line in it.

Imports nothing but the standard library, and asks nothing of the machine: no pip, no ensurepip, no root, and nothing
is installed outside of .venv (PEP 668 does not come into it).
"""

import importlib
import importlib.metadata
import os
import re
import sys
import tomllib
from pathlib import Path

from worker.bootstrap.environment import Environment
from worker.bootstrap.words import SetupError

ROOT = Path(__file__).resolve().parents[2]


def provided(root: Path, extra: str) -> bool:
    """Tell whether this Python has by itself what is needed, as in a container image."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = list(project["dependencies"])
    if extra == "dev":
        wanted += project["optional-dependencies"]["dev"]
    names = {re.split(r"[^A-Za-z0-9._-]", requirement)[0] for requirement in wanted} - {project["name"]}
    return all(map(_installed, names))


def _installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _at_home(environment: Environment, extra: str) -> bool:
    """Tell whether the command line can run in this very process."""
    if not (environment.root / "pyproject.toml").exists():  # installed as a package, not a checkout
        return True
    inside = Path(sys.prefix).resolve() == environment.folder.resolve()
    return (inside and environment.fresh(extra)) or provided(environment.root, extra)


def main() -> None:
    """Run the command line: here if all it needs is here, else in .venv, set up first where it is not."""
    extra = "dev" if sys.argv[1:2] == ["test"] else "up"
    environment = Environment(root=ROOT)
    if _at_home(environment, extra):
        importlib.import_module("worker.cli").main()
        return
    try:
        if not environment.fresh(extra):
            environment.prepare(extra)
        os.execv(environment.python, [str(environment.python), "-m", "worker", *sys.argv[1:]])  # noqa: S606 - ourselves
    except SetupError as error:
        sys.exit(f"zenbeat: {error}")
    except OSError as error:
        sys.exit(f"zenbeat: cannot set up {environment.folder}: {error}")
    except KeyboardInterrupt:
        sys.exit("zenbeat: setting up was interrupted; the next start begins anew")
