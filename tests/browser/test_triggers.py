"""Triggers and dead letters in a browser: what is told live, and an act by keyboard alone."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

from playwright.sync_api import expect

from tests.browser.conftest import Viewer
from tests.server.living import Living
from worker.domain.errors import Refused
from worker.domain.fate import Fate
from worker.domain.outcome import Status
from worker.domain.trigger import Origin
from worker.engine import recorder
from worker.engine.enqueue import accept
from worker.engine.requests import parse_request
from worker.store.attempts import Claimed
from worker.store.codec import milliseconds
from worker.store.following import Look
from worker.zenml.models import Run

EVIL = "<script>document.title = 'got in'</script><img src=x onerror=alert(1)>"

TOKEN = "token"


class Seed:
    """A worker and a ZenML of the test's own, which do what the test wants."""

    def __init__(self, living: Living) -> None:
        self.living = living
        self.engine = living.engine

    def ask(self, pipeline: str) -> str:
        """Put a trigger on record; gives its id."""
        request = parse_request({"pipeline": pipeline})
        told = accept(self.engine.requests, Origin.CLI, request, pipeline, self.engine.clock())
        identity: str = self.living.ask(told).trigger.id
        return identity

    async def _claim(self, identity: str) -> Claimed:
        async with asyncio.timeout(10):
            while not (claims := await self.engine.triggers.claim([identity], TOKEN)):
                await self.engine.dispatcher.ring()
                await asyncio.sleep(0.02)
        return claims[0]

    def refuse(self, identity: str, reason: str) -> None:
        """Let ZenML give a definite no."""

        async def body() -> None:
            claim, now = await self._claim(identity), self.engine.clock()
            error = Refused(reason, code="refused", http_status=400)
            failed = recorder.failed(claim, error, now, Random(1), sent=now)
            assert await self.engine.triggers.settle([failed], TOKEN, 0) == [True]

        self.living.ask(body())

    def start(self, identity: str) -> None:
        """Let ZenML take the run."""

        async def body() -> None:
            claim, now = await self._claim(identity), self.engine.clock()
            run = Run(id="0" * 36, name=claim.trigger.run_name, status="initializing", project="default")
            started = recorder.started(claim, run, now, notes={"url": f"{self.living.url}/runs/1"}, sent=now)
            assert await self.engine.triggers.settle([started], TOKEN, 0) == [True]

        self.living.ask(body())

    def follow(self, identity: str, status: str, fate: Fate | None = None) -> None:
        """Let the run go on, or end."""
        now = self.engine.clock()
        outcome = {"status": status, "trigger": identity, "at": now}
        ended = now if fate else None
        look = Look(id=identity, status=status, wait=timedelta(seconds=9), fate=fate, ended=ended, outcome=outcome)
        self.living.ask(self.engine.following.write([look]))


def test_the_page_of_a_trigger_follows_it_to_its_end(site: Callable[..., Living], view: Callable[..., Viewer]) -> None:
    seed = Seed(site())
    identity = seed.ask("training")
    page = view().page
    page.goto(f"{seed.living.url}/triggers/{identity}")
    expect(page.locator(".verdict")).to_contain_text("waiting")
    expect(page.locator("html.hears")).to_be_attached()
    seed.start(identity)
    expect(page.locator(".verdict")).to_contain_text("ZenML has its run")
    expect(page.get_by_role("link", name="Open the run")).to_be_visible()
    seed.follow(identity, Status.RUNNING.value)
    expect(page.get_by_role("row", name="the run runs")).to_be_visible()
    seed.follow(identity, "completed", Fate.COMPLETED)
    expect(page.locator(".verdict")).to_contain_text("Its run completed")
    expect(page.get_by_role("img", name="asks ZenML")).to_be_visible()


def test_triggers_are_found_by_times_on_the_viewers_clock(
    site: Callable[..., Living], view: Callable[..., Viewer]
) -> None:
    seed = Seed(site())
    identity = seed.ask("training")
    at = datetime(2026, 11, 2, 1, 30, tzinfo=UTC)
    seed.living.ask(seed.engine.redis.zadd(seed.engine.keys.triggers, {identity: milliseconds(at)}))
    page = view(timezone_id="Asia/Tokyo").page
    page.goto(f"{seed.living.url}/triggers")
    for before, count in (("2026-11-02T10:30", 0), ("2026-11-02T10:31", 1)):
        page.get_by_label("Before (Asia/Tokyo)").fill(before)
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_label("Before (Asia/Tokyo)")).to_have_value(before)
        expect(page.get_by_role("row", name="training")).to_have_count(count)


def test_a_dead_letter_is_replayed_by_keyboard_and_what_zenml_said_stays_text(
    site: Callable[..., Living], view: Callable[..., Viewer]
) -> None:
    seed = Seed(site())
    first, second = seed.ask("training"), seed.ask("etl")
    for identity in (first, second):
        seed.refuse(identity, f"no luck: {EVIL}")
    page = view().page
    for path in (f"/triggers/{first}", "/triggers", "/dead"):
        page.goto(seed.living.url + path)
        expect(page.get_by_text(EVIL).first).to_be_visible()
        assert "got in" not in page.title()
    page.get_by_role("checkbox").first.focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Replay the ticked ones").focus()
    page.keyboard.press("Enter")
    over = page.get_by_role("dialog", name="What to do")
    expect(over.get_by_role("heading", name="Replay 1 dead letter?")).to_be_focused()
    assert page.url == f"{seed.living.url}/dead"
    page.keyboard.press("Tab")
    expect(over.get_by_role("button", name="Replay 1")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("1 dead letter waits again.")
    expect(page.get_by_role("heading", name="1 for: no luck")).to_be_visible()
    (left,) = seed.living.ask(seed.engine.triggers.dead(10))
    expect(page.get_by_role("link", name="ago")).to_have_attribute("href", f"/triggers/{left}")


def test_what_is_wrong_in_the_form_is_told_over_the_page(
    site: Callable[..., Living], view: Callable[..., Viewer]
) -> None:
    living = site()
    viewer = view()
    viewer.expected = ("422",)
    page = viewer.page
    page.goto(f"{living.url}/triggers")
    page.get_by_role("link", name="Start a run").click()
    over = page.get_by_role("dialog", name="What to do")
    over.get_by_label("Pipeline, name or id").fill("training")
    over.get_by_label("Configuration, as YAML").fill("steps: [1")
    over.get_by_role("button", name="Start").click()
    expect(over.get_by_role("alert")).to_contain_text("config:2:1")
    expect(over.get_by_label("Configuration, as YAML")).to_have_value("steps: [1")
    over.get_by_label("Configuration, as YAML").fill("steps: {}")
    over.get_by_role("button", name="Start").click()
    expect(page.get_by_role("status")).to_have_text("A run of training is on its way.")
    expect(page.get_by_role("link", name="Cancel")).to_be_visible()
