"""How many fires the next day brings: against stepping through them, over the days on which clocks are set."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.door import Door
from tests.web.conftest import door
from worker.domain.cron import Cron
from worker.domain.errors import StoreUnavailable
from worker.domain.pause import Pause
from worker.domain.schedule import Schedule, Target
from worker.domain.timing import Timing
from worker.engine.forecast import MINUTE, MINUTES, Bounds, Forecast, Forecasts, foresee, look_out

__all__ = ["door"]

START = datetime(2026, 3, 28, 22, tzinfo=UTC)
"""Three hours before the clocks of Berlin go forward."""

STARTS = (
    START,
    datetime(2026, 10, 24, 22, tzinfo=UTC),
    datetime(2026, 4, 4, 3, tzinfo=UTC),
    datetime(2026, 12, 31, 5, tzinfo=UTC),
)
ZONES = ("UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/New_York", "Pacific/Auckland")
EXPRESSIONS = (
    "30 2 * * *",
    "0,15,30 2,3 * * *",
    "*/7 * * * *",
    "59 23 28-31 * *",
    "*/5,3 1-5 * * SUN",
    "0 9 1 * MON",
    "10 * L * *",
    "5 4 * * SAT#1",
    "5 4 * 3 SUNL",
    "0 0 29 2 *",
    "H H * * *",
    "H/20 * * * *",
)


def schedule(name: str, **timing: Any) -> Schedule:
    made = Timing(**timing)
    return Schedule(name=name, target=Target(pipeline="p"), timing=made, timezone=made.timezone, when="")


def cron(name: str, *expressions: str, timezone: str = "Europe/Berlin", **more: Any) -> Schedule:
    policies = {word: more.pop(word) for word in ("gap", "fold", "seconds") if word in more}
    crons = tuple(Cron(each, timezone, hash_id=name, **policies) for each in expressions)
    return schedule(name, crons=crons, timezone=timezone, **more)


def stepped(schedules: Sequence[Schedule], start: datetime) -> list[int]:
    """Count by stepping from fire to fire."""
    counts = Counter[int]()
    for each in schedules:
        timing = each.timing
        end = start + MINUTES * MINUTE
        for fire in timing.between(start - timing.jitter - timedelta(microseconds=1), end):
            starts = timing.jittered(fire, each.name) if timing.jitter else fire
            counts[(starts - start) // MINUTE] += 1
    return [counts[minute] for minute in range(MINUTES)]


fields = st.tuples(
    st.sampled_from(["0", "30", "*", "*/7", "5-50/15", "1,30,59"]),
    st.sampled_from(["*", "0", "1", "2", "3", "2,3", "0-4", "*/3"]),
    st.sampled_from(["*", "1", "25", "28-31", "L", "*/2", "29"]),
    st.sampled_from(["*", "3,10", "4", "JAN-DEC/3"]),
    st.sampled_from(["*", "SUN", "1-5", "*/2", "SAT,SUN"]),
).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(
    expressions=st.lists(fields, min_size=1, max_size=2, unique=True),
    timezone=st.sampled_from(ZONES),
    gap=st.sampled_from(["shift", "skip"]),
    fold=st.sampled_from(["first", "last", "both"]),
    start=st.sampled_from(STARTS),
    into=st.timedeltas(timedelta(), timedelta(hours=30)),
)
def test_what_is_found_by_the_fields_is_what_is_found_step_by_step(
    expressions: list[str], timezone: str, gap: str, fold: str, start: datetime, into: timedelta
) -> None:
    try:
        crons = tuple(Cron(each, timezone, gap=gap, fold=fold) for each in expressions)  # type: ignore[arg-type]
    except ValueError:
        return  # it never matches
    timing = Timing(crons=crons, timezone=timezone)
    assert timing.instants(start + into, start + into * 2) == list(timing.between(start + into, start + into * 2))


@pytest.mark.parametrize("start", STARTS)
def test_every_minute_has_the_fires_that_stepping_finds(start: datetime) -> None:
    day = timedelta(days=1)
    schedules = [
        *(
            cron(f"{zone}-{index}-{fold}", expression, timezone=zone, fold=fold)
            for zone in ZONES
            for fold in ("first", "both")
            for index, expression in enumerate(EXPRESSIONS)
        ),
        cron("two", "0 2 * * *", "*/30 2 * * *", gap="skip"),
        cron("seconds", "* 2 * * * */20", seconds=True),
        cron("spread", "*/3 * * * *", jitter=timedelta(minutes=10)),
        cron("limited", "*/3 * * * *", start_time=start + day / 4, end_time=start + day / 2),
        cron("skipping", "*/3 * * * *", skip_dates=(start.date(), (date(2026, 1, 1), date(2026, 1, 3)))),
        schedule("interval", every=timedelta(seconds=7)),
        schedule("late", every=timedelta(seconds=90), jitter=timedelta(seconds=40), start_time=start + day / 3),
        schedule("skipping-interval", every=timedelta(minutes=5), skip_dates=(start.date(),)),
        schedule("once", at=(start, start + day, start + 3 * day)),
    ]
    found = foresee(schedules, start, start, {})
    assert list(found.counts) == stepped(schedules, start)
    assert found.schedules == len(schedules)


def test_what_is_paused_follows_others_or_has_had_its_runs_does_not_count() -> None:
    now = START + timedelta(minutes=90)
    schedules = [
        *(cron(name, "0 * * * *") for name in ("plain", "paused", "until", "three", "none")),
        schedule("after", follows=True),
    ]
    bounds = {
        "paused": None,
        "until": Bounds(quiet_until=START + timedelta(hours=20)),
        "three": Bounds(left=3),
        "none": Bounds(left=0),
    }
    found = foresee(schedules, START, now, bounds)
    by_hour = [found.counts[minute] for minute in range(0, MINUTES, 60)]
    assert by_hour == [1, 1, 2, 2, 2, *[1] * 15, *[2] * 5]
    assert found.left_out == {"follow others": 1, "are paused": 1}


def test_the_worst_minutes_are_those_that_bring_more_than_the_server_takes() -> None:
    crowd = [cron(f"c{number:02}", "0 2 * * *") for number in range(37)]
    late = [cron(f"l{number}", "30 1 * * *", timezone="UTC") for number in range(3)]
    found = foresee([*crowd, *late, cron("alone", "15 * * * *")], START, START, {})
    out = look_out(found, START, 24.0)
    (worst,) = out.worst
    # 02:00 does not come on that night: they are due when the clocks have gone forward.
    assert worst[0] == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert (worst[1].fires, worst[1].schedules, worst[1].names[0], len(worst[1].names)) == (37, 37, "c00", 8)
    assert (out.peak, out.over, out.waits_at) == (37, 1, worst[0])
    assert out.longest_wait == timedelta(minutes=13 / 24)
    assert out.fires == 37 + 3 + 25
    unknown = look_out(found, START, None)
    assert [each.fires for _, each in unknown.worst] == [37, 3, 1, 1, 1, 1]
    assert (unknown.over, unknown.waits_at) == (0, None)
    # A crowd that has gone by is not told of any more.
    assert look_out(found, START + timedelta(hours=4), 24.0).worst == []


def test_a_crowd_that_the_next_one_meets_waits_longer() -> None:
    crowd = [cron(f"c{number}", "0,1,2 3 * * *", timezone="UTC") for number in range(30)]
    out = look_out(foresee(crowd, START, START, {}), START, 10.0)
    assert out.over == 3
    assert out.longest_wait == timedelta(minutes=6)
    assert out.waits_at == datetime(2026, 3, 29, 3, 2, tzinfo=UTC)


FILE = """
schedules:
  - {name: hourly, pipeline: p, cron: "0 * * * *"}
  - {name: twice, pipeline: p, cron: "30 * * * *", max_runs: 2}
