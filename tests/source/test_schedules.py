"""What a good file becomes."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from worker.domain.cron import Cron
from worker.domain.retry import RetryPolicy
from worker.domain.schedule import CatchUp, Overlap, Schedule
from worker.domain.sweep import Method
from worker.source import Definitions, lint

Load = Callable[[str], Schedule]

CONTRACT = """\
schedules:
  - name: nightly-training          # [a-z0-9][a-z0-9._-]*, unique over all files
    pipeline: training
    template: production
    project: default
    cron: "0 2 * * *"
    timezone: Europe/Berlin
    dst: {gap: skip, fold: last}
    jitter: 60s
    start_time: 2026-12-01
    end_time: 2026-12-31
    skip_dates: [2026-12-24, 2026-12-30/2027-01-06]
    max_runs: 7
    catchup: all
    catchup_window: 1h
    overlap: skip
    retry: {max_attempts: 3, initial: 2s, max: 5m}
    priority: -4
    config_template: templates/training.yaml
    config:
      steps: {model_trainer: {parameters: {model_type: rf, data_date: "{{ fire_time | date('%Y-%m-%d') }}"}}}
"""


@pytest.fixture
def load(folder: Path) -> Load:
    """Give the one schedule of a text."""

    def read(text: str) -> Schedule:
        (folder / "a.yaml").write_text(text)
        definitions = lint([folder])
        assert definitions.faults == ()
        [schedule] = definitions.schedules
        return schedule

    return read


def one(load: Load, *lines: str, name: str = "a") -> Schedule:
    return load("\n    ".join([f"schedules:\n  - name: {name}", "pipeline: p", *lines]))


def test_the_example_of_the_contract(load: Load, folder: Path) -> None:
    (folder / "templates" / "training.yaml").write_text("enable_cache: false\nsteps: {a: {}}\n")
    schedule = load(CONTRACT)
    assert (schedule.name, schedule.when, schedule.timezone) == ("nightly-training", "0 2 * * *", "Europe/Berlin")
    assert schedule.place == f"{folder}/a.yaml:2"
    target = schedule.target
    assert (target.pipeline, target.template, target.snapshot, target.project) == (
        "training",
        "production",
        None,
        "default",
    )
    assert target.config_template == {"enable_cache": False, "steps": {"a": {}}}
    assert target.config["steps"]["model_trainer"]["parameters"]["model_type"] == "rf"
    timing = schedule.timing
    assert timing.crons == (Cron("0 2 * * *", "Europe/Berlin", gap="skip", fold="last"),)
    assert timing.jitter == timedelta(minutes=1)
    assert timing.start_time == datetime(2026, 11, 30, 23, tzinfo=UTC)
    assert timing.end_time == datetime(2026, 12, 31, 22, 59, 59, 999999, tzinfo=UTC)
    assert timing.skip_dates == (date(2026, 12, 24), (date(2026, 12, 30), date(2027, 1, 6)))
    assert (schedule.catchup, schedule.catchup_window) == (CatchUp.ALL, timedelta(hours=1))
    assert (schedule.overlap, schedule.max_runs, schedule.priority) == (Overlap.SKIP, 7, -4)
    assert schedule.retry == RetryPolicy(max_attempts=3, initial=timedelta(seconds=2), max=timedelta(minutes=5))


def test_what_is_left_out_has_the_defaults_of_the_domain(load: Load) -> None:
    schedule = one(load, "every: 90s")
    like_it = Schedule(
        name="a",
        target=schedule.target,
        timing=schedule.timing,
        timezone="UTC",
        when="every 90s",
        place=schedule.place,
        revision=schedule.revision,
    )
    assert schedule == like_it
    assert (schedule.target.config_template, schedule.target.config) == ({}, {})
    assert schedule.timing.every == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("lines", "when", "first"),
    [
        ('cron: "0 2 * * *"', "0 2 * * *", "2026-01-01T02:00:00+00:00"),
        ('cron: ["30 2 * * *", "0 3 * * *"]', "30 2 * * *, 0 3 * * *", "2026-01-01T02:30:00+00:00"),
        ('cron: "@daily"', "@daily", "2026-01-02T00:00:00+00:00"),
        ('cron: "0 0 * * * 30"\n    seconds: true', "0 0 * * * 30", "2026-01-01T00:00:30+00:00"),
        ("every: 1h30m", "every 1h30m", "2026-01-01T01:30:00+00:00"),
        ("every: 90", "every 90", "2026-01-01T00:01:30+00:00"),
        ("at: 2026-12-01T08:00", "at 2026-12-01T08:00", "2026-12-01T08:00:00+00:00"),
        ("at: 2026-12-01T08:00Z\n    timezone: Asia/Tokyo", "at 2026-12-01T08:00Z", "2026-12-01T08:00:00+00:00"),
        ("at: 2026-12-01T08:00\n    timezone: Asia/Tokyo", "at 2026-12-01T08:00", "2026-11-30T23:00:00+00:00"),
        ("at: [2027-01-01, 2026-12-01]", "at 2027-01-01, 2026-12-01", "2026-12-01T00:00:00+00:00"),
        ("at: 2027-03-28T02:30\n    timezone: Europe/Berlin", "at 2027-03-28T02:30", "2027-03-28T01:00:00+00:00"),
    ],
)
def test_when(load: Load, lines: str, when: str, first: str) -> None:
    schedule = one(load, lines)
    found = schedule.timing.next(datetime(2026, 1, 1, tzinfo=UTC))
    assert schedule.when == when
    assert found is not None
    assert found.isoformat() == first


def test_h_stands_for_another_minute_for_each_name(load: Load) -> None:
    days = {one(load, 'cron: "H H * * *"', name=name).timing.next(datetime(2026, 1, 1, tzinfo=UTC)) for name in "abcd"}
    assert len(days) == 4


@pytest.mark.parametrize(
    ("lines", "overlap"),
    [
        ("concurrency: skip", Overlap.SKIP),
        ("concurrency: submit", Overlap.ALLOW),
        ("overlap: buffer_one", "buffer_one"),
    ],
)
def test_overlap_in_both_dialects(load: Load, lines: str, overlap: Overlap) -> None:
    assert one(load, "every: 1h", lines).overlap == overlap


BASE = ('cron: "0 2 * * *"', "timezone: Europe/Berlin")


@pytest.mark.parametrize(
    "other",
    [
        ('cron: "0 3 * * *"', "timezone: Europe/Berlin"),
        ('cron: "0 2 * * *"', "timezone: Europe/Paris"),
        (*BASE, "dst: {gap: skip}"),
        (*BASE, "dst: {fold: last}"),
        (*BASE, "start_time: 2026-12-01"),
        (*BASE, "end_time: 2026-12-01"),
        (*BASE, "skip_dates: [2026-12-01]"),
        ("every: 1d", "timezone: Europe/Berlin"),
        ("at: 2026-12-01", "timezone: Europe/Berlin"),
    ],
)
def test_another_timing_is_another_revision(load: Load, other: tuple[str, ...]) -> None:
    assert one(load, *BASE).revision != one(load, *other).revision


@pytest.mark.parametrize(
    "other",
    [
        ("template: t", *BASE),
        (*BASE, "jitter: 60s"),
        (*BASE, "priority: 3"),
        (*BASE, "max_runs: 3"),
        (*BASE, "catchup: none"),
        (*BASE, "dst: {gap: shift, fold: first}"),
        ('cron: ["0  2 * * *"]', "timezone: Europe/Berlin"),
        (*BASE, "config: {extra: {a: 1}}"),
    ],
)
def test_the_same_timing_is_the_same_revision(load: Load, other: tuple[str, ...]) -> None:
    assert one(load, *BASE).revision == one(load, *other).revision


def test_a_revision_stays_the_same_from_version_to_version(load: Load) -> None:
    # Changing it would make every schedule count from the update on, and forget what it missed.
    revisions = [one(load, *BASE).revision, one(load, "every: 90s").revision, one(load, "at: 2026-12-01").revision]
    assert revisions == ["71123f6c3686", "871dff59c1a3", "eebed8140fdd"]


def test_sweeps(folder: Path) -> None:
    (folder / "a.yaml").write_text("""\
