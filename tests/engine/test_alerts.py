"""Who is told of what, how often, and when: over the wire, with the time passed in."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from tests.engine.inbox import Inbox, inbox
from tests.engine.night import Night
from worker.domain.alert import AlertKind
from worker.domain.notify import USUAL, Notify
from worker.domain.receivers import Receivers
from worker.engine.alerting import Alerting, Subject
from worker.engine.sending import Sender
from worker.notify import Notifier
from worker.store.items import Command

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


class Post:
    """Alerting and the outbox, at a time that the test sets."""

    def __init__(self, n: Night, *to: str, notifier: Notifier, receivers: Receivers, **notify: Any) -> None:
        self.n, self.now = n, NOON
        self.notify = Notify(to=to, **notify) if to else None
        self.alerting = Alerting(n.engine.alerts, receivers, n.engine.settings.notified)
        self.notifier = notifier
        self.restart()

    def restart(self) -> None:
        """Another beat sends."""
        self.sender = Sender(self.n.engine.alerts, self.notifier, lambda: self.now)

    def subject(self, name: str) -> Subject:
        return Subject(name=name, timezone="Europe/Berlin", place="s.yaml:1", notify=self.notify)

    async def write(self, commands: Sequence[Command]) -> None:
        await self.n.write(*commands)

    async def trouble(self, kind: str = "failure", name: str = "s", reason: str = "it failed") -> None:
        await self.write(await self.alerting.trouble(AlertKind(kind), self.subject(name), reason, self.now))

    async def success(self, name: str = "s") -> None:
        await self.write(await self.alerting.success(self.subject(name), self.now))

    async def send(self, after: timedelta = timedelta()) -> None:
        """Let time pass, and send what is due, to the end."""
        self.now += after
        await asyncio.gather(*await self.sender.round())


@contextlib.asynccontextmanager
async def post(n: Night, *to: str, receivers: Receivers | None = None, **notify: Any) -> AsyncIterator[Post]:
    known = receivers or n.engine.settings.receivers
    notifier = Notifier(known, lambda: NOON)
    try:
        yield Post(n, *to, notifier=notifier, receivers=known, **notify)
    finally:
        await notifier.aclose()


def test_an_incident_is_told_once_and_once_more_when_it_is_over(night: Any) -> None:
    async def body(n: Night) -> None:
        async with inbox() as box, post(n, box.url) as p:
            await p.trouble(reason="out of memory")
            await p.send(2 * SECOND)
            assert box.seen == [], "it waits for others that may come with it"
            await p.send(2 * SECOND)
            for _ in range(4):
                p.now += MINUTE
                await p.trouble(reason="out of disk")
                await p.send()
            (incident,) = await n.engine.alerts.incidents()
            assert (incident.count, incident.reason, incident.since) == (5, "out of disk", NOON)
            await p.success()
            await p.send(MINUTE)
            await p.success()
            await p.send(MINUTE)
            assert box.told == [("failure", "s"), ("recovered", "s")]
            first, last = (body["data"] for _, body in box.seen)
            assert (first["reason"], first["title"], first["place"]) == ("out of memory", "s failed", "s.yaml:1")
            assert "it had failed 5 times" in last["reason"]
            assert await n.engine.alerts.incidents() == []
            assert await n.engine.alerts.waiting() == 0
            await p.trouble()
            await p.send(MINUTE)
            assert box.told[2:] == [("failure", "s")], "the next incident is another one"
            assert len({identity for identity, _ in box.seen}) == 3

    night(body)


def test_only_what_is_asked_for_is_told(night: Any) -> None:
    async def body(n: Night) -> None:
        on = frozenset({AlertKind.FAILURE, AlertKind.RECOVERED, AlertKind.SUCCESS})
        async with inbox() as box, post(n, box.url, on=on) as p:
            await p.trouble("missed")
            await p.trouble("late")
            await p.success()
            await p.send(MINUTE)
            assert box.told == [("success", "s")], "of what nobody was told nobody is told that it is over"
            await p.trouble("late")
            await p.trouble("failure")
            await p.success()
            await p.send(MINUTE)
            assert sorted(box.told[1:]) == [("failure", "s"), ("recovered", "s"), ("success", "s")]
            (over,) = [body["data"]["reason"] for _, body in box.seen if body["data"]["kind"] == "recovered"]
            assert "failed" in over
            assert "late" not in over

    night(body)


def test_runs_that_end_in_one_instant_are_told_of_one_by_one(night: Any) -> None:
    async def body(n: Night) -> None:
        async with inbox() as box, post(n, box.url, on=frozenset({AlertKind.SUCCESS})) as p:
            for trigger in ("a", "b"):
                await p.write(await p.alerting.success(p.subject("s"), p.now, trigger=trigger))
            await p.send(MINUTE)
            assert sorted(body["data"]["trigger"] for _, body in box.seen) == ["a", "b"]

    night(body)


def test_quiet_hours_hold_it_back_until_they_end(night: Any) -> None:
    async def body(n: Night) -> None:
        async with inbox() as box, post(n, box.url, quiet=(time(12, 30), time(14, 0))) as p:
            await p.trouble()  # it is 13:00 in Berlin
            await p.send(59 * MINUTE)
            assert box.seen == []
            await p.send(2 * MINUTE)
            assert box.told == [("failure", "s")]
            assert box.seen[0][1]["data"]["at"] == NOON.isoformat()

    night(body)


def test_fifty_failures_are_one_message(night: Any) -> None:
    async def body(n: Night) -> None:
        async with inbox() as box, post(n, box.url) as p:
            for number in range(50):
                await p.trouble(name=f"s{number}")
            await p.send(5 * SECOND)
            (message,) = box.seen
            assert message[1]["type"] == "zenbeat.digest"
            assert {each["schedule"] for each in message[1]["data"]["alerts"]} == {f"s{n}" for n in range(50)}
            await p.trouble(name="late-comer")
            await p.send(4 * SECOND)
            assert len(box.seen) == 1, "it is left alone for a moment"
            await p.send(10 * SECOND)
            assert box.told == [("failure", "late-comer")]

    night(body)


def test_a_receiver_in_trouble_gets_it_later_and_holds_up_nobody(night: Any) -> None:
    async def body(n: Night) -> None:
        async with inbox(500) as bad, inbox(None) as slow, inbox() as good:
            receivers = Receivers(urls={"ops": (bad.url, slow.url, good.url)})
            async with post(n, "ops", receivers=receivers) as p:
                await p.trouble()
                p.now += 5 * SECOND
                tasks = await p.sender.round()
                async with asyncio.timeout(5):
                    while not (bad.seen and slow.seen and good.seen and await n.engine.alerts.waiting() == 2):
                        await asyncio.sleep(0.01)
                await p.trouble(name="t")
                p.now += 12 * SECOND
                tasks = await p.sender.round()
                async with asyncio.timeout(5):
                    while len(good.seen) < 2:
                        await asyncio.sleep(0.01)
                assert len(slow.seen) == 1, "one at a time"
                slow.ended.set()
                await asyncio.gather(*tasks)
                bad.status = slow.status = 204
                await p.send(12 * SECOND)
                p.restart()
                await p.send(MINUTE)
                for box in (bad, slow):
                    assert {body["data"]["schedule"] for _, body in box.seen} == {"s", "t"}
                assert len(good.seen) == 2
                assert await n.engine.alerts.waiting() == 0
                _same_ids(bad, good)

    night(body)


def _same_ids(*boxes: Inbox) -> None:
    ids = {(identity, body["data"]["id"], body["data"]["schedule"]) for box in boxes for identity, body in box.seen}
    assert len(ids) == 2, "the same for every try, and for every receiver"


def test_who_is_gone_is_not_asked_again(night: Any) -> None:
    async def body(n: Night) -> None:
        async with inbox(410) as gone, post(n, gone.url) as p:
            await p.trouble()
            await p.send(5 * SECOND)
            assert await n.engine.alerts.waiting() == 0
            await p.send(timedelta(hours=1))
            assert len(gone.seen) == 1

    night(body)


def test_what_cannot_be_delivered_for_a_day_is_given_up(night: Any) -> None:
    async def body(n: Night) -> None:
        async with inbox(500) as bad, post(n, bad.url) as p:
            await p.trouble()
            for _ in range(60):
                await p.send(timedelta(minutes=31))
            assert await n.engine.alerts.waiting() == 0
            assert 45 <= len(bad.seen) <= 50

    night(body)


def test_who_is_told_where_a_schedule_does_not_say(night: Any) -> None:
    async def body(n: Night) -> None:
        n.define(
            "- name: usual\n  pipeline: training\n  every: 1s\n  max_runs: 1\n"
            "- name: own\n  pipeline: training\n  every: 1s\n  max_runs: 1\n  notify: {to: dev, on: failure}\n"
            "- name: nobody\n  pipeline: training\n  every: 1s\n  max_runs: 1\n  notify: none\n"
        )
        for name in ("usual", "own", "nobody"):
            (started,) = await n.started(name)
            n.end(started["run_id"], "failed")
            await n.results(name)
        assert {(one.receiver, one.alert.schedule) for one in await n.letters("failure")} == {
            ("ops#1", "usual"),
            ("ops#2", "usual"),
            ("dev", "own"),
        }
        assert {one.alert.schedule for one in await n.letters("paused")} == {"usual"}
        assert AlertKind.SUCCESS not in USUAL

    receivers = '{"ops": ["https://a.example/", "https://b.example/"], "dev": "https://c.example/"}'
    night(body, ZENBEAT_RECEIVERS=receivers, ZENBEAT_NOTIFY="ops")


@pytest.mark.usefixtures("brisk")
def test_a_receiver_that_hangs_holds_up_no_trigger(night: Any) -> None:
    async def body(n: Night) -> None:
        async with inbox(None) as slow:
            n.define(
                "- name: s\n  pipeline: training\n  every: 1s\n  overlap: skip\n"
                f"  notify: {{to: '{slow.url}', on: [failure, recovered]}}\n"
            )
            (first,) = await n.started()
            n.end(first["run_id"], "failed")
            await n.results()
            notifier = Notifier(n.engine.settings.receivers, lambda: NOON)
            ahead = await n.now() + 5 * SECOND
            sender = Sender(n.engine.alerts, notifier, lambda: ahead)
            (task,) = await sender.round()
            second = (await n.started(count=2))[1]
            n.end(second["run_id"])
            await n.results(count=2)
            assert len(slow.seen) == 1
            assert not task.done()
            slow.ended.set()
            await task
            assert await n.engine.alerts.waiting() == 2
            await notifier.aclose()

    night(body)
