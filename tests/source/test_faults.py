"""Every mistake in a schedule file, each as the whole line a person reads."""

# ruff: noqa: E501 - a fault is one line here, as it is for the person who reads it

from collections.abc import Callable
from pathlib import Path

import pytest

Check = Callable[[str], list[str]]

HEAD = "schedules:\n  - name: a\n    pipeline: p\n"
CRON = HEAD + '    cron: "0 2 * * *"\n'


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("timezone: Europe/Berln", '5:15: schedules.0.timezone: time zone "Europe/Berln" is not known; did you mean "Europe/Berlin"?'),
        ("timezone: ../etc/passwd", '5:15: schedules.0.timezone: time zone "../etc/passwd" is not known'),
        ("crno: x", '5:5: schedules.0.crno: unknown key; did you mean "cron"?'),
        ("zzz: x", "5:5: schedules.0.zzz: unknown key"),
        ("after: {schedule: b}", '5:5: schedules.0.after: "cron" says already when it is due; keep one of them'),
        ("calendar: x", "5:5: schedules.0.calendar: calendar is not supported yet; use skip_dates"),
        ("cron_expression: x", '5:5: schedules.0.cron_expression: unknown key; did you mean "cron"?'),
        ("steps: {}", "5:5: schedules.0.steps: unknown key; it belongs under config, or in a config template"),
        ("every: 90s", '5:5: schedules.0.every: "cron" says already when it is due; keep one of them'),
        ("at: 2026-12-01", '5:5: schedules.0.at: "cron" says already when it is due; keep one of them'),
        ("seconds: 1", "5:14: schedules.0.seconds: has to be true or false, not the number 1"),
        ("seconds: on", '5:14: schedules.0.seconds: has to be true or false, not the text "on"'),
        ("jitter: 60 sec", '5:13: schedules.0.jitter: "60 sec" is not a length of time; write a number and a unit (ms, s, m, h, d, w), such as 90s or 1h30m'),
        ("jitter: [1]", "5:13: schedules.0.jitter: has to be a length of time, such as 90s or 1h30m"),
        ("jitter: true", "5:13: schedules.0.jitter: has to be a length of time, such as 90s or 1h30m"),
        ("start_time: tomorrow", '5:17: schedules.0.start_time: "tomorrow" is not a time; write it as 2026-12-01T08:00 or 2026-12-01'),
        ("start_time: 2026", "5:17: schedules.0.start_time: has to be a time, such as 2026-12-01T08:00"),
        ("skip_dates: [2026-12-24, 24.12.]", '5:30: schedules.0.skip_dates.1: "24.12." is not a date; write 2026-12-24, or 2026-12-24/2027-01-06 for a span'),
        ("skip_dates: 2026-12-24/2026-12-01", "5:17: schedules.0.skip_dates: skip_dates from 2026-12-24 to 2026-12-01 runs backwards"),
        ("max_runs: 0", "5:15: schedules.0.max_runs: has to be at least 1"),
        ("max_runs: 1.5", "5:15: schedules.0.max_runs: has to be a whole number, not the number 1.5"),
        ("priority: 5000", "5:15: schedules.0.priority: has to be at most 1000"),
        ("priority: high", '5:15: schedules.0.priority: has to be a whole number, not the text "high"'),
        ("catchup: last", '5:14: schedules.0.catchup: "last" is not one of none, latest, all; did you mean "latest"?'),
        ("overlap: wait", '5:14: schedules.0.overlap: "wait" is not one of skip, allow, buffer_one, buffer_all, cancel_other'),
        ("concurrency: allow", '5:18: schedules.0.concurrency: "allow" is not one of skip, submit'),
        ("dst: {gap: skipp}", '5:16: schedules.0.dst.gap: "skipp" is not one of shift, skip; did you mean "skip"?'),
        ("dst: {fold: both, gab: skip}", '5:23: schedules.0.dst.gab: unknown key; did you mean "gap"?'),
        ("dst: first", '5:10: schedules.0.dst: has to be a mapping, not the text "first"'),
        ("retry: {max_attempts: 0}", "5:27: schedules.0.retry.max_attempts: has to be at least 1"),
        ("retry: {attempts: 3}", '5:13: schedules.0.retry.attempts: unknown key; did you mean "max_attempts"?'),
        ("retry: {initial: 10m}", "5:22: schedules.0.retry.initial: is longer than max, which is the longest wait"),
        ("template: 1.10", "5:15: schedules.0.template: has to be a text, not the number 1.1; put it in quotes"),
        ('template: ""', "5:15: schedules.0.template: is empty"),
        ("config_template: templates/trainin.yaml", '5:22: schedules.0.config_template: templates/trainin.yaml: there is no such file; did you mean "templates/training.yaml"?'),
        ("config_template: templates", "5:22: schedules.0.config_template: templates: is not a file"),
        ("config_template: ../a.yaml", '5:22: schedules.0.config_template: "../a.yaml" leads out of the folder; write a path such as templates/training.yaml'),
        ("config_template: /etc/passwd", '5:22: schedules.0.config_template: "/etc/passwd" leads out of the folder; write a path such as templates/training.yaml'),
        ("config: [a]", "5:13: schedules.0.config: has to be a mapping, not a list"),
        ("config: {tags: a}", "5:20: schedules.0.config.tags: has to be a list"),
        ("config: {steps: [a]}", "5:21: schedules.0.config.steps: has to be a mapping: step name to its configuration"),
        ("config: {steps: {a: 1}}", "5:25: schedules.0.config.steps.a: has to be a mapping, such as {parameters: {…}}"),
        ("config: {schedule: a}", "5:14: schedules.0.config.schedule: ZenML takes no schedule here; zenbeat does the scheduling"),
        ("config: {build: a}", "5:14: schedules.0.config.build: ZenML takes no build here; it belongs to the template or snapshot"),
        ("config: {run_name: 'a-{date}'}", "5:24: schedules.0.config.run_name: a brace is not possible outside {{ … }}: ZenML would look for a placeholder"),
        ("config: {run_name: '{{ 1 +'}", "5:24: schedules.0.config.run_name: the expression cannot be read: unexpected 'end of template'"),
        ("config: {run_name: 5}", "5:24: schedules.0.config.run_name: has to be a text"),
        ("config: {extra: {x: '{{ now }}'}}", '5:25: schedules.0.config.extra.x: "now" is not known: a body is rendered once and stored, so that a retry sends the same; use fire_time'),
        ("config: {extra: {x: '{{ attempt }}'}}", '5:25: schedules.0.config.extra.x: "attempt" is not known: a body is rendered once and stored, so that a retry sends the same'),
        ("config: {extra: {x: '{{ fire_tme }}'}}", '5:25: schedules.0.config.extra.x: "fire_tme" is not known; did you mean "fire_time"?'),
        ("config: {extra: {x: '{{ schedule.nmae }}'}}", '5:25: schedules.0.config.extra.x: there is no "nmae" in a value of type dict; did you mean "name"?'),
        ("config: {extra: {x: '{{ trial }}'}}", '5:25: schedules.0.config.extra.x: "trial" is known in a sweep only'),
        ("config: {extra: {x: '{{ 1 +'}}", "5:25: schedules.0.config.extra.x: the expression cannot be read: unexpected 'end of template'"),
        ("config: {extra: {'{{ a }}': 1}}", "5:22: schedules.0.config.extra.{{ a }}: a key has to be a text, and cannot hold an expression"),
        ("config: {extra: {x: .inf}}", "5:25: schedules.0.config.extra.x: JSON has no infinite number, and no NaN"),
    ],
)  # fmt: skip
def test_one_wrong_line_in_a_good_schedule(faults: Check, folder: Path, lines: str, fault: str) -> None:
    (folder / "templates" / "training.yaml").write_text("enable_cache: false\n")
    assert faults(f"{CRON}    {lines}\n") == [f"a.yaml:{fault}"]


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("", "2:5: schedules.0: it is not said when it is due; write one of cron, every, at and after"),
        ("cron:", "2:5: schedules.0: it is not said when it is due; write one of cron, every, at and after"),
        ('cron: "99 * * * *"', "4:11: schedules.0.cron: minute 99 is out of range: 0 to 59"),
        ('cron: "* * * *"', '4:11: schedules.0.cron: "* * * *" has 4 fields, not the five: minute, hour, day of month, month, day of week'),
        ('cron: ["0 0 * * *", "0 0 * * MONN"]', '4:25: schedules.0.cron.1: day of week "MONN" is not known; did you mean "MON"?'),
        ("cron: 0 0 31 2 *", '4:11: schedules.0.cron: "0 0 31 2 *" never matches: day of month and month name dates that do not exist'),
        ("cron: [~]", "4:12: schedules.0.cron.0: has to be a text; it is empty"),
        ("cron: []", "4:11: schedules.0.cron: is empty"),
        ("cron: 5", "4:11: schedules.0.cron: has to be a text, not the number 5; put it in quotes"),
        ("every: 0.5s", "4:12: schedules.0.every: every is too short; the shortest interval is 1s"),
        ("every: -5", '4:12: schedules.0.every: "-5" is not a length of time; write a number and a unit (ms, s, m, h, d, w), such as 90s or 1h30m'),
        ("at: 2026-13-01", '4:9: schedules.0.at: "2026-13-01" is not a time; write it as 2026-12-01T08:00 or 2026-12-01'),
        ("at: [2026-12-01, 12:30]", '4:22: schedules.0.at.1: "12:30" is not a time; write it as 2026-12-01T08:00 or 2026-12-01'),
        ("cron: * * * * *", 'Y4:11: a text that begins with * has to be quoted; put it in quotes, such as "*/5 * * * *"'),
        ("cron: */5 * * * *", 'Y4:11: a text that begins with * has to be quoted; put it in quotes, such as "*/5 * * * *"'),
        ("cron: @daily", "Y4:11: a text that begins with @ has to be quoted"),
    ],
)  # fmt: skip
def test_when(faults: Check, lines: str, fault: str) -> None:
    assert faults(f"{HEAD}    {lines}\n") == [f"a.yaml:{fault.removeprefix('Y')}"]


