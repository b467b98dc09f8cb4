"""Sweeps begun, steered and ended by forms: as the API does it, with what is wrong beside what was written."""

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import orjson
import pytest

from tests.api.door import SWEEPS, Door
from tests.web.sown import LR, begun, completed, ended, failed, half, row_of
from tests.web.visitor import Visitor, text_of
from worker.demo.zenml import DEMO_API_KEY, DemoServer
from worker.web.sweepnew import CHANGED, EXAMPLE, MOST_TEXT

YAML = f"""\
name: here
pipeline: training
method: grid
parameters:
  {LR}: {{values: [0.1, 0.2, 0.3]}}
"""


async def planned(visitor: Visitor, **fields: str) -> tuple[str, dict[str, str]]:
    """Ask for a plan; gives its page, and the hidden fields of the form that begins it."""
    answer = await visitor.send("/sweeps/new", "/sweeps/new", do="plan", **fields)
    assert answer.status_code == 200, text_of(answer.text)
    form = answer.text.split('id="plan"')[1].split("</form>")[0]
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form)
    return answer.text, dict(hidden)


def faults_of(answer: httpx.Response) -> str:
    assert answer.status_code == 422
    return text_of(answer.text.split('id="faults"')[1].split("</div>")[0])


def test_a_sweep_of_the_files_is_planned_and_begun_once(door: Callable[..., None], tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SWEEPS)

    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        assert "learning-rates" in await visitor.see("/sweeps/new")
        page, hidden = await planned(visitor, name="learning-rates")
        said = text_of(page)
        assert "2 trials; how long a run takes is not known yet" in said
        assert "Not checked against what it would start" in said
        assert re.search(r"Its trials Trial lr 1 0\.01 2 0\.1", said)
        assert await opened.engine.sweeps.newest(5) == []
        for _ in range(2):
            answer = await visitor.send("/sweeps/new", "/sweeps/new", **{**hidden, "do": "begin"})
            assert answer.status_code == 303
        (row,) = await opened.engine.sweeps.newest(5)
        assert answer.headers["location"] == f"/sweeps/{row.id}"
        assert "learning-rates is begun: 2 trials" in text_of(await visitor.see(answer.headers["location"]))
        (entry,) = await opened.engine.audit.newest(5)
        assert (entry.action, entry.what) == ("sweep.begin", "learning-rates")
        assert orjson.loads(entry.after)["trials"] == 2

    door(body)


def test_another_plan_of_the_same_begins_another_sweep(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        for _ in range(2):
            _, hidden = await planned(visitor, text=YAML)
            hidden["text"] = YAML
            assert (await visitor.send("/sweeps/new", "/sweeps/new", **{**hidden, "do": "begin"})).status_code == 303
        assert [row.name for row in await opened.engine.sweeps.newest(5)] == ["here", "here"]

    door(body)


def test_what_was_changed_since_its_plan_is_planned_again(door: Callable[..., None], tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SWEEPS)

    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        _, hidden = await planned(visitor, name="learning-rates")
        (tmp_path / "s.yaml").write_text(SWEEPS.replace("0.1]", "0.1, 0.2]"))
        answer = await visitor.send("/sweeps/new", "/sweeps/new", **{**hidden, "do": "begin"})
        assert answer.status_code == 200
        assert CHANGED.capitalize() in text_of(answer.text)
        assert "3 trials" in text_of(answer.text)
        assert await opened.engine.sweeps.newest(5) == []

    door(body)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            YAML.replace("method", "methd"),
            ['Line 3, column 1 : methd : unknown key; did you mean "method"? methd: grid'],
        ),
        ("name: a\nname: b\n", ['Line 2, column 1 : the key "name" stands here twice, first in line 1 name: b']),
        ("a: [1\n", ["Line 2, column 1"]),
        (f"sweeps:\n  - {YAML.replace(chr(10), chr(10) + '    ')}".replace("grid", "gird"), ["Line 4, column 5"]),
        ("schedules: []\nsweeps:\n  - {name: a}\n", ["Line 1, column 1", "schedules is not part of a sweep"]),
        ("sweeps: []\n", ["Line 1, column 1", "write one sweep"]),
        ("[1]\n", ["Line 1, column 1", "a sweep has to be a mapping"]),
        ("# nothing\n", ["nothing is written"]),
        (YAML.replace("[0.1, 0.2, 0.3]", "[]"), ["Line 5", "is empty; give at least one value"]),
        ("x" * (MOST_TEXT + 1), ["put it into a schedule file"]),
    ],
)
def test_what_is_wrong_has_its_line_and_column_and_the_text_is_kept(
    door: Callable[..., None], text: str, told: list[str]
) -> None:
    async def body(opened: Door) -> None:
        answer = await Visitor(opened).send("/sweeps/new", "/sweeps/new", do="plan", text=text)
        for words in told:
            assert words in faults_of(answer)
        kept = re.search(r"<textarea[^>]*>\n(.*)</textarea>", answer.text, re.DOTALL)
        assert kept
        assert kept[1].replace("&#34;", '"') == text
        assert await opened.engine.sweeps.newest(5) == []

    door(body)


