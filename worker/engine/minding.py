"""What time alone brings about: a deadline that passes, a success that does not come, the end of a pause."""

import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from worker.domain.alert import AlertKind
from worker.domain.duration import format_duration
from worker.domain.fate import Fate
from worker.domain.outcome import Decision, Status
from worker.domain.pause import PauseCause
from worker.domain.schedule import Schedule
from worker.engine.alerting import Alerting, Subject, subject_of
from worker.engine.following import Upstream
from worker.engine.pausing import Pausing
from worker.source import Definitions
from worker.store.alerts import AlertStore
from worker.store.cursors import CursorStore
from worker.store.expectations import Deadline, Expectation, ExpectationStore
from worker.store.items import Entry, Item
from worker.store.joins import JoinStore, Seen
from worker.store.pauses import PauseStore
from worker.store.results import ResultStore
from worker.store.triggers import TriggerStore

logger = logging.getLogger("zenbeat.minder")

EVERY = timedelta(seconds=1)
SELDOM = timedelta(seconds=15)
"""How often it is seen whether a success is overdue, or an `end_time` has passed."""

AT_ONCE = 100


class Minder:
    """Looks at the clock, for the beat that leads."""

    def __init__(
        self,
        *,
        triggers: TriggerStore,
        cursors: CursorStore,
        expectations: ExpectationStore,
        results: ResultStore,
        pauses: PauseStore,
        joins: JoinStore,
        alerts: AlertStore,
        alerting: Alerting,
        pausing: Pausing,
    ) -> None:
        self._triggers = triggers
        self._cursors = cursors
        self._expectations = expectations
        self._results = results
        self._pauses = pauses
        self._joins = joins
        self._alerts = alerts
        self._alerting = alerting
        self._pausing = pausing
        self._definitions: Definitions | None = None
        self._schedules: Mapping[str, Schedule] = {}
        self._ending: list[Schedule] = []
        self._broken: set[str] = set()
        self._looked: datetime | None = None
        self._looked_long: datetime | None = None

    async def advance(self, definitions: Definitions, now: datetime, fence: str) -> None:
        """See to what time has brought. Raises LeadLost."""
        if definitions is not self._definitions:
            await self._take_in(definitions, now, fence)
        if self._looked is not None and now - self._looked < EVERY:
            return
        self._looked = now
        # Each is written before the next is considered: what one has told, the next need not tell.
        async for item in self._deadlines(now):
            await self._triggers.record([item], fence)
        for item in [*await self._joins_that_wait(now), *await self._pauses_that_end(now)]:
            await self._triggers.record([item], fence)
        if self._looked_long is None or now - self._looked_long >= SELDOM:
            self._looked_long = now
            for item in [*await self._overdue(now), *await self._ended(now)]:
                await self._triggers.record([item], fence)

    async def _take_in(self, definitions: Definitions, now: datetime, fence: str) -> None:
        """Write down what is expected, and forget what no file asks for any more."""
        known = await self._expectations.all()
        asked = {schedule.name: schedule for schedule in definitions.schedules if schedule.expect_every is not None}
        commands = []
        for name, schedule in asked.items():
            fresh = _expectation(schedule, known[name].since if name in known else now)
            if known.get(name) != fresh:
                commands.append(self._expectations.keep(fresh))
        # A file that cannot be read has not taken back what it asked for.
        self._broken = {fault.file for fault in definitions.faults}
        gone = [name for name in known.keys() - asked.keys() if not self._is_broken(known[name].place)]
        commands += [self._expectations.drop(name) for name in gone]
        if commands:
            await self._triggers.record([Item(commands=commands)], fence)
        self._definitions = definitions
        self._schedules = definitions.named
        self._ending = [schedule for schedule in definitions.schedules if schedule.timing.end_time is not None]

    def _is_broken(self, place: str) -> bool:
        """Tell whether the file of a place cannot be read, or the folder that it is in."""
        file = Path(place.rpartition(":")[0])
        return place in self._broken or any(Path(broken) in {file, *file.parents} for broken in self._broken)

    # --- deadlines

    async def _deadlines(self, now: datetime) -> AsyncIterator[Item]:
        for deadline in await self._expectations.passed(now, AT_ONCE):
            yield await self._late(deadline, now)

    async def _late(self, deadline: Deadline, now: datetime) -> Item:
        """Tell of a run that has not completed by its deadline, unless none was to be."""
        take = self._expectations.taken(deadline)
        schedule = self._schedules.get(deadline.schedule)
        entry = await self._cursors.decision(deadline.schedule, deadline.fire_time)
        if schedule is None or entry is None or entry["decision"] not in AWAITED:
            return Item(take=take)
        (fields,) = await self._triggers.get([entry["trigger"]])
        fates = {fields.get("state"), *(run.get("fate") for run in entry.get("runs", ()))}
        if Fate.COMPLETED in fates:
            return Item(take=take)  # that it has completed is about to be seen to
        how = f"its trigger is {fields.get('state', 'forgotten')}"
        reason = f"the run of {deadline.fire_time.isoformat()} has not completed by {deadline.by.isoformat()}: {how}"
        about = {"fire_time": deadline.fire_time, "trigger": entry["trigger"], "run_id": fields.get("run_id")}
        told = await self._alerting.trouble(
            AlertKind.LATE, subject_of(schedule), reason, now, **about, url=fields.get("url")
        )
        logger.warning("late", extra={"schedule": schedule.name, "reason": reason})
        outcome = {"status": Status.LATE, "schedule": schedule.name, "at": now, "reason": reason, **about}
        return Item(take=take, commands=told, entries=[Entry(outcome=outcome)])

    # --- successes that do not come

    async def _overdue(self, now: datetime) -> list[Item]:
        expected = await self._expectations.all()
        successes = await self._results.last_successes(list(expected))
        paused = await self._pauses.all()
        items = []
        for name, expectation in expected.items():
            if name in paused:
                # Nobody expects anything meanwhile, nor at once when it goes on.
                items.append(Item(commands=[self._expectations.keep(replace(expectation, since=now))]))
                continue
            since = max(expectation.since, successes[name].ended) if name in successes else expectation.since
            if now - since < expectation.every:
                continue
            # Those that a person started are not among the successes of its fires.
            since = max([since, *(result.ended for result in await self._results.newest(name) if result.good)])
            if now - since < expectation.every:
                continue
            if AlertKind.LATE in await self._alerts.of(name):
                continue  # somebody was told
            items.append(await self._no_success(expectation, since, now))
        return items

    async def _no_success(self, expectation: Expectation, since: datetime, now: datetime) -> Item:
        broken = "" if expectation.schedule in self._schedules else "; its file cannot be read"
        wanted = f"expect_every: {format_duration(expectation.every)}"
        reason = f"no run has completed since {since.isoformat(timespec='seconds')} ({wanted}){broken}"
        subject = Subject(
            name=expectation.schedule,
            timezone=expectation.timezone,
            place=expectation.place,
            notify=expectation.notify,
        )
        logger.warning("late", extra={"schedule": expectation.schedule, "reason": reason})
        outcome = {"status": Status.LATE, "schedule": expectation.schedule, "at": now, "reason": reason}
        commands = await self._alerting.trouble(AlertKind.LATE, subject, reason, now)
        return Item(commands=commands, entries=[Entry(outcome=outcome)])

    # --- schedules that wait for several

    async def _joins_that_wait(self, now: datetime) -> list[Item]:
        items = []
        for name, seen in (await self._joins.all()).items():
            schedule = self._schedules.get(name)
            if schedule is None and self._broken:
                continue  # it may stand in a file that cannot be read, and that has not taken it back
            if schedule is None or schedule.after is None or not schedule.after.together:
                items.append(Item(take=self._joins.forget(name)))
                continue
            window = schedule.after.window
            if window is not None and now - min(_ends(seen)) > window:
                items.append(await self._in_vain(schedule, seen, now))
        return items

    async def _in_vain(self, schedule: Schedule, seen: Seen, now: datetime) -> Item:
        """Tell of a schedule that has waited long enough for the rest of its upstreams."""
        assert schedule.after is not None  # noqa: S101 - see where it is called
        missing = [str(each) for index, each in enumerate(schedule.after.upstreams) if index not in seen]
        had = " and ".join(str(Upstream.of(run)) for run in seen.values())
        window = format_duration(schedule.after.window) if schedule.after.window else ""
        reason = f"{had} ended, but nothing of {' and '.join(missing)} within {window}"
        told = {"status": Status.MISSED, "decision": Decision.EXPIRED, "schedule": schedule.name}
        outcome = {**told, "fire_time": now, "at": now, "reason": reason}
        ledger = {"fire_time": now.isoformat(), "decision": Decision.EXPIRED.value, "reason": reason}
        logger.warning("missed", extra={"schedule": schedule.name, "reason": reason})
        cursor = (await self._cursors.some([schedule.name])).get(schedule.name)
        entry = Entry(fire_time=now, ledger=ledger, outcome=outcome)
        commands = await self._alerting.trouble(AlertKind.MISSED, subject_of(schedule), reason, now)
        if cursor is None:
            return Item(take=self._joins.forget(schedule.name), commands=commands)
        return Item(
            name=schedule.name,
            expected=cursor.form(),
            cursor=cursor.form(),
            take=self._joins.forget(schedule.name),
            commands=commands,
            entries=[entry],
        )

    # --- pauses

    async def _pauses_that_end(self, now: datetime) -> list[Item]:
        over = [name for name, pause in (await self._pauses.all()).items() if pause.over(now)]
        return [self._resumed(name, now) for name in over]

    def _resumed(self, name: str, now: datetime) -> Item:
        reason = "its pause has ended"
        logger.info("resumed", extra={"schedule": name, "reason": reason})
        outcome = {"status": Status.RESUMED, "schedule": name, "at": now, "reason": reason}
        return Item(take=self._pauses.end(name), entries=[Entry(outcome=outcome)])

    async def _ended(self, now: datetime) -> list[Item]:
        """Pause what has come to its `end_time`."""
        items = []
        held = await self._triggers.held() if self._ending else {}
        for schedule in self._ending:
            end = schedule.timing.end_time
            # What was due by then, and waits for a run before it, is to have its turn.
            if end is not None and end < now and schedule.name not in held:
                why = f"its end_time, {end.isoformat()}, has passed"
                commands = await self._pausing.commands(schedule, why, PauseCause.END_TIME, now)
                items += [Item(commands=commands)] if commands else []
        return items


AWAITED = {Decision.FIRED, Decision.EXHAUSTED, Decision.REJECTED}
"""Decisions for which there should be a run."""


def _expectation(schedule: Schedule, since: datetime) -> Expectation:
    assert schedule.expect_every is not None  # noqa: S101 - see where it is called
    return Expectation(
        schedule=schedule.name,
        every=schedule.expect_every,
        since=since,
        timezone=schedule.timezone,
        place=schedule.place,
        notify=schedule.notify,
    )


def _ends(seen: Seen) -> Iterable[datetime]:
    return (datetime.fromisoformat(run["ended"]) for run in seen.values())
