"""A trigger's way through Redis: every script against a real server."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from worker.domain.errors import LeadLost
from worker.domain.outcome import Status
from worker.domain.trigger import Trigger, TriggerState
from worker.engine.recorder import origin_fields
from worker.store.cursors import Cursor
from worker.store.items import Entry, Item
from worker.store.lease import Lease

from .stores import FAR, FIRST, LONG, LONG_AGO, NOW, Store, make, settled


def test_a_trigger_is_recorded_once_and_its_content_is_compared(run: Any) -> None:
    async def body(store: Store) -> None:
        assert await store.add(make("a")) == [1]
        assert await store.add(make("a")) == [0]
        assert await store.add(make("a", body={"enable_cache": True})) == [-1]
        assert await store.triggers.newest(10) == [make("a").id]

    run(body)


def test_a_trigger_comes_back_as_it_was_recorded(run: Any) -> None:
    trigger = make("a", fire_time=LONG_AGO, schedule="s", priority=3, body={"steps": {"x": {"parameters": {"a": 1}}}})

    async def body(store: Store) -> None:
        await store.add(trigger)
        ids = (await store.limits.dispatch()).ids
        (claim,) = await store.triggers.claim(ids, "token")
        assert claim.trigger == trigger
        assert (claim.attempts, claim.tries, claim.unclear, claim.generation) == (0, 0, False, 0)

    run(body)


def test_a_cursor_moves_only_from_where_it_was_expected(run: Any) -> None:
    first = Cursor(at=LONG_AGO, revision="r")
    second = Cursor(at=LONG_AGO + timedelta(minutes=1), revision="r", taken=1)

    def item(expected: str, cursor: Cursor, trigger: Trigger) -> Item:
        entry = Entry(trigger=trigger, fire_time=cursor.at, ledger={"fire_time": cursor.at.isoformat()})
        return Item(name="s", expected=expected, cursor=cursor.form(), entries=[entry])

    async def body(store: Store) -> None:
        one, again, two = await store.triggers.record(
            [item("", first, make("a")), item("", first, make("b")), item(first.form(), second, make("c"))]
        )
        assert [one.written, again.written, two.written] == [True, False, True]
        assert await store.cursors.all() == {"s": second}
        assert await store.state(make("b").id) == {}
        assert len(await store.cursors.ledger("s", 10)) == 2

    run(body)


def test_only_the_leader_moves_cursors(run: Any) -> None:
    async def body(store: Store) -> None:
        old, new = (
            Lease(store.redis, store.keys, "old", timedelta(milliseconds=20)),
            Lease(store.redis, store.keys, "new", timedelta(seconds=4)),
        )
        stale = (await old.take()).fence
        assert stale

        async def taken_over() -> bool:
            return bool((await new.take()).fence)

        await store.until(taken_over)
        item = Item(name="s", cursor=Cursor(at=LONG_AGO, revision="r").form(), entries=[Entry(trigger=make("a"))])
        with pytest.raises(LeadLost):
            await store.triggers.record([item], stale)
        with pytest.raises(LeadLost):
            await store.triggers.record([Item(sweep="w", expected="", cursor="2", entries=[])], stale)
        with pytest.raises(LeadLost):
            await store.cursors.report_faults(["a fault"], stale)
        assert await store.redis.keys(f"{store.keys.prefix}[cfst]*") == [], "nothing was written"
        (written,) = await store.triggers.record([item], (await new.take()).fence)
        assert written.written
        other = await old.take()
        assert other.fence == ""
        assert timedelta(0) < other.free_in <= timedelta(seconds=4.001), "when to ask again"

    run(body)


def test_a_new_lead_has_a_higher_epoch_and_resigning_hands_it_over_at_once(run: Any) -> None:
    async def body(store: Store) -> None:
        a, b = (Lease(store.redis, store.keys, name, timedelta(seconds=4)) for name in "ab")
        first = (await a.take()).fence
        assert (await a.take()).fence == first
        assert (await b.take()).fence == ""
        await a.resign()
        second = (await b.take()).fence
        assert int(second.split(":")[0]) > int(first.split(":")[0])

    run(body)


def test_no_more_is_dispatched_than_the_server_is_trusted_with(run: Any) -> None:
    async def body(store: Store) -> None:
        await store.add(*(make(str(number)) for number in range(10)))
        ids = (await store.limits.dispatch()).ids
        assert len(ids) == FIRST
        assert (await store.limits.dispatch()).ids == []

    run(body)


def test_more_urgent_goes_first_and_a_minute_of_waiting_outweighs_one_step(run: Any) -> None:
    late, soon = LONG_AGO, LONG_AGO + timedelta(seconds=59)

    async def body(store: Store) -> None:
        await store.add(make("patient", due=late), make("urgent", due=soon, priority=1))
        await store.add(make("later", due=soon + timedelta(seconds=2), priority=1))
        assert (await store.limits.dispatch()).ids == [make(name).id for name in ("urgent", "patient", "later")]

    run(body)


def test_what_is_not_ready_waits_and_the_next_ready_time_is_told(run: Any) -> None:
    async def body(store: Store) -> None:
        await store.add(make("a"), ready=FAR)
        found = await store.limits.dispatch()
        assert (found.ids, found.later) == ([], FAR)

    run(body)


def test_what_may_be_sent_at_once_does_not_wait_for_the_clock_of_who_recorded_it(run: Any) -> None:
    async def body(store: Store) -> None:
        await store.add(make("a", due=FAR))
        assert (await store.limits.dispatch()).ids == [make("a").id]

    run(body)


def test_each_trigger_is_claimed_by_one(run: Any) -> None:
    async def body(store: Store) -> None:
        await store.add(make("a"))
        ids = (await store.limits.dispatch()).ids
        claims = await asyncio.gather(*(store.triggers.claim(ids, f"token{n}") for n in range(20)))
        assert sum(map(len, claims)) == 1

    run(body)


def test_a_claim_that_ran_out_goes_to_another_and_the_first_holder_may_not_send(run: Any) -> None:
    async def body(store: Store) -> None:
        await store.add(make("a"))
        ids = (await store.limits.dispatch()).ids
        await store.triggers.claim(ids, "first")
        assert await store.triggers.sending(ids, "first") == [True]

        async def returned() -> bool:
            return (await store.triggers.reclaim())[0] == 1

        await store.until(returned)
        assert await store.triggers.sending(ids, "first") == [False]
        (claim,) = await store.triggers.claim(ids, "second")
        assert claim.unclear
        assert await store.triggers.renew(ids, "first") == 0
        assert await store.triggers.renew(ids, "second") == 1

    run(body, lease=timedelta(milliseconds=5))


def test_a_trigger_that_takes_its_workers_down_is_given_up(run: Any) -> None:
    async def body(store: Store) -> None:
        await store.add(make("a"))
        for turn in range(5):
            ids = (await store.limits.dispatch()).ids
            await store.triggers.claim(ids, f"token{turn}")

            async def gone() -> bool:
                return any(await store.triggers.reclaim())

            await store.until(gone)
        assert (await store.state(make("a").id))["state"] == "dead"
        assert await store.triggers.dead(10) == [make("a").id]
        (told,) = await store.outcomes.newest(10)
        assert "lost with its worker 5 times" in told["reason"]
        assert [told[field] for field in ("trigger", "origin", "pipeline", "run_name")] == [
            make("a").id,
            make("a").origin.value,
            "training",
            "r-a",
        ], "as a worker tells it"

    run(body, lease=timedelta(milliseconds=1))


def test_an_outcome_that_no_worker_saw_tells_what_workers_tell_of_its_trigger(run: Any) -> None:
    trigger = make("a", schedule="s", sweep="w", trial=3, template="t", fire_time=LONG_AGO)

    async def body(store: Store) -> None:
        expired = Entry(trigger=trigger, expires=LONG_AGO)
        await store.triggers.record([Item(entries=[expired])], "")
        assert (await store.limits.dispatch()).ids == []
        (told,) = await store.outcomes.newest(10)
        expected = {name: value for name, value in origin_fields(trigger).items() if value is not None}
        moments = {name for name, value in expected.items() if isinstance(value, datetime)}
        assert {name: datetime.fromisoformat(told.pop(name)) for name in moments} == {
            name: expected.pop(name) for name in moments
        }
        assert {name: told.get(name) for name in expected} == {name: str(value) for name, value in expected.items()}
        assert set(told) - set(expected) == {"id", "status", "decision", "code", "reason"}

    run(body)


def test_a_settlement_counts_once(run: Any) -> None:
    async def body(store: Store) -> None:
        await store.add(make("a"))
        ids = (await store.limits.dispatch()).ids
        await store.triggers.claim(ids, "token")
        result = settled(ids[0], Status.STARTED)
        assert await store.triggers.settle([result], "token", 1) == [True]
        assert await store.triggers.settle([result], "token", 1) == [False]
        assert [outcome["status"] for outcome in await store.outcomes.newest(10)] == ["started"]
        assert (await store.state(ids[0]))["state"] == "started"

    run(body)


def test_a_run_that_exists_is_believed_also_from_a_stale_holder_but_nothing_else_is(run: Any) -> None:
    async def body(store: Store) -> None:
        await store.add(make("a"), make("b"))
        ids = (await store.limits.dispatch()).ids
        await store.triggers.claim(ids, "token")
        retry = settled(ids[0], Status.RETRYING, wait=NOW)
        dead = settled(ids[0], Status.DEAD)
        started = settled(ids[1], Status.STARTED)
        assert await store.triggers.settle([retry, dead, started], "stale", 0) == [False, False, True]

    run(body)


def test_a_retry_waits_for_its_time(run: Any) -> None:
    async def body(store: Store) -> None:
        await store.add(make("a"))
        ids = (await store.limits.dispatch()).ids
        await store.triggers.claim(ids, "token")
        await store.triggers.settle([settled(ids[0], Status.RETRYING, wait=LONG, fields={"tries": 1})], "token", 0)
        found = await store.limits.dispatch()
        assert found.ids == []
        assert found.later is not None
        assert timedelta(0) <= await store.now() + LONG - found.later < timedelta(minutes=1), "by Redis' own clock"
        assert await store.triggers.waiting() == 1

    run(body)


def test_a_waiting_trigger_can_be_cancelled_and_a_claimed_one_cannot(run: Any) -> None:
    async def body(store: Store) -> None:
        await store.add(make("a"), make("b"))
        ids = (await store.limits.dispatch()).ids
        await store.triggers.claim(ids[:1], "token")
        outcome = {"status": "cancelled"}
        assert await store.triggers.withdraw(ids[0], TriggerState.CANCELLED, outcome) is TriggerState.CLAIMED
        assert await store.triggers.withdraw(ids[1], TriggerState.CANCELLED, outcome) is TriggerState.DISPATCHED
        assert await store.triggers.claim(ids[1:], "token") == []
        assert await store.triggers.withdraw("unknown", TriggerState.CANCELLED, outcome) is None
        assert (await store.state(ids[1]))["state"] == "cancelled"

    run(body)


def test_a_dead_letter_can_be_replayed_or_discarded(run: Any) -> None:
    async def body(store: Store) -> None:
        await store.add(make("a"))
        ids = (await store.limits.dispatch()).ids
        await store.triggers.claim(ids, "token")
        await store.triggers.settle([settled(ids[0], Status.DEAD, fields={"attempts": 10})], "token", 0)
        assert await store.triggers.replay(ids[0]) is TriggerState.DEAD
        assert await store.triggers.replay(ids[0]) is TriggerState.WAITING
        assert (await store.limits.dispatch()).ids == ids
        (claim,) = await store.triggers.claim(ids, "again")
        assert (claim.attempts, claim.generation) == (0, 1)
        await store.triggers.settle([settled(ids[0], Status.DEAD)], "again", 0)
        gone = await store.triggers.withdraw(ids[0], TriggerState.DISCARDED, {"status": "discarded"})
        assert gone is TriggerState.DEAD
        assert await store.triggers.dead(10) == []

    run(body)


def test_a_sweep_counts_its_trials(run: Any) -> None:
    async def body(store: Store) -> None:
        assert await store.sweep("s", 3)
        assert not await store.sweep("s", 3)
        trials = [make(f"t{n}", sweep="s", trial=n) for n in (1, 2, 3)]
        await store.add(*trials)
        ids = (await store.limits.dispatch()).ids
        await store.triggers.claim(ids[:2], "token")
        results = [settled(ids[0], Status.STARTED), settled(ids[1], Status.DEAD)]
        await store.triggers.settle(results, "token", 0)
        await store.triggers.withdraw(ids[2], TriggerState.CANCELLED, {"status": "cancelled"})
        row = await store.sweeps.get("s")
        assert row is not None
        assert (row.open, row.started, row.dead, row.cancelled) == (0, 1, 1, 1)
        await store.triggers.replay(ids[1])
        row = await store.sweeps.get("s")
        assert row is not None
        assert (row.open, row.dead) == (1, 0)

    run(body)


@pytest.mark.parametrize("before", ["dead", "cancelled"])
def test_a_run_that_shows_late_moves_its_trial_from_one_count_to_the_other(before: str, run: Any) -> None:
    async def body(store: Store) -> None:
        await store.sweep("s", 1)
        await store.add(make("t", sweep="s", trial=1))
        ids = (await store.limits.dispatch()).ids
        if before == "dead":
            await store.triggers.claim(ids, "token")
            await store.triggers.settle([settled(ids[0], Status.DEAD)], "token", 0)
        else:
            await store.triggers.withdraw(ids[0], TriggerState.CANCELLED, {"status": "cancelled"})
        assert await store.triggers.settle([settled(ids[0], Status.STARTED)], "stale", 0) == [True]
        row = await store.sweeps.get("s")
        assert row is not None
        assert (row.open, row.started, row.dead, row.cancelled) == (0, 1, 0, 0)

    run(body)


def test_old_outcomes_and_triggers_are_forgotten(run: Any) -> None:
    async def body(store: Store) -> None:
        await store.add(make("a"), make("b"))
        await store.triggers.withdraw(make("a").id, TriggerState.CANCELLED, {"status": "cancelled"})
        ids = (await store.limits.dispatch()).ids
        await store.triggers.claim(ids, "token")
        await store.triggers.settle([settled(ids[0], Status.DEAD)], "token", 0)
        await store.triggers.trim(LONG_AGO)
        assert await store.triggers.dead(1) == [make("b").id]
        assert len(await store.triggers.newest(2)) == 2
        await store.triggers.trim(FAR)
        assert await store.triggers.newest(1) == await store.triggers.dead(1) == []
        assert await store.state(make("b").id) == {}

    run(body)
