"""What a server is asked for at once: limits that hold together, and what is learnt from its answers."""

from datetime import timedelta
from typing import Any

import pytest

from worker.domain.outcome import Status
from worker.store.attempts import Settlement

from .stores import LONG, LONG_AGO, NOW, Store, make, settled

TOKEN = "token"


async def add(store: Store, *names: str, **changes: Any) -> list[str]:
    triggers = [make(name, **changes) for name in names]
    await store.add(*triggers)
    return [trigger.id for trigger in triggers]


async def go(store: Store) -> list[str]:
    """Dispatch and claim what may go."""
    ids = (await store.limits.dispatch()).ids
    await store.triggers.claim(ids, TOKEN)
    return ids


async def answer(store: Store, ids: list[str], status: Status = Status.STARTED, **changes: Any) -> None:
    quick = len(ids) if status is Status.STARTED else 0
    results: list[Settlement] = [settled(identity, status, **changes) for identity in ids]
    await store.triggers.settle(results, TOKEN, quick)


def test_an_unknown_server_is_tried_step_by_step_and_then_trusted_with_twice_as_many_each_time(run: Any) -> None:
    async def body(store: Store) -> None:
        await add(store, *(str(number) for number in range(60)))
        widths = []
        for _ in range(7):
            ids = await go(store)
            widths.append(len(ids))
            await answer(store, ids)
        assert widths == [2, 1, 1, 5, 10, 20, 21]

    run(body, first=2)


def test_after_a_refusal_what_holds_a_slot_counts_and_what_is_held_is_what_the_server_takes(run: Any) -> None:
    async def body(store: Store) -> None:
        await add(store, *(str(number) for number in range(20)))
        held = await go(store)
        await answer(store, held)
        refused = await go(store)
        assert (len(held), len(refused)) == (2, 1)
        await answer(store, refused, Status.RETRYING, wait=NOW, capacity=True)
        assert (await store.limits.dispatch()).ids == [], "both slots are held"
        assert (await store.limits.dispatch()).capped
        assert await store.limits.release([]) == 2
        assert (await store.limits.state())["window"] == "2"
        assert (await store.limits.dispatch()).ids == []
        assert await store.limits.release(held[:1]) == 1
        assert (await store.limits.dispatch()).ids == refused, "the refused one keeps its place"

    run(body, first=2)


def test_a_full_server_is_tried_with_one_more_ever_more_seldom(run: Any) -> None:
    async def body(store: Store) -> None:
        held = await refused_once(store, 400)
        tries = []
        for count in range(1, 200):
            await store.limits.release([held.pop(0)])
            ids = await go(store)
            assert len(ids) in (1, 2)
            if len(ids) == 2:
                tries.append(count)
                await answer(store, ids[1:], Status.RETRYING, wait=NOW, capacity=True)
            await answer(store, ids[:1])
            held += ids[:1]
        assert tries == [41, 121], "after 40 launches, and then after 80 more"
        assert len(held) == 2

    run(body, first=2)


async def refused_once(store: Store, triggers: int) -> list[str]:
    """A server that refused one launch while it held two; gives those two."""
    await add(store, *(str(number) for number in range(triggers)))
    held = await go(store)
    await answer(store, held)
    await answer(store, await go(store), Status.RETRYING, wait=NOW, capacity=True)
    await store.limits.release([])
    return held


def test_a_server_that_takes_more_again_is_soon_trusted_with_more(run: Any) -> None:
    async def body(store: Store) -> None:
        held = await refused_once(store, 400)
        count = 0
        while float((await store.limits.state())["window"]) < 8:
            await store.limits.release([held.pop(0)])
            ids = await go(store)
            await answer(store, ids)
            held += ids
            count += len(ids)
            assert count < 40 + 8 * 8 * 3

    run(body, first=2)


def test_a_window_that_is_not_filled_teaches_nothing(run: Any) -> None:
    async def body(store: Store) -> None:
        held = await refused_once(store, 3)
        await store.limits.release(held)
        last = await go(store)
        await answer(store, last)
        await store.limits.release(last)
        for number in range(100):
            await add(store, f"alone-{number}")
            ids = await go(store)
            await answer(store, ids)
            await store.limits.release(ids)
        assert float((await store.limits.state())["window"]) == 2

    run(body, first=2)


def test_a_minute_has_its_limit(run: Any) -> None:
    async def body(store: Store) -> None:
        await add(store, *"abcde")
        found = await store.limits.dispatch()
        assert len(found.ids) == 3
        found = await store.limits.dispatch()
        assert found.ids == []
        assert found.later is not None

    run(body, first=100, per_minute=3)


def test_a_day_has_its_budget_and_says_when_it_is_used_up(run: Any) -> None:
    async def body(store: Store) -> None:
        await add(store, *"abc")
        ids = await go(store)
        await answer(store, ids, Status.RETRYING, wait=NOW)
        again = await go(store)
        assert sorted(again) == sorted(ids), "what has begun today may be tried again"
        await answer(store, again)
        found = await store.limits.dispatch()
        assert found.ids == []
        assert found.why == "the budget of 2 triggers for this day is used up"

    run(body, first=100, per_day=2)


