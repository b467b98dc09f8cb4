"""Runs that have changed, runs by their ids, and stops: on the demo server, and on servers that answer oddly."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest

from worker.demo.zenml import DEMO_API_KEY, DemoServer
from worker.domain.errors import AccessDenied, NotFound, NotSent, NotYet, Refused

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
GONE = "0b52e26d-b2ee-4f7b-9191-f028cfc82a17"
VERSIONS = ["0.63.0", "0.75.1", "0.85.0", "0.98.0"]


class Clock:
    """The demo server's clock, which stands until it is moved."""

    def __init__(self):
        self.time = NOON

    def __call__(self):
        return self.time

    def to(self, seconds):
        self.time = NOON + timedelta(seconds=seconds)


class Play:
    """A demo server, its clock, and zenbeat's client of it."""

    def __init__(self, server, clock, zenml):
        self.state, self.faults, self.clock, self.zenml = server.state, server.faults, clock, zenml
        self.zenml_url = server.url
        self.to = clock.to

    async def start(self, *names, **parameters):
        """Start runs, and give their ids; they take 10 s and are through the first states after 2 s."""
        target = await self.zenml.find_target("training", "production")
        steps = {"model_trainer": {"parameters": {"seconds": 10, **parameters}}}
        found = []
        for name in names:
            body = {"run_name": name, "steps": steps, "tags": [f"tag-{name}"]}
            found.append((await self.zenml.start(await self.zenml.prepare(target, body))).id)
        return found

    async def changed(self, seconds=None, **more):
        since = None if seconds is None else NOON + timedelta(seconds=seconds)
        return [(run.name, run.status) for run in await self.zenml.changed_runs(since, **more)]

    def asked(self, line):
        return self.state.requests[line]


def play(kit, scene, **options):
    """Play a scene with a demo server."""

    async def main():
        clock = Clock()
        given = {"submit_seconds": 0, "failure_rate": 0, "capacity": None, **options}
        with DemoServer(now=clock, **given) as server:
            async with kit.client(server.url, api_key=DEMO_API_KEY) as zenml:
                return await scene(Play(server, clock, zenml))

    return asyncio.run(main())


def scripted_play(kit, scripted, scene):
    async def main():
        async with kit.connected(scripted) as zenml:
            return await scene(zenml)

    return asyncio.run(main())


def row(kit, number, updated, **body):
    return {
        "id": f"44444444-4444-4444-8444-{number:012}",
        "name": f"r{number}",
        "body": {"status": "running", "updated": updated, **body},
    }


def page(*items):
    return {"total": len(items), "items": list(items)}


# --- what changed


@pytest.mark.parametrize("version", VERSIONS)
def test_each_change_of_status_shows(kit, version):
    async def scene(here):
        await here.start("a")
        here.to(0.05)
        await here.start("b", fail=True)
        seen = [await here.changed(0)]
        for seconds in (5, 30):
            here.to(seconds)
            seen.append(await here.changed(0))
        return [*seen, await here.changed(11), await here.changed(12)]

    first, second, third, late, none = play(kit, scene, version=version)
    assert first == [("a", "initializing"), ("b", "initializing")]
    assert second == [("a", "running"), ("b", "running")]
    assert third == late == [("a", "completed"), ("b", "failed")]
    assert none == []


@pytest.mark.parametrize("version", VERSIONS)
def test_a_list_tells_pipeline_tags_and_times(kit, version):
    async def scene(here):
        await here.start("a")
        here.to(3)
        (run,) = await here.zenml.changed_runs(NOON)
        alone = await here.zenml.run(run.id)
        assert run == replace(alone, metadata={})
        return run, await here.zenml.find_pipeline("training")

    run, pipeline = play(kit, scene, version=version)
    assert (run.pipeline, run.pipeline_id) == ("training", pipeline.id)
    assert (run.created, run.updated) == (NOON, NOON + timedelta(seconds=1.1))
    # Before 0.70 runs cannot be given tags.
    assert run.tags == (() if version == "0.63.0" else ("tag-a",))


def test_since_is_rounded_down_and_has_any_time_zone(kit):
    async def scene(here):
        here.to(0.4)
        await here.start("a")
        elsewhere = (NOON + timedelta(seconds=0.9)).astimezone(timezone(timedelta(hours=2)))
        return [run.name for run in await here.zenml.changed_runs(elsewhere)], await here.changed(1)

    assert play(kit, scene) == (["a"], [])


