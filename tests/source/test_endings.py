"""What a schedule says about the end of its runs: what a good file becomes, and every mistake in it."""

# ruff: noqa: E501 - a fault is one line here, as it is for the person who reads it

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from worker.domain.after import After, Upstream
from worker.domain.alert import AlertKind
from worker.domain.deadline import Deadline
from worker.domain.fate import Fate
from worker.domain.notify import USUAL, Notify
from worker.domain.retry import RetryPolicy, RunRetry
from worker.domain.schedule import CatchUp, Overlap, Schedule
from worker.source import lint

Check = Callable[[str], list[str]]
One = Callable[..., Schedule]

HEAD = "schedules:\n  - name: a\n    pipeline: p\n"
OTHERS = "  - {name: b, pipeline: q, every: 1h}\n  - {name: c, pipeline: q, every: 1h}\n"


@pytest.fixture
def one(folder: Path) -> One:
    """Give the first schedule of a file with some lines in it."""

    def read(*lines: str) -> Schedule:
        (folder / "a.yaml").write_text(HEAD + "".join(f"    {line}\n" for line in lines) + OTHERS)
        definitions = lint([folder])
        assert definitions.faults == ()
        return definitions.schedules[0]

    return read


@pytest.mark.parametrize(
    ("text", "after", "when"),
    [
        ("{schedule: b}", After(upstreams=(Upstream(schedule="b"),)), "after b"),
        (
            "{schedule: b, on: failed}",
            After(upstreams=(Upstream(schedule="b", on=frozenset({Fate.FAILED})),)),
            "after b (failed)",
        ),
        (
            "{pipeline: etl, project: x, on: [stopped, completed]}",
            After(upstreams=(Upstream(pipeline="etl", project="x", on=frozenset({Fate.COMPLETED, Fate.STOPPED})),)),
            "after pipeline etl (completed or stopped)",
        ),
        (
            "{any_of: [{schedule: b}, {pipeline: etl}]}",
            After(upstreams=(Upstream(schedule="b"), Upstream(pipeline="etl"))),
            "after any of b, pipeline etl",
        ),
        ("{any_of: [{schedule: b}]}", After(upstreams=(Upstream(schedule="b"),)), "after b"),
        (
            "{all_of: [{schedule: c}, {schedule: b}]}",
            After(upstreams=(Upstream(schedule="c"), Upstream(schedule="b")), together=True),
            "after all of c, b",
        ),
        (
            "{all_of: [{schedule: b}, {schedule: c}], window: 6h}",
            After(upstreams=(Upstream(schedule="b"), Upstream(schedule="c")), together=True, window=timedelta(hours=6)),
            "after all of b, c within 6h",
        ),
    ],
)
def test_after(one: One, text: str, after: After, when: str) -> None:
    schedule = one(f"after: {text}")
    assert (schedule.after, schedule.when) == (after, when)
    assert schedule.timing.follows
    assert schedule.timing.next(datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_bounds_beside_after(one: One) -> None:
    schedule = one(
        "after: {schedule: b}",
        "timezone: Europe/Berlin",
        "start_time: 2026-12-01",
        "end_time: 2026-12-31",
        "skip_dates: 2026-12-24",
        "max_runs: 5",
        "catchup_window: 2h",
        "deadline: 1h",
        "overlap: skip",
    )
    timing = schedule.timing
    assert timing.timezone == "Europe/Berlin"
    assert timing.start_time == datetime(2026, 11, 30, 23, tzinfo=UTC)
    assert timing.skip_dates == (date(2026, 12, 24),)
    assert (schedule.max_runs, schedule.catchup_window, schedule.overlap) == (5, timedelta(hours=2), Overlap.SKIP)


def test_the_revision_changes_with_what_is_followed_and_not_with_its_order(one: One) -> None:
    texts = [
        "{schedule: b}",
        "{schedule: c}",
        "{pipeline: b}",
        "{pipeline: b, project: x}",
        "{schedule: b, on: failed}",
        "{schedule: b, on: [failed, completed]}",
        "{any_of: [{schedule: b}, {schedule: c}]}",
        "{all_of: [{schedule: b}, {schedule: c}]}",
        "{all_of: [{schedule: b}, {schedule: c}], window: 1h}",
    ]
    assert len({one(f"after: {text}").revision for text in texts}) == len(texts)
    same = ("{any_of: [{schedule: c}, {schedule: b, on: completed}]}", "{any_of: [{schedule: b}, {schedule: c}]}")
    assert len({one(f"after: {text}").revision for text in same}) == 1
    # Changing it would make every such schedule forget what it has waited for.
    assert one("after: {schedule: b}").revision == "aaccc27d1511"


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("after: b", "4:12: schedules.0.after: has to be a mapping, such as {schedule: nightly-training}"),
        ("after: {}", "4:12: schedules.0.after: it is not said what is followed; write one of schedule, pipeline, any_of and all_of"),
        ("after: {on: failed}", "4:12: schedules.0.after: it is not said what is followed; write one of schedule, pipeline, any_of and all_of"),
        ("after: {schedule: b, pipeline: q}", '4:26: schedules.0.after.pipeline: "schedule" is followed already; keep one of them'),
        ("after: {any_of: [{schedule: b}], all_of: [{schedule: c}]}", '4:38: schedules.0.after.all_of: "any_of" is followed already; keep one of them'),
        ("after: {schedul: b}", '4:13: schedules.0.after.schedul: unknown key; did you mean "schedule"?'),
        ("after: {schedule: 5}", "4:23: schedules.0.after.schedule: has to be a text, not the number 5; put it in quotes"),
        ("after: {schedule: d}", '4:23: schedules.0.after.schedule: there is no schedule "d"'),
        ("after: {schedule: b, on: done}", '4:30: schedules.0.after.on: "done" is not one of completed, failed, stopped'),
        ("after: {schedule: b, on: [completed, fail]}", '4:42: schedules.0.after.on.1: "fail" is not one of completed, failed, stopped; did you mean "failed"?'),
        ("after: {schedule: b, on: []}", "4:30: schedules.0.after.on: is empty"),
        ("after: {schedule: b, project: x}", "4:26: schedules.0.after.project: project belongs to a pipeline; the names of schedules are unique over all projects"),
        ("after: {schedule: b, window: 6h}", "4:26: schedules.0.after.window: window is how long all_of waits for the others; here is no all_of"),
        ("after: {all_of: [{schedule: b}], window: 0s}", "4:46: schedules.0.after.window: has to be longer than 0s"),
        ("after: {all_of: [{schedule: b}], on: failed}", "4:38: schedules.0.after.on: on belongs into the list, to each of its members"),
        ("after: {all_of: [{pipeline: b}], project: x}", "4:38: schedules.0.after.project: project belongs into the list, beside its pipeline"),
        ("after: {all_of: [{schedule: b, project: x}]}", "4:36: schedules.0.after.all_of.0.project: project belongs to a pipeline; the names of schedules are unique over all projects"),
        ("after: {all_of: []}", "4:21: schedules.0.after.all_of: is empty"),
        ("after: {all_of: {schedule: b}}", "4:21: schedules.0.after.all_of: has to be a list, not a mapping"),
        ("after: {all_of: [b]}", "4:22: schedules.0.after.all_of.0: has to be a mapping, such as {schedule: nightly-training}"),
        ("after: {all_of: [{}]}", "4:22: schedules.0.after.all_of.0: it is not said what is followed; write one of schedule and pipeline"),
        ("after: {any_of: [{all_of: []}]}", "4:23: schedules.0.after.any_of.0.all_of: unknown key"),
        ("after: {any_of: [{schedule: b}, {schedule: b}]}", "4:37: schedules.0.after.any_of.1: schedule b stands here twice"),
        ("after: {schedule: b}\n    every: 1h", '4:5: schedules.0.after: "every" says already when it is due; keep one of them'),
        ("after: {schedule: b}\n    jitter: 1m", "5:5: schedules.0.jitter: jitter spreads fires of the clock; after has none"),
        ("after: {schedule: b}\n    catchup: all", "5:5: schedules.0.catchup: catchup is about fires of the clock; after has none (catchup_window says how long a start may wait)"),
        ("after: {schedule: b}\n    coalesce: true", "5:5: schedules.0.coalesce: coalesce makes one run of several fires of the clock; after has none"),
        ("after: {schedule: b}\n    seconds: true", "5:5: schedules.0.seconds: seconds is about cron expressions; after has none"),
    ],
)  # fmt: skip
def test_after_refused(faults: Check, lines: str, fault: str) -> None:
    assert faults(f"{HEAD}    {lines}\n{OTHERS}") == [f"a.yaml:{fault}"]


