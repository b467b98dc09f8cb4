"""Names are looked up once for all, kept, and served stale rather than not at all."""

import asyncio
import logging
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from redis.asyncio import Redis

from worker.domain.errors import NotFound, NotSent, StoreUnavailable
from worker.engine.resolver import Resolver
from worker.store.cache import Name, NameCache
from worker.store.connection import connect
from worker.store.keys import Keys
from worker.zenml.client import ZenML
from worker.zenml.options import ZenMLOptions

PIPELINE = "11111111-1111-4111-8111-111111111111"
TEMPLATE = "22222222-2222-4222-8222-222222222222"
OTHER = "33333333-3333-4333-8333-333333333333"


class Templates:
    """A ZenML server with one template, that counts how often it is asked for it."""

    def __init__(self):
        self.template = TEMPLATE
        self.asked = 0
        self.away = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def serve(self, request):
        name = request.query.get("name", "").removeprefix("equals:")
        if request.path == "/api/v1/info":
            return web.json_response({"version": "0.98.0"})
        if self.away:
            return web.Response(status=503)
        if request.path == "/api/v1/pipelines":
            self.asked += 1
            await self.gate.wait()
            found = [{"id": PIPELINE, "name": "training"}] if name in {"training", ""} else []
            return web.json_response({"total": len(found), "items": found})
        item = {
            "id": self.template,
            "name": "production",
            "resources": {"pipeline": {"id": PIPELINE, "name": "training"}},
        }
        if request.path == "/api/v1/run_templates":
            return web.json_response({"total": 1, "items": [item]})
        return web.json_response({**item, "metadata": {"config_template": {"steps": {}}}})


class Clock:
    def __init__(self):
        self.now = datetime(2026, 11, 23, tzinfo=UTC)

    def __call__(self):
        return self.now

    def pass_(self, seconds):
        self.now += timedelta(seconds=seconds)


class Scene:
    """A server, a Redis, and as many resolvers as a test wants, each as in a process of its own."""

    def __init__(self, server, url, redis_url, stack):
        self.server = server
        self.clock = Clock()
        self._url = url
        self._redis_url = redis_url
        self._stack = stack

    def resolver(self, redis_url="", redis=None, **times):
        zenml = ZenML(ZenMLOptions(url=self._url, api_token="t", total_timeout=5.0))
        redis = redis or connect(redis_url or self._redis_url)
        self._stack += [zenml.aclose, redis.aclose]
        return Resolver(zenml, redis, Keys(), now=self.clock, **times)

    def cache(self):
        redis = connect(self._redis_url)
        self._stack.append(redis.aclose)
        return NameCache(redis, Keys())


