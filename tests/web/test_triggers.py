"""One trigger, and what is done to it: as a browser without scripts sees it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import yaml

from tests.api.door import Door
from tests.engine.conftest import Flow
from tests.web.staged import TRIGGERS, ask, stage
from tests.web.visitor import Visitor, text_of
from worker.demo.zenml import DemoServer
from worker.domain.retry import RunRetry
from worker.domain.trigger import Origin, Trigger, again, run_name, schedule_source, trigger_id
from worker.engine.deadletters import DeadFilter, read_dead
from worker.store.items import Entry, Item

__all__ = ["stage"]

SCRIPT = "<script>alert(1)</script>"


async def audited(opened: Door) -> list[tuple[str, str, str]]:
    return [(entry.action, entry.what, entry.who) for entry in await opened.engine.audit.newest(50)]


def test_a_trigger_tells_its_life_what_was_sent_and_where_its_run_is(stage: Callable[..., None]) -> None:
    async def body(opened: Door, flow: Flow) -> None:
        config = {"steps": {"model_trainer": {"parameters": {"lr": 0.25}}}}
        identity = await ask(opened, config=config, idempotency_key="upload-4711", template="production")
        await flow.settle()
        page = await Visitor(opened).see(f"/triggers/{identity}")
        fields = await opened.trigger(identity)
        assert f'href="{fields["url"]}"' in page
        told = text_of(page)
        for words in (
            "started ZenML has its run.",
            "asks ZenML attempt 1",
            "lr: 0.25",
            f"zenbeat:trigger={identity}",
            "upload-4711",
            "Template production",
            fields["run_id"],
        ):
            assert words in told, words
        assert re.search(r'role="img" aria-label="asks ZenML: from \+\d+ ms for \d+ ms"', page)
        assert "Cancel" not in told

    stage(body)


def test_an_attempt_that_failed_says_how_zenml_answered_and_when_the_next_is(
    stage: Callable[..., None], demo: DemoServer
) -> None:
    async def body(opened: Door, flow: Flow) -> None:
        said = {"detail": ["RuntimeError", f"no luck {SCRIPT}"]}
        demo.faults.add("status", match="POST .*/runs$", status=400, body=said)
        identity = await ask(opened)
        await flow.settle()
        page = await Visitor(opened).see(f"/triggers/{identity}")
        assert SCRIPT not in page
        told = text_of(page)
        assert "HTTP 400" in told
        assert f"no luck {SCRIPT}" in told
        assert "There is no run, and it will not be tried again by itself" in told
        assert SCRIPT not in await Visitor(opened).see("/triggers")
        assert SCRIPT not in await Visitor(opened).see("/dead")

    stage(body)


def test_what_a_caller_names_stays_text(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        identity = await ask(opened, pipeline=SCRIPT, config={"a": SCRIPT}, idempotency_key=SCRIPT)
        visitor = Visitor(opened)
        for path in ("/triggers", f"/triggers/{identity}", f"/triggers/{identity}/cancel", f"/triggers?text={SCRIPT}"):
            page = await visitor.see(path)
            assert SCRIPT not in page
            assert SCRIPT in text_of(page) or "?text=" in path

    door(body)


def test_a_trigger_that_is_forgotten_is_a_page_that_says_so(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        page = text_of(await Visitor(opened).see("/triggers/4711", status=404))
        assert "There is no trigger 4711: what has ended is kept for 3 days" in page

    door(body, ZENBEAT_RETENTION_DAYS="3")


# --- acts


def test_a_waiting_trigger_is_cancelled_after_a_question(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        identity = await ask(opened, not_before="2100-01-01T00:00:00Z")
        visitor = Visitor(opened)
        assert f"/triggers/{identity}/cancel" in await visitor.see(f"/triggers/{identity}")
        assert "No run is started" in text_of(await visitor.see(f"/triggers/{identity}/cancel"))
        assert (await opened.trigger(identity))["state"] == "waiting"
        page = await visitor.act(f"/triggers/{identity}/cancel", "The trigger was cancelled")
        assert "by api" in text_of(page)
        assert (await opened.trigger(identity))["state"] == "cancelled"
        assert ("trigger.cancel", identity, "api") in await audited(opened)
        answer = await visitor.send(f"/triggers/{identity}/cancel", f"/triggers/{identity}/cancel")
        assert answer.status_code == 409
        assert "The trigger is cancelled" in text_of(answer.text)

    door(body)


def test_a_dead_letter_is_replayed_and_discarded(stage: Callable[..., None]) -> None:
    async def body(opened: Door, flow: Flow) -> None:
        identity = await ask(opened, pipeline="nobody")
        await flow.settle()
        visitor = Visitor(opened)
        assert "starts one run" in text_of(await visitor.see(f"/triggers/{identity}/replay"))
        await visitor.act(f"/triggers/{identity}/replay", "waits again")
        assert (await opened.trigger(identity))["state"] != "dead"
        await flow.settle()
        page = text_of(await visitor.see(f"/triggers/{identity}"))
        assert "Replayed 1 times" in page
        assert "attempt 2" in page
        await visitor.act(f"/triggers/{identity}/discard", "was discarded")
        assert (await opened.trigger(identity))["state"] == "discarded"
        assert {("trigger.replay", identity, "api"), ("trigger.discard", identity, "api")} <= set(await audited(opened))
        assert await read_dead(opened.engine, DeadFilter()) == {}

    stage(body)


def test_who_may_not_operate_is_offered_nothing_and_refused(stage: Callable[..., None]) -> None:
    async def body(opened: Door, flow: Flow) -> None:
        identity = await ask(opened, pipeline="nobody")
        await flow.settle()
        visitor = Visitor(opened)
        await visitor.log_in(await opened.key("read", name="eve"))
        for path in (f"/triggers/{identity}", "/dead", "/triggers"):
            page = await visitor.see(path)
            assert "Replay" not in text_of(page)
            assert "/triggers/new" not in page
        for what in ("replay", "discard", "cancel"):
            assert (await visitor.http.get(f"/triggers/{identity}/{what}")).status_code == 403
            answer = await visitor.send("/cron", f"/triggers/{identity}/{what}")
            assert answer.status_code == 403
        answer = await visitor.send("/cron", "/triggers/new", pipeline="training")
        assert answer.status_code == 403
        assert (await opened.trigger(identity))["state"] == "dead"

    stage(body)


def test_who_may_start_a_pipeline_may_steer_its_triggers(stage: Callable[..., None]) -> None:
    async def body(opened: Door, flow: Flow) -> None:
        mine, other = await ask(opened, pipeline="nobody"), await ask(opened, pipeline="nothing")
        await flow.settle()
        visitor = Visitor(opened)
        await visitor.log_in(await opened.key("read", "trigger:nobody", name="bob"))
        assert f"/triggers/{mine}/replay" in await visitor.see(f"/triggers/{mine}")
        assert f"/triggers/{other}/replay" not in await visitor.see(f"/triggers/{other}")
        await visitor.act(f"/triggers/{mine}/discard", "was discarded")
        assert (await visitor.http.get(f"/triggers/{other}/discard")).status_code == 403

    stage(body)


# --- by hand


def test_a_run_is_started_by_hand_and_the_same_form_twice_is_one(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        await visitor.log_in(await opened.key("admin", name="ada"))
        page = await visitor.see("/triggers/new")
        (key,) = re.findall(r'name="key" value="([^"]+)"', page)
        typed = {
            "pipeline": "training",
            "template": "production",
            "config": "steps:\n  model_trainer:\n    parameters: {lr: 0.5}\n",
            "priority": "5",
            "not_before": "2100-01-01T08:00+01:00",
            "key": key,
        }
        first = await visitor.send("/triggers/new", "/triggers/new", **typed)
        again = await visitor.send("/triggers/new", "/triggers/new", **typed)
        assert first.status_code == again.status_code == 303
        assert first.headers["location"] == again.headers["location"]
        (identity,) = await opened.engine.triggers.newest(10)
        shown = (await opened.client(key=await opened.key("read", name="eve")).get(f"{TRIGGERS}/{identity}")).json()
        assert (shown["pipeline"], shown["template"], shown["priority"]) == ("training", "production", 5)
        assert (shown["due"], shown["asked_by"]) == ("2100-01-01T07:00:00Z", "ada")
        assert shown["config"]["steps"] == {"model_trainer": {"parameters": {"lr": 0.5}}}
        assert (await audited(opened)).count(("trigger.start", "training", "ada")) == 1
        changed = await visitor.send("/triggers/new", "/triggers/new", **{**typed, "priority": "6"})
        assert (changed.status_code, key in changed.text) == (422, False)
        assert "sent before" in text_of(changed.text)

    door(body)


def test_a_form_with_mistakes_comes_back_with_all_of_them_and_what_was_typed(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        typed = {"template": "a", "snapshot": "b", "config": "a: [1", "priority": "high", "not_before": "soon"}
        answer = await visitor.send("/triggers/new", "/triggers/new", **typed)
        told = text_of(answer.text)
        assert answer.status_code == 422
        for words in ("pipeline: Field required", "config:2:1", '"high" is not a whole number', '"soon" is not a time'):
            assert words in told, words
        assert "a: [1" in told
        for config, words in (
            ("- 1", "has to be a mapping"),
            ("tags: 1", "config.tags: has to be a list of texts"),
        ):
            answer = await visitor.send("/triggers/new", "/triggers/new", pipeline="training", config=config)
            assert words in text_of(answer.text)
        both = await visitor.send("/triggers/new", "/triggers/new", pipeline="p", template="a", snapshot="b")
        assert "exclude each other" in text_of(both.text)
        assert await opened.engine.triggers.newest(10) == []

    door(body)


def test_a_key_for_one_pipeline_starts_that_one_alone(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        await visitor.log_in(await opened.key("read", "trigger:training", name="bob"))
        assert "Start a run" in await visitor.see("/triggers")
        refused = await visitor.send("/triggers/new", "/triggers/new", pipeline="etl")
        assert refused.status_code == 403
        assert "trigger:etl" in text_of(refused.text)
        await visitor.act("/triggers/new", "is on its way", pipeline="training")

    door(body)


def test_another_like_it_is_asked_for_with_what_the_first_was(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        config = {"steps": {"a": {"parameters": {"lr": 1}}}, "tags": ["mine"]}
        identity = await ask(opened, template="production", config=config, priority=3)
        visitor = Visitor(opened)
        path = f"/triggers/new?like={identity}"
        assert f'href="{path}"' in await visitor.see(f"/triggers/{identity}")
        page = await visitor.see(path)
        (typed,) = re.findall(r"<textarea[^>]*>([^<]*)</textarea>", page)
        assert yaml.safe_load(typed) == config
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
        assert (fields["pipeline"], fields["template"], fields["priority"]) == ("training", "production", "3")
        sent = await visitor.http.post("/triggers/new", data={**fields, "config": typed})
        again = sent.headers["location"].rpartition("/")[2]
        assert again != identity
        first, second = [(await opened.http.get(f"{TRIGGERS}/{each}")).json()["config"] for each in (identity, again)]
        assert first["steps"] == second["steps"]
        assert second["tags"] == ["mine", "zenbeat", f"zenbeat:trigger={again}"]
        stranger = Visitor(opened)
        await stranger.log_in(await opened.key("trigger:etl", name="bob"))
        await stranger.see(path, status=403)

    door(body)


def test_the_runs_of_a_fire_are_told_with_their_fire_time_on_the_schedules_clock(
    door: Callable[..., None], tmp_path: Path
) -> None:
    async def body(opened: Door) -> None:
        fire = datetime(2026, 7, 1, 10, tzinfo=UTC)
        source = schedule_source("nightly", fire)
        identity = trigger_id(Origin.SCHEDULE, source)
        first = Trigger(
            id=identity,
            origin=Origin.SCHEDULE,
            source=source,
            pipeline="training",
            run_name=run_name("nightly", identity, fire),
            body={"tags": []},
            schedule="nightly",
            fire_time=fire,
            due=fire,
            run_retry=RunRetry(max_attempts=2),
        )
        second = again(first, fire)
        await opened.engine.triggers.record([Item(entries=[Entry(trigger=each) for each in (first, second)])])
        visitor = Visitor(opened)
        for mine, other in ((first, second), (second, first)):
            page = await visitor.see(f"/triggers/{mine.id}")
            assert f'href="/triggers/{other.id}"' in page
            told = text_of(page)
            assert "The runs of this fire" in told
            assert f"{mine.attempt} of 2 this one" in told
            assert "Wed 2026-07-01 12:00:00 CEST" in told
            assert 'href="/schedules/nightly"' in page

    (tmp_path / "s.yaml").write_text(
        "schedules: [{name: nightly, pipeline: training, cron: '0 12 * * *', timezone: Europe/Berlin}]\n"
    )
    door(body)
