"""The audit log: complete, in order, without secrets, and not to be washed away."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from worker.store.audit import LONGEST, LONGEST_STATE, Audited, Result

from .doors import AT, Doors, audited

Run = Callable[..., None]
KEY = "zb_0123456789ab_" + "s" * 43
WHOLE = Audited(
    at=AT,
    action="schedule.change",
    what="nightly",
    who="ci",
    key_id="0123456789ab",
    address="10.0.0.1",
    result=Result.DONE,
    reason="because",
    request_id="r-1",
    before='{"cron":"0 2 * * *"}',
    after='{"cron":"0 3 * * *"}',
)


def test_an_entry_is_read_as_it_was_written(at_doors: Run) -> None:
    async def body(d: Doors) -> None:
        await d.audit.tell(WHOLE)
        await d.audit.tell(Audited(at=AT, action="call.locked", what="GET /", result=Result.REFUSED))
        done, refused = sorted(await d.audit.newest(10), key=lambda entry: entry.result)
        assert replace(done, id="") == WHOLE
        assert replace(refused, id="") == Audited(at=AT, action="call.locked", what="GET /", result=Result.REFUSED)

    at_doors(body)


def test_pages_have_every_entry_once_also_where_ids_are_shared(at_doors: Run) -> None:
    async def body(d: Doors) -> None:
        for number in range(9):
            for stream, result in ((d.keys.audit, "done"), (d.keys.refusals, "refused")):
                told = {"at": AT.isoformat(), "action": f"{result}.{number}", "what": "x", "result": result}
                await d.redis.xadd(stream, told, id=f"{1000 + number}-0")  # type: ignore[arg-type]
        seen, last = [], ""
        while page := await d.audit.newest(3, last):
            seen += [entry.action for entry in page]
            last = page[-1].id
        assert len(seen) == len(set(seen)) == 18
        assert [entry.rpartition(".")[2] for entry in seen] == [
            str(number) for number in range(8, -1, -1) for _ in "ab"
        ]

    at_doors(body)


@pytest.mark.parametrize("field", ["what", "who", "reason", "address", "request_id", "before", "after"])
def test_no_key_gets_in(field: str, at_doors: Run) -> None:
    async def body(d: Doors) -> None:
        await d.audit.tell(replace(WHOLE, **{field: json.dumps({"seen": f"Bearer {KEY}"})}))
        (entry,) = await d.audit.newest(1)
        assert "***" in getattr(entry, field)
        assert "sss" not in repr(entry)
        assert "sss" not in repr(await d.redis.xrange(d.keys.audit))

    at_doors(body)


def test_what_is_long_is_shortened_and_stays_json(at_doors: Run) -> None:
    async def body(d: Doors) -> None:
        await d.audit.tell(replace(WHOLE, reason="r" * 5000, what="two\nlines", after=json.dumps("a" * LONGEST_STATE)))
        (entry,) = await d.audit.newest(1)
        assert (len(entry.reason), entry.what) == (LONGEST, "two; lines")
        assert json.loads(entry.after)["characters"] == LONGEST_STATE + 2
        assert json.loads(entry.before) == {"cron": "0 2 * * *"}

    at_doors(body)


def test_a_flood_of_refused_calls_washes_no_change_away(at_doors: Run) -> None:
    async def body(d: Doors) -> None:
        await d.audit.tell(WHOLE)
        command = d.audit.add(audited("call.unknown", result=Result.REFUSED))
        async with d.redis.pipeline(transaction=False) as pipe:
            for _ in range(2_000):
                pipe.execute_command(*(10 if word == 100_000 else word for word in command))
            await pipe.execute()
        assert await d.redis.xlen(d.keys.refusals) < 200, "trimmed"
        assert "schedule.change" in [entry.action for entry in await d.audit.newest(500)]

    at_doors(body)