def test_the_oldest_change_first_and_no_more_than_asked_for(kit):
    async def scene(here):
        ids = await here.start("a", "b", "c", seconds=100)
        here.to(5)
        here.state.end(ids[1], "failed", reason="out of memory")
        here.to(7)
        here.state.end(ids[0], "completed")
        return await here.changed(0), await here.changed(0, most=2), await here.changed(6, most=2)

    everything, two, rest = play(kit, scene)
    assert everything == [("c", "running"), ("b", "failed"), ("a", "completed")]
    assert two == everything[:2]
    assert rest == everything[2:]


def test_several_pages_of_runs_that_changed_in_one_second(kit, monkeypatch):
    monkeypatch.setattr("worker.zenml.following.PAGE", 3)

    async def scene(here):
        # Five in the first second, of which the server can be asked for three at once.
        for number, second in enumerate([0, 0, 0, 0, 0, 2, 2, 3, 4]):
            here.to(second + number / 100)
            here.state.end((await here.start(f"r{number}"))[0], "completed")
        here.to(60)
        names = [run.name for run in await here.zenml.changed_runs(NOON)]
        from_the_beginning = [run.name for run in await here.zenml.changed_runs(None)]
        return names, from_the_beginning, await here.changed(0, most=4)

    names, from_the_beginning, four = play(kit, scene)
    assert names == from_the_beginning == [f"r{number}" for number in range(9)]
    assert [name for name, _ in four] == names[:4]


def test_a_run_that_changes_between_two_pages_is_told_once_and_hides_none(kit, monkeypatch):
    monkeypatch.setattr("worker.zenml.following.PAGE", 2)
    scripted = kit.Scripted()
    times = [f"2026-03-01T12:00:0{second}.500000" for second in range(5)]
    first = page(row(kit, 0, times[0]), row(kit, 1, times[1]))
    second = page(row(kit, 1, times[1]), row(kit, 2, times[2]))
    third = page(row(kit, 2, times[2]), row(kit, 0, times[4], status="completed"))
    fourth = page(row(kit, 0, times[4], status="completed"))
    scripted.on("GET /api/v1/runs", first, second, third, fourth)
    runs = scripted_play(kit, scripted, lambda zenml: zenml.changed_runs(NOON, "default"))
    assert [(run.name, run.status) for run in runs] == [("r1", "running"), ("r2", "running"), ("r0", "completed")]
    asked = [seen.query["updated"] for seen in scripted.of("GET /api/v1/runs")]
    assert asked == [f"gte:2026-03-01 12:00:0{second}" for second in (0, 1, 2, 4)]


@pytest.mark.parametrize(
    "rows",
    [
        [(0, "2026-02-01T00:00:00")],
        [(0, "2026-03-01T12:00:02"), (1, "2026-03-01T12:00:01")],
        [(0, None)],
    ],
    ids=["not filtered", "not sorted", "not told"],
)
def test_a_server_that_lists_otherwise_is_not_believed(kit, rows):
    scripted = kit.Scripted()
    scripted.on("GET /api/v1/runs", page(*(row(kit, number, updated) for number, updated in rows)))
    with pytest.raises(NotSent, match="does not list runs by their last change"):
        scripted_play(kit, scripted, lambda zenml: zenml.changed_runs(NOON))


@pytest.mark.parametrize(
    ("body", "resources"),
    [
        ({"pipeline": {"id": GONE, "name": "etl"}}, {}),
        ({"pipeline_id": GONE}, {"pipeline": {"id": GONE, "name": "etl"}}),
        ({"pipeline_id": GONE}, {}),
        ({}, {"pipeline": None}),
    ],
)
def test_versions_tell_the_pipeline_in_different_places(kit, body, resources):
    scripted = kit.Scripted()
    scripted.on("GET /api/v1/runs", page({**row(kit, 0, "2026-03-01T12:00:00Z", **body), "resources": resources}))
    (run,) = scripted_play(kit, scripted, lambda zenml: zenml.changed_runs(None))
    told = bool(body or resources["pipeline"])
    assert run.pipeline_id == (GONE if told else "")
    assert run.pipeline in {"etl", ""}
    assert run.updated == NOON


# --- by id


@pytest.mark.parametrize("version", VERSIONS)
def test_runs_by_id_without_those_that_are_gone(kit, version):
    async def scene(here):
        ids = await here.start("a", "b", "c")
        here.state.end(ids[2], "failed")
        (deleted, *_) = await here.zenml.runs([ids[1]])
        await here.zenml.delete_run(deleted)
        found = await here.zenml.runs([*ids, ids[0], GONE, "not an id"], "default")
        return {run.name: run.status for run in found}, await here.zenml.runs([])

    assert play(kit, scene, version=version) == ({"a": "initializing", "c": "failed"}, [])


