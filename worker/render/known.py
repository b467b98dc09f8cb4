"""What expressions know of earlier runs: plain mappings, so that the sandbox lets their values be used."""

from datetime import datetime
from typing import TypedDict


class LastSuccess(TypedDict):
    """`last_success`: the newest run of the schedule that completed. All times are in the schedule's zone."""

    fire_time: datetime
    run_id: str
    run_name: str
    ended: datetime


class UpstreamRun(TypedDict):
    """`upstream`: a run that a schedule with `after` has waited for. All times are in the zone of that schedule."""

    run_id: str
    run_name: str
    fire_time: datetime | None
    """None where no schedule of zenbeat has started it."""
    ended: datetime
    schedule: str | None
    """None as `fire_time`."""
    pipeline: str
    status: str
    """How it ended, in our words: completed, failed, stopped."""
