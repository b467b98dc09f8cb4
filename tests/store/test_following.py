"""Runs that are followed, events that are seen to, overlap policies: each script twice does nothing the second time."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from worker.domain.fate import Fate
from worker.domain.outcome import Decision, Status
from worker.domain.schedule import Overlap
from worker.domain.trigger import Trigger, TriggerState
from worker.store.cursors import Cursor
from worker.store.items import Entry, Item

from .stores import FAR, LONG, LONG_AGO, NOW, Store, end, look, make, settled

SECOND = timedelta(seconds=1)


def of(number: int, schedule: str = "s") -> Trigger:
    """Make the trigger of a schedule's fire."""
    moment = LONG_AGO + number * SECOND
    return make(f"{schedule}{number}", schedule=schedule, fire_time=moment, due=moment)


async def hold(store: Store, policy: Overlap, *triggers: Trigger, taken: int = 5, **more: Any) -> None:
    """Record triggers of schedules with an overlap policy, each with its ledger entry."""
    for trigger in triggers:
        assert trigger.schedule is not None
        before = (await store.cursors.some([trigger.schedule])).get(trigger.schedule)
        assert trigger.fire_time is not None
        cursor = Cursor(at=trigger.fire_time, revision="r", taken=before.taken + 1 if before else taken)
        ledger = {"fire_time": trigger.fire_time.isoformat(), "decision": "fired", "trigger": trigger.id}
        entry = Entry(trigger=trigger, fire_time=trigger.fire_time, ledger=ledger, overlap=policy, **more)
        expected = before.form() if before else ""
        item = Item(name=trigger.schedule, expected=expected, cursor=cursor.form(), entries=[entry])
        (written,) = await store.triggers.record([item])
        assert written.written


async def launch(store: Store) -> None:
    """Let a worker start what may go."""
    ids = (await store.limits.dispatch()).ids
    await store.triggers.claim(ids, "token")
    await store.triggers.settle([settled(each, Status.STARTED) for each in ids], "token", 0)


async def twice(store: Store, call: Callable[[], Awaitable[Any]]) -> None:
    """Call, and call again as if the answer was lost: the second time does nothing."""
    await call()
    before = await store.content()
    await call()
    assert await store.content() == before


# --- follow


def test_a_run_that_has_started_is_followed_and_what_has_ended_is_not(run: Any) -> None:
    async def body(store: Store) -> None:
        trigger = of(1)
        await store.start(trigger)
        assert await store.places(trigger.id) == {"following"}
        (followed,) = await store.following.due(10)
        assert (followed.run_id, followed.project, followed.trigger) == (f"run-{trigger.id}", "p", trigger)
        assert await store.following.feeds() == {"p": LONG_AGO}
        assert list(await store.following.of_runs([followed.run_id, "other"])) == [followed.run_id]
        await store.following.write([look(trigger.id)])
        assert await store.following.due(10) == [], "not before its time"
        await store.following.write([end(trigger.id)])
        assert await store.places(trigger.id) == set()
        assert await store.redis.hgetall(store.keys.runs) == {}
        assert await store.following.news([followed.run_id]) == set(), "its end is known"
        assert (await store.state(trigger.id))["state"] == "completed"
        assert await store.redis.pttl(store.keys.trigger(trigger.id)) > 0

    run(body)


def test_that_a_run_goes_on_is_written_twice_as_once(run: Any) -> None:
    async def body(store: Store) -> None:
        await store.start(of(1))
        outcome = {"status": "running", "trigger": of(1).id}
        seen = look(of(1).id, outcome=outcome, fields={"run_pipeline": "training"})
        await twice(store, lambda: store.following.write([seen]))
        assert await store.told("running") == [of(1).id]

    run(body)