def test_retry_of_runs(one: One, folder: Path) -> None:
    assert one("every: 1h", "retry: {initial: 1s}").run_retry is None
    schedule = one("every: 1h", "retry: {max_attempts: 4, run: {max_attempts: 3}}")
    assert schedule.retry == RetryPolicy(max_attempts=4)
    assert schedule.run_retry == RunRetry(max_attempts=3)
    schedule = one("every: 1h", "retry: {run: {max_attempts: 2, initial: 5m, max: 30m, on: [failed, stopped]}}")
    assert schedule.run_retry == RunRetry(
        max_attempts=2,
        initial=timedelta(minutes=5),
        max=timedelta(minutes=30),
        on=frozenset({Fate.FAILED, Fate.STOPPED}),
    )
    assert schedule.retry == RetryPolicy()
    (folder / "a.yaml").write_text(
        "sweeps:\n  - name: s\n    pipeline: p\n    method: grid\n    parameters: {a: {values: [1]}}\n"
        "    retry: {run: {max_attempts: 2, on: stopped}}\n"
    )
    [sweep] = lint([folder]).sweeps
    assert sweep.run_retry == RunRetry(max_attempts=2, on=frozenset({Fate.STOPPED}))


@pytest.mark.parametrize(
    ("text", "deadline"),
    [
        ('"06:00"', Deadline(at=time(6))),
        ("06:00", Deadline(at=time(6))),
        ("6:00", Deadline(at=time(6))),
        ("23:59:30", Deadline(at=time(23, 59, 30))),
        ("2h", Deadline(after=timedelta(hours=2))),
        ("2h after fire", Deadline(after=timedelta(hours=2))),
        ("1h 30m  after fire", Deadline(after=timedelta(minutes=90))),
        ("90", Deadline(after=timedelta(seconds=90))),
    ],
)
def test_deadline(one: One, text: str, deadline: Deadline) -> None:
    assert one("every: 1d", f"deadline: {text}").deadline == deadline