@asynccontextmanager
async def scene(redis_url):
    server, stack = Templates(), []
    runner = web.ServerRunner(web.Server(server.serve), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield Scene(server, f"http://127.0.0.1:{runner.addresses[0][1]}", redis_url, stack)
    finally:
        for close in stack:
            await close()
        await runner.cleanup()


def play(redis_url, act):
    async def main():
        async with scene(redis_url) as stage:
            await act(stage)

    asyncio.run(main())


async def aged(stage, name, by):
    """Make what is kept under a name older, by Redis' clock."""
    cache = stage.cache()
    redis, key = cache._redis, cache._key(name)
    await redis.pexpire(key, await redis.pttl(key) - round(by * 1000))


NAMED = Name(kind="template", project="", words=("training", "production"))


def test_a_thousand_triggers_are_one_look_up(redis_url):
    async def act(stage):
        resolver = stage.resolver()
        found = await asyncio.gather(*(resolver.resolve("training", "production") for _ in range(1000)))
        assert {each.resolution.id for each in found} == {TEMPLATE}
        assert not found[0].stale
        assert stage.server.asked == 1

    play(redis_url, act)


def test_while_it_is_remembered_redis_is_not_asked(redis_url):
    async def act(stage):
        resolver = stage.resolver()
        await resolver.resolve("training", "production")
        redis = stage.cache()._redis
        before = (await redis.info("commandstats")).get("cmdstat_get", {}).get("calls", 0)
        for _ in range(100):
            await resolver.resolve("training", "production")
        after = (await redis.info("commandstats"))["cmdstat_get"]["calls"]
        assert after == before
        stage.clock.pass_(6)
        await resolver.resolve("training", "production")
        assert (await redis.info("commandstats"))["cmdstat_get"]["calls"] == before + 1
        assert stage.server.asked == 1

    play(redis_url, act)


def test_many_processes_are_one_look_up(redis_url):
    async def act(stage):
        stage.server.gate.clear()
        lookups = [asyncio.create_task(stage.resolver().resolve("training", "production")) for _ in range(8)]
        while not stage.server.asked:
            await asyncio.sleep(0.01)
        stage.server.gate.set()
        found = await asyncio.gather(*lookups)
        assert {each.resolution.id for each in found} == {TEMPLATE}
        assert stage.server.asked == 1

    play(redis_url, act)


def test_who_holds_the_lock_and_dies_does_not_hold_up_the_others(redis_url):
    async def act(stage):
        await stage.cache().lock(NAMED, "dead", timedelta(milliseconds=200))
        assert (await stage.resolver().resolve("training", "production")).resolution.id == TEMPLATE

    play(redis_url, act)


def test_an_answer_holds_for_its_time_and_is_then_asked_anew(redis_url):
    async def act(stage):
        await stage.resolver().resolve("training", "production")
        stage.server.template = OTHER
        await aged(stage, NAMED, 200)
        assert (await stage.resolver().resolve("training", "production")).resolution.id == TEMPLATE
        await aged(stage, NAMED, 200)
        assert (await stage.resolver().resolve("training", "production")).resolution.id == OTHER

    play(redis_url, act)


def test_what_is_not_there_is_remembered_shortly(redis_url):
    async def act(stage):
        resolver = stage.resolver(negative_ttl=timedelta(milliseconds=300))
        for _ in range(10):
            with pytest.raises(NotFound, match="did you mean"):
                await resolver.resolve("trainin", "production")
        with pytest.raises(NotFound, match="did you mean"):
            await stage.resolver(negative_ttl=timedelta(milliseconds=300)).resolve("trainin", "production")
        assert stage.server.asked == 2  # the name, and the names like it
        name = Name(kind="template", project="", words=("trainin", "production"))
        while await stage.cache().read(name):
            await asyncio.sleep(0.02)
        stage.clock.pass_(1)
        with pytest.raises(NotFound):
            await resolver.resolve("trainin", "production")
        assert stage.server.asked == 4

    play(redis_url, act)


def test_the_last_known_answer_serves_while_zenml_is_away(redis_url, caplog):
    async def act(stage):
        await stage.resolver().resolve("training", "production")
        await aged(stage, NAMED, 400)
        stage.server.away = True
        resolver = stage.resolver()
        with caplog.at_level(logging.WARNING, logger="zenbeat.resolver"):
            found = await resolver.resolve("training", "production")
        assert found.stale
        assert found.resolution.id == TEMPLATE
        (record,) = [record for record in caplog.records if record.name == "zenbeat.resolver"]
        assert record.getMessage() == "stale"
        assert 399 <= record.age <= 402
        stage.server.away = False
        stage.clock.pass_(6)
        assert not (await resolver.resolve("training", "production")).stale

    play(redis_url, act)


def test_nothing_known_and_zenml_away(redis_url):
    async def act(stage):
        stage.server.away = True
        with pytest.raises(NotSent):
            await stage.resolver().resolve("training", "production")

    play(redis_url, act)


def test_forgetting_is_for_all(redis_url):
    async def act(stage):
        resolver = stage.resolver()
        await resolver.resolve("training", "production")
        stage.server.template = OTHER
        await resolver.forget("training", "production")
        assert (await resolver.resolve("training", "production")).resolution.id == OTHER
        assert (await stage.resolver().resolve("training", "production")).resolution.id == OTHER

    play(redis_url, act)


def test_one_who_gives_up_does_not_take_the_answer_from_the_others(redis_url):
    async def act(stage):
        stage.server.gate.clear()
        resolver = stage.resolver()
        impatient = asyncio.create_task(resolver.resolve("training", "production"))
        while not stage.server.asked:
            await asyncio.sleep(0.01)
        patient = asyncio.create_task(resolver.resolve("training", "production"))
        impatient.cancel()
        await asyncio.gather(impatient, return_exceptions=True)
        stage.server.gate.set()
        assert (await patient).resolution.id == TEMPLATE
        assert stage.server.asked == 1

    play(redis_url, act)


class Overtaken(Redis):
    """A Redis in which another process finds the name just before this one gets the lock."""

    async def set(self, name, value, **options):
        if options.get("nx"):
            await self.overtake()
        return await super().set(name, value, **options)


def test_what_another_process_found_meanwhile_is_taken(redis_url):
    async def act(stage):
        redis = Overtaken.from_url(redis_url)
        redis.overtake = lambda: stage.resolver().resolve("training", "production")
        assert (await stage.resolver(redis=redis).resolve("training", "production")).resolution.id == TEMPLATE
        assert stage.server.asked == 1

    play(redis_url, act)


def test_a_look_up_that_was_forgotten_underway_does_not_serve_later_calls(redis_url):
    async def act(stage):
        stage.server.gate.clear()
        resolver = stage.resolver()
        early = asyncio.create_task(resolver.resolve("training", "production"))
        while not stage.server.asked:
            await asyncio.sleep(0.01)
        await resolver.forget("training", "production")
        late = asyncio.create_task(resolver.resolve("training", "production"))
        stage.server.gate.set()
        assert (await early).resolution.id == (await late).resolution.id == TEMPLATE

    play(redis_url, act)


def test_a_look_up_that_is_cancelled_ends_for_all(redis_url):
    async def act(stage):
        stage.server.gate.clear()
        resolver = stage.resolver()
        waiting = asyncio.create_task(resolver.resolve("training", "production"))
        while not stage.server.asked:
            await asyncio.sleep(0.01)
        (look_up,) = resolver._underway.values()
        look_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not resolver._underway
        stage.server.gate.set()

    play(redis_url, act)


def test_only_so_many_names_are_remembered(redis_url):
    async def act(stage):
        resolver = stage.resolver(most_remembered=2)
        for name in ("a", "b", "c"):
            with pytest.raises(NotFound):
                await resolver.resolve(name)
        assert [name.words[0] for name in resolver._memo] == ["b", "c"]

    play(redis_url, act)


@pytest.mark.parametrize("value", [b"", b"nonsense", b'{"keep": 1000, "missing": ""}\n{"route": "no"}', b"[]\n{}"])
def test_what_cannot_be_read_is_looked_up_anew(redis_url, value):
    async def act(stage):
        cache = stage.cache()
        await cache._redis.set(cache._key(NAMED), value, px=86_400_000)
        assert (await stage.resolver().resolve("training", "production")).resolution.id == TEMPLATE

    play(redis_url, act)


def test_names_do_not_run_into_each_other():
    one = Name(kind="template", project="", words=("a/b", "c"))
    two = Name(kind="template", project="", words=("a", "b/c"))
    assert str(one) != str(two)


def test_without_redis(redis_url):
    async def act(stage):
        with pytest.raises(StoreUnavailable):
            await stage.resolver("redis://127.0.0.1:1").resolve("training", "production")

    play(redis_url, act)