sweeps:
  - name: lr
    pipeline: training
    snapshot: staging
    priority: 3
    retry: {max_attempts: 2}
    method: grid
    parameters:
      steps.t.parameters.lr: {values: [0.1, 0.2]}
      depth: {value: 3}
    config: {extra: {all: "{{ params }}", lr: "{{ params['steps.t.parameters.lr'] }}", depth: "{{ params.depth }}"}}
""")
    [sweep] = lint([folder]).sweeps
    assert (sweep.name, sweep.target.pipeline, sweep.target.snapshot) == ("lr", "training", "staging")
    assert (sweep.priority, sweep.retry.max_attempts, sweep.place) == (3, 2, f"{folder}/a.yaml:2")
    assert (sweep.sweep.method, sweep.sweep.size, sweep.sweep.name) == (Method.GRID, 2, "lr")


def test_lint_of_one_file_reads_only_that_file(folder: Path) -> None:
    (folder / "a.yaml").write_text("schedules: [{name: a, pipeline: p, every: 1h, config_template: templates/t.yaml}]")
    (folder / "templates" / "t.yaml").write_text("enable_cache: true")
    (folder / "b.yaml").write_text("nonsense")
    definitions = lint([folder / "a.yaml"])
    assert [schedule.name for schedule in definitions.schedules] == ["a"]
    assert definitions.faults == ()
    assert lint([folder]).faults != ()


def test_lint_of_what_is_not_there(folder: Path) -> None:
    assert [str(fault) for fault in lint([folder / "x.yaml"]).faults] == [f"{folder}/x.yaml: there is no such file"]


def test_hidden_and_other_files_are_left_alone(folder: Path) -> None:
    for name in (".a.yaml", "a.yaml~", "a.txt", "templates/a.yaml"):
        (folder / name).write_text("nonsense")
    assert lint([folder]) == Definitions()
