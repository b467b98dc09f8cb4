"""The page of the servers: what is well, what is not and what to do, and what the next day brings."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.api.door import Door
from tests.web.visitor import Visitor, text_of
from worker.demo.zenml import DEMO_API_KEY, DemoServer
from worker.domain.trigger import Origin
from worker.engine.enqueue import accept_all
from worker.engine.installation import SAMPLE
from worker.engine.requests import parse_request
from worker.store.audit import Audited
from worker.store.codec import milliseconds
from worker.web.charts import herd
from worker.web.words import brief, rate

EVIL = "<script>alert(1)</script>"


async def alive(opened: Door, **worker: Any) -> None:
    """Leave the signs of a beat that leads and of a worker."""
    at = opened.engine.clock().isoformat()
    since = (opened.engine.clock() - timedelta(hours=3)).isoformat()
    signs = opened.engine.heartbeats
    await signs.beat("beat", "alpha:11:abc", {"at": at, "since": since, "leading": True, "schedules": 12, "alarm": ""})
    await signs.beat("worker", "beta:22:def", {"at": at, "since": since, **worker})
    await opened.engine.redis.config_set("appendonly", "yes")


async def queue(opened: Door, *priorities: int, key: str = "k") -> list[str]:
    wanted = [
        (parse_request({"pipeline": "training", "priority": each, "config": {"tags": ["gpu"]}}), f"{key}{number}")
        for number, each in enumerate(priorities)
    ]
    done = await accept_all(opened.engine.requests, Origin.API, wanted, opened.engine.clock())
    return [each.trigger.id for each in done]


async def learnt(opened: Door, **state: Any) -> None:
    await opened.engine.redis.hset(opened.engine.keys.limit, mapping=state)


def connected(demo: DemoServer) -> dict[str, str]:
    return {"ZENML_STORE_URL": demo.url, "ZENML_STORE_API_KEY": DEMO_API_KEY}


def test_all_is_well_and_every_process_is_told(door: Callable[..., None], demo: DemoServer) -> None:
    async def body(opened: Door) -> None:
        await alive(opened, executed=7, last=opened.engine.clock().isoformat(), holds=2.0)
        await learnt(opened, window="4", capped="1", patience="40", accepted="10")
        text = text_of(await Visitor(opened).see("/servers"))
        assert "✓ All is well" in text
        assert "yes , version 0." in text
        assert "It takes 4 launches at once, as learnt; one more is tried after 30 more that fill it." in text
        assert "0 of 4 in use" in text
        assert "About 120 launches a minute: 4 at once, each holds its slot for 2.0 s." in text
        assert re.search(r"beat ✓ leads alpha 11 3 h ago now 12 schedules", text)
        assert re.search(r"worker beta 22 3 h ago now 7 launch attempts, the last now", text)
        assert "none waits to be delivered" in text

    door(body, **connected(demo))


def test_what_is_wrong_is_told_first_with_what_to_do(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        text = text_of(await Visitor(opened).see("/servers"))
        assert "✗ 3 things keep runs from starting" in text
        assert "✗ ZenML : no address is set What to do: set ZENML_STORE_URL" in text
        assert "none is alive: no schedule fires What to do: start one: zenbeat beat" in text
        assert "None is alive. zenbeat up starts all" in text

    door(body)


def test_a_server_that_is_away_or_left_alone_is_told_with_its_reason(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        await alive(opened)
        soon = opened.engine.clock() + timedelta(minutes=9, seconds=30)
        await learnt(opened, open=milliseconds(soon), failures=6, why=f"it fell over {EVIL}")
        page = await Visitor(opened).see("/servers")
        text = text_of(page)
        assert EVIL not in page
        assert f"It is left alone but for a probe now and then: it fell over {EVIL}." in text
        assert "The next probe goes in 9 min" in text
        assert "see that ZENML_STORE_URL is right and that the server runs" in text
        assert "no : " in text

    door(body, ZENML_STORE_URL="http://127.0.0.1:9", ZENML_STORE_API_KEY="k")


def test_the_queue_is_told_by_priority_and_a_sample_is_called_one(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        await queue(opened, 5, 5, 5, 0, -10, key="first")
        text = text_of(await Visitor(opened).see("/servers"))
        assert "Ready, by priority" in text
        assert "+5 3 0 1 -10 1" in text
        assert "Of the next" not in text
        await queue(opened, *[7] * SAMPLE)
        text = text_of(await Visitor(opened).see("/servers"))
        assert f"Of the next {SAMPLE}; {SAMPLE + 5} are ready." in text
        assert f"+7 {SAMPLE}" in text

    door(body)


def test_limits_of_ours_tell_how_much_of_them_is_used(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        await queue(opened, 0, 0, 0, 0)
        await opened.engine.dispatcher.ring()
        text = text_of(await Visitor(opened).see("/servers"))
        assert "launches at once ZENBEAT_MAX_IN_FLIGHT 2 of 256" in text
        assert "a minute ZENBEAT_MAX_PER_MINUTE 2 of 3" in text
        assert "today (UTC) ZENBEAT_MAX_PER_DAY 2 of 2 ▲ full" in text
        assert "at once with the tag gpu ZENBEAT_TAG_LIMITS 2 of 3" in text
        assert "at once with the tag zenbeat:* ZENBEAT_TAG_LIMITS 1 of 5" in text
        assert "None has held anything back." in text
        await learnt(opened, throttled=milliseconds(opened.engine.clock() - timedelta(minutes=4)))
        assert "held something back last 4 min ago" in text_of(await Visitor(opened).see("/servers"))

    limits = {"ZENBEAT_MAX_PER_MINUTE": "3", "ZENBEAT_MAX_PER_DAY": "2", "ZENBEAT_TAG_LIMITS": "gpu=3,zenbeat:*=5"}
    door(body, **limits)


SCHEDULES = """
schedules:
  - {{name: alone, pipeline: p, cron: "30 * * * *"}}
  - {{name: follows, pipeline: p, after: {{schedule: alone}}}}
{}
"""


def test_the_worst_minutes_of_the_next_day_are_named(door: Callable[..., None], tmp_path: Path) -> None:
    rows = "\n".join(f'  - {{name: c{number:02}, pipeline: p, cron: "0 2 * * *"}}' for number in range(37))
    (tmp_path / "a.yaml").write_text(SCHEDULES.format(rows))

    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        text = text_of(await visitor.see("/servers"))
        assert "How much the server takes is not known" in text
        await alive(opened, holds=5.0)
        await learnt(opened, window="2", capped="1")
        page = await visitor.see("/servers")
        text = text_of(page)
        assert "▲ Crowded : in 1 minute, more is due than the server takes" in text
        assert "the last of a crowd starts about 32 s late" in text
        assert "The server takes about 24 a minute: 2 at once, each holds its slot for 5.0 s" in text
        assert "37 schedules: c00 , c01" in text
        assert "and 29 more" in text
        assert "1 that follow others is not counted" in text
        assert '<path class="bad" d="M' in page

    door(body)


def test_without_schedules_it_says_what_to_do(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        assert "No schedule is due by the clock. Put one into a file" in text_of(await Visitor(opened).see("/servers"))

    door(body)


def test_a_script_gets_the_part_that_it_asks_for_and_a_forecast_that_takes_long_comes_later(
    door: Callable[..., None],
) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        visitor.http.headers["hx-request"] = "true"
        state = await visitor.see("/servers?part=state")
        assert state.lstrip().startswith('<div id="stands"')
        assert "The next day" not in state
        opened.app.state.watch.patience = 0.0
        waiting = await visitor.see("/servers?part=forecast")
        assert "is being worked out" in text_of(waiting)
        assert 'hx-get="/servers?part=forecast"' in waiting
        opened.app.state.watch.patience = 20.0
        there = await visitor.see("/servers?part=forecast")
        assert "No schedule is due" in text_of(there)
        assert "hx-get" not in there

    door(body)


def test_the_drawing_tells_what_is_above_the_line_apart() -> None:
    drawn = herd.draw([0, 2, 8, 0], rate=4.0, now=1)
    assert (drawn.width, drawn.top, drawn.line, drawn.now) == (4, 8, 50.0, 1)
    assert drawn.within == "M1 100V75h1V100zM2 100V50h1V100z"
    assert drawn.over == "M2 50V0h1V50z"
    quiet = herd.draw([1, 0], rate=30.0, now=0)
    assert (quiet.top, quiet.line, quiet.within, quiet.over) == (4, None, "M0 100V75h1V100z", "")
    assert herd.draw([9], rate=None, now=0).line is None


# --- the audit log


def told(opened: Door, number: int, **more: Any) -> Audited:
    given = {"who": "ada", "action": "schedule.pause", "what": f"nightly-{number}", **more}
    return Audited(at=opened.engine.clock(), address="203.0.113.9", **given)


def test_the_audit_log_is_for_administrators(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        operator = Visitor(opened)
        await operator.log_in(await opened.key("operate", name="op"))
        assert 'href="/audit"' not in await operator.see("/servers")
        assert "has not the scope admin" in text_of(await operator.see("/audit", status=403))
        admin = Visitor(opened)
        await admin.log_in(await opened.key("admin", name="root"))
        assert 'href="/audit"' in await admin.see("/servers")
        text = text_of(await admin.see("/audit"))
        assert "call.denied GET /audit" in text
        assert "✗ refused" in text

    door(body)


def test_the_audit_log_has_pages_and_can_be_asked_for_some(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        for number in range(60):
            await opened.engine.audit.tell(told(opened, number, reason=EVIL, before='{"a": 1}'))
        await opened.engine.audit.tell(told(opened, 99, who="cli:bob", action="key.create"))
        visitor = Visitor(opened)
        page = await visitor.see("/audit")
        text = text_of(page)
        assert EVIL not in page
        assert EVIL in text
        assert "a: 1" in text
        assert "203.0.113.9" in text
        assert text.index("nightly-99") < text.index("nightly-59")
        assert "nightly-10 " not in text
        (older,) = re.findall(r'href="(/audit\?cursor=[^"]+)" rel="next"', page)
        page = await visitor.see(older)
        assert "nightly-10 " in text_of(page)
        assert 'rel="next"' not in page
        text = text_of(await visitor.see("/audit?who=cli%3Abob&action=key.&result=done"))
        assert "nightly-99" in text
        assert "nightly-59" not in text
        assert "Nothing that fits." in text_of(await visitor.see("/audit?result=refused"))
        await visitor.see("/audit?cursor=nonsense", status=404)

    door(body)


def test_an_empty_audit_log_says_so(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        assert "Nothing has been changed yet." in text_of(await Visitor(opened).see("/audit"))

    door(body)


def test_figures_are_as_exact_as_matters() -> None:
    assert [rate(each) for each in (0.42, 9.0, 24.4, 1200.0)] == ["0.4", "9", "24", "1,200"]
    assert [brief(each) for each in (0.008, 0.25, 1.54)] == ["8 ms", "250 ms", "1.5 s"]