@pytest.mark.parametrize("fate", list(Fate))
def test_that_a_run_has_ended_is_written_once(fate: Fate, run: Any) -> None:
    async def body(store: Store) -> None:
        await hold(store, Overlap.SKIP, of(1))
        await store.triggers.admit()
        await launch(store)
        await twice(store, lambda: store.following.write([end(of(1).id, fate, reason="so")]))
        assert await store.told(fate.value) == [of(1).id]
        assert [(event.kind, event.fields["trigger"]) for event in await store.happened()] == [(fate.value, of(1).id)]
        (entry,) = await store.cursors.ledger("s", 10)
        assert [each["fate"] for each in entry["runs"]] == [fate.value]
        assert await store.results.going() == {"s": [of(1).id]}, "until the event is seen to"

    run(body)


def test_whoever_sees_another_end_of_a_run_later_is_not_believed(run: Any) -> None:
    async def body(store: Store) -> None:
        await store.start(of(1))
        await store.following.write([end(of(1).id)])
        await store.following.write([end(of(1).id, Fate.FAILED), look(of(1).id, outcome={"status": "running"})])
        assert (await store.state(of(1).id))["state"] == "completed"
        assert len(await store.happened()) == 1
        assert len(await store.outcomes.newest(10)) == 2

    run(body)


def test_what_is_left_of_a_trigger_that_is_gone_is_cleared_away(run: Any) -> None:
    async def body(store: Store) -> None:
        await store.start(of(1))
        await store.redis.delete(store.keys.trigger(of(1).id))
        assert await store.following.of_runs([f"run-{of(1).id}"]) == {}
        assert await store.following.due(10) == []
        assert await store.redis.hgetall(store.keys.runs) == {}
        assert await store.following.count() == 0

    run(body)


# --- settle


def test_a_settled_run_is_followed_once(run: Any) -> None:
    async def body(store: Store) -> None:
        await store.add(of(1))
        ids = (await store.limits.dispatch()).ids
        await store.triggers.claim(ids, "token")
        await twice(store, lambda: store.triggers.settle([settled(ids[0], Status.STARTED)], "token", 0))
        assert await store.results.going() == {"s": ids}
        assert await store.happened() == []
        await store.following.write([end(ids[0])])
        assert await store.triggers.settle([settled(ids[0], Status.STARTED)], "token", 0) == [False]
        assert await store.following.count() == 0

    run(body)


def test_a_dead_letter_has_one_event_and_leaves_no_trace_elsewhere(run: Any) -> None:
    async def body(store: Store) -> None:
        await store.add(of(1))
        ids = (await store.limits.dispatch()).ids
        await store.triggers.claim(ids, "token")
        dead = settled(ids[0], Status.DEAD, decision=Decision.EXHAUSTED)
        await twice(store, lambda: store.triggers.settle([dead], "token", 0))
        assert [event.kind for event in await store.happened()] == ["dead"]
        assert await store.places(ids[0]) == {"dead"}
        await twice(store, lambda: store.triggers.replay(ids[0]))
        assert await store.places(ids[0]) == {"ready"}
        assert await store.results.going() == {"s": ids}

    run(body)


def test_a_run_that_shows_late_is_followed_also_when_its_trigger_was_given_up(run: Any) -> None:
    async def body(store: Store) -> None:
        await store.add(of(1))
        ids = (await store.limits.dispatch()).ids
        await store.triggers.claim(ids, "token")
        await store.triggers.settle([settled(ids[0], Status.DEAD, decision=Decision.EXHAUSTED)], "token", 0)
        await twice(store, lambda: store.triggers.settle([settled(ids[0], Status.STARTED)], "stale", 0))
        assert await store.places(ids[0]) == {"following"}
        assert await store.results.going() == {"s": ids}

    run(body)


# --- withdraw, dispatch, reclaim


def test_a_cancelled_trigger_has_one_event(run: Any) -> None:
    async def body(store: Store) -> None:
        await hold(store, Overlap.SKIP, of(1))
        outcome = {"status": "cancelled", "trigger": of(1).id}
        await twice(store, lambda: store.triggers.withdraw(of(1).id, TriggerState.CANCELLED, outcome))
        assert await store.places(of(1).id) == set()
        assert [event.kind for event in await store.happened()] == ["cancelled"]
        assert await store.triggers.admit() == (await store.triggers.admit())
        assert await store.results.going() == {}

    run(body)