def test_a_hundred_ids_in_a_request(kit):
    async def scene(here):
        (run,) = await here.start("a")
        found = await here.zenml.runs([*(str(uuid4()) for _ in range(200)), run])
        return [one.id for one in found] == [run], here.asked("GET /api/v1/runs")

    assert play(kit, scene) == (True, 3)


def test_a_server_that_ignores_the_ids_is_not_believed(kit):
    scripted = kit.Scripted()
    scripted.on("GET /api/v1/runs", page(scripted.run, row(kit, 1, None)))
    with pytest.raises(NotSent, match="does not filter runs by id"):
        scripted_play(kit, scripted, lambda zenml: zenml.runs([kit.run]))


# --- what runs have reported


@pytest.mark.parametrize("version", VERSIONS)
def test_what_runs_have_reported(kit, version):
    async def scene(here):
        good, running, deleted = [*await here.start("a", lr=0.01), *await here.start("b", "c", seconds=100)]
        await here.zenml.delete_run((await here.zenml.runs([deleted]))[0])
        here.to(30)
        found = await here.zenml.metrics([good, running, deleted, GONE, "not an id"], "default")
        assert set(found) == {good, running}
        assert found[good].metadata == (await here.zenml.run(good)).metadata
        assert found[running].status == "running"
        return found[good].metadata, (await here.zenml.runs([good]))[0].metadata, await here.zenml.metrics([])

    told, listed, none = play(kit, scene, version=version)
    assert (told["accuracy"], told["epoch"]) == (0.805, 3)
    assert listed == none == {}


def test_what_a_hundred_runs_have_reported_is_asked_for_at_once(kit):
    async def scene(here):
        (run,) = await here.start("a")
        found = await here.zenml.metrics([*(str(uuid4()) for _ in range(200)), run])
        return list(found) == [run], here.asked("GET /api/v1/runs")

    assert play(kit, scene) == (True, 3)


LARGE = {f"name {number}": number for number in range(2_000)}


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ({"accuracy": 0.5, "epoch": 3, "good": True, "note": "x", "none": None}, ...),
        ({"accuracy": {"id": GONE, "body": {"key": "accuracy", "value": 0.5, "type": "float"}}}, {"accuracy": 0.5}),
        ({"list": [1], "mapping": {"a": 1}, "thing": {"body": {"value": {"a": 1}}}, "a": 1}, {"a": 1}),
        ({"long": "x" * 1_001, "y" * 1_001: 1, "large": 10**30, "a": -1}, {"a": -1}),
        (LARGE, dict(list(LARGE.items())[:1_000])),
        ({}, {}),
        (None, {}),
        ([1], {}),
    ],
    ids=["scalars", "before 0.70", "no scalars", "too large", "too many", "nothing", "null", "a list"],
)
def test_only_short_scalars_are_read_of_it(kit, told, read):
    scripted = kit.Scripted()
    scripted.on("GET /api/v1/runs", page({**row(kit, 0, None), "id": kit.run, "metadata": {"run_metadata": told}}))
    run = scripted_play(kit, scripted, lambda zenml: zenml.metrics([kit.run]))[kit.run]
    expected = told if read is ... else read
    assert dict(run.metadata) == expected
    assert [type(value) for value in run.metadata.values()] == [type(value) for value in expected.values()]
    assert hash(run)


def test_runs_that_have_reported_too_much_for_one_answer(kit):
    async def scene(here):
        runs = await here.start(*"abcdefg", seconds=0)
        here.to(10)
        for run in runs:
            here.state.report(run, {"matrix": [0.5] * 5_000})  # 25 KB
        here.state.report(runs[3], {"matrix": [0.5] * 50_000})
        async with kit.client(here.zenml_url, api_key=DEMO_API_KEY, max_bytes=100_000) as zenml:
            found = await zenml.metrics(runs)
        return [list(found[run].metadata) for run in runs], [found[run].status for run in runs]

    told, statuses = play(kit, scene)
    reported = ["epoch", "accuracy", "loss", "model_type"]
    assert told == [reported] * 3 + [[]] + [reported] * 3
    assert set(statuses) == {"completed"}


def test_numbers_that_are_none_are_left_out(kit):
    scripted = kit.Scripted()
    told = b'{"loss": NaN, "worst": Infinity, "accuracy": 0.5}'
    item = b'{"id": "%s", "name": "a", "body": {"status": "running"}, "metadata": {"run_metadata": %s}}'
    answer = b'{"total": 1, "items": [%s]}' % (item % (kit.run.encode(), told))
    scripted.on("GET /api/v1/runs", answer)
    assert scripted_play(kit, scripted, lambda zenml: zenml.metrics([kit.run]))[kit.run].metadata == {"accuracy": 0.5}


# --- stop


