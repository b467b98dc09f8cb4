"""A whole installation, told through the engine: a schedule of each standing, a trigger of each state, sweeps, trouble.

`say` makes of each text that people or ZenML write what is written: the text itself, or something that means harm.
"""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.engine.conftest import Flow
from tests.engine.night import Night
from tests.server.living import Living
from tests.web.routes import spelled
from worker.demo.zenml import DemoServer
from worker.domain.alert import AlertKind
from worker.domain.schedule import SweepDefinition, Target
from worker.domain.standing import Standing
from worker.domain.sweep import parse_sweep
from worker.domain.trigger import Origin, TriggerState
from worker.engine import sweeping
from worker.engine.backfilling import Wish, find_fires, key_of, make_backfill
from worker.engine.enqueue import accept
from worker.engine.requests import parse_request
from worker.engine.sweepstanding import SweepStanding
from worker.store.alerts import Incident
from worker.store.audit import Audited, Result

Say = Callable[[str], str]

SECONDS = 90

QUICK: Mapping[str, Any] = {"steps": {"model_trainer": {"parameters": {"seconds": 0.0}}}}
LONG: Mapping[str, Any] = {"steps": {"model_trainer": {"parameters": {"seconds": 80_000.0}}}}
FAIL: Mapping[str, Any] = {"steps": {"extract": {"parameters": {"fail": True}}}}

LR = "steps.model_trainer.parameters.lr"
KIND = "steps.model_trainer.parameters.model_type"


@dataclass(slots=True)
class Story:
    """What there is to look at: names and ids, as they stand in addresses."""

    schedules: dict[Standing, str] = field(default_factory=dict)
    triggers: dict[TriggerState, str] = field(default_factory=dict)
    sweeps: dict[SweepStanding, str] = field(default_factory=dict)
    backfill: str = ""

    def fill(self, route: str, most: int = 1_000) -> list[str]:
        """Give the addresses of a route, for `most` of the things that it may be about. Raises KeyError."""
        found = []
        for address in spelled(route):
            head, open_one, _ = address.partition("{")
            names = self._things(head)[:most] if open_one else [""]
            found += [re.sub(r"\{[^}]*\}", name, address, count=1) for name in names]
        return found

    def _things(self, head: str) -> list[str]:
        things = {
            "/schedules/": self.schedules.values(),
            "/triggers/": self.triggers.values(),
            "/sweeps/": [*self.sweeps.values(), self.backfill],
        }
        return list(things[head])


def tell(living: Living, demo: DemoServer, folder: Path, say: Say = str) -> Story:
    """Let it happen, beside an API that is running."""
    work = _tell(living, demo, folder, say)
    return asyncio.run_coroutine_threadsafe(work, living.loop).result(2 * SECONDS)


async def _tell(living: Living, demo: DemoServer, folder: Path, say: Say) -> Story:
    (folder / "story.yaml").write_text(json.dumps({"schedules": _schedules(say), "hooks": _hooks()}))
    flow = await Flow.open(living.settings, demo)
    night, story = Night(flow, folder), Story()
    try:
        await _schedules_run(night, story, say)
        await _sweeps_run(night, story, say)
        await _triggers_of_all_states(night, flow, story, say)
        await _trouble(night, say)
        await _over_the_api(living, say)
    finally:
        await night.duties.close()
        await flow.engine.close()
    (folder / "broken.yaml").write_text(
        f'schedules:\n  - name: broken\n    pipeline: {json.dumps(say("x"))}\n    cron: "61 * * * *"\n'
    )
    story.schedules[Standing.BROKEN] = "broken"
    return story


def _schedules(say: Say) -> list[Mapping[str, Any]]:
    noted = {"tags": [say("nightly")], "extra": {"note": say("as it was")}}
    often = {"every": "1s", "overlap": "allow"}
    return [
        {"name": "steady", "pipeline": "training", **often, "config": {**QUICK, **noted}, "notify": "none"},
        {"name": "failing", "pipeline": "etl", **often, "config": {**FAIL, **noted}},
        {"name": "long", "pipeline": "training", "every": "1s", "overlap": "skip", "config": {**LONG, **noted}},
        {"name": "nobody", "pipeline": say("nobody"), "template": say("none"), "cron": "0 3 * * *", "config": noted},
        {"name": "resting", "pipeline": "training", "cron": "0 2 * * *", "timezone": "Europe/Berlin", "config": noted},
        {"name": "overdue", "pipeline": "scoring", "cron": ["0 6 * * 1-5", "30 9 * * 6"], "expect_every": "1d"},
        {"name": "new", "pipeline": "scoring", "cron": "0 0 1 1 *", "timezone": "America/New_York", "jitter": "60s"},
        {"name": "after", "pipeline": "etl", "after": {"schedule": "resting"}, "config": noted},
    ]


def _hooks() -> list[Mapping[str, Any]]:
    return [{"name": "bucket", "pipeline": "training", "signature": "bearer"}]


