"""Schedules that came over the API, beside those of the files: the same faults, and neither harms the other."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from worker.domain.schedule import ManagedBy
from worker.source import ApiEntry, Definitions, Source


def entry(mark: str = "1", **words: Any) -> ApiEntry:
    return ApiEntry(words={"pipeline": "p", "every": "1h", **words}, mark=mark)


def named(name: str, mark: str = "1", **words: Any) -> dict[str, ApiEntry]:
    return {name: entry(mark, name=name, **words)}


def told(definitions: Definitions) -> list[str]:
    return [str(fault) for fault in definitions.faults]


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path, settle=False)


def test_both_are_defined(source: Source, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("schedules: [{name: f, pipeline: p, every: 1h}]\n")
    source.book(named("b", priority=3))
    found = source.read()
    assert [(each.name, each.managed_by, each.place) for each in found.schedules] == [
        ("f", ManagedBy.FILE, f"{tmp_path}/a.yaml:1"),
        ("b", ManagedBy.API, "api:b"),
    ]
    assert replace(found.named["b"], name="f", place="", managed_by=ManagedBy.FILE, revision="", priority=0) == replace(
        found.named["f"], place="", revision=""
    ), "the same words are the same schedule"
    assert source.read() is found
    source.book(named("b", priority=3))
    assert source.read() is found, "nothing changed"
    source.book({})
    assert [each.name for each in source.read().schedules] == ["f"]


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ({"every": None, "cron": ["0 2 * * *", "99 * * * *"]}, "api:b: cron.1: minute 99"),
        ({"evry": "1h"}, 'api:b: evry: unknown key; did you mean "every"?'),
        ({"config": {"tags": {}}}, "api:b: config.tags"),
        ({"config": {"a": float("nan")}}, "api:b: config.a: has to be a finite number"),
        ({"config": {"a": 2**70}}, "api:b: config.a: does not fit into 64 bits"),
        ({"config": {"a": "\ud800"}}, "api:b: config.a: is not valid Unicode"),
        ({"config": {"a\x1b": "x"}}, "api:b: config: the character U+001B"),
        ({"name": "c"}, 'api:b: name: has to be "b"'),
        (
            {"after": {"schedule": "b"}, "every": None},
            "api:b: after.schedule: this schedule waits for itself: b",
        ),
        ({"calendar": "x"}, "api:b: calendar: calendar is not supported yet"),
    ],
)
def test_faults_have_their_way_from_the_entry_on(words: dict[str, Any], fault: str, source: Source) -> None:
    wrong = ApiEntry(
        words={key: value for key, value in {**entry(name="b").words, **words}.items() if value is not None}
    )
    source.book({**named("a"), "b": wrong, **named("c")})
    found = source.read()
    assert [each.name for each in found.schedules] == ["a", "c"], "it does not harm the others"
    assert any(each.startswith(fault) for each in told(found)), told(found)


def test_deep_nesting_is_a_fault(source: Source) -> None:
    deep: Any = "x"
    for _ in range(500):
        deep = {"a": deep}
    source.book({**named("a"), **named("b", config=deep)})
    assert [each.name for each in source.read().schedules] == ["a"]
    assert "nested more than" in told(source.read())[0]


@pytest.mark.parametrize("words", [None, [], "x", 7, {}])
def test_what_is_no_schedule_at_all_harms_nobody(words: Any, source: Source) -> None:
    source.book({**named("a"), "b": ApiEntry(words=words), "c": ApiEntry(words={}, unreadable="it is torn")})
    found = source.read()
    assert [each.name for each in found.schedules] == ["a"]
    assert told(found)[-1] == "api:c: it is torn"


def test_what_nobody_thought_of_harms_nobody(source: Source, caplog: pytest.LogCaptureFixture) -> None:
    class Odd(dict[str, Any]):
        def get(self, *_: Any) -> Any:
            raise ZeroDivisionError

    source.book({**named("a"), "b": ApiEntry(words=Odd(name="b"))})
    found = source.read()
    assert [each.name for each in found.schedules] == ["a"]
    assert told(found) == ["api:b: it cannot be read: ZeroDivisionError"]
    assert "schedule cannot be built" in caplog.text


def test_a_file_takes_a_name_and_gives_it_back(source: Source, tmp_path: Path) -> None:
    source.book(named("s"))
    before = source.read().named["s"]
    (tmp_path / "a.yaml").write_text("schedules: [{name: s, pipeline: q, every: 2h}]\n")
    found = source.read()
    assert [(each.name, each.target.pipeline) for each in found.schedules] == [("s", "q")]
    assert told(found) == [f'api:s: name: "s" is defined already, in {tmp_path}/a.yaml:1']
    (tmp_path / "a.yaml").unlink()
    assert source.read().named["s"] == before
    assert not source.read().faults


def test_one_that_was_made_anew_is_another_one(source: Source) -> None:
    source.book(named("s", "1"))
    first = source.read().named["s"]
    source.book(named("s", "2"))
    second = source.read().named["s"]
    assert first.revision != second.revision
    source.book(named("s", "2", priority=1))
    assert source.read().named["s"].revision == second.revision, "its timing is the same"


def test_a_config_template_that_breaks_leaves_the_last_good_version_but_not_to_a_new_one(
    source: Source, tmp_path: Path
) -> None:
    (tmp_path / "t.yaml.in").write_text("tags: [a]\n")
    source.book(named("s", "1", config_template="t.yaml.in"))
    assert source.read().named["s"].target.config_template == {"tags": ["a"]}
    (tmp_path / "t.yaml.in").write_text("tags: [b]\n")
    assert source.read().named["s"].target.config_template == {"tags": ["b"]}
    (tmp_path / "t.yaml.in").write_text("tags: {\n")
    found = source.read()
    assert found.named["s"].target.config_template == {"tags": ["b"]}
    assert told(found)[0].startswith(f"api:s: config_template: {tmp_path}/t.yaml.in:")
    source.book(named("s", "2", config_template="t.yaml.in"))
    assert source.read().schedules == ()


def test_files_and_what_was_made_over_the_api_may_follow_each_other_but_not_in_a_ring(
    source: Source, tmp_path: Path
) -> None:
    source.book({"a": ApiEntry(words={"name": "a", "pipeline": "p", "after": {"schedule": "f"}})})
    (tmp_path / "f.yaml").write_text("schedules: [{name: f, pipeline: q, every: 1h}]\n")
    assert not source.read().faults
    (tmp_path / "g.yaml").write_text("schedules: [{name: g, pipeline: q, after: {schedule: a}}]\n")
    assert not source.read().faults
    (tmp_path / "f.yaml").write_text("schedules: [{name: f, pipeline: q, after: {schedule: g}}]\n")
    found = source.read()
    assert "wait for each other" in told(found)[0]
    assert "(api:a)" in told(found)[0]
    assert [each.when for each in found.schedules] == ["every 1h", "after a", "after f"], "what was good goes on"


def test_without_a_folder_what_was_made_over_the_api_runs(tmp_path: Path) -> None:
    source = Source(tmp_path / "missing", settle=False)
    source.book(named("s"))
    found = source.read()
    assert [each.name for each in found.schedules] == ["s"]
    assert "there is no such folder" in told(found)[0]
    assert source.read() is found
    source.book({**named("s"), **named("t")})
    assert len(source.read().schedules) == 2
    (tmp_path / "missing").mkdir()
    assert (len(source.read().schedules), source.read().faults) == (2, ())


def test_what_may_be_missing_is_a_fault(source: Source) -> None:
    source.book(named("s"))
    source.book(named("s"), "Redis does not answer")
    found = source.read()
    assert told(found) == ["api: Redis does not answer"]
    assert source.read() is found
    source.book(named("s"))
    assert not source.read().faults


def test_a_trial_keeps_nothing(source: Source, tmp_path: Path) -> None:
    source.book(named("s"))
    before = source.read()
    tried = source.check("t", entry(name="t", priority=7))
    assert (tried.named["t"].priority, len(tried.schedules)) == (7, 2)
    tried = source.check("s", entry(name="s", every="never"))
    assert "s" not in tried.named, "the version before it does not stand in for it"
    assert "api:s" in told(tried)[0]
    assert source.read() is before
