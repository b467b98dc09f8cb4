"""The dead letters as a page, and what is done to many of them at once."""

import re
from collections.abc import Callable

import orjson

from tests.api.door import Door
from tests.engine.conftest import Flow
from tests.web.staged import TRIGGERS, ask, stage
from tests.web.visitor import Visitor, text_of
from worker.domain.trigger import TriggerState
from worker.engine.deadletters import DeadFilter, group_dead, read_dead, read_group

__all__ = ["stage"]


async def bury(opened: Door, flow: Flow, *pipelines: str) -> list[str]:
    """Make a dead letter for each pipeline, none of which exists."""
    ids = [await ask(opened, pipeline=pipeline) for pipeline in pipelines]
    await flow.settle()
    return ids


async def states(opened: Door, ids: list[str]) -> list[str]:
    return [(await opened.trigger(identity))["state"] for identity in ids]


def test_with_none_the_page_says_what_would_land_there(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        page = text_of(await Visitor(opened).see("/dead"))
        assert "No dead letters. A trigger lands here when" in page
        assert "Messages" not in page

    door(body)


def test_what_died_of_the_same_stands_together_the_most_first(stage: Callable[..., None]) -> None:
    async def body(opened: Door, flow: Flow) -> None:
        await bury(opened, flow, "nobody", "nothing", "nobody", "nobody")
        page = text_of(await Visitor(opened).see("/dead"))
        assert "Dead letters 4" in page
        first, second = page.index("3 for: no pipeline is named"), page.index("1 for: no pipeline is named")
        assert first < second
        assert "Replay all 3" in page

    stage(body)


def test_a_whole_group_is_replayed_as_it_was_when_somebody_was_asked(stage: Callable[..., None]) -> None:
    async def body(opened: Door, flow: Flow) -> None:
        ids = await bury(opened, flow, "nobody", "nobody")
        (other,) = await bury(opened, flow, "nothing")
        visitor = Visitor(opened)
        (path,) = re.findall(r'href="(/dead/replay\?group=[0-9a-f]+)"', await visitor.see("/dead"))[:1]
        asked = await visitor.see(path)
        assert "Replay 2 dead letters?" in text_of(asked)
        assert "up to 2 runs are started" in text_of(asked)
        fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', asked))
        (late,) = await bury(opened, flow, "nobody")
        answer = await visitor.http.post("/dead/replay", data=fields)
        assert (answer.status_code, answer.headers["location"]) == (303, "/dead")
        assert "2 dead letters wait again." in text_of(await visitor.see("/dead"))
        assert "dead" not in await states(opened, ids)
        assert await states(opened, [other, late]) == ["dead", "dead"]
        (entry,) = [each for each in await opened.engine.audit.newest(20) if each.action == "trigger.replay"]
        assert entry.who == "api"
        assert entry.what in {f"{identity} and 1 more" for identity in ids}
        assert set(orjson.loads(entry.after)["triggers"]) == set(ids)
        assert "no pipeline is named" in entry.reason

    stage(body)


def test_those_that_were_ticked_are_discarded_and_no_others(stage: Callable[..., None]) -> None:
    async def body(opened: Door, flow: Flow) -> None:
        ids = await bury(opened, flow, "nobody", "nobody", "nobody")
        visitor = Visitor(opened)
        page = await visitor.see("/dead")
        assert all(f'type="checkbox" name="id" value="{identity}"' in page for identity in ids)
        query = "&".join(f"id={identity}" for identity in ids[:2])
        asked = await visitor.see(f"/dead/discard?{query}")
        assert "Discard 2 dead letters?" in text_of(asked)
        assert await states(opened, ids) == ["dead"] * 3
        # One of them is replayed by somebody else meanwhile.
        await opened.engine.triggers.replay(ids[0])
        answer = await visitor.send(f"/dead/discard?{query}", "/dead/discard", id=ids[:2])
        assert "1 dead letter was discarded. 1 not: dead no more." in text_of(
            await visitor.see(answer.headers["location"])
        )
        assert (await states(opened, ids))[1:] == ["discarded", "dead"]

    stage(body)


def test_nothing_ticked_and_a_group_that_is_gone_say_so(stage: Callable[..., None]) -> None:
    async def body(opened: Door, flow: Flow) -> None:
        visitor = Visitor(opened)
        assert "No dead letter was ticked" in text_of(await visitor.see("/dead/replay", status=404))
        assert "are gone" in text_of(await visitor.see("/dead/discard?group=0123", status=404))
        answer = await visitor.send("/triggers/new", "/dead/discard", id="nobody")
        assert "0 dead letters were discarded. 1 not: dead no more." in text_of(
            await visitor.see(answer.headers["location"])
        )

    stage(body)


def test_many_at_once_need_the_scope_for_each(stage: Callable[..., None]) -> None:
    async def body(opened: Door, flow: Flow) -> None:
        ids = await bury(opened, flow, "nobody", "nothing")
        visitor = Visitor(opened)
        await visitor.log_in(await opened.key("read", "trigger:nobody", name="bob"))
        query = "&".join(f"id={identity}" for identity in ids)
        await visitor.see(f"/dead/discard?{query}", status=403)
        answer = await visitor.send("/cron", "/dead/discard", id=ids)
        assert answer.status_code == 403
        assert await states(opened, ids) == ["dead", "dead"]
        answer = await visitor.send(f"/dead/discard?id={ids[0]}", "/dead/discard", id=ids[:1])
        assert answer.status_code == 303
        assert await states(opened, ids) == ["discarded", "dead"]

    stage(body)


def test_messages_that_cannot_be_read_are_there_with_what_was_wrong(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        now = opened.engine.clock()
        await opened.engine.unreadable.keep("DecodeError: no JSON", now, headers="{'task': 'x'}", body="<b>hello</b>")
        await opened.engine.unreadable.keep("pipeline: Field required", now)
        page = await Visitor(opened).see("/dead")
        told = text_of(page)
        assert "<b>hello</b>" not in page
        assert "Messages that could not be read 2" in told
        assert told.index("pipeline: Field required") < told.index("DecodeError: no JSON")
        assert "{'task': 'x'}" in told
        assert "<b>hello</b>" in told
        first, second = await opened.engine.unreadable.messages(5)
        assert (first.body, second.reason) == ("", "DecodeError: no JSON")

    door(body)


def test_a_group_is_known_by_what_it_died_of(stage: Callable[..., None]) -> None:
    async def body(opened: Door, flow: Flow) -> None:
        ids = await bury(opened, flow, "nobody", "nothing", "nobody")
        groups = group_dead(list((await read_dead(opened.engine, DeadFilter())).values()))
        assert [len(group.letters) for group in groups] == [2, 1]
        assert groups[0].newest >= groups[0].oldest
        found = await read_group(opened.engine, groups[0].key)
        assert found is not None
        assert set(found.ids) == {ids[0], ids[2]}
        assert await read_group(opened.engine, "0" * 16) is None
        letters = [{**fields, "reason": f"taken by {ids[0]}"} for fields in groups[0].letters]
        letters[0]["reason"] = f"taken by {ids[1]}"
        (same,) = group_dead(letters)
        assert same.reason == "taken by …"
        assert list(await read_dead(opened.engine, DeadFilter(pipeline="nothing", code="not_found"))) == [ids[1]]

    stage(body)


def test_the_api_discards_what_is_dead_and_nothing_else(stage: Callable[..., None]) -> None:
    async def body(opened: Door, flow: Flow) -> None:
        (dead,) = await bury(opened, flow, "nobody")
        waiting = await ask(opened, not_before="2100-01-01T00:00:00Z")
        refused = await opened.http.post(f"{TRIGGERS}/{waiting}/discard")
        assert (refused.status_code, refused.json()["state"]) == (409, "waiting")
        answer = await opened.http.post(f"{TRIGGERS}/{dead}/discard")
        assert (answer.status_code, answer.json()["state"]) == (200, TriggerState.DISCARDED)
        assert (await opened.http.post(f"{TRIGGERS}/{dead}/discard")).status_code == 409
        assert (await opened.http.post(f"{TRIGGERS}/nobody/discard")).status_code == 404
        reader = opened.client(key=await opened.key("read"))
        assert (await reader.post(f"{TRIGGERS}/{waiting}/discard")).status_code == 403
        told = [(entry.action, entry.what) for entry in await opened.engine.audit.newest(10)]
        assert told.count(("trigger.discard", dead)) == 1

    stage(body)


def test_news_tell_that_there_are_more_and_leave_the_page_as_it_is(stage: Callable[..., None]) -> None:
    async def body(opened: Door, flow: Flow) -> None:
        await bury(opened, flow, "nobody")
        visitor = Visitor(opened)
        assert 'hx-get="/dead?had=1"' in await visitor.see("/dead")
        for had, told in ((1, False), (0, True)):
            answer = await visitor.http.get(f"/dead?had={had}", headers={"hx-request": "true", "hx-target": "news"})
            assert ("There is 1 dead letter by now" in text_of(answer.text)) is told
            assert "<form" not in answer.text

    stage(body)


def test_who_may_steer_one_pipeline_is_offered_its_dead_letter_alone(stage: Callable[..., None]) -> None:
    async def body(opened: Door, flow: Flow) -> None:
        mine, other = await bury(opened, flow, "nobody", "nothing")
        visitor = Visitor(opened)
        await visitor.log_in(await opened.key("read", "trigger:nobody", name="bob"))
        page = await visitor.see("/dead")
        assert f"/triggers/{mine}/replay" in page
        assert f"/triggers/{other}/replay" not in page
        assert "/dead/replay?group" not in page

    stage(body)