async def _schedules_run(night: Night, story: Story, say: Say) -> None:
    async def enough() -> bool:
        results = await night.engine.results.of(["steady", "failing"])
        going = await night.engine.results.going()
        return min(map(len, results.values())) >= 3 and bool(going.get("long")) and await _skipped(night)

    await night.until(enough, SECONDS)
    await night.pause("resting", why=say("a migration"))
    now = await night.now()
    late = Incident(kind=AlertKind.LATE, schedule="overdue", since=now, reason=say("no success for 26 h"))
    await night.write(night.engine.alerts.keep(late))
    story.schedules = {
        Standing.OK: "steady",
        Standing.FAILING: "failing",
        Standing.RUNNING: "long",
        Standing.PAUSED: "resting",
        Standing.LATE: "overdue",
        Standing.NEW: "new",
    }


async def _skipped(night: Night) -> bool:
    return any(outcome["status"] == "skipped" for outcome in await night.outcomes())


def _sweep(say: Say, config: Mapping[str, Any], name: str = "rates", **more: Any) -> SweepDefinition:
    words = {
        "method": "grid",
        "parameters": {LR: {"values": [0.01, 0.1]}, KIND: {"values": [say("rf"), say("gb")]}},
        "metric": {"name": "accuracy", "goal": "maximize"},
        **more,
    }
    return SweepDefinition(name=name, target=Target(pipeline="training", config=config), sweep=parse_sweep(words))


async def _sweeps_run(night: Night, story: Story, say: Say) -> None:
    going = await night.begin(_sweep(say, LONG, max_parallel=2))
    over = await night.begin(_sweep(say, LONG, name="done"))

    async def running() -> bool:
        rows = [await night.sweep(identity) for identity in (going, over)]
        return rows[0].running >= 2 and rows[1].running >= 4

    await night.until(running, SECONDS)
    for number, run in sorted(night.trials(over).items()):
        night.demo.state.report(run.id, {"accuracy": 0.5 + number / 10, say("loss"): say("much")})
        night.end(str(run.id), "completed" if number < 4 else "failed", say("out of memory"))
    await night.finished(over, SECONDS)
    new = await night.begin(_sweep(say, LONG, name="waits", max_parallel=1))
    paused = await night.begin(_sweep(say, LONG, name="held", max_parallel=1))
    await sweeping.pause(night.engine, await night.sweep(paused), say("ada"))
    ended = await night.begin(_sweep(say, LONG, name="given-up", max_parallel=1))
    await sweeping.cancel(night.engine, await night.sweep(ended), say("ada"), stop_running=False)
    story.sweeps = {
        SweepStanding.RUNNING: going,
        SweepStanding.OVER: over,
        SweepStanding.NEW: new,
        SweepStanding.PAUSED: paused,
        SweepStanding.ENDED: ended,
    }
    schedule = next(each for each in night.scheduler.definitions.schedules if each.name == "overdue")
    now = await night.now()
    wish = Wish(begin=now - timedelta(days=9), end=now - timedelta(days=1))
    backfill = make_backfill(schedule, wish, find_fires(schedule, wish).fires)
    story.backfill = (await sweeping.start_backfill(night.engine, backfill, key_of(backfill)))[0]


async def _triggers_of_all_states(night: Night, flow: Flow, story: Story, say: Say) -> None:
    later = (await night.now() + timedelta(days=900)).isoformat()
    for state in TriggerState:
        config = {**LONG, "tags": [say("by hand")]}
        request = parse_request({"pipeline": "training", "config": config, "not_before": later})
        accepted = await accept(flow.engine.requests, Origin.CLI, request, state.value, await night.now())
        story.triggers[state] = identity = accepted.trigger.id
        if state is not TriggerState.WAITING:  # what a list tells of each; how it comes about is not told here
            told = {"state": state.value, "reason": say("so it was")}
            await night.engine.redis.hset(night.engine.keys.trigger(identity), mapping=told)  # type: ignore[misc]
    story.triggers[TriggerState.DEAD] = dead = await flow.ask(pipeline=say("nobody"))

    async def died() -> bool:
        return (await flow.state(dead))["state"] == TriggerState.DEAD

    await night.until(died, SECONDS)


async def _trouble(night: Night, say: Say) -> None:
    engine, now = night.engine, await night.now()
    await engine.unreadable.keep(say("no JSON"), now, headers=say("a header"), body=say("a body"))
    for result in Result:
        done = Audited(
            at=now, action="schedule.pause", what=say("resting"), who=say("ada"), reason=say("why"), result=result
        )
        await engine.audit.tell(done)
    identity = f"{say('host')}:1:abc"
    await engine.heartbeats.beat("worker", identity, {"at": now.isoformat()})
    await engine.heartbeats.beat(
        "beat", identity, {"at": now.isoformat(), "leading": True, "schedules": 8, "alarm": say("the clock jumped")}
    )
    for role in ("worker", "beat"):
        await engine.redis.persist(engine.keys.heartbeat(role, identity))
    opened = {"open": str(int((now + timedelta(hours=1)).timestamp() * 1000)), "why": say("it does not answer")}
    await engine.redis.hset(engine.keys.limit, mapping=opened)  # type: ignore[misc]


async def _over_the_api(living: Living, say: Say) -> None:
    words = {"name": "booked", "pipeline": "training", "every": "1h", "config": {"extra": {"note": say("booked")}}}
    async with httpx.AsyncClient(base_url=living.url) as http:
        (await http.post("/api/v1/schedules", json=words)).raise_for_status()
