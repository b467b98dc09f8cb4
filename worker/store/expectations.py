"""What is expected of schedules, and by when."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

import orjson
from redis.asyncio import Redis

from worker.domain.alert import AlertKind
from worker.domain.notify import Notify
from worker.store.codec import instant, milliseconds
from worker.store.connection import text, translated
from worker.store.items import Command
from worker.store.keys import Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """A fire whose run has to be completed by a time."""

    schedule: str
    fire_time: datetime
    by: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """`expect_every` of a schedule, and who is told: known also when its file cannot be read any more."""

    schedule: str
    every: timedelta
    since: datetime
    """When it was first asked for: a schedule without a success has until then and `every`."""
    timezone: str
    place: str
    """`file:line`."""
    notify: Notify | None = None


class ExpectationStore:
    """Deadlines and expectations of one shard."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self.redis = redis
        self.keys = keys

    async def passed(self, now: datetime, count: int) -> list[Deadline]:
        """Give the deadlines that have passed, the oldest first."""
        until = milliseconds(now)
        async with translated():
            found: Any = await self.redis.zrangebyscore(
                self.keys.deadlines, "-inf", until, start=0, num=count, withscores=True
            )
        return [_deadline(text(member), float(by)) for member, by in found]

    def taken(self, deadline: Deadline) -> Command:
        """Give the command that takes a deadline away; it answers 0 where it is gone."""
        return met(self.keys, deadline.schedule, deadline.fire_time)

    async def all(self) -> dict[str, Expectation]:
        """Read what is expected, by schedule."""
        async with translated():
            found = await self.redis.hgetall(self.keys.expected)
        return {text(name): _decode(text(name), value) for name, value in found.items()}

    def keep(self, expectation: Expectation) -> Command:
        """Give the command that writes an expectation down."""
        return ("HSET", self.keys.expected, expectation.schedule, _encode(expectation))

    def drop(self, schedule: str) -> Command:
        """Give the command that forgets what was expected of a schedule."""
        return ("HDEL", self.keys.expected, schedule)


def to_be_met(keys: Keys, deadline: Deadline) -> Command:
    """Give the command that sets a deadline."""
    return ("ZADD", keys.deadlines, milliseconds(deadline.by), _member(deadline.schedule, deadline.fire_time))


def met(keys: Keys, schedule: str, fire_time: datetime) -> Command:
    """Give the command that takes the deadline of a fire away; it answers 0 where it is gone, or there was none."""
    return ("ZREM", keys.deadlines, _member(schedule, fire_time))


def _member(schedule: str, fire_time: datetime) -> str:
    return f"{schedule}|{milliseconds(fire_time)}"


def _deadline(member: str, by: float) -> Deadline:
    schedule, _, fire = member.rpartition("|")
    return Deadline(schedule=schedule, fire_time=instant(int(fire)), by=instant(by))


def _encode(expectation: Expectation) -> str:
    notify = expectation.notify
    plain: dict[str, Any] = {
        "every": expectation.every.total_seconds(),
        "since": expectation.since,
        "timezone": expectation.timezone,
        "place": expectation.place,
    }
    if notify is not None:
        plain["notify"] = {"to": notify.to, "on": sorted(notify.on), "quiet": notify.quiet}
    return orjson.dumps(plain).decode()


def _decode(schedule: str, value: bytes | str) -> Expectation:
    plain = orjson.loads(value)
    notify = plain.get("notify")
    return Expectation(
        schedule=schedule,
        every=timedelta(seconds=plain["every"]),
        since=datetime.fromisoformat(plain["since"]),
        timezone=plain["timezone"],
        place=plain["place"],
        notify=_notify(notify) if notify else None,
    )


def _notify(plain: dict[str, Any]) -> Notify:
    quiet = plain["quiet"]
    return Notify(
        to=tuple(plain["to"]),
        on=frozenset(map(AlertKind, plain["on"])),
        quiet=(time.fromisoformat(quiet[0]), time.fromisoformat(quiet[1])) if quiet else None,
    )