def test_what_raises_alerts(one: One) -> None:
    schedule = one("every: 1d", "pause_after: 3", "expect_every: 26h")
    assert (schedule.pause_after, schedule.expect_every) == (3, timedelta(hours=26))
    bare = one("every: 1d")
    assert (bare.pause_after, bare.expect_every, bare.deadline, bare.notify) == (None, None, None, None)


def test_coalesce(one: One) -> None:
    schedule = one("every: 1h", "catchup: all", "coalesce: true")
    assert (schedule.catchup, schedule.coalesce) == (CatchUp.ALL, True)
    assert not one("every: 1h", "coalesce: false").coalesce


@pytest.mark.parametrize(
    ("text", "notify"),
    [
        ("{to: ops}", Notify(to=("ops",))),
        ('{to: [ops, "https://x.example/y", ops]}', Notify(to=("ops", "https://x.example/y"))),
        ("{to: ops, on: success}", Notify(to=("ops",), on=frozenset({AlertKind.SUCCESS}))),
        (
            "{to: ops, on: [failure, missed, late, recovered, paused, success]}",
            Notify(to=("ops",), on=frozenset(AlertKind)),
        ),
        ('{to: ops, quiet: "22:00-07:00"}', Notify(to=("ops",), quiet=(time(22), time(7)))),
        ("{to: ops, quiet: 22:30 - 7:00}", Notify(to=("ops",), quiet=(time(22, 30), time(7)))),
        ("none", Notify(to=())),
    ],
)
def test_notify(one: One, text: str, notify: Notify) -> None:
    assert one("every: 1d", f"notify: {text}").notify == notify