def test_what_expired_has_one_event(run: Any) -> None:
    async def body(store: Store) -> None:
        await store.record_due(make("a"), expires=LONG_AGO)
        await twice(store, store.limits.dispatch)
        assert await store.places(make("a").id) == {"dead"}
        assert [event.kind for event in await store.happened()] == ["dead"]
        assert await store.told("dead") == [make("a").id]

    run(body)


def test_what_took_its_workers_down_has_one_event(run: Any) -> None:
    async def body(store: Store) -> None:
        await store.add(of(1))
        for turn in range(5):
            ids = (await store.limits.dispatch()).ids
            await store.triggers.claim(ids, f"token{turn}")
            await store.redis.zadd(store.keys.inflight, {of(1).id: 0}, xx=True)
            await twice(store, store.triggers.reclaim)
        assert await store.places(of(1).id) == {"dead"}
        assert [event.kind for event in await store.happened()] == ["dead"]

    run(body)


# --- record with take and commands


def test_an_event_is_seen_to_once_with_all_that_follows_from_it(run: Any) -> None:
    async def body(store: Store) -> None:
        await store.start(of(1))
        await store.following.write([end(of(1).id)])
        (event,) = await store.happened()
        commands = [store.results.over("s", of(1).id), store.events.add("follow", schedule="t", index=0, upstream="{}")]
        entries = [Entry(trigger=of(2), outcome={"status": "retrying", "trigger": of(2).id})]
        item = Item(take=store.events.taken(event), commands=commands, entries=entries)
        await twice(store, lambda: store.triggers.record([item]))
        (written,) = await store.triggers.record([item])
        assert not written.written
        assert [each.kind for each in await store.happened()] == ["follow"]
        assert await store.results.going() == {"s": [of(2).id]}
        assert await store.told("retrying") == [of(2).id]

    run(body)


def test_the_end_of_a_run_of_others_is_told_once(run: Any) -> None:
    async def body(store: Store) -> None:
        now = await store.now()
        item = store.following.over("theirs", now, store.events.add("completed", run_id="theirs"))
        await twice(store, lambda: store.triggers.record([item]))
        assert len(await store.happened()) == 1
        assert await store.following.news(["theirs", "new"]) == {"new"}
        await store.following.trim(now + 2 * LONG)
        assert await store.following.news(["theirs"]) == {"theirs"}

    run(body)


# --- admit


@pytest.mark.parametrize("policy", [each for each in Overlap if each is not Overlap.ALLOW])
def test_what_is_held_is_let_through_one_at_a_time(policy: Overlap, run: Any) -> None:
    async def body(store: Store) -> None:
        await hold(store, policy, of(1))
        assert await store.places(of(1).id) == {"held"}
        await twice(store, store.triggers.admit)
        assert await store.places(of(1).id) == {"ready"}
        assert await store.results.going() == {"s": [of(1).id]}
        await hold(store, policy, of(2), of(3))
        await twice(store, store.triggers.admit)
        assert len((await store.limits.dispatch()).ids) <= 1
        counts = {each: len(ids) for each, ids in (await store.triggers.held()).items()}
        assert (
            counts
            == {
                Overlap.SKIP: {},
                Overlap.BUFFER_ONE: {"s": 1},
                Overlap.BUFFER_ALL: {"s": 2},
                Overlap.CANCEL_OTHER: {"s": 1},
            }[policy]
        )

    run(body)


def test_what_is_skipped_is_decided_once_and_not_counted(run: Any) -> None:
    async def body(store: Store) -> None:
        await hold(store, Overlap.SKIP, of(1), of(2), taken=1)
        await twice(store, store.triggers.admit)
        assert (await store.cursors.all())["s"].taken == 1
        assert [each["decision"] for each in await store.cursors.ledger("s", 10)] == ["skipped_overlap", "fired"]
        assert await store.told("skipped") == [of(2).id]
        assert await store.places(of(2).id) == set()
        assert await store.happened() == []

    run(body)


