"""The log of triggers: as a browser without scripts sees it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from tests.api.door import Door
from tests.web.staged import TRIGGERS, ask
from tests.web.visitor import Visitor, text_of
from worker.store.codec import milliseconds


def test_before_the_first_trigger_the_log_says_how_to_make_one(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        page = text_of(await Visitor(opened).see("/triggers"))
        assert "Nothing was asked for yet" in page
        assert "zenbeat trigger start" in page

    door(body)


def test_the_log_finds_by_each_of_its_fields(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        ada = opened.client(key=await opened.key("admin", name="ada"))
        first = (await ada.post(TRIGGERS, json={"pipeline": "training", "config": {"run_name": "blue"}})).json()
        second = (await ada.post(TRIGGERS, json={"pipeline": "etl", "template": "staging"})).json()
        visitor = Visitor(opened)
        await visitor.log_in(await opened.key("read", name="eve"))
        for query, found in (
            ("", {first["id"], second["id"]}),
            ("text=BLUE", {first["id"]}),
            (f"text={second['id'][:8]}", {second["id"]}),
            ("pipeline=etl", {second["id"]}),
            ("state=dead", set()),
            ("state=waiting&state=dispatched&state=dead", {first["id"], second["id"]}),
            ("origin=cli", set()),
            ("origin=&pipeline=&schedule=&sweep=&text=&asked_by=ada", {first["id"], second["id"]}),
            ("asked_by=eve", set()),
            ("schedule=nightly", set()),
            ("sweep=s1", set()),
        ):
            page = await visitor.see(f"/triggers?{query}")
            assert set(re.findall(r'href="/triggers/([0-9a-f-]{36})"', page)) == found, query
            assert ("No trigger fits" in page) is (not found), query
        assert "Start a run" not in page
        sent = await visitor.http.get(f"/triggers?text={first['id']}")
        assert (sent.status_code, sent.headers["location"]) == (303, f"/triggers/{first['id']}")
        await visitor.see("/triggers?state=lost", status=422)

    door(body)


def test_the_log_finds_by_when_on_the_clock_that_is_named(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        old, new = await ask(opened), await ask(opened)
        at = datetime(2026, 11, 2, 1, 30, tzinfo=UTC)
        await opened.engine.redis.zadd(opened.engine.keys.triggers, {old: milliseconds(at)})
        visitor = Visitor(opened)
        for query, found in (
            ("since=2026-11-02T01:30", {old, new}),
            ("since=2026-11-02T01:31", {new}),
            ("before=2026-11-02T01:30", set()),
            ("before=2026-11-02T01:31", {old}),
            ("since=2026-11-02T02:30&before=2026-11-02T02:31&zone=Europe/Berlin", {old}),
            ("since=2026-11-02T02:30%2B01:00&before=2026-11-02T02:31%2B01:00", {old}),
            ("since=&before=&zone=Asia/Tokyo", {old, new}),
            ("since=9000-01-01T00:00", set()),
        ):
            page = await visitor.see(f"/triggers?{query}")
            assert set(re.findall(r'href="/triggers/([0-9a-f-]{36})"', page)) == found, query
        page = await visitor.see("/triggers?since=2026-11-02T02:30&zone=Europe/Berlin")
        assert re.search(r'name="since" type="datetime-local" value="2026-11-02T02:30"', page)
        assert "Since ( Europe/Berlin )" in text_of(page)
        assert 'hx-get="/triggers?since=2026-11-02T02%3A30%3A00%2B01%3A00&amp;zone=Europe%2FBerlin"' in page
        for wrong in ("since=soon", "since=1&zone=Mars", "since=0001-01-01T00:00%2B23:00"):
            await visitor.see(f"/triggers?{wrong}", status=422)

    door(body)


def test_the_log_goes_on_to_older_ones_with_the_same_filter(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        many = {"triggers": [{"pipeline": "training"} for _ in range(60)]}
        assert (await opened.http.post(TRIGGERS, json=many)).status_code == 202
        await ask(opened, pipeline="etl")
        visitor = Visitor(opened)
        seen, path, pages = set(), "/triggers?pipeline=training", 0
        while path:
            page = await visitor.see(path)
            assert "etl" not in text_of(page)
            assert ("data-live" in page, "data-news" in page) == (pages == 0, pages == 0)
            seen |= set(re.findall(r'href="/triggers/([0-9a-f-]{36})"', page))
            link = re.search(r'href="([^"]+)" rel="next"', page)
            path, pages = link[1].replace("&amp;", "&") if link else "", pages + 1
        assert (len(seen), pages) == (60, 2)

    door(body)


def test_news_asks_for_the_rows_alone(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        identity = await ask(opened)
        visitor = Visitor(opened)
        for path, target in (("/triggers?pipeline=training", "log"), (f"/triggers/{identity}", "life")):
            answer = await visitor.http.get(path, headers={"hx-request": "true", "hx-target": target})
            assert answer.text.lstrip().startswith(f'<div id="{target}" data-news hx-get="{path}"')
            assert "<html" not in answer.text
            assert "<form" not in answer.text

    door(body)