def test_a_local_time_in_a_gap_that_is_skipped(faults: Check) -> None:
    text = HEAD + "    at: 2027-03-28T02:30\n    timezone: Europe/Berlin\n    dst: {gap: skip}\n"
    assert faults(text) == [
        "a.yaml:4:9: schedules.0.at: "
        "2027-03-28 02:30 does not exist in Europe/Berlin: the clocks are set forward over it"
    ]


def test_an_end_before_the_start(faults: Check) -> None:
    assert faults(CRON + "    start_time: 2027-01-01\n    end_time: 2026-01-01\n") == [
        "a.yaml:6:15: schedules.0.end_time: end_time is before start_time, so that nothing would ever be due"
    ]


def test_template_and_snapshot(faults: Check) -> None:
    assert faults(CRON + "    template: t\n    snapshot: s\n") == [
        "a.yaml:6:5: schedules.0.snapshot: template is there already; keep one of them"
    ]


def test_overlap_and_concurrency(faults: Check) -> None:
    assert faults(CRON + "    overlap: allow\n    concurrency: submit\n") == [
        "a.yaml:6:5: schedules.0.concurrency: overlap is there already; keep one of them"
    ]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ["a.yaml:1:1: the file defines nothing; write schedules: [] if that is meant, or delete it"]),
        ("# later\n", ["a.yaml:1:1: the file defines nothing; write schedules: [] if that is meant, or delete it"]),
        ("schedules: []\n", []),
        ("schedules:\n", []),
        ("[a]\n", ["a.yaml:1:1: has to be a mapping, not a list"]),
        ("schedules: {a: b}\n", ["a.yaml:1:12: schedules: has to be a list, not a mapping"]),
        ("schedules: [5]\n", ["a.yaml:1:13: schedules.0: has to be a mapping, not the number 5"]),
        ("shedules: []\n", ['a.yaml:1:1: shedules: unknown key; did you mean "schedules"?']),
        ("defaults: {}\nschedules: []\n", ["a.yaml:1:1: defaults: unknown key"]),
    ],
)
def test_the_file_as_a_whole(faults: Check, text: str, lines: list[str]) -> None:
    assert faults(text) == lines


