"""What the setup says to a person."""

import sys


class SetupError(Exception):
    """zenbeat cannot set itself up; the sentence says why and what to do."""


def say(text: str) -> None:
    """Tell a person what happens, on stderr."""
    sys.stderr.write(f"zenbeat: {text}\n")
    sys.stderr.flush()