@pytest.mark.parametrize("version", ["0.84.0", "0.98.0"])
def test_a_run_is_stopped_when_its_step_has_finished(kit, version):
    async def scene(here):
        (run,) = await here.start("a")
        with pytest.raises(NotYet, match="before it is on its way") as caught:
            await here.zenml.stop_run(run)
        assert caught.value.retryable
        here.to(4)
        await here.zenml.stop_run(run)
        await here.zenml.stop_run(run)  # asked already
        stopping = await here.changed(4)
        here.to(30)
        stopped = await here.changed(5)
        with pytest.raises(Refused, match="has ended already") as caught:
            await here.zenml.stop_run(run)
        return stopping, stopped, caught.value.code

    assert play(kit, scene, version=version) == ([("a", "stopping")], [("a", "stopped")], "ended")


def test_a_run_that_never_starts_cannot_be_stopped(kit):
    async def scene(here):
        here.faults.add("stays_initializing", match="POST .*/runs")
        (run,) = await here.start("a")
        here.to(100_000)
        with pytest.raises(NotYet):
            await here.zenml.stop_run(run)
        return (await here.zenml.run(run)).status

    assert play(kit, scene) == "initializing"


@pytest.mark.parametrize("end", ["completed", "failed", "stopped"])
def test_a_run_that_has_ended_is_not_stopped(kit, end):
    async def scene(here):
        (run,) = await here.start("a")
        here.state.end(run, end)
        with pytest.raises(Refused) as caught:
            await here.zenml.stop_run(run)
        return caught.value.code

    assert play(kit, scene) == "ended"


def test_servers_before_0_84_are_not_asked(kit):
    async def scene(here):
        (run,) = await here.start("a")
        with pytest.raises(Refused, match=r"this ZenML server \(0\.75\.1\) cannot stop runs; that came with 0\.84"):
            await here.zenml.stop_run(run)
        return here.asked(f"POST /api/v1/runs/{run}/stop")

    assert play(kit, scene, version="0.75.1") == 0


def test_an_orchestrator_that_cannot_stop_runs(kit):
    async def scene(here):
        (run,) = await here.start("a")
        here.to(4)
        with pytest.raises(Refused, match=r"cannot be stopped: .*does not support stopping"):
            await here.zenml.stop_run(run)
        return (await here.zenml.run(run)).status

    assert play(kit, scene, version="0.85.0", can_stop=False) == "running"


@pytest.mark.parametrize("identity", [GONE, "../login"])
def test_a_run_that_is_gone_is_not_stopped(kit, identity):
    async def scene(here):
        with pytest.raises(NotFound):
            await here.zenml.stop_run(identity)

    play(kit, scene)


UNABLE = ["NotImplementedError", "The forceful stop run functionality is not implemented for the 'SSH' orchestrator."]

UNSUPPORTED = ["NotImplementedError", "The 'SSH' orchestrator does not support stopping pipeline runs."]


@pytest.mark.parametrize(
    ("status", "detail", "error", "code"),
    [
        (200, None, None, None),
        (501, UNABLE, None, None),
        (501, UNSUPPORTED, Refused, "cannot_stop"),
        (501, "Unsupported method", NotSent, "server_error"),
        (403, ["IllegalOperationError", "Run is already being stopped."], None, None),
        (403, ["IllegalOperationError", "Insufficient permissions"], AccessDenied, "forbidden"),
        (405, "Method Not Allowed", Refused, "cannot_stop"),
        (400, ["ValueError", "The stack is not accessible."], Refused, "refused"),
        (429, None, NotSent, "too_busy"),
        (500, None, NotSent, "server_error"),
        (502, None, NotSent, "unavailable"),
    ],
)
def test_what_a_server_says_to_a_stop(kit, status, detail, error, code):
    scripted = kit.Scripted()
    scripted.on(f"POST /api/v1/runs/{kit.run}/stop", kit.says(status, {"detail": detail}))

    def stop():
        scripted_play(kit, scripted, lambda zenml: zenml.stop_run(kit.run))

    if error is None:
        stop()
    else:
        with pytest.raises(error) as caught:
            stop()
        assert (type(caught.value), caught.value.code) == (error, code)
    (asked,) = scripted.of(f"POST /api/v1/runs/{kit.run}/stop")
    assert asked.query == {"graceful": "true"}


def test_a_stop_that_gets_no_answer_may_be_asked_for_again(kit):
    async def scene(here):
        (run,) = await here.start("a")
        here.to(4)
        here.faults.add("reset_after_accept", match="/stop")
        with pytest.raises(NotSent):
            await here.zenml.stop_run(run)
        await here.zenml.stop_run(run)

    play(kit, scene)