def test_notify_of_a_file_is_for_those_that_have_none(folder: Path) -> None:
    (folder / "a.yaml").write_text(
        "notify: {to: ops, on: late}\n"
        "schedules:\n"
        "  - {name: a, pipeline: p, every: 1h}\n"
        "  - {name: b, pipeline: p, every: 1h, notify: {to: dev}}\n"
        "  - {name: c, pipeline: p, every: 1h, notify: none}\n"
        "  - {name: d, pipeline: p, every: 1h, notify: }\n"
    )
    (folder / "b.yaml").write_text("schedules: [{name: e, pipeline: p, every: 1h}]\n")
    ops = Notify(to=("ops",), on=frozenset({AlertKind.LATE}))
    definitions = lint([folder])
    assert definitions.faults == ()
    assert [one.notify for one in definitions.schedules] == [
        ops,
        Notify(to=("dev",), on=USUAL),
        Notify(to=()),
        ops,
        None,
    ]


def test_nobody_is_told_of_a_whole_file(folder: Path) -> None:
    (folder / "a.yaml").write_text("notify: none\nschedules: [{name: a, pipeline: p, every: 1h}]\n")
    assert [one.notify for one in lint([folder]).schedules] == [Notify(to=())]


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("retry: {run: {}}", "5:18: schedules.0.retry.run: max_attempts is missing"),
        ("retry: {run: 3}", "5:18: schedules.0.retry.run: has to be a mapping, not the number 3"),
        ("retry: {run: {max_attempts: 1}}", "5:33: schedules.0.retry.run.max_attempts: has to be at least 2"),
        ("retry: {run: {max_attempts: 21}}", "5:33: schedules.0.retry.run.max_attempts: has to be at most 20"),
        ("retry: {run: {max_attempts: 2, on: completed}}", '5:40: schedules.0.retry.run.on: "completed" is not one of failed, stopped'),
        ("retry: {run: {max_attempts: 2, on: []}}", "5:40: schedules.0.retry.run.on: is empty"),
        ("retry: {run: {max_attempts: 2, initial: 2h}}", "5:45: schedules.0.retry.run.initial: is longer than max, which is the longest wait"),
        ("retry: {run: {max_attempts: 2, initia: 2h}}", '5:36: schedules.0.retry.run.initia: unknown key; did you mean "initial"?'),
        ("pause_after: 0", "5:18: schedules.0.pause_after: has to be at least 1"),
        ("pause_after: 1001", "5:18: schedules.0.pause_after: has to be at most 1000"),
        ("pause_after: 3x", '5:18: schedules.0.pause_after: has to be a whole number, not the text "3x"'),
        ("deadline: 24:00", '5:15: schedules.0.deadline: "24:00" is not a time of day; write it as 06:00, from 00:00 to 23:59'),
        ("deadline: 6am", '5:15: schedules.0.deadline: "6am" is neither a time of day such as 06:00 nor a length of time such as 2h'),
        ("deadline: 2h after start", '5:15: schedules.0.deadline: "2h after start" is neither a time of day such as 06:00 nor a length of time such as 2h'),
        ("deadline: 0s", "5:15: schedules.0.deadline: has to be longer than 0s"),
        ("deadline: true", "5:15: schedules.0.deadline: has to be a time of day such as 06:00, or a length of time such as 2h"),
        ("expect_every: 0", "5:19: schedules.0.expect_every: has to be longer than 0s"),
        ("expect_every: daily", '5:19: schedules.0.expect_every: "daily" is not a length of time; write a number and a unit (ms, s, m, h, d, w), such as 90s or 1h30m'),
        ("coalesce: true", "5:5: schedules.0.coalesce: coalesce makes one run of all that is made up for; write catchup: all beside it"),
        ("coalesce: true\n    catchup: latest", "5:5: schedules.0.coalesce: coalesce makes one run of all that is made up for; write catchup: all beside it"),
        ("notify: ops", "5:13: schedules.0.notify: has to be a mapping, such as {to: ops}, or none"),
        ("notify: false", "5:13: schedules.0.notify: has to be a mapping, such as {to: ops}, or none"),
        ("notify: {}", "5:13: schedules.0.notify: to is missing"),
        ("notify: {to: []}", "5:18: schedules.0.notify.to: is empty"),
        ("notify: {to: [ops, a b]}", "5:24: schedules.0.notify.to.1: is no receiver; write a name of ZENBEAT_RECEIVERS, such as ops, or an address with ://"),
        ("notify: {to: 'https://'}", "5:18: schedules.0.notify.to: is no receiver; write a name of ZENBEAT_RECEIVERS, such as ops, or an address with ://"),
        ("notify: {to: 5}", "5:18: schedules.0.notify.to: has to be a text, not the number 5; put it in quotes"),
        ("notify: {to: ops, on: failed}", '5:27: schedules.0.notify.on: "failed" is not one of failure, missed, late, recovered, paused, success; did you mean "failure"?'),
        ("notify: {to: ops, on: []}", "5:27: schedules.0.notify.on: is empty"),
        ("notify: {to: ops, when: late}", "5:23: schedules.0.notify.when: unknown key"),
        ("notify: {to: ops, quiet: night}", "5:30: schedules.0.notify.quiet: has to be a span of the day, such as 22:00-07:00"),
        ("notify: {to: ops, quiet: 22-7}", '5:30: schedules.0.notify.quiet: "22" is not a time of day; write it as 06:00, from 00:00 to 23:59'),
        ("notify: {to: ops, quiet: 7:00-07:00}", "5:30: schedules.0.notify.quiet: ends when it begins; to tell nobody at all, write notify: none"),
    ],
)  # fmt: skip
def test_refused(faults: Check, lines: str, fault: str) -> None:
    assert faults(f"{HEAD}    every: 1h\n    {lines}\n") == [f"a.yaml:{fault}"]


