"""All at a glance: counts, lines, and what became of the last fires."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from worker.domain.alert import AlertKind
from worker.domain.errors import Fault
from worker.domain.pause import Pause, PauseCause
from worker.domain.results import DEAD, Result
from worker.domain.standing import Standing
from worker.engine.book import Book
from worker.engine.foresight import Foresight
from worker.engine.overview import REACH, Overview, read_overview
from worker.engine.runtime import open_engine
from worker.engine.verdict import find_wrong, tell_verdict
from worker.settings import load_settings
from worker.source import Source
from worker.store.alerts import Incident
from worker.store.booked import written
from worker.store.codec import milliseconds
from worker.store.cursors import Cursor
from worker.store.figures import Figures
from worker.store.items import Command, Entry, Item

NOW = datetime(2026, 3, 2, 10, 2, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)

FILE = """\
schedules:
  - {name: daily, pipeline: training, cron: "0 2 * * *"}
  - {name: hourly, pipeline: training, every: 1h}
  - {name: minutely, pipeline: training, every: 1m}
"""


class Scene:
    """An installation of which a test tells Redis what it needs."""

    def __init__(self, engine: Any, book: Book) -> None:
        self.engine = engine
        self.book = book
        self.foresight = Foresight()

    async def look(self, **options: Any) -> Overview:
        definitions = await self.book.read()
        rows = self.book.rows
        return await read_overview(
            self.engine, definitions, NOW, **{"foresight": self.foresight, "booked": rows, **options}
        )

    async def write(self, *commands: Command) -> None:
        await self.engine.triggers.record([Item(commands=commands)])

    async def decided(self, name: str, at: datetime, decision: str = "fired", **more: Any) -> None:
        entry = {"fire_time": at.isoformat(), "decision": decision, **more}
        await self.engine.triggers.record([Item(ledger=name, entries=[Entry(fire_time=at, ledger=entry)])])

    async def ended(self, name: str, *fates: str, **about: Any) -> None:
        for number, fate in enumerate(fates):
            result = Result(**{"trigger": f"t{number}", "fate": fate, "ended": NOW - HOUR, **about})
            await self.write(*self.engine.results.add(name, result, None))

    async def going(self, name: str, identity: str, **fields: Any) -> None:
        keys = self.engine.keys
        flat = [word for pair in {"recorded": milliseconds(NOW), **fields}.items() for word in pair]
        await self.write(("ZADD", keys.going, 0, f"{name}|{identity}"), ("HSET", keys.trigger(identity), *flat))

    async def pause(self, name: str, **about: Any) -> None:
        await self.write(self.engine.pauses.begin(name, Pause(**{"since": NOW - HOUR, "by": "ada", **about})))


def line(overview: Overview, name: str) -> Any:
    return next(each for each in overview.lines if each.name == name)


@pytest.fixture
def scene(redis_url: str, tmp_path: Path) -> Callable[..., None]:
    """Run a coroutine function with a scene."""

    def go(body: Callable[[Scene], Awaitable[None]], file: str = FILE, **variables: str) -> None:
        (tmp_path / "s.yaml").write_text(file)
        environment = {"REDIS_URL": redis_url, "SCHEDULES_DIR": str(tmp_path), **variables}

        async def publish(_: Any) -> None:
            pass

        async def scope() -> None:
            settings = load_settings(environment, tmp_path)
            engine = open_engine(settings, publish)
            try:
                await body(Scene(engine, Book(Source(settings.schedules_dir, settle=False), engine.booked)))
            finally:
                await engine.close()

        asyncio.run(scope())

    return go


def test_of_an_empty_installation_nothing_is_made_up(scene: Any) -> None:
    async def body(s: Scene) -> None:
        seen = await s.look()
        assert (seen.schedules, seen.attention, seen.lines, seen.next) == (0, 0, [], None)
        assert seen.figures == Figures()
        assert seen.checks == {"redis": "ok", "beat": "none is alive", "worker": "none is alive"}

    scene(body, file="schedules: []\n")


def test_what_is_due_next_comes_first_and_is_told(scene: Any) -> None:
    async def body(s: Scene) -> None:
        seen = await s.look()
        assert [each.name for each in seen.lines] == ["minutely", "hourly", "daily"]
        assert seen.next == ("minutely", NOW + timedelta(seconds=30))
        assert line(seen, "hourly").coming == [NOW.replace(hour=11 + hour, minute=0, second=0) for hour in range(6)]
        assert line(seen, "daily").coming == []
        assert line(seen, "daily").next == datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
        assert seen.standings == {Standing.NEW: 3}

    scene(body)


def test_trouble_comes_first_then_what_runs(scene: Any) -> None:
    async def body(s: Scene) -> None:
        await s.ended("daily", "failed", "failed", "failed", fire_time=NOW - HOUR)
        await s.decided("daily", NOW - timedelta(days=2), runs=[{"trigger": "old", "fate": "failed", "reason": "a"}])
        await s.decided(
            "daily", NOW - timedelta(days=1), runs=[{"trigger": "b", "fate": "failed", "reason": "no disk"}]
        )
        await s.going("hourly", "g", state="started", fire=milliseconds(NOW - HOUR), accepted=milliseconds(NOW - HOUR))
        seen = await s.look()
        assert [(each.name, each.standing) for each in seen.lines] == [
            ("daily", Standing.FAILING),
            ("hourly", Standing.RUNNING),
            ("minutely", Standing.NEW),
        ]
        assert (line(seen, "daily").reason, line(seen, "daily").trigger) == ("no disk", "b")
        assert (seen.troubled, seen.attention) == (1, 1)

    scene(body)


def test_a_failure_without_a_reason_is_told_by_its_word(scene: Any) -> None:
    async def body(s: Scene) -> None:
        await s.ended("daily", DEAD, DEAD, DEAD)
        assert line(await s.look(), "daily").reason == "", "what the ledger has forgotten is not made up"
        await s.decided("daily", NOW - timedelta(days=1), "exhausted", trigger="b")
        assert line(await s.look(), "daily").reason == "last: exhausted"

    scene(body)


def test_what_was_stopped_neither_breaks_a_streak_nor_makes_one(scene: Any) -> None:
    async def body(s: Scene) -> None:
        await s.ended("daily", "failed", "failed", "failed", "stopped", "stopped", "stopped")
        await s.ended("hourly", "completed", "failed", "failed", "stopped")
        await s.ended("minutely", "failed", "failed", "completed", "failed")
        seen = await s.look()
        assert line(seen, "daily").standing is Standing.FAILING
        assert line(seen, "hourly").standing is line(seen, "minutely").standing is Standing.OK

    scene(body)


def test_one_that_is_late_says_why(scene: Any) -> None:
    async def body(s: Scene) -> None:
        late = Incident(kind=AlertKind.LATE, schedule="daily", since=NOW, reason="no success for 2 days")
        other = Incident(kind=AlertKind.FAILURE, schedule="hourly", since=NOW, reason="it failed")
        await s.write(s.engine.alerts.keep(late), s.engine.alerts.keep(other))
        seen = await s.look()
        assert (seen.lines[0].name, seen.lines[0].standing) == ("daily", Standing.LATE)
        assert seen.lines[0].reason == "no success for 2 days"
        assert line(seen, "hourly").standing is Standing.NEW

    scene(body)


def test_nothing_comes_while_it_is_paused_and_again_after_it(scene: Any) -> None:
    async def body(s: Scene) -> None:
        until = NOW.replace(hour=14, minute=0, second=0)
        await s.pause("minutely", why="a migration")
        await s.pause("hourly", until=until)
        await s.pause("daily", until=NOW - timedelta(seconds=1))
        seen = await s.look()
        assert (line(seen, "minutely").coming, line(seen, "minutely").next) == ((), None)
        assert line(seen, "minutely").reason == "a migration"
        assert (line(seen, "hourly").coming[0], line(seen, "hourly").next) == (until, until)
        assert line(seen, "daily").standing is Standing.NEW, "its pause is over"
        assert (seen.troubled, seen.attention) == (0, 2)
        assert [each.name for each in seen.lines] == ["hourly", "daily", "minutely"]
        await s.pause("minutely", cause=PauseCause.FAILURES)
        assert (await s.look()).lines[0].name == "minutely", "what has paused itself is trouble"

    scene(body)


def test_nothing_comes_beyond_the_most_runs(scene: Any) -> None:
    file = "schedules:\n  - {name: s, pipeline: training, every: 1h, max_runs: 3}\n"

    async def body(s: Scene) -> None:
        assert len(line(await s.look(), "s").coming) == 6, "nothing is known of it yet"
        before = ""
        for taken, left in ((1, 2), (3, 0)):
            cursor = Cursor(at=NOW, revision="r", taken=taken).form()
            await s.engine.triggers.record([Item(name="s", expected=before, cursor=cursor)])
            before = cursor
            seen = line(await s.look(), "s")
            assert len(seen.coming) == left
            assert (seen.next is None) is (left == 0)
        assert seen.standing is Standing.OK

    scene(body, file=file)


def test_each_fire_says_what_became_of_it(scene: Any) -> None:
    async def body(s: Scene) -> None:
        at = [NOW.replace(hour=hour, minute=0, second=0) for hour in range(3, 11)]
        await s.decided("hourly", at[0], trigger="too old")
        await s.decided("hourly", at[2], "skipped_overlap", reason="the run before it")
        await s.decided("hourly", at[3], trigger="a", runs=[{"trigger": "a", "fate": "failed", "reason": "bad luck"}])
        await s.decided("hourly", at[4], "rejected", reason="no such pipeline", trigger="c")
        await s.decided("hourly", at[5], trigger="d")
        await s.decided("hourly", at[6], trigger="e")
        await s.decided("hourly", at[7], trigger="f")
        await s.ended("hourly", "failed", trigger="old", fire_time=at[3], ended=at[3], seconds=1.0)
        await s.ended("hourly", "failed", trigger="a", fire_time=at[3], ended=at[3] + HOUR, seconds=600.0)
        await s.ended("hourly", "completed", trigger="d", fire_time=at[5], ended=at[5] + HOUR)
        await s.going("hourly", "e2", state="started", fire=milliseconds(at[6]), accepted=milliseconds(at[6] + HOUR))
        await s.going("hourly", "f", state="claimed", fire=milliseconds(at[7]))
        marks = line(await s.look(), "hourly").marks
        assert [(each.at, each.word, each.reason, each.trigger) for each in marks] == [
            (at[2], "skipped_overlap", "the run before it", None),
            (at[3], "failed", "bad luck", "a"),
            (at[4], "rejected", "no such pipeline", "c"),
            (at[5], "completed", "", "d"),
            (at[6], "running", "", "e2"),
            (at[7], "waiting", "", "f"),
        ]
        assert (marks[1].begin, marks[1].end, marks[1].seconds) == (at[3] + HOUR - HOUR / 6, at[3] + HOUR, 600)
        assert (marks[3].begin, marks[3].end, marks[3].seconds) == (None, at[5] + HOUR, None)
        assert (marks[4].begin, marks[4].end) == (at[6] + HOUR, None)

    scene(body)


def test_what_began_before_or_by_hand_is_there_too(scene: Any) -> None:
    async def body(s: Scene) -> None:
        long_ago = NOW - timedelta(days=2)
        began = NOW - 2 * REACH
        await s.ended("daily", "completed", trigger="a", fire_time=long_ago, ended=NOW - HOUR, seconds=86_400.0)
        await s.ended("daily", "completed", trigger="b", fire_time=long_ago - HOUR, ended=long_ago, seconds=60.0)
        await s.ended("daily", "completed", trigger="c", ended=NOW - HOUR, seconds=60.0)
        await s.ended("daily", "failed", trigger="d", ended=NOW - HOUR / 2)
        await s.going(
            "daily", "e", state="started", fire=milliseconds(long_ago + 2 * HOUR), accepted=milliseconds(began)
        )
        await s.going("daily", "f", state="started", accepted=milliseconds(NOW - HOUR / 4))
        await s.going("daily", "g", state="waiting", fire=milliseconds(long_ago + HOUR))
        await s.write(("ZADD", s.engine.keys.going, 0, "daily|forgotten"))
        marks = line(await s.look(), "daily").marks
        assert [(each.trigger, each.word, each.by_hand) for each in marks] == [
            ("a", "completed", False),
            ("e", "running", False),
            ("c", "completed", True),
            ("d", "failed", True),
            ("f", "running", True),
        ]

    scene(body)


def test_of_many_fires_the_newest_are_read(scene: Any) -> None:
    async def body(s: Scene) -> None:
        entries = []
        for number in range(405):
            at = NOW - timedelta(seconds=number + 1)
            entries.append(Entry(fire_time=at, ledger={"fire_time": at.isoformat(), "decision": "fired"}))
        await s.engine.triggers.record([Item(ledger="minutely", entries=entries)])
        seen = line(await s.look(), "minutely")
        assert (len(seen.marks), seen.cut) == (400, True)
        assert seen.marks[-1].at == NOW - timedelta(seconds=1)
        assert not line(await s.look(), "hourly").cut

    scene(body)


def test_only_so_many_have_a_line_and_the_others_are_counted(scene: Any) -> None:
    async def body(s: Scene) -> None:
        seen = await s.look(shown=1)
        assert [each.name for each in seen.lines] == ["minutely"]
        assert seen.beyond == {Standing.NEW: 2}
        assert seen.schedules == 3

    scene(body)


def test_what_was_made_over_the_api_and_is_broken_says_why(scene: Any) -> None:
    async def body(s: Scene) -> None:
        at = NOW.isoformat()
        row = written({"name": "mine", "pipeline": "p", "cron": "never"}, created=at, changed=at, by="ada")
        assert await s.engine.booked.put("mine", row, "", [])
        seen = await s.look()
        assert (seen.lines[0].name, seen.lines[0].standing) == ("mine", Standing.BROKEN)
        assert '"never"' in seen.lines[0].reason
        assert seen.faults
        assert "1 schedule cannot be used as it is" in tell_verdict(seen)

    scene(body)


def test_it_counts_what_waits_and_says_what_holds_it_back(scene: Any) -> None:
    async def body(s: Scene) -> None:
        keys = s.engine.keys
        places = {"delayed": keys.delayed, "held": keys.held, "inflight": keys.inflight, "dead": keys.dead}
        for number, key in enumerate([*places.values(), keys.following]):
            await s.write(*(("ZADD", key, 1, f"{key}{each}") for each in range(number + 1)))
        pause = milliseconds(NOW + timedelta(seconds=10))
        told = {
            "": {"throttled": milliseconds(NOW), "capped": 1, "window": 2},
            "ZenML has asked to be left alone until 10:02:40 UTC": {"pause": pause},
            "ZenML is left alone: it does not answer as it should": {"open": 1},
            "ZenML is left alone: it is away": {"open": 1, "why": "it is away"},
        }
        for held_back, fields in told.items():
            await s.write(
                ("DEL", keys.limit), ("HSET", keys.limit, *(each for pair in fields.items() for each in pair))
            )
            assert (await s.look()).held_back == held_back
        await s.write(("ZADD", keys.ready, 1, "r"), ("DEL", keys.limit))
        assert (await s.look()).held_back == ""
        await s.write(("HSET", keys.limit, "capped", 1, "window", "2.0"))
        assert (await s.look()).held_back == "ZenML takes no more than 2 launches at a time"
        await s.write(("HSET", keys.limit, "throttled", milliseconds(NOW - HOUR)))
        assert (await s.look()).held_back == "ZenML takes no more than 2 launches at a time"
        await s.write(("HSET", keys.limit, "throttled", milliseconds(NOW), "pause", milliseconds(NOW - HOUR)))
        seen = await s.look()
        assert seen.held_back.startswith("a limit of ours holds them back")
        assert seen.figures == Figures(ready=1, delayed=1, held=2, inflight=3, dead=4, following=5)
        assert seen.figures.waiting == 4

    scene(body)


def overview(**about: Any) -> Overview:
    checks = {"redis": "ok", "beat": "ok", "worker": "ok"}
    return Overview(**{"at": NOW, "standings": {Standing.OK: 4}, "checks": checks, **about})


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ({}, "All is well."),
        ({"standings": {}}, "There are no schedules yet."),
        ({"standings": {Standing.OK: 1, Standing.PAUSED: 1}}, "All is well; 1 schedule is paused."),
        ({"standings": {Standing.PAUSED: 2}}, "All is well; 2 schedules are paused."),
        ({"standings": {Standing.FAILING: 1}}, "1 schedule is failing."),
        ({"standings": {Standing.FAILING: 3, Standing.LATE: 1}}, "3 schedules are failing, and 1 schedule is late."),
        ({"standings": {Standing.BROKEN: 2}}, "2 schedules cannot be used as they are."),
        ({"figures": Figures(dead=1)}, "1 dead letter waits for somebody."),
        ({"figures": Figures(dead=1200)}, "1,200 dead letters wait for somebody."),
        ({"checks": {"redis": "ok", "beat": "none leads", "worker": "ok"}}, "No beat leads."),
        ({"left_alone": True}, "ZenML is left alone for a while."),
        ({"faults": [Fault(message="x", file="a.yaml")] * 2}, "1 schedule file has faults."),
        ({"faults": [Fault(message="x", file="a"), Fault(message="x", file="b")]}, "2 schedule files have faults."),
    ],
)
def test_it_is_told_in_a_sentence_what_is_wrong(about: dict[str, Any], told: str) -> None:
    assert tell_verdict(overview(**about)) == told


def test_what_stops_all_is_told_before_what_stops_some() -> None:
    seen = overview(
        standings={Standing.FAILING: 3},
        checks={"redis": "ok", "beat": "none is alive", "worker": "none is alive"},
        figures=Figures(dead=2),
    )
    assert [each.subject.value for each in find_wrong(seen)] == ["beat", "worker", "failing", "dead"]
    assert tell_verdict(seen) == (
        "No beat is alive, no worker is alive, 3 schedules are failing, and 2 dead letters wait for somebody."
    )
