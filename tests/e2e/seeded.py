"""Keeps the data of a seeded server, so that seeding is paid for once and each server starts on a copy of its own."""

import hashlib
import shutil
from pathlib import Path

from .environment import CONSTRAINTS, HOME, VERSION, locked
from .server import HERE, ZenMLServer

_KEPT = ("zenml.db", "config", "seed.json")
# When one of these changes, the data is made anew.
_INGREDIENTS = (CONSTRAINTS, HERE / "seed.py", HERE / "pipelines.py")


def seeded_server(directory: Path, **env: str) -> ZenMLServer:
    """Give a server, not yet started, on its own copy of the seeded data in an empty or new directory."""
    source = seeded_data()
    shutil.copytree(source, directory, dirs_exist_ok=True)
    return ZenMLServer(directory, **env)


def seeded_data() -> Path:
    """Seed a server if that has not been done or has become stale, and give the directory of its data."""
    data = HOME / f"seeded-{VERSION}"
    stamp = data / "stamp"
    with locked(HOME / "seeded.lock"):
        if not (stamp.exists() and stamp.read_text() == _fingerprint()):
            shutil.rmtree(data, ignore_errors=True)
            _seed(data)
            stamp.write_text(_fingerprint())
    return data


def _seed(data: Path) -> None:
    work = data.with_name(f"{data.name}.making")
    shutil.rmtree(work, ignore_errors=True)
    server = ZenMLServer(work)
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


def _fingerprint() -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in _INGREDIENTS)).hexdigest()
