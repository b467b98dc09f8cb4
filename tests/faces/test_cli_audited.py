"""Every change that a person makes by a command is in the audit log; what was refused, or changed nothing, is not."""

import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from tests.faces.started import Started, completed, failed
from worker.engine.runtime import Engine
from worker.store.audit import Audited

FILE = """\
schedules:
  - {name: nightly, pipeline: training, cron: "0 2 * * *"}
  - {name: held, pipeline: training, cron: "0 2 * * *"}
sweeps:
  - name: rates
    pipeline: training
    method: random
    run_cap: 10
    parameters:
      steps.model_trainer.parameters.lr: {min: 0.0, max: 1.0}
"""
GRID = """\
  - name: {name}
    pipeline: training
    method: grid
    parameters:
      steps.model_trainer.parameters.epochs: {{values: [1, 2]}}
"""
BACKFILL = "schedule backfill nightly --from 2026-03-01 --to 2026-03-02"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A place with one of everything that a command can change, and the ids of it."""

    place: Started
    ids: dict[str, str]

    def __call__(self, line: str) -> int:
        """Run a command as a process; gives its exit code."""
        words = [sys.executable, "-m", "worker", *line.format(**self.ids).split()]
        environment = {**self.place.environment, "LOGNAME": "cleo"}
        return subprocess.run(words, env=environment, capture_output=True, timeout=60, check=False).returncode

    def entries(self) -> list[Audited]:
        found: list[Audited] = self.place.ask(lambda engine: engine.audit.newest(100))
        return found


@pytest.fixture
def stage(make_started: Any) -> Stage:
    place: Started = make_started(FILE + "".join(GRID.format(name=name) for name in ("sizes", "asleep", "over")))
    place.group = ()
    place.paused("held", timedelta(hours=1))
    ids = {name: place.start(name) for name in ("rates", "sizes", "asleep", "over")}
    place.results(ids["rates"], {1: completed(1), 2: failed(2)})
    place.results(ids["over"], {1: completed(1), 2: completed(2)})
    place.write(lambda engine: engine.sweeps.pause(ids["asleep"], "ann"))
    ids |= {source: place.trigger("nightly", source, state="dead").id for source in ("dead", "gone")}
    ids["waiting"] = place.trigger("nightly", "waiting").id

    async def bury(engine: Engine) -> None:
        await engine.redis.zadd(engine.keys.dead, {ids["gone"]: 1, ids["dead"]: 2})
        await engine.redis.zrem(engine.keys.ready, ids["gone"], ids["dead"])

    place.ask(bury)
    return Stage(place=place, ids=ids)


@pytest.mark.parametrize(
    ("line", "action", "what", "who", "reason"),
    [
        ("schedule run nightly", "schedule.run", "nightly", "cleo", ""),
        ("schedule pause nightly --by ann --why late", "schedule.pause", "nightly", "ann", "late"),
        ("schedule resume held", "schedule.resume", "held", "cleo", ""),
        (BACKFILL, "schedule.backfill", "nightly", "cleo", ""),
        ("trigger training", "trigger.start", "training", "cleo", ""),
        ("trigger cancel {waiting}", "trigger.cancel", "{waiting}", "cleo", ""),
        ("dead replay {dead}", "trigger.replay", "{dead}", "cleo", ""),
        ("dead replay --all", "trigger.replay", "{dead} and 1 more", "cleo", ""),
        ("dead discard {gone} --yes", "trigger.discard", "{gone}", "cleo", ""),
        (
            "dead discard --schedule nightly --pipeline training",
            "trigger.discard",
            "{dead} and 1 more",
            "cleo",
            "schedule nightly, pipeline training",
        ),
        ("sweep run rates", "sweep.begin", "rates", "cleo", ""),
        ("sweep pause rates --by ann", "sweep.pause", "{rates}", "ann", "rates"),
        ("sweep resume asleep", "sweep.resume", "{asleep}", "cleo", "asleep"),
        ("sweep cancel rates", "sweep.cancel", "{rates}", "cleo", "rates"),
        ("sweep retry rates", "sweep.retry", "{rates}", "cleo", "rates"),
        ("sweep extend rates --by 5", "sweep.extend", "{rates}", "cleo", "rates"),
    ],
)
def test_a_change_has_one_entry(line: str, action: str, what: str, who: str, reason: str, stage: Stage) -> None:
    assert stage(line) == 0
    (entry,) = stage.entries()
    told = (entry.action, entry.what, entry.who, entry.reason, entry.result.value)
    assert told == (action, what.format(**stage.ids), f"cli:{who}", reason, "done")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("schedule run nihgtly", 2),
        ("schedule pause nightly --until 2020-01-01", 2),
        ("schedule resume nightly", 0),
        (f"{BACKFILL} --dry-run", 0),
        ("schedule backfill nightly --from 2026-03-01T03:00 --to 2026-03-01T04:00", 2),
        ("trigger training -p lr=1", 2),
        ("trigger cancel {dead}", 1),
        ("trigger cancel no-such", 2),
        ("dead replay {waiting} no-such", 1),
        ("dead discard {waiting}", 1),
        ("dead discard no-such", 2),
        ("dead discard --code none", 0),
        ("sweep run rats", 2),
        ("sweep pause asleep", 0),
        ("sweep pause over", 2),
        ("sweep resume rates", 0),
        ("sweep cancel over", 2),
        ("sweep retry sizes", 0),
        ("sweep extend sizes --by 5", 2),
    ],
)
def test_what_is_refused_or_changes_nothing_has_none(line: str, code: int, stage: Stage) -> None:
    assert stage(line) == code
    assert stage.entries() == []


@pytest.mark.parametrize("line", ["trigger training --idempotency-key k", "sweep run sizes --key new", BACKFILL])
def test_what_was_asked_for_before_has_no_second_entry(line: str, stage: Stage) -> None:
    assert [stage(line), stage(line)] == [0, 0]
    assert len(stage.entries()) == 1


@pytest.mark.parametrize(("line", "name"), [("sweep run rates --key new", "rates"), (BACKFILL, "nightly")])
def test_a_sweep_keeps_who_asked_for_it(line: str, name: str, stage: Stage) -> None:
    assert stage(line) == 0
    (newest,) = stage.place.ask(lambda engine: engine.sweeps.newest(1))
    assert (newest.name, newest.asked_by) == (name, "cli:cleo")


def test_another_request_under_a_known_key_has_none(stage: Stage) -> None:
    assert stage("trigger training --idempotency-key k") == 0
    assert stage("trigger evaluation --idempotency-key k") == 2
    assert [entry.what for entry in stage.entries()] == ["training"]


def test_of_dead_letters_those_that_were_changed_are_told_though_another_is_unknown(stage: Stage) -> None:
    assert stage("dead discard {dead} no-such {gone}") == 2
    assert [entry.what for entry in stage.entries()] == [stage.ids["dead"]]
