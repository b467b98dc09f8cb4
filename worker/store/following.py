"""The runs that have not ended, and how far the changes of others were seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from redis.asyncio import Redis

from worker.domain.fate import Fate
from worker.domain.trigger import Trigger
from worker.store import scripts
from worker.store.codec import decode_trigger, duration_ms, instant, milliseconds
from worker.store.connection import redis_time, text, translated
from worker.store.items import Command, Item, flat
from worker.store.keys import Keys
from worker.store.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A run that is followed, as it was seen last."""

    id: str
    """Of its trigger."""
    run_id: str
    project: str
    """Id; "" is the server's default."""
    status: str
    """ZenML's."""
    accepted: datetime
    verified: datetime | None
    """When it was last asked for by its id."""
    changed: datetime | None
    """When it had changed last before it was known to be ours, by ZenML's clock; None once it was looked at."""
    schedule: str
    """"" if it is of none."""
    stopping: str
    """Why it is to be stopped; "" if it is not."""
    stop_asked: datetime | None
    by_force: bool
    """It is not to wait until its step has finished."""
    url: str | None
    data: bytes

    @property
    def trigger(self) -> Trigger:
        """Its trigger."""
        return decode_trigger(self.data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a look at a run has shown."""

    id: str
    status: str
    wait: timedelta
    """Until the next look."""
    verified: bool = False
    stop_asked: datetime | None = None
    fate: Fate | None = None
    reason: str | None = None
    ended: datetime | None = None
    """When it ended; with a fate."""
    fields: Mapping[str, Any] | None = None
    outcome: Mapping[str, Any] | None = None


NEWS = timedelta(days=1)
"""How long a run that has ended is remembered, so that it is not taken for news when it is touched."""

AT_ONCE = 1_000

FIELDS = (
    "run_id",
    "run_project",
    "run_status",
    "accepted",
    "verified",
    "changed",
    "schedule",
    "stopping",
    "stop_asked",
    "by_force",
    "url",
    "data",
    "state",
)


class FollowingStore:
    """The runs that are followed on one server."""

    def __init__(self, redis: Redis, keys: Keys, limits: Limits) -> None:
        self.redis = redis
        self.keys = keys
        self._limits = limits
        self._scripts = scripts.load(redis)

    async def due(self, count: int) -> list[Followed]:
        """Give the runs that are to be looked at, those that wait longest first."""
        now = milliseconds(await redis_time(self.redis))
        async with translated():
            ids = await self.redis.zrangebyscore(self.keys.following, "-inf", now, start=0, num=count)
        return await self._read([text(identity) for identity in ids])

    async def of_runs(self, run_ids: Sequence[str]) -> dict[str, Followed]:
        """Give those of the runs that are followed, by run id."""
        if not run_ids:
            return {}
        async with translated():
            ids = await self.redis.hmget(self.keys.runs, list(run_ids))
        known = {run_id: text(identity) for run_id, identity in zip(run_ids, ids, strict=True) if identity}
        followed = {each.run_id: each for each in await self._read(list(known.values()))}
        if gone := known.keys() - followed.keys():
            async with translated():
                await self.redis.hdel(self.keys.runs, *gone)
        return followed

    async def count(self) -> int:
        """Count the runs that are followed."""
        async with translated():
            return int(await self.redis.zcard(self.keys.following))

    async def oldest(self, project: str) -> datetime | None:
        """Tell since when the oldest run of a project is followed that is; None if there is none."""
        async with translated():
            ids = [text(identity) for identity in await self.redis.zrange(self.keys.following, 0, -1)]
        found: list[datetime] = []
        for begin in range(0, len(ids), AT_ONCE):
            async with translated(), self.redis.pipeline(transaction=False) as pipe:
                for identity in ids[begin : begin + AT_ONCE]:
                    pipe.hmget(self.keys.trigger(identity), ("run_project", "accepted"))
                rows = await pipe.execute()
            found += [instant(int(accepted)) for of, accepted in rows if accepted and text(of or b"") == project]
        return min(found, default=None)

    async def _read(self, ids: Sequence[str]) -> list[Followed]:
        async with translated(), self.redis.pipeline(transaction=False) as pipe:
            for identity in ids:
                pipe.hmget(self.keys.trigger(identity), FIELDS)
            rows = await pipe.execute()
            lost = [identity for identity, row in zip(ids, rows, strict=True) if row[-1] != b"started"]
            if lost:
                await self.redis.zrem(self.keys.following, *lost)
        return [_followed(identity, row) for identity, row in zip(ids, rows, strict=True) if row[-1] == b"started"]

    async def write(self, looks: Sequence[Look]) -> None:
        """Write down what was seen."""
        if not looks:
            return
        keys, limits = self.keys, self._limits
        async with translated():
            await self._scripts["follow"](
                keys=[keys.following, keys.runs, keys.outcomes, keys.events, keys.over],
                args=[
                    keys.trigger_prefix,
                    keys.ledger_prefix,
                    duration_ms(limits.keep),
                    limits.outcomes_max,
                    orjson.dumps([_look(look) for look in looks]),
                ],
            )

    # --- the feed of changes

    async def feeds(self) -> dict[str, datetime]:
        """Tell until when the changes of each project's runs were seen, by ZenML's clock."""
        async with translated():
            found = await self.redis.hgetall(self.keys.feed)
        return {text(project): instant(int(until)) for project, until in found.items()}

    async def seen(self, project: str, until: datetime) -> None:
        """Say until when the changes of a project's runs were seen."""
        async with translated():
            await self.redis.hset(self.keys.feed, project, milliseconds(until))

    # --- runs of others

    async def news(self, run_ids: Sequence[str]) -> set[str]:
        """Give those of the runs whose end is not known yet."""
        if not run_ids:
            return set()
        async with translated():
            known = await self.redis.zmscore(self.keys.over, list(run_ids))
        return {run_id for run_id, score in zip(run_ids, known, strict=True) if score is None}

    def over(self, run_id: str, now: datetime, event: Command | None = None) -> Item:
        """Give what says, once, that the end of a run that is not followed is known, with what is told of it."""
        take: Command = ("ZADD", self.keys.over, "NX", milliseconds(now), run_id)
        return Item(take=take, commands=[event] if event else [])

    async def trim(self, now: datetime) -> None:
        """Forget the ends that are no news to anybody."""
        async with translated():
            await self.redis.zremrangebyscore(self.keys.over, "-inf", milliseconds(now - NEWS))


def _followed(identity: str, row: Sequence[bytes | None]) -> Followed:
    fields = dict(zip(FIELDS, row, strict=True))

    def words(name: str) -> str:
        return text(fields[name] or b"")

    def moment(name: str) -> datetime | None:
        value = fields[name]
        return instant(int(value)) if value else None

    return Followed(
        id=identity,
        run_id=words("run_id"),
        project=words("run_project"),
        status=words("run_status"),
        accepted=moment("accepted") or instant(0),
        verified=moment("verified"),
        changed=moment("changed"),
        schedule=words("schedule"),
        stopping=words("stopping"),
        stop_asked=moment("stop_asked"),
        by_force=bool(words("by_force")),
        url=words("url") or None,
        data=fields["data"] or b"",
    )


def _look(look: Look) -> dict[str, Any]:
    plain = {
        "id": look.id,
        "status": look.status,
        "wait": duration_ms(look.wait),
        "verified": look.verified or None,
        "stop": str(milliseconds(look.stop_asked)) if look.stop_asked else None,
        "fate": look.fate,
        "reason": look.reason,
        "ended": str(milliseconds(look.ended)) if look.ended else None,
        "fields": flat(look.fields) if look.fields else None,
        "outcome": flat(look.outcome) if look.outcome else None,
    }
    return {key: value for key, value in plain.items() if value is not None}