"""


def test_a_forecast_is_kept_until_something_is_defined_or_paused(door: Callable[..., None], tmp_path: Any) -> None:
    (tmp_path / "a.yaml").write_text(FILE)

    async def body(opened: Door) -> None:
        forecasts, book = Forecasts(opened.engine), opened.context.book
        now = datetime(2026, 11, 2, 10, 20, tzinfo=UTC)

        async def get(at: datetime) -> Forecast:
            found = await forecasts.get(await book.read(), at)
            assert found is not None
            return found

        first = await get(now)
        assert (sum(first.counts), first.counts[30]) == (25 + 2, 1)
        assert await get(now + timedelta(minutes=39)) is first
        assert (await get(now + timedelta(minutes=40))).start == now.replace(hour=11, minute=0)
        pause = Pause(since=now, by="ada", until=now + timedelta(hours=10))
        await _pause(opened, "hourly", pause)
        paused = await get(now)
        assert sum(paused.counts[:600]) == 2
        assert sum(paused.counts) == 15 - 1 + 2
        (tmp_path / "a.yaml").write_text(FILE.replace("max_runs: 2", "max_runs: 4"))
        assert sum((await get(now)).counts) == 15 - 1 + 4

    door(body)


async def _pause(opened: Door, name: str, pause: Pause) -> None:
    command = opened.engine.pauses.begin(name, pause)
    await opened.engine.redis.execute_command(*command)


def test_others_go_on_while_a_forecast_is_made(door: Callable[..., None], tmp_path: Any) -> None:
    rows = "\n".join(f'  - {{name: s{number}, pipeline: p, cron: "H/9 * * * *", jitter: 5m}}' for number in range(150))
    (tmp_path / "a.yaml").write_text(f"schedules:\n{rows}\n")

    async def body(opened: Door) -> None:
        definitions = await opened.context.book.read()
        now = datetime(2026, 11, 2, 10, 20, tzinfo=UTC)
        forecasts = Forecasts(opened.engine)
        assert await forecasts.get(definitions, now, 0.0) is None
        made = asyncio.create_task(forecasts.get(definitions, now))
        turns = 0
        while not made.done():
            await asyncio.sleep(0)
            turns += 1
        assert turns > 20
        found = await made
        assert found is not None
        assert found.schedules == 150

        forecasts = Forecasts(opened.engine)
        limited = replace(definitions, schedules=(replace(definitions.schedules[0], max_runs=1),))
        key = opened.engine.keys.cursors
        await opened.engine.redis.set(key, "no hash")
        with pytest.raises(StoreUnavailable):
            await forecasts.get(limited, now)
        await opened.engine.redis.delete(key)
        again = await forecasts.get(limited, now)
        assert again is not None
        assert sum(again.counts) == 1

    door(body)