@pytest.mark.parametrize("name", ["Nightly", "-a", ".a", "a b", "ä", "a/b", "a\n"])
def test_names(faults: Check, name: str) -> None:
    text = f'schedules: [{{name: "{name}", pipeline: p, every: 1h}}]'.replace("\n", "\\n")
    assert faults(text) == [
        f'a.yaml:1:20: schedules.0.name: "{name}" is not possible; '
        "write small letters, digits and . _ - (no mark in front)"
    ]


def test_a_name_has_at_most_200_characters(faults: Check) -> None:
    assert faults(f"schedules: [{{name: {'a' * 200}, pipeline: p, every: 1h}}]") == []
    assert faults(f"schedules: [{{name: {'a' * 201}, pipeline: p, every: 1h}}]") == [
        "a.yaml:1:20: schedules.0.name: is too long; at most 200 characters"
    ]


def test_all_faults_of_a_file_at_once_in_the_order_of_the_text(faults: Check) -> None:
    text = """\
schedules:
  - nam: a
    cron: "99 * * * *"
    timezone: Mars/Base
    config: {extra: {x: "{{ now() }}"}}
  - name: b
    every: 1h
    retry: {max: x}
  - name: b
    pipeline: p
sweeps:
  - name: s
    pipeline: p
    method: randm
"""
    assert faults(text) == [
        "a.yaml:2:5: schedules.0: name is missing",
        "a.yaml:2:5: schedules.0: pipeline is missing",
        'a.yaml:2:5: schedules.0.nam: unknown key; did you mean "name"?',
        "a.yaml:3:11: schedules.0.cron: minute 99 is out of range: 0 to 59",
        'a.yaml:4:15: schedules.0.timezone: time zone "Mars/Base" is not known',
        'a.yaml:5:25: schedules.0.config.extra.x: "now" is not known: '
        "a body is rendered once and stored, so that a retry sends the same; use fire_time",
        "a.yaml:6:5: schedules.1: pipeline is missing",
        'a.yaml:8:18: schedules.1.retry.max: "x" is not a length of time; '
        "write a number and a unit (ms, s, m, h, d, w), such as 90s or 1h30m",
        "a.yaml:9:5: schedules.2: it is not said when it is due; write one of cron, every, at and after",
        'a.yaml:9:11: schedules.2.name: "b" is defined already, in FOLDER/a.yaml:6',
        "a.yaml:12:5: sweeps.0: parameters is missing",
        'a.yaml:14:13: sweeps.0.method: "randm" is not a method; did you mean "random"?',
    ]


