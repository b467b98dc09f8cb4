"""The note that a running `up` leaves, so that commands in other terminals find its Redis and its demo server."""

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

NOTE = "up.env"
PID = "UP_PID"


def leave(folder: Path, variables: Mapping[str, str]) -> None:
    """Write the note into `folder`, for this user's eyes only: an address carries a password."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{name}={value}\n" for name, value in {**variables, PID: str(os.getpid())}.items()]
    fresh = folder / f"{NOTE}.new"
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.writelines(lines)
    fresh.replace(folder / NOTE)


def take_away(folder: Path) -> None:
    """Remove the note, but only one's own."""
    if _note(folder).get(PID) == str(os.getpid()):
        (folder / NOTE).unlink(missing_ok=True)


def read(folder: Path) -> dict[str, str]:
    """Give the variables of the `up` that runs; none where there is no such `up`, or it is another user's."""
    found = _note(folder)
    return found if lives(found.pop(PID, "")) else {}


def _note(folder: Path) -> dict[str, str]:
    try:
        return {name: value for name, value in dotenv_values(folder / NOTE).items() if value is not None}
    except OSError:
        return {}


def lives(pid: str) -> bool:
    """Tell whether a process is there; one that we cannot see, such as in another container, is not."""
    if not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True