def test_notify_of_a_file_refused(faults: Check) -> None:
    assert faults("notify: {too: ops}\nschedules: []\n") == [
        "a.yaml:1:9: notify: to is missing",
        'a.yaml:1:10: notify.too: unknown key; did you mean "to"?',
    ]


def test_none_of_it_belongs_to_a_sweep(faults: Check) -> None:
    head = "sweeps:\n  - name: s\n    pipeline: p\n    method: grid\n    parameters: {a: {values: [1]}}\n"
    for key, value in {"after": "{schedule: a}", "deadline": "1h", "notify": "none", "pause_after": "3"}.items():
        assert faults(f"{head}    {key}: {value}\n") == [
            f"a.yaml:6:5: sweeps.0.{key}: {key} belongs to a schedule; a sweep does not take it"
        ]


SECRET = "a password or token does not belong here; name the address in ZENBEAT_RECEIVERS"


@pytest.mark.parametrize(
    "address",
    [
        "https://user:password@alerts.example.com/x",
        "https://hooks.slack.com/services/T00000000/B00000000/ab3DefGhIjKlMnOpQrStUvWx",
        "https://hc-ping.com/6e1fbf8f-c17e-4749-af44-0c14b7b9ec12",
        "https://alerts.example.com/x?access_token=y",
        "https://alerts.example.com/x?a=b&sig=y",
        "smtp://u:[p@x",
    ],
)
def test_an_address_with_a_secret_is_warned_of_without_being_repeated(warnings: Check, address: str) -> None:
    text = f"notify: {{to: '{address}'}}\n{HEAD}    every: 1h\n    notify: {{to: [ops, '{address}']}}\n"
    if "[" in address:
        assert warnings(text) == []
    else:
        assert warnings(text) == [
            f"a.yaml:1:14: notify.to: {SECRET}",
            f"a.yaml:6:24: schedules.0.notify.to.1: {SECRET}",
        ]


@pytest.mark.parametrize(
    "address", ["https://alerts.example.com/teams/data-platform-2/alerts?design=2", "mailto://ops@example.com"]
)
def test_an_address_without_a_secret_is_not(warnings: Check, address: str) -> None:
    assert warnings(f"{HEAD}    every: 1h\n    notify: {{to: '{address}'}}\n") == []


