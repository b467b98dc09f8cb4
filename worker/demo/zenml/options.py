"""How the demo server behaves."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

DEMO_API_KEY = "ZENKEY_demo"
"""The demo server's API key. It opens nothing but a demo, so it may stand in plain sight."""


def wall_clock() -> datetime:
    """Read the time of day."""
    return datetime.now(UTC)  # noqa: TID251 - a server has its own clock


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """How the demo server behaves. Durations are seconds.

    States of runs, slots, tokens and kept answers go by `now`; `latency` and `request_seconds` are waited for.
    """

    version: str = "0.98.0"
    """Which ZenML it plays: routes, scope, shapes and body rules follow."""
    api_key: str = DEMO_API_KEY
    project: str = "default"
    capacity: int | None = 2
    """Submissions at once, as ZenML's default; None is any number."""
    submit_seconds: float = 0.5
    """How long a submission holds its slot; it goes on after the answer."""
    run_seconds: tuple[float, float] = (3.0, 15.0)
    """Shortest and longest of a run whose parameters do not tell; which it is follows from the run's name."""
    failure_rate: float = 0.05
    """Share of the runs that fail though nobody told them to; which ones follows from their names."""
    latency: float = 0.0
    """How long every request to the API takes."""
    token_seconds: int | None = None
    """How long a login lasts; None is for ever."""
    request_seconds: float = 20.0
    """How long a request with an Idempotency-Key is waited for before it is answered with 429."""
    can_trigger: bool = True
    """False: no workload manager, and starting a run is 405."""
    can_stop: bool = True
    """False: the orchestrator cannot stop a run by force (501), only let its step finish; before 0.93 not even that."""
    keep_runs: int = 10_000
    """Only the newest are remembered."""
    now: Callable[[], datetime] = wall_clock
