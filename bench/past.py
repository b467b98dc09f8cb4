"""A past for an installation that has none: what it would have on record had it run for days, put there at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import orjson
from redis.asyncio.client import Pipeline

from bench.installation import KEYS, document
from worker.domain.fate import Fate
from worker.domain.results import DEAD, Result
from worker.domain.trigger import Origin, Trigger, schedule_source, trigger_id
from worker.store.codec import encode_trigger, milliseconds
from worker.store.connection import connect
from worker.store.results import ResultStore

HOURS = 2
"""Between two fires of a schedule: so each has a handful of them in the hours about now."""

AT_ONCE = 200
"""Fires in one transaction."""

PIPELINE = "training"
"""The one that the stub has."""

FATES = [Fate.COMPLETED] * 90 + [Fate.FAILED] * 6 + [DEAD] * 2 + [Fate.STOPPED, Fate.VANISHED]

DEAD_KEPT = 200
"""Dead letters that nobody has seen to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fire:
    """One fire of the past, and how it ended."""

    schedule: str
    at: datetime
    fate: str
    trigger: Trigger
    seconds: float

    @property
    def ended(self) -> datetime:
        """When its run ended."""
        return self.at + timedelta(seconds=self.seconds)


def schedule_names(count: int) -> list[str]:
    """Name the schedules."""
    return [f"bench-{number:04}" for number in range(count)]


def definitions(count: int, **more: object) -> str:
    """Write a schedule file with so many schedules, which are due one after the other."""
    schedules = [
        {
            "name": name,
            "pipeline": PIPELINE,
            "template": "production",
            "cron": f"{number % 60} {number % HOURS}-23/{HOURS} * * *",
        }
        for number, name in enumerate(schedule_names(count))
    ]
    return document(schedules=schedules, **more)


async def fill(url: str, schedules: int, outcomes: int, now: datetime) -> None:
    """Write the fires of so many schedules before `now`: two outcomes each, trigger, ledger entry and result."""
    server = connect(url)
    results = ResultStore(server, KEYS)
    fires = sorted(_fires(schedules, outcomes // 2, now), key=lambda fire: fire.ended)
    for begin in range(0, len(fires), AT_ONCE):
        async with server.pipeline() as pipe:
            for number, fire in enumerate(fires[begin : begin + AT_ONCE], start=begin):
                _record(pipe, results, fire, number)
            await pipe.execute()
    deaths = [fire for fire in fires if fire.fate == DEAD][-DEAD_KEPT:]
    await server.zadd(KEYS.dead, {fire.trigger.id: milliseconds(fire.ended) for fire in deaths})
    await server.aclose()


def _fires(schedules: int, most: int, now: datetime) -> Iterator[Fire]:
    random = Random(1)
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    for number, name in enumerate(schedule_names(schedules)):
        last = hour.replace(minute=number % 60) - timedelta(hours=(hour.hour - number) % HOURS)
        last -= timedelta(hours=HOURS) if last > now - timedelta(minutes=10) else timedelta()
        for fire in range(most // schedules):
            at = last - timedelta(hours=HOURS * fire)
            source = schedule_source(name, at)
            identity = trigger_id(Origin.SCHEDULE, source)
            trigger = Trigger(
                id=identity,
                origin=Origin.SCHEDULE,
                source=source,
                schedule=name,
                pipeline=PIPELINE,
                template="production",
                run_name=f"{name}-{at:%Y%m%dT%H%M%SZ}-{identity[:12]}",
                fire_time=at,
                due=at,
            )
            yield Fire(
                schedule=name, at=at, fate=random.choice(FATES), trigger=trigger, seconds=random.uniform(20, 500)
            )


def _record(pipe: Pipeline, results: ResultStore, fire: Fire, number: int) -> None:
    """Write everything that is kept of a fire."""
    trigger, identity = fire.trigger, fire.trigger.id
    run = {} if fire.fate == DEAD else {"run_id": f"00000000-0000-4000-8000-{number:012}", "run_status": fire.fate}
    reason = {} if fire.fate == Fate.COMPLETED else {"reason": f"the run is {fire.fate}", "code": fire.fate}
    times = {name: milliseconds(fire.at) for name in ("recorded", "sent", "accepted", "ended")}
    fields: Any = {"data": encode_trigger(trigger), "state": fire.fate, "schedule": fire.schedule, "attempts": 1}
    ends = {"run_ended": milliseconds(fire.ended), "fire": milliseconds(fire.at)}
    fields |= times | ends | run | reason
    pipe.hset(KEYS.trigger(identity), mapping=fields)
    pipe.zadd(KEYS.triggers, {identity: milliseconds(fire.at)})
    told = [{"trigger": identity, "run": run.get("run_id"), "fate": fire.fate}]
    entry = {"trigger": identity, "fire_time": fire.at.isoformat(), "decision": "fired", "runs": told}
    pipe.zadd(KEYS.ledger(fire.schedule), {orjson.dumps(entry).decode(): milliseconds(fire.at)})
    about: Any = {
        "trigger": identity,
        "origin": trigger.origin.value,
        "schedule": fire.schedule,
        "pipeline": trigger.pipeline,
        "run_name": trigger.run_name,
        "fire_time": fire.at.isoformat(),
        "due": fire.at.isoformat(),
        "at": fire.ended.isoformat(),
        **run,
    }
    last = {"status": fire.fate, **about, **reason}
    first = {"status": "started", **about, "attempts": 1, "lateness_ms": 40}
    # They are written when the run ended, both: the stream wants its ids in order.
    for sequence, outcome in enumerate((first, last)):
        pipe.xadd(KEYS.outcomes, outcome, id=f"{milliseconds(fire.ended)}-{number * 2 + sequence}")
    for command in results.add(fire.schedule, _result(fire, run.get("run_id")), None):
        pipe.execute_command(*command)


def _result(fire: Fire, run_id: str | None) -> Result:
    return Result(
        trigger=fire.trigger.id,
        fate=fire.fate,
        ended=fire.ended,
        fire_time=fire.at,
        seconds=fire.seconds,
        lateness_ms=40,
        run_id=run_id,
        run_name=fire.trigger.run_name,
        pipeline=fire.trigger.pipeline,
    )