def test_first_runs_have_no_last_success(warnings: Check) -> None:
    sentence = "last_success is empty before the first success"
    text = HEAD + (
        "    every: 1h\n    config:\n      extra:\n"
        "        a: '{{ last_success.fire_time }}'\n"
        "        b: 'since {{ last_success.run_id }}'\n"
        "        c: \"{{ (last_success.fire_time if last_success else fire_time - days(1)) | date('%Y') }}\"\n"
        "        d: '{{ last_success.ended | default(none) }}'\n"
        "        e: '{{ last_success }}'\n"
        "        f: '{{ window_start | date }} {{ window_end | date }}'\n"
    )
    assert warnings(text) == [
        f"a.yaml:7:12: schedules.0.config.extra.a: {sentence}",
        f"a.yaml:8:12: schedules.0.config.extra.b: {sentence}",
    ]


def test_runs_of_others_have_no_fire_time(warnings: Check) -> None:
    config = "    config: {extra: {a: '{{ upstream.fire_time | date }}', b: '{{ upstreams[0].schedule or 5 }}'}}\n"
    assert warnings(HEAD + "    after: {schedule: b}\n" + config + OTHERS) == []
    assert warnings(HEAD + "    after: {pipeline: b}\n" + config + OTHERS) == [
        "a.yaml:5:25: schedules.0.config.extra.a: "
        "fire_time and schedule of an upstream are empty where no schedule has started the run"
    ]


@pytest.mark.parametrize(
    ("timing", "expression", "sentence"),
    [
        ("every: 1h", "{{ upstream.run_id }}", '"upstream" is known in a schedule with after only'),
        ("every: 1h", "{{ upstreams }}", '"upstreams" is known in a schedule with after only'),
        ("every: 1h", "{{ last_success.end }}", 'there is no "end" in a value of type dict; did you mean "ended"?'),
        ("after: {schedule: b}", "{{ upstream.runid }}", 'there is no "runid" in a value of type dict; did you mean "run_id"?'),
        ("after: {schedule: b}", "{{ upstreams[1].run_id }}", 'there is no "1" in a value of type list'),
        ("after: {schedule: b}", "{{ upstreem }}", '"upstreem" is not known; did you mean "upstream"?'),
    ],
)  # fmt: skip
def test_names_refused(faults: Check, timing: str, expression: str, sentence: str) -> None:
    text = f"{HEAD}    {timing}\n    config: {{extra: {{x: '{expression}'}}}}\n{OTHERS}"
    assert faults(text) == [f"a.yaml:5:25: schedules.0.config.extra.x: {sentence}"]


def test_a_config_template_is_held_against_each_schedule_that_follows(faults: Check, folder: Path) -> None:
    (folder / "templates" / "t.yaml").write_text("extra: {x: '{{ upstreams[1].run_id }}'}\n")
    template = "    config_template: templates/t.yaml\n"
    two = HEAD + "    after: {all_of: [{schedule: b}, {schedule: c}]}\n" + template + OTHERS
    assert faults(two) == []
    three = two + f"  - name: d\n    pipeline: p\n    after: {{schedule: b}}\n{template}"
    assert faults(three) == ['templates/t.yaml:1:12: extra.x: there is no "1" in a value of type list']
    four = two + f"  - name: d\n    pipeline: p\n    every: 1h\n{template}"
    assert faults(four) == ['templates/t.yaml:1:12: extra.x: "upstreams" is known in a schedule with after only']


def test_what_expressions_use_is_known(one: One, folder: Path) -> None:
    (folder / "templates" / "t.yaml").write_text("extra: {x: '{{ last_success.run_id | default(1) }}'}\n")
    assert one("every: 1h").target.uses == frozenset()
    schedule = one(
        "every: 1h", "config: {extra: {y: '{{ days(1) and fire_time.year }}'}}", "config_template: templates/t.yaml"
    )
    assert schedule.target.uses == {"last_success", "fire_time"}
