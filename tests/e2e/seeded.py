"""Keeps the data of a seeded server, so that seeding is paid for once and each server starts on a copy of its own."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .environment import HOME, VERSION, constraints, locked
from .server import HERE, ZenMLServer, spoken

_KEPT = ("zenml.db", "config", "seed.json")


def seeded_server(directory: Path, version: str = VERSION, **env: str) -> ZenMLServer:
    """Give a server, not yet started, on its own copy of the seeded data in an empty or new directory."""
    with seeded_data(version) as source:
        shutil.copytree(source, directory, dirs_exist_ok=True)
    return ZenMLServer(directory, version, **env)


@contextmanager
def seeded_data(version: str = VERSION) -> Iterator[Path]:
    """Seed a server if that has not been done or has become stale, and lend the directory of its data.

    While it is lent, no other process makes it anew.
    """
    data = HOME / f"seeded-{version}"
    stamp = data / "stamp"
    with locked(HOME / f"seeded-{version}.lock"):
        if not (stamp.exists() and stamp.read_text() == _fingerprint(version)):
            shutil.rmtree(data, ignore_errors=True)
            _seed(data, version)
            stamp.write_text(_fingerprint(version))
        yield data


def _seed(data: Path, version: str) -> None:
    work = data.with_name(f"{data.name}.making")
    shutil.rmtree(work, ignore_errors=True)
    server = ZenMLServer(work, version)
    try:
        server.start()
        server.seed()
        server.stop()
    finally:
        server.close()
    data.mkdir(parents=True)
    for name in _KEPT:
        shutil.move(work / name, data / name)
    shutil.rmtree(work)


def _fingerprint(version: str) -> str:
    # When one of these changes, the data is made anew.
    ingredients = {
        constraints(version),
        HERE / "seed.py",
        HERE / "pipelines.py",
        HERE / "pipelines_dynamic.py",
        HERE / f"{spoken('seed', version)}.py",
    }
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(ingredients))).hexdigest()