def test_what_a_tag_holds_back_does_not_hold_up_what_is_behind_it(run: Any) -> None:
    async def body(store: Store) -> None:
        gpu = await add(store, "g1", "g2", "g3", body={"tags": ["gpu"]})
        acme = await add(store, "a1", "a2", body={"tags": ["team:acme"]})
        globex = await add(store, "b1", body={"tags": ["team:globex", "gpu2"]})
        plain = await add(store, "p1")
        first = (await store.limits.dispatch()).ids
        assert sorted(first) == sorted([*gpu[:2], acme[0], *globex, *plain]) or len(first) == 5
        assert sum(identity in gpu for identity in first) == 2
        assert sum(identity in acme for identity in first) == 1, "each distinct tag by itself"
        assert (await store.limits.dispatch()).ids == []
        await store.triggers.claim(first, TOKEN)
        await answer(store, [identity for identity in first if identity in acme])
        (next_one,) = (await store.limits.dispatch()).ids
        assert next_one in acme

    run(body, first=100, by_tag={"gpu": 2, "team:*": 1})


@pytest.mark.parametrize(
    ("limits", "code"), [({"first": 100}, "expired"), ({"first": 100, "by_tag": {"gpu": 1}}, "throttled")]
)
def test_what_could_not_be_sent_in_time_is_a_dead_letter_that_says_why(
    limits: dict[str, Any], code: str, run: Any
) -> None:
    async def body(store: Store) -> None:
        blocking, late = make("first", body={"tags": ["gpu"]}), make("late", body={"tags": ["gpu"]})
        await store.add(blocking)
        await store.limits.dispatch()
        moment = LONG_AGO if code == "expired" else await store.now() + timedelta(milliseconds=50)
        await store.record_due(late, expires=moment)
        if code == "throttled":
            await store.limits.dispatch()

            async def too_late() -> bool:
                return await store.now() > moment

            await store.until(too_late)
        assert (await store.limits.dispatch()).ids == []
        state = await store.state(late.id)
        assert (state["state"], state["code"]) == ("dead", code)
        (entry,) = await store.cursors.ledger("s", 1)
        assert (entry["decision"], entry["reason"]) == (code, state["reason"])
        await store.triggers.replay(late.id)
        (entry,) = await store.cursors.ledger("s", 1)
        assert entry["decision"] == "fired"

    run(body, **limits)


def test_a_server_that_is_down_is_left_alone_but_for_one_probe_at_a_time(run: Any) -> None:
    async def body(store: Store) -> None:
        await add(store, *(str(number) for number in range(8)))
        ids = await go(store)
        await answer(store, ids[:4], Status.RETRYING, wait=LONG, trouble="down", outcome={"reason": "it is away"})
        assert (await store.limits.dispatch()).why == ""
        await add(store, *"abcd")
        await answer(store, ids[4:5], Status.RETRYING, wait=NOW, trouble="down", outcome={"reason": "it is away"})
        found = await store.limits.dispatch()
        assert (found.ids, found.why) == ([], "it is away")
        assert found.later is not None

        again = found.later

        async def time_for_a_probe() -> bool:
            return await store.now() >= again

        await store.until(time_for_a_probe)
        (probe,) = (await store.limits.dispatch()).ids
        assert (await store.limits.dispatch()).ids == [], "one at a time"
        (claim,) = await store.triggers.claim([probe], TOKEN)
        assert claim.probe
        await answer(store, [probe])
        assert len((await store.limits.dispatch()).ids) >= 4, "all go when it is well"

    run(body, first=100)


def test_each_probe_is_another_trigger_as_one_that_is_the_trouble_itself_must_not_hold_up_the_others(run: Any) -> None:
    async def body(store: Store) -> None:
        await add(store, "poison")
        (poison,) = await go(store)
        for _ in range(5):
            await answer(store, [poison], Status.RETRYING, wait=NOW, trouble="down", outcome={"reason": "it is away"})
            if (await store.limits.dispatch()).ids:
                await store.triggers.claim([poison], TOKEN)
        await add(store, "good")

        async def probe() -> str:
            probes: list[str] = []

            async def sent() -> bool:
                await store.redis.hset(store.keys.limit, "open", 1)  # its time has come
                probes.extend((await store.limits.dispatch()).ids)
                return bool(probes)

            await store.until(sent)
            await store.triggers.claim(probes, TOKEN)
            return probes[0]

        first = await probe()
        await answer(store, [first], Status.RETRYING, wait=NOW, trouble="down", outcome={"reason": "it is away"})
        assert {first, await probe()} == {poison, make("good").id}

    run(body, first=100)


def test_a_refused_login_stops_at_once_and_an_answer_about_a_trigger_shows_that_all_is_well(run: Any) -> None:
    async def body(store: Store) -> None:
        await add(store, *"abc")
        ids = await go(store)
        await answer(store, ids[:1], Status.RETRYING, wait=NOW, trouble="denied", outcome={"reason": "wrong key"})
        assert (await store.limits.dispatch()).why == "wrong key"
        await answer(store, ids[1:2], Status.DEAD)
        assert (await store.limits.dispatch()).why == ""

    run(body, first=100)
