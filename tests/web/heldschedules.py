"""Schedules to act on, and those of them that are paused."""

import re
from datetime import timedelta
from typing import Any

from tests.api.door import Door
from worker.domain.pause import Pause
from worker.store.cursors import Cursor
from worker.store.items import Item

FILE = """\
schedules:
  - name: nightly
    pipeline: training
    template: production
    cron: "0 2 * * *"
    timezone: Europe/Berlin
    overlap: skip
    config: {tags: ["{{ fire_time | date('%Y') }}"]}
  - {name: hourly, pipeline: scoring, every: 1h, catchup: all, catchup_window: 1d}
  - {name: follower, pipeline: etl, after: {schedule: nightly}}
  - {name: ended, pipeline: etl, every: 1h, end_time: 2020-01-01}
  - {name: taker, pipeline: etl, after: {schedule: nightly}, config: {tags: ["{{ upstream.run_id }}"]}}
sweeps:
  - {name: grid, pipeline: training, method: grid, cron: "0 1 * * *", parameters: {lr: {values: [1, 2]}}}
"""


async def audited(door: Door) -> list[Any]:
    return [each for each in await door.engine.audit.newest(100) if each.action.startswith("schedule.")][::-1]


async def write(door: Door, *commands: Any) -> None:
    await door.engine.triggers.record([Item(commands=list(commands))])


async def hold(door: Door, name: str, hours: float = 5, **about: Any) -> Pause:
    """Pause a schedule that long ago, with its cursor there."""
    now = door.engine.clock()
    pause = Pause(since=now - timedelta(hours=hours), by="ada", **about)
    schedule = (await door.context.book.read()).named[name]
    cursor = Cursor(at=pause.since, revision=schedule.revision, taken=1)
    await write(door, door.engine.pauses.begin(name, pause), ("HSET", door.engine.keys.cursors, name, cursor.form()))
    return pause


def fields_of(html: str) -> dict[str, str]:
    """Give the hidden fields of a form."""
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', html))