def test_names_are_unique_over_all_files(faults: Check, folder: Path) -> None:
    (folder / "b.yml").write_text("schedules:\n  - pipeline: p\n    name: a\n    every: 1h\n")
    (folder / "c.yaml").write_text("sweeps: []\nschedules: [{name: b, pipeline: p, every: 1h}]\n")
    assert faults(CRON) == ['b.yml:3:11: schedules.0.name: "a" is defined already, in FOLDER/a.yaml:2']


def test_faults_in_a_config_template_have_their_place_there_and_come_once(faults: Check, folder: Path) -> None:
    (folder / "templates" / "t.yaml").write_text("run_name: a-{date}\nextra:\n  x: '{{ attempt }}'\n")
    two = CRON + "    config_template: templates/t.yaml\n"
    (folder / "b.yaml").write_text(two.replace("name: a", "name: b"))
    assert faults(two) == [
        "templates/t.yaml:1:11: run_name: a brace is not possible outside {{ … }}: ZenML would look for a placeholder",
        'templates/t.yaml:3:6: extra.x: "attempt" is not known: '
        "a body is rendered once and stored, so that a retry sends the same",
    ]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a: {{ x }}", ["templates/t.yaml:1:5: a key has to be a text; put {{ … }} in quotes"]),
        ("- a", ["templates/t.yaml:1:1: a config template has to be a mapping"]),
        ("", ["templates/t.yaml:1:1: a config template has to be a mapping"]),
    ],
)
def test_a_config_template_that_cannot_be_read(faults: Check, folder: Path, text: str, lines: list[str]) -> None:
    (folder / "templates" / "t.yaml").write_text(text)
    assert faults(CRON + "    config_template: templates/t.yaml\n") == lines


