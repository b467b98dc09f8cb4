"""What follows from what has happened: another run, the schedules that wait for it, a pause, an alert.

Each event is taken away in the same step in which what follows from it is written, and only by the beat that leads: so
it follows once, whoever is killed when.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import orjson

from worker.domain.alert import AlertKind
from worker.domain.errors import StoreUnavailable
from worker.domain.fate import Fate
from worker.domain.outcome import Status
from worker.domain.pause import PauseCause
from worker.domain.results import DEAD, KEPT, Result, streak
from worker.domain.schedule import Schedule
from worker.domain.trigger import ACTIVE, Trigger, TriggerState, again, attempt_id
from worker.engine.alerting import Alerting, subject_of
from worker.engine.ends import End, result_of, upstream_of, upstream_of_other
from worker.engine.following import Follower, Followers, Upstream, Wanted
from worker.engine.halting import Point, reached
from worker.engine.past import Past
from worker.engine.pausing import Pausing
from worker.engine.plans import MISSES, Tracked, item_of, plan_followed, tell
from worker.engine.recorder import origin_fields
from worker.engine.tallying import Tally
from worker.source import Definitions
from worker.store.codec import decode_trigger, instant
from worker.store.cursors import CursorStore
from worker.store.events import Event, EventStore
from worker.store.expectations import met
from worker.store.items import Command, Entry, Item
from worker.store.joins import JoinStore, Seen
from worker.store.results import ResultStore
from worker.store.triggers import TriggerStore

logger = logging.getLogger("zenbeat.reactor")

AT_ONCE = 200
"""Events that are seen to in one tick."""

PASSES = 3
"""Rounds in one tick: what follows from an event may be an event."""

AGAIN = timedelta(minutes=1)
"""Until an event is looked at again that brought out a fault of ours."""

GOING_ON = {*(state.value for state in ACTIVE), TriggerState.STARTED.value}


class Reactor:
    """Sees to events, for the beat that leads."""

    def __init__(
        self,
        *,
        events: EventStore,
        triggers: TriggerStore,
        cursors: CursorStore,
        results: ResultStore,
        past: Past,
        joins: JoinStore,
        alerting: Alerting,
        pausing: Pausing,
        tally: Tally,
        is_in: Callable[[Wanted, str], bool],
        now: Callable[[], datetime],
        rng: Random,
    ) -> None:
        self._events = events
        self._triggers = triggers
        self._cursors = cursors
        self._results = results
        self._joins = joins
        self._alerting = alerting
        self._pausing = pausing
        self._tally = tally
        self._is_in = is_in
        self._past = past
        self._now = now
        self._rng = rng
        self._definitions: Definitions | None = None
        self._schedules: Mapping[str, Schedule] = {}
        self._followers = Followers()
        self._put_off: dict[str, datetime] = {}
        """Event -> until when, after it brought out a fault of ours."""
        self.behind = False
        """Whether there is more to see to than one tick takes."""

    async def advance(self, definitions: Definitions, fence: str) -> list[str]:
        """See to what has happened. Gives the schedules whose cursors were moved by hand. Raises LeadLost."""
        if definitions is not self._definitions:
            self._definitions = definitions
            self._schedules = definitions.named
            self._followers = Followers.among(definitions.schedules)
        moved: list[str] = []
        for _ in range(PASSES):
            events = await self._due()
            await self._see_to(events, fence)
            moved += [event.fields["schedule"] for event in events if event.kind == "resumed"]
            self.behind = len(events) >= AT_ONCE
            if self.behind or not events:
                break
        return moved

    async def _see_to(self, events: Sequence[Event], fence: str) -> None:
        ids = [event.fields["trigger"] for event in events if "trigger" in event.fields]
        rows = dict(zip(ids, await self._triggers.get(ids), strict=True))
        for event in events:
            try:
                item = await self._item(event, rows)
            except StoreUnavailable:
                raise
            except Exception:
                # As broad as in the tick, and for the same reason: what else has happened is seen to.
                logger.exception("event cannot be seen to", extra={"event": event.id, "kind": event.kind})
                self._put_off[event.id] = self._now() + AGAIN
                continue
            reached(Point.BEFORE_REACT)
            await self._triggers.record([replace(item, take=self._events.taken(event))], fence)
            reached(Point.AFTER_REACT)

    async def _due(self) -> list[Event]:
        """Give the oldest events, but those that are put off."""
        now = self._now()
        self._put_off = {identity: until for identity, until in self._put_off.items() if until > now}
        events = await self._events.oldest(AT_ONCE + len(self._put_off))
        return [event for event in events if event.id not in self._put_off]

    async def _item(self, event: Event, rows: dict[str, dict[str, str]]) -> Item:
        """Give what follows from an event."""
        if event.kind == "follow":
            return await self._join(event)
        if event.kind in {"missed", "paused", "resumed"}:
            return Item(commands=await self._told(event))
        if "trigger" not in event.fields:
            return Item(commands=self._follow(upstream_of_other(event), event.kind, event))
        fields = rows[event.fields["trigger"]]
        if "data" not in fields or fields.get("state") in GOING_ON:
            return Item()  # forgotten, or a person let it wait again
        end = End(event=event, trigger=decode_trigger(fields["data"].encode()), fields=fields)
        return await self._end(end)

    # --- the end of a trigger

    async def _end(self, end: End) -> Item:
        trigger = end.trigger
        over = self._over(trigger)
        if end.event.kind == "cancelled":
            if trigger.sweep:
                return Item(commands=[*over, *await self._tally.ended(end)])
            last = await self._run_before(end)
            return Item(commands=[*over, *(await self._final(last) if last else ())])
        if self._goes_on(end):
            reopened = self._tally.reopened(end) if trigger.sweep else []
            return Item(commands=[*over, *reopened], entries=[self._another(end)])
        return Item(commands=[*over, *await self._final(end)])

    def _over(self, trigger: Trigger) -> list[Command]:
        """Give what says that a trigger is not on its way any more."""
        if trigger.sweep:
            return [self._tally.over(trigger.sweep, trigger.id)]
        return [self._results.over(trigger.schedule, trigger.id)] if trigger.schedule else []

    async def _run_before(self, end: End) -> End | None:
        """Give the end of the run that should have been started again: it is the last one, when that is called off."""
        if end.trigger.attempt == 1:
            return None
        (fields,) = await self._triggers.get([attempt_id(end.trigger, end.trigger.attempt - 1)])
        if "data" not in fields:
            return None
        event = replace(end.event, kind=fields["state"])
        return End(event=event, trigger=decode_trigger(fields["data"].encode()), fields=fields)

    async def _final(self, end: End) -> list[Command]:
        """Give what follows from the end of a fire's last run."""
        commands = self._follow(upstream_of(end), end.event.kind, end.event, end)
        if end.trigger.sweep:
            # A fire that is made up for by a person says nothing of how its schedule does today.
            commands += await self._tally.ended(end)
        elif end.trigger.schedule:
            commands += await self._result(end, end.trigger.schedule)
        return commands

    def _goes_on(self, end: End) -> bool:
        """Tell whether the run is started again."""
        retry, kind = end.trigger.run_retry, end.event.kind
        if retry is None or kind == DEAD or end.fields.get("stopping"):
            return False
        return retry.allows(end.trigger.attempt, Fate(kind))

    def _another(self, end: End) -> Entry:
        retry = end.trigger.run_retry
        assert retry is not None  # noqa: S101 - see _goes_on
        ready = self._now() + retry.delay(end.trigger.attempt, self._rng)
        trigger = again(end.trigger, ready)
        reason = f"{end.reason}; run {trigger.attempt} of {retry.max_attempts} follows"
        outcome = {
            "status": Status.RETRYING.value,
            **origin_fields(trigger),
            "at": self._now(),
            "next_try": ready,
            "reason": reason,
        }
        logger.warning("run is started again", extra={"trigger": trigger.id, "next_try": ready, "reason": reason})
        return Entry(trigger=trigger, ready=ready, fire_time=trigger.fire_time, outcome=outcome)

    async def _result(self, end: End, name: str) -> list[Command]:
        """Write down how a schedule's fire ended, and what that means for it."""
        result = result_of(end)
        success = (await self._results.last_successes([name])).get(name)
        schedule = self._schedules.get(name)
        commands = self._results.add(name, result, success, _kept(schedule))
        if result.good and result.fire_time is not None:
            commands.append(met(self._results.keys, name, result.fire_time))
        if schedule is None:
            return commands
        commands += await self._alert(end, result, schedule)
        return commands + await self._pause(schedule, result)

    async def _alert(self, end: End, result: Result, schedule: Schedule) -> list[Command]:
        about: dict[str, Any] = {
            "fire_time": result.fire_time,
            "trigger": result.trigger,
            "run_id": result.run_id,
            "url": end.fields.get("url"),
        }
        subject, at = subject_of(schedule), end.event.at
        if result.good:
            return await self._alerting.success(subject, at, **about)
        if result.failed:
            tried = f" (after {result.runs} runs)" if result.runs > 1 else ""
            return await self._alerting.trouble(AlertKind.FAILURE, subject, end.reason + tried, at, **about)
        return []

    async def _pause(self, schedule: Schedule, result: Result) -> list[Command]:
        """Pause a schedule that has failed too often in a row, or has had all its runs."""
        now = self._now()
        results = [result, *await self._past.since_resumed(schedule.name, _kept(schedule))]
        failures = streak(results)
        if schedule.pause_after is not None and failures >= schedule.pause_after:
            why = f"{failures} failures in a row (pause_after: {schedule.pause_after})"
            return await self._pausing.commands(schedule, why, PauseCause.FAILURES, now)
        if schedule.max_runs is not None and await self._has_had_all(schedule, schedule.max_runs, result.trigger):
            why = f"it has had max_runs: {schedule.max_runs} runs"
            return await self._pausing.commands(schedule, why, PauseCause.MAX_RUNS, now)
        return []

    async def _has_had_all(self, schedule: Schedule, most: int, last: str) -> bool:
        """Tell whether a schedule has taken all its fires, and none of them is going on but the `last` one."""
        cursor = (await self._cursors.some([schedule.name])).get(schedule.name)
        if cursor is None or cursor.taken < most:
            return False
        others = set(await self._results.going_on(schedule.name)) - {last}
        return not others and schedule.name not in await self._triggers.held()

    # --- schedules that wait

    def _follow(self, upstream: Upstream, kind: str, event: Event, end: End | None = None) -> list[Command]:
        """Tell those that wait for a run that it has ended."""
        fate = Fate.FAILED if kind == DEAD else Fate(kind)
        told = event.fields if end is None else end.fields
        prefix = "" if end is None else "run_"
        name, identity = told.get(f"{prefix}pipeline", ""), told.get(f"{prefix}pipeline_id", "")
        pipelines = [one for one in (upstream.pipeline, name, identity) if one]
        waiting = self._followers.waiting_for(upstream.schedule, pipelines, fate)
        return [
            self._told_to(follower, upstream)
            for follower in waiting
            if follower.wanted is None or self._is_in(follower.wanted, told.get(f"{prefix}project", ""))
        ]

    def _told_to(self, follower: Follower, upstream: Upstream) -> Command:
        plain = orjson.dumps(upstream.plain()).decode()
        return self._events.add("follow", schedule=follower.schedule, index=follower.index, upstream=plain)

    async def _join(self, event: Event) -> Item:
        """See whether a schedule has now all that it waits for."""
        schedule = self._schedules.get(event.fields["schedule"])
        if schedule is None or schedule.after is None:
            return Item()  # it was removed meanwhile, or waits no more
        upstream = Upstream.of(orjson.loads(event.fields["upstream"]))
        if await self._before_its_time(schedule, upstream):
            return Item()
        if not schedule.after.together:
            return await self._fire(schedule, event, [upstream])
        seen = {**await self._joins.of(schedule.name), int(event.fields["index"]): upstream.plain()}
        seen = _fresh(seen, schedule.after.window)
        if len(seen) < len(schedule.after.upstreams):
            return Item(commands=[self._joins.keep(schedule.name, seen)])
        item = await self._fire(schedule, event, [Upstream.of(seen[index]) for index in sorted(seen)])
        return replace(item, commands=[*item.commands, self._joins.forget(schedule.name)])

    async def _before_its_time(self, schedule: Schedule, upstream: Upstream) -> bool:
        """Tell whether a run had ended when the schedule was seen for the first time: it is not for it, then."""
        spans = await self._cursors.spans(schedule.name)
        return not spans or upstream.ended < instant(int(spans[0]["from"]))

    async def _fire(self, schedule: Schedule, event: Event, upstreams: Sequence[Upstream]) -> Item:
        cursor = (await self._cursors.some([schedule.name])).get(schedule.name)
        if cursor is None:
            return Item()  # no beat has considered it yet
        state = (await self._past.states([schedule]))[schedule.name]
        plan = plan_followed(Tracked(schedule=schedule, cursor=cursor), event.at, upstreams, state)
        ids = [entry.trigger.id for entry in plan.entries if entry.trigger]
        if any(await self._triggers.get(ids)):
            return Item()  # it was told of this end before: a run may be its schedule's, and of its pipeline, too
        tell(plan)
        return item_of(plan, self._triggers.keys)

    # --- what people are told

    async def _told(self, event: Event) -> list[Command]:
        schedule = self._schedules.get(event.fields["schedule"])
        if schedule is None:
            return []
        subject, reason = subject_of(schedule), event.fields.get("reason", "")
        if event.kind == "missed":
            count = int(event.fields.get("count", "1"))
            fire_time = datetime.fromisoformat(event.fields["fire_time"])
            entry = await self._cursors.decision(schedule.name, fire_time)
            if entry is not None and entry["decision"] not in MISSES:
                return []  # it was decided before, when the schedule was paused
            told = reason if count == 1 else f"{reason} ({count} fires, the last one due at {fire_time.isoformat()})"
            return await self._alerting.trouble(AlertKind.MISSED, subject, told, event.at, fire_time=fire_time)
        if event.kind == "paused":
            return self._alerting.news(AlertKind.PAUSED, subject, reason, event.at)
        return []


def _fresh(seen: Seen, window: timedelta | None) -> Seen:
    """Give those that still waited for the others when the newest one ended; it may not be the last that is noticed."""
    ends = {index: datetime.fromisoformat(run["ended"]) for index, run in seen.items()}
    newest = max(ends.values())
    return {index: run for index, run in seen.items() if window is None or newest - ends[index] <= window}


def _kept(schedule: Schedule | None) -> int:
    """Say how many results are kept: as many as it takes to count failures in a row."""
    return max(KEPT, (schedule.pause_after or 0) if schedule else 0)
