"""The wall clock that all processes of a measurement share, in epoch seconds."""

import time
from collections.abc import Callable

now: Callable[[], float] = time.time  # noqa: TID251 - a measurement compares the clocks of several processes
"""Read the clock."""


def wait_until(condition: Callable[[], object], seconds: float, every: float = 0.1) -> bool:
    """Wait for a condition; gives whether it came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


def sleep_until(moment: float) -> None:
    """Sleep until an instant in epoch seconds."""
    time.sleep(max(0.0, moment - now()))
