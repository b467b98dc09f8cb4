"""Sweeps that are due by the clock: a schedule of the same name comes with each."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from worker.domain.schedule import CatchUp, Overlap
from worker.source import Source, lint

Check = Callable[[str], list[str]]

HEAD = """\
sweeps:
  - name: nightly
    pipeline: training
    method: grid
    parameters: {depth: {values: [1, 2]}}
"""


def test_a_sweep_on_the_clock(folder: Path) -> None:
    text = (
        HEAD
        + """\
    cron: [0 2 * * *, 0 14 * * *]
    timezone: Europe/Berlin
    jitter: 5m
    catchup: all
    catchup_window: 2h
    overlap: skip
    skip_dates: 2026-12-24
    end_time: 2027-01-01
    retry: {max_attempts: 2}
    config: {run_name: "depth {{ params.depth }} of {{ fire_time | date('%d') }}"}
notify: {to: ops}
"""
    )
    (folder / "a.yaml").write_text(text)
    definitions = lint([folder])
    assert definitions.faults == ()
    [sweep], [schedule] = definitions.sweeps, definitions.schedules
    assert schedule.sweep is sweep
    assert (schedule.name, schedule.place, schedule.target) == ("nightly", sweep.place, sweep.target)
    assert (schedule.when, schedule.timezone) == ("0 2 * * *, 0 14 * * *", "Europe/Berlin")
    assert (schedule.catchup, schedule.catchup_window) == (CatchUp.ALL, timedelta(hours=2))
    assert (schedule.overlap, schedule.priority, schedule.retry.max_attempts) == (Overlap.SKIP, -10, 2)
    assert schedule.notify is not None
    assert schedule.timing.next(datetime(2026, 11, 1, tzinfo=UTC)) == datetime(2026, 11, 1, 1, tzinfo=UTC)


def test_a_sweep_without_a_clock_is_no_schedule(folder: Path) -> None:
    (folder / "a.yaml").write_text(HEAD)
    definitions = lint([folder])
    assert (definitions.schedules, definitions.faults, len(definitions.sweeps)) == ((), (), 1)
    assert definitions.sweeps[0].priority == -10


def test_the_revision_is_that_of_a_schedule_with_the_same_timing(folder: Path) -> None:
    text = HEAD + "    every: 1h\nschedules:\n  - {name: s, pipeline: p, every: 1h}\n"
    (folder / "a.yaml").write_text(text)
    one, other = lint([folder]).schedules
    assert one.revision == other.revision
    assert (one.sweep, other.overlap) == (None, Overlap.ALLOW)


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("cron: 0 2 * * *\n    every: 1h", '7:5: sweeps.0.every: "cron" says already when it is due; keep one of them'),
        ("cron: 0 25 * * *", "6:11: sweeps.0.cron: "),
        ("every: soon", "6:12: sweeps.0.every: "),
        (
            "every: 1h\n    overlap: buffer_one",
            '7:14: sweeps.0.overlap: "buffer_one" is not one of skip, allow',
        ),
        (
            "every: 1h\n    max_runs: 3",
            "7:5: sweeps.0.max_runs: max_runs belongs to a schedule; a sweep does not take it",
        ),
        ("after: {schedule: x}", "6:5: sweeps.0.after: after belongs to a schedule; a sweep does not take it"),
        *(
            (
                f"{line}",
                f"6:5: sweeps.0.{line.partition(':')[0]}: {line.partition(':')[0]} needs cron, every or at beside it; "
                "without one the sweep runs when it is asked for",
            )
            for line in (
                "timezone: UTC",
                "seconds: true",
                "dst: {gap: skip}",
                "start_time: 2026-01-01",
                "end_time: 2026-01-01",
                "skip_dates: 2026-01-01",
                "jitter: 1m",
                "catchup: all",
                "catchup_window: 1m",
                "overlap: skip",
            )
        ),
        (
            "config: {extra: {x: '{{ fire_time }}'}}",
            '6:25: sweeps.0.config.extra.x: "fire_time" is known in a schedule only',
        ),
        (
            "every: 1h\n    config: {extra: {x: '{{ last_success }}'}}",
            '7:25: sweeps.0.config.extra.x: "last_success" is known in a schedule only',
        ),
    ],
)
def test_faults(faults: Check, lines: str, fault: str) -> None:
    [found] = faults(f"{HEAD}    {lines}\n")
    assert found.startswith(f"a.yaml:{fault}")


def test_its_name_is_taken_among_schedules_too(faults: Check, folder: Path) -> None:
    schedule = "schedules:\n  - {name: nightly, pipeline: p, every: 1h}\n"
    assert faults(HEAD + schedule) == []
    assert faults(f"{HEAD}    every: 1h\n{schedule}") == [
        'a.yaml:2:11: sweeps.0.name: "nightly" is defined already, in FOLDER/a.yaml:8'
    ]
    (folder / "b.yaml").write_text(schedule)
    assert faults(f"{HEAD}    every: 1h\n") == [
        f'{folder}/b.yaml:2:12: schedules.0.name: "nightly" is defined already, in FOLDER/a.yaml:2'.replace(
            f"{folder}/", ""
        )
    ]


def test_nothing_follows_a_sweep(folder: Path) -> None:
    source = Source(folder, settle=False)
    (folder / "a.yaml").write_text(f"{HEAD}    every: 1h\n")
    assert source.read().faults == ()
    (folder / "b.yaml").write_text("schedules:\n  - {name: late, pipeline: p, after: {schedule: nightly}}\n")
    [fault] = source.read().faults
    assert "nightly" in fault.message


def test_a_sweep_with_a_fault_keeps_its_schedule_running(folder: Path) -> None:
    source = Source(folder, settle=False)
    (folder / "a.yaml").write_text(f"{HEAD}    every: 1h\n")
    first = source.read().schedules
    (folder / "a.yaml").write_text(f"{HEAD}    every: 1h\n    seed: x\n")
    again = source.read()
    assert (len(again.faults), again.schedules) == (1, first)