def test_a_link_may_not_lead_out_of_the_folder(faults: Check, folder: Path) -> None:
    outside = folder.parent / "secret.yaml"
    outside.write_text("extra: {token: x}\n")
    (folder / "templates" / "t.yaml").symlink_to(outside)
    (folder / "b.yaml").symlink_to(outside)
    assert faults(CRON + "    config_template: templates/t.yaml\n") == [
        "a.yaml:5:22: schedules.0.config_template: templates/t.yaml: is a link that leads out of the folder",
        "b.yaml: is a link that leads out of the folder",
    ]


def test_a_link_inside_the_folder_is_followed(faults: Check, folder: Path) -> None:
    (folder / "..data").mkdir()
    (folder / "..data" / "b.yaml").write_text(CRON.replace("name: a", "name: b"))
    (folder / "b.yaml").symlink_to("..data/b.yaml")
    assert faults(CRON) == []


@pytest.mark.parametrize(
    ("lines", "warning"),
    [
        ("jitter: 2d", "5:13: schedules.0.jitter: 2d is longer than the 1d between fires: runs may change places"),
        ("config: {stesp: {}}", '5:14: schedules.0.config.stesp: ZenML does not know this key, and may ignore it; did you mean "steps"?'),
        ("config: {steps: {t: {paramters: {}}}}", '5:26: schedules.0.config.steps.t.paramters: ZenML does not know this key, and may ignore it; did you mean "parameters"?'),
    ],
)  # fmt: skip
def test_warnings(warnings: Check, lines: str, warning: str) -> None:
    assert warnings(f"{CRON}    {lines}\n") == [f"a.yaml:{warning}"]


@pytest.mark.parametrize(
    "lines",
    [
        "overlap: skip",
        "concurrency: skip",
        "jitter: 1d",
        "config: {steps: {}}",
        "config: {enable_artifact_visualization: false, steps: {t: {enable_artifact_visualization: true}}}",
    ],
)
def test_no_warnings(warnings: Check, lines: str) -> None:
    assert warnings(f"{CRON}    {lines}\n") == []


SWEEP = """\
sweeps:
  - name: s
    pipeline: p
    method: grid
    parameters: {steps.t.parameters.lr: {values: [1, 2]}}
"""


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("scheduler: {}", "6:5: sweeps.0.scheduler: scheduler is not supported yet; write early_terminate, or another method"),
        ("max_paralel: 2", '6:5: sweeps.0.max_paralel: unknown key; did you mean "max_parallel"?'),
        ("run_cap: 0", "6:14: sweeps.0.run_cap: has to be at least 1"),
        ("metric: {name: a, goal: max}", None),
        ("config: {extra: {x: '{{ fire_time }}'}}", '6:25: sweeps.0.config.extra.x: "fire_time" is known in a schedule only'),
        ("config: {extra: {x: '{{ params.depth }}'}}", '6:25: sweeps.0.config.extra.x: there is no "depth" in a value of type dict'),
        ("config_template: templates/x.yaml", "6:22: sweeps.0.config_template: templates/x.yaml: there is no such file"),
        ("max_runs: 3", "6:5: sweeps.0.max_runs: max_runs belongs to a schedule; a sweep does not take it"),
    ],
)  # fmt: skip
def test_sweeps(faults: Check, lines: str, fault: str | None) -> None:
    found = faults(f"{SWEEP}    {lines}\n")
    if fault is None:
        assert len(found) == 1
        assert found[0].startswith("a.yaml:6:")
    else:
        assert found == [f"a.yaml:{fault}"]


def test_a_space_that_makes_no_sense(faults: Check) -> None:
    found = faults(SWEEP.replace("{values: [1, 2]}", "{min: 1}"))
    assert len(found) == 1
    assert found[0].startswith("a.yaml:5:")
    assert "sweeps.0.parameters.steps.t.parameters.lr" in found[0]
