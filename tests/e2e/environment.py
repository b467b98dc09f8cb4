"""Makes the environment that a real ZenML server lives in, apart from the project's own: its pins are its own."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

VERSION = "0.98.0"
OLDEST = "0.63.0"
# What the client of each version needs beside the server to compile a pipeline for an orchestrator `ssh`, or `hyperai`
# before that was there, and artifacts in `s3`.
REQUIREMENTS = {
    VERSION: ("paramiko>=3,<6", "s3fs", "boto3"),
    "0.85.0": ("paramiko>=3.4,<4", "s3fs", "boto3"),
    # These import pkg_resources without asking for it, and newer setuptools have it no more.
    "0.75.1": ("paramiko>=3.4,<4", "s3fs", "boto3", "setuptools<81"),
    OLDEST: ("paramiko>=3.4,<4", "s3fs", "boto3", "setuptools<81"),
}
HOME = Path(__file__).resolve().parents[2] / ".zenbeat" / "e2e"
_INSTALL_SECONDS = 1200


class EnvironmentBroken(Exception):
    """The environment could not be made; the message says why and what to do."""


def constraints(version: str) -> Path:
    """Name the file with the versions of everything that a server of that version was tried with."""
    return Path(__file__).with_name(f"constraints-{version}.txt")


def prepare(version: str = VERSION, home: Path = HOME, requirements: Sequence[str] = ()) -> Path:
    """Make the environment if it is not there or not what is asked for, and give its Python.

    The first time needs a package index and one to two minutes; later calls take milliseconds.
    Raises EnvironmentBroken, so that a test run without the server fails instead of passing by skipping.
    """
    if version not in REQUIREMENTS:
        raise EnvironmentBroken(f"ZenML {version} is not known here; known are: {', '.join(REQUIREMENTS)}.")
    requirements = requirements or (f"zenml[server]=={version}", *REQUIREMENTS[version])
    directory = home / f"venv-{version}"
    python = directory / "bin" / "python"
    stamp = directory / "zenbeat-stamp"
    wanted = _fingerprint(version, requirements)
    with locked(home / f"venv-{version}.lock"):
        if not (stamp.exists() and stamp.read_text() == wanted):
            shutil.rmtree(directory, ignore_errors=True)
            _install(directory, version, requirements)
            stamp.write_text(wanted)
    return python


@contextmanager
def locked(lock: Path) -> Iterator[None]:
    """Let one process at a time make what the file stands for; the others wait."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _fingerprint(version: str, requirements: Sequence[str]) -> str:
    wanted = "\n".join((sys.version, *requirements, constraints(version).read_text()))
    return hashlib.sha256(wanted.encode()).hexdigest()


def _install(directory: Path, version: str, requirements: Sequence[str]) -> None:
    pip = python_with_pip()
    _run([sys.executable, "-m", "venv", "--without-pip", str(directory)], seconds=60)
    install = [
        pip,
        "-m",
        "pip",
        "--python",
        str(directory / "bin" / "python"),
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    _run([*install, "-c", str(constraints(version)), *requirements], seconds=_INSTALL_SECONDS)


def python_with_pip() -> str:
    """Find a Python with a pip that can install for another one: the project's own environment has none."""
    base = Path(sys.base_prefix) / "bin"
    candidates = [sys.executable, str(base / "python3"), shutil.which("python3"), shutil.which("python3.11")]
    for python in filter(None, candidates):
        probe = [python, "-m", "pip", "--python", python, "--version"]
        if subprocess.run(probe, capture_output=True, timeout=60, check=False).returncode == 0:
            return python
    raise EnvironmentBroken(
        "No Python with pip 22.3 or newer was found beside this one or on PATH, so the ZenML server for the tests"
        " cannot be installed. Install one, for example with: apt-get install python3-pip"
    )


def _run(command: list[str], *, seconds: float) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except (OSError, subprocess.TimeoutExpired) as fault:
        raise EnvironmentBroken(f"The environment of the ZenML server could not be made: {fault}") from fault
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise EnvironmentBroken(
            f"The environment of the ZenML server could not be made: {' '.join(command)} ended with"
            f" {done.returncode}. Is a package index within reach?\n{tail}"
        )
