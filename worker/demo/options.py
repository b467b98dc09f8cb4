"""How the demo server behaves."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

DEMO_API_KEY = "ZENKEY_demo"
"""The demo server's API key. It opens nothing but a demo."""


def wall_clock() -> datetime:
    """Read the time of day; a server has its own clock."""
    return datetime.fromtimestamp(time.time(), UTC)  # noqa: TID251 - a server has its own clock


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """How the demo server behaves. Durations are seconds."""

    version: str = "0.98.0"
    """Which ZenML it plays: routes, scope and body rules follow."""
    api_key: str = DEMO_API_KEY
    capacity: int | None = 2
    """Launches at once, as ZenML's default; None is any number."""
    submit_seconds: float = 0.3
    """How long a launch holds its slot after it was accepted."""
    latency: float = 0.0
    """How long every answer takes."""
    failure_rate: float = 0.1
    """The share of runs that fail by themselves."""
    token_seconds: int | None = None
    """How long a login lasts; None is for ever."""
    can_trigger: bool = True
    """False: no workload manager, so that starting a run is 405."""
    now: Callable[[], datetime] = wall_clock

    def at_least(self, version: str) -> bool:
        """Tell whether the version that it plays is this one or a newer one."""
        return _numbers(self.version) >= _numbers(version)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)[:3]))