def test_space_in_front_counts(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        indented = "".join(f"  {line}\r\n" for line in YAML.splitlines())
        page, _ = await planned(Visitor(opened), text=indented)
        assert "3 trials" in text_of(page)

    door(body)


def test_the_example_can_be_planned_as_it_is(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        page, _ = await planned(Visitor(opened), text=EXAMPLE)
        assert "The first 10 of 12 trials" in text_of(page)

    door(body)


def test_what_does_not_fit_at_zenml_has_its_line(door: Callable[..., None], demo: DemoServer) -> None:
    async def body(opened: Door) -> None:
        wrong = YAML.replace(".lr:", ".lrr:")
        answer = await Visitor(opened).send("/sweeps/new", "/sweeps/new", do="plan", text=wrong)
        assert re.search(r"Line 5, column 3 : .*lrr", faults_of(answer))
        page, _ = await planned(Visitor(opened), text=YAML)
        assert "Its first trial fits what it would start" in text_of(page)

    door(body, ZENML_STORE_URL=demo.url, ZENML_STORE_API_KEY=DEMO_API_KEY)


def test_another_one_begins_with_the_definition_of_a_sweep(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        identity = await begun(opened.engine, config={"steps": {"model_trainer": {"parameters": {"seconds": 1.5}}}})
        page = await visitor.see(f"/sweeps/new?like={identity}")
        kept = re.search(r"<textarea[^>]*>\n(.*)</textarea>", page, re.DOTALL)
        assert kept
        text = kept[1].replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">")
        _, hidden = await planned(visitor, text=text)
        assert (await visitor.send("/sweeps/new", "/sweeps/new", **{**hidden, "text": text, "do": "begin"})).is_redirect
        first, second = [await opened.engine.sweeps.definition(row.id) for row in await opened.engine.sweeps.newest(2)]
        assert first == second

    door(body)


def test_who_may_begin_what(door: Callable[..., None], tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SWEEPS)

    async def body(opened: Door) -> None:
        for scope, name, text in (("read", 403, 403), ("operate", 200, 403), ("trigger:training", 200, 200)):
            visitor = Visitor(opened)
            await visitor.log_in(await opened.key(scope, name=scope.partition(":")[0]))
            for fields, status in (({"name": "learning-rates"}, name), ({"text": YAML}, text)):
                answer = await visitor.send("/sweeps/new", "/sweeps/new", do="plan", **fields)
                assert answer.status_code == status, (scope, fields)

    door(body)


def test_its_page_tells_who_began_it(door: Callable[..., None], tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SWEEPS)

    async def body(opened: Door) -> None:
        visitor = Visitor(opened)
        key = await opened.key("operate", name="ada")
        await visitor.log_in(key)
        _, hidden = await planned(visitor, name="learning-rates")
        begun = await visitor.send("/sweeps/new", "/sweeps/new", **{**hidden, "do": "begin"})
        place = begun.headers["location"]
        assert re.search(r"begun (now|\d+ s ago) by ada ·", text_of(await visitor.see(place)))
        assert (await opened.client(key=key).get(f"/api/v1{place}")).json()["asked_by"] == "ada"

    door(body)


def test_a_sweep_is_paused_and_goes_on(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        identity = await half(opened.engine)
        visitor = Visitor(opened)
        await visitor.log_in(await opened.key("operate", name="ada"))
        page = await visitor.act(f"/sweeps/{identity}/pause", "rates is paused")
        assert "Paused by ada" in text_of(page)
        assert f"/sweeps/{identity}/resume" in page
        assert (await row_of(opened.engine, identity)).paused == "ada"
        await visitor.act(f"/sweeps/{identity}/resume", "rates goes on")
        assert (await row_of(opened.engine, identity)).paused == ""
        entries = await opened.engine.audit.newest(2)
        assert [(each.action, each.what, each.who) for each in entries] == [
            ("sweep.resume", identity, "ada"),
            ("sweep.pause", identity, "ada"),
        ]

    door(body)


@pytest.mark.parametrize("stop", [True, False])
def test_a_sweep_is_ended_with_its_runs_or_without(door: Callable[..., None], *, stop: bool) -> None:
    async def body(opened: Door) -> None:
        identity = await half(opened.engine)
        fields = {"stop_running": "on"} if stop else {}
        told = "its runs are being stopped" if stop else "its runs go on to their end"
        await Visitor(opened).act(f"/sweeps/{identity}/cancel", told, **fields)
        row = await row_of(opened.engine, identity)
        assert (bool(row.ended), bool(row.stopping)) == (True, stop)
        (entry,) = await opened.engine.audit.newest(1)
        assert (entry.action, orjson.loads(entry.after)) == ("sweep.cancel", {"stop_running": stop})

    door(body)


def test_what_failed_is_run_again(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        identity = await half(opened.engine)
        visitor = Visitor(opened)
        await visitor.act(f"/sweeps/{identity}/retry", "2 trials run again, with the same parameters")
        assert (await row_of(opened.engine, identity)).failed == 0
        await visitor.act(f"/sweeps/{identity}/retry", "1 trial runs again", stopped="on")
        answer = await visitor.send(f"/sweeps/{identity}/retry", f"/sweeps/{identity}/retry")
        assert answer.status_code == 409
        assert "none of its trials failed" in text_of(answer.text)

    door(body)


def test_a_sweep_gets_more_trials_and_what_is_typed_wrong_is_kept(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        identity = await half(opened.engine)
        visitor = Visitor(opened)
        page = f"/sweeps/{identity}/extend"
        await visitor.act(page, "rates has 45 trials now, 5 more than before", by="5")
        for typed, told in (("five", 'as a whole number, not "five"'), ("0", "greater than or equal to 1")):
            answer = await visitor.send(page, page, by=typed)
            assert answer.status_code == 422
            assert told in text_of(answer.text)
            assert f'value="{typed}"' in answer.text
        answer = await visitor.send(page, page, by="")
        assert answer.status_code == 409
        assert "does not stand in the schedule files" in text_of(answer.text)
        assert (await row_of(opened.engine, identity)).total == 45
        grid = await begun(opened.engine, name="grid", method="grid", run_cap=None, parameters={LR: {"values": [1, 2]}})
        assert 'name="by"' not in await visitor.see(f"/sweeps/{grid}/extend")

    door(body)


def test_what_stands_against_it_is_told(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        identity = await begun(opened.engine, run_cap=1)
        await ended(opened.engine, identity, [failed(1)])
        visitor = Visitor(opened)
        answer = await visitor.send(f"/sweeps/{identity}/retry", f"/sweeps/{identity}/pause")
        assert answer.status_code == 409
        assert "rates is over; there is nothing to pause" in text_of(answer.text)
        await visitor.see("/sweeps/nobody/pause", status=404)

    door(body)


def test_who_may_only_look_is_offered_nothing_and_does_nothing(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        identity = await half(opened.engine)
        visitor = Visitor(opened)
        await visitor.log_in(await opened.key("read"))
        page = await visitor.see(f"/sweeps/{identity}")
        assert f"/sweeps/{identity}/pause" not in page
        assert "/sweeps/new" not in await visitor.see("/sweeps")
        for deed in ("pause", "resume", "cancel", "retry", "extend"):
            await visitor.see(f"/sweeps/{identity}/{deed}", status=403)
            answer = await visitor.send(f"/sweeps/{identity}", f"/sweeps/{identity}/{deed}")
            assert answer.status_code == 403
        row = await row_of(opened.engine, identity)
        assert (row.paused, row.ended, row.total, row.failed) == ("", "", 40, 2)

    door(body)


def test_only_what_can_be_done_is_offered(door: Callable[..., None]) -> None:
    async def body(opened: Door) -> None:
        identity = await begun(opened.engine, run_cap=1)
        await ended(opened.engine, identity, [completed(1, accuracy=0.5)])
        page = await Visitor(opened).see(f"/sweeps/{identity}")
        for deed, offered in (
            ("pause", False),
            ("resume", False),
            ("cancel", False),
            ("retry", False),
            ("extend", True),
        ):
            assert (f"/sweeps/{identity}/{deed}" in page) is offered, deed

    door(body)