def test_a_newer_fire_has_the_run_stopped_once_and_waits_for_its_end(run: Any) -> None:
    async def body(store: Store) -> None:
        await hold(store, Overlap.CANCEL_OTHER, of(1))
        await store.triggers.admit()
        await launch(store)
        await store.following.write([look(of(1).id)])
        await hold(store, Overlap.CANCEL_OTHER, of(2))
        await twice(store, store.triggers.admit)
        (followed,) = await store.following.due(10)
        assert "newer fire" in followed.stopping
        await store.following.write([end(of(1).id, Fate.STOPPED)])
        assert (await store.triggers.admit()).count == 0, "what follows from its end is not on record"
        (event,) = await store.happened()
        over = Item(take=store.events.taken(event), commands=[store.results.over("s", of(1).id)])
        await store.triggers.record([over])
        assert (await store.triggers.admit()).count == 1

    run(body)


@pytest.mark.parametrize("dispatched", [False, True])
def test_a_newer_fire_takes_the_place_of_one_that_was_not_sent(dispatched: bool, run: Any) -> None:
    async def body(store: Store) -> None:
        await hold(store, Overlap.CANCEL_OTHER, of(1))
        await store.triggers.admit()
        if dispatched:
            await store.limits.dispatch()
        await hold(store, Overlap.CANCEL_OTHER, of(2))
        await twice(store, store.triggers.admit)
        assert (await store.state(of(1).id))["state"] == "skipped"
        assert await store.places(of(1).id) == set()
        assert [event.kind for event in await store.happened()] == ["cancelled"]
        assert await store.triggers.claim([of(1).id], "late") == []

    run(body)


@pytest.mark.parametrize("unclear", [False, True])
def test_what_may_be_sent_already_is_not_given_up_for_a_newer_fire(unclear: bool, run: Any) -> None:
    async def body(store: Store) -> None:
        await hold(store, Overlap.CANCEL_OTHER, of(1))
        await store.triggers.admit()
        ids = (await store.limits.dispatch()).ids
        await store.triggers.claim(ids, "token")
        if unclear:
            await store.triggers.sending(ids, "token")
            await store.triggers.settle([settled(ids[0], Status.RETRYING, wait=NOW)], "token", 0)
        await hold(store, Overlap.CANCEL_OTHER, of(2))
        await twice(store, store.triggers.admit)
        assert (await store.state(of(1).id))["state"] == ("waiting" if unclear else "claimed")
        assert await store.results.going() == {"s": ids}
        assert (await store.triggers.held()) == {"s": [of(2).id]}

    run(body)


def test_a_schedule_that_was_paused_meanwhile_does_not_go_on(run: Any) -> None:
    async def body(store: Store) -> None:
        await hold(store, Overlap.BUFFER_ONE, of(1))
        await store.redis.hset(store.keys.paused, "s", "{}")
        await twice(store, store.triggers.admit)
        assert [each["decision"] for each in await store.cursors.ledger("s", 10)] == ["skipped_paused"]
        assert await store.places(of(1).id) == set()

    run(body)


def test_what_waited_beyond_its_window_is_a_dead_letter(run: Any) -> None:
    async def body(store: Store) -> None:
        await hold(store, Overlap.BUFFER_ONE, of(1), expires=LONG_AGO)
        await twice(store, store.triggers.admit)
        assert await store.places(of(1).id) == {"dead"}
        assert [event.kind for event in await store.happened()] == ["dead"]
        assert [each["decision"] for each in await store.cursors.ledger("s", 10)] == ["expired"]

    run(body)


def test_what_is_not_due_is_held_and_told_when(run: Any) -> None:
    async def body(store: Store) -> None:
        await hold(store, Overlap.SKIP, replace(of(1), due=FAR))
        admitted = await store.triggers.admit()
        assert (admitted.count, admitted.later) == (0, FAR)
        assert await store.places(of(1).id) == {"held"}

    run(body)


def test_schedules_do_not_get_into_each_others_way(run: Any) -> None:
    async def body(store: Store) -> None:
        await hold(store, Overlap.SKIP, *(of(1, name) for name in ("s", "s-1", "t")))
        assert (await store.triggers.admit()).count == 3

    run(body)
