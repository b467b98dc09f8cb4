"""`sweep list` and `sweep show`: how sweeps and backfills are doing, for people and for programs."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.faces.started import Started, completed, failed
from worker.domain.trial import TrialResult
from worker.domain.trigger import Origin, trial_source, trigger_id
from worker.engine.definitions import Backfill
from worker.engine.newsweeps import fired_sweep
from worker.engine.runtime import clock
from worker.source import lint

LR, FLAG = "steps.model_trainer.parameters.lr", "steps.model_trainer.parameters.shuffle"

FILE = """\
schedules:
  - {name: nightly, pipeline: training, cron: "0 2 * * *"}
sweeps:
  - name: rates
    pipeline: training
    method: random
    run_cap: 40
    metric: {name: accuracy, goal: maximize}
    parameters:
      steps.model_trainer.parameters.lr: {min: 0.0, max: 1.0}
      steps.model_trainer.parameters.shuffle: {values: [true, false]}
  - name: pair
    pipeline: training
    method: random
    run_cap: 10
    metrics: [{name: loss, goal: minimize}, {name: latency, goal: minimize}]
    parameters:
      steps.model_trainer.parameters.lr: {min: 0.0, max: 1.0}
  - name: plain
    pipeline: training
    method: grid
    parameters:
      steps.model_trainer.parameters.lr: {values: [0.1, 0.2, 0.3]}
"""
FIRES = [datetime(2026, 3, day, 2, tzinfo=UTC) for day in range(1, 5)]


@pytest.fixture
def place(make_started: Any) -> Started:
    started: Started = make_started(FILE)
    return started


@pytest.fixture
def rates(place: Started) -> str:
    """A sweep with 20 of 40 trials through: two failed, one stopped."""
    identity = place.start("rates")
    results = {number: completed(number, accuracy=number / 100) for number in range(1, 18)}
    results |= {18: failed(18), 19: failed(19, "vanished", "its run is not there any more")}
    results[20] = TrialResult(number=20, fate="stopped", run_id="run-20", reason="it did worse than others")
    place.results(identity, results)
    return identity


def narrow(place: Started, *words: str, columns: int = 80) -> str:
    result = place(*words, COLUMNS=str(columns))
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines()), default=0) <= columns
    return result.stdout


def test_the_list_has_sweeps_and_backfills_newest_first(place: Started, rates: str) -> None:
    backfill = place.backfill(Backfill(schedule="nightly", fires=FIRES, priority=-1))
    rows = place.json("list")
    assert {row["sweep"]: row["kind"] for row in rows} == {rates: "sweep", backfill: "backfill"}
    row = next(row for row in rows if row["sweep"] == rates)
    assert (row["state"], row["total"], row["recorded"]) == ("running", 40, 20)
    assert (row["completed"], row["failed"], row["stopped"]) == (17, 2, 1)
    told = narrow(place, "list")
    assert "━━━━━───── 20/40" in told
    assert "nightly" in told
    assert "backfill" in narrow(place, "list", columns=120)
    assert len(list(csv.DictReader(io.StringIO(place("list", "-o", "csv").stdout)))) == 2


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_what_is_shown_fits_the_terminal(place: Started, rates: str, columns: int) -> None:
    told = narrow(place, "show", "rates", columns=columns)
    assert told.startswith("rates  random sweep of training\n")
    assert "17 completed   2 failed   1 stopped" in told
    assert "best        trial 17  accuracy 0.17" in told
    assert "http://z/runs/17" in told
    assert "accuracy (maximize), trial by trial; the line is" in told
    assert "╭" in told
    assert "┤" in told


def test_a_sweep_is_found_by_the_beginning_of_its_id(place: Started, rates: str) -> None:
    assert place("show", rates[:8]).exit_code == 0
    missing = place("show", "rate")
    assert missing.exit_code == 2
    assert 'there is no sweep "rate"; did you mean "rates"?' in missing.stderr


def test_programs_get_a_row_for_each_trial_with_flat_names(place: Started, rates: str) -> None:
    rows = place.json("show", "rates")
    assert [row["trial"] for row in rows] == list(range(1, 41))
    assert set(rows[0]) == {
        "trial", "status", f"params.{LR}", f"params.{FLAG}", "metrics.accuracy", "seconds", "run_id", "url", "reason",
    }  # fmt: skip
    assert (rows[0]["status"], rows[0]["metrics.accuracy"], rows[0]["run_id"]) == ("completed", 0.01, "run-1")
    assert (rows[18]["status"], rows[18]["reason"]) == ("vanished", "its run is not there any more")
    assert (rows[20]["status"], rows[20]["run_id"]) == ("planned", None)
    assert isinstance(rows[20][f"params.{FLAG}"], bool)
    read = list(csv.DictReader(io.StringIO(place("show", "rates", "-n", "3", "-o", "csv").stdout)))
    assert [row["trial"] for row in read] == ["1", "2", "3"]
    assert {row[f"params.{FLAG}"] for row in read} <= {"true", "false"}
    assert "trial: 1" in place("show", "rates", "-n", "1", "-o", "yaml").stdout


def test_trials_are_chosen_and_sorted(place: Started, rates: str) -> None:
    def numbers(*words: str) -> list[int]:
        return [row["trial"] for row in place.json("show", "rates", *words)]

    assert numbers("--from", "5", "-n", "2") == [5, 6]
    assert numbers("--failed") == [18, 19]
    assert numbers("--sort", "metric", "-n", "3") == [17, 16, 15]
    assert numbers("--sort", "accuracy", "--from", "4", "-n", "1") == [17]
    refused = place("show", "rates", "--sort", "acuracy")
    assert refused.exit_code == 2
    assert 'the sweep has no metric "acuracy"; did you mean "accuracy"?' in refused.stderr
    assert "out of memory" in narrow(place, "show", "rates", "--failed")
    assert "No trial failed." in place("show", place.start("plain"), "--failed").stderr


def test_of_two_metrics_the_front_is_shown(place: Started) -> None:
    identity = place.start("pair")
    values = [(0.9, 0.1), (0.5, 0.5), (0.1, 0.9), (0.9, 0.9), (0.6, 0.6), (0.5, 0.5)]
    results = [completed(number, loss=loss, latency=latency) for number, (loss, latency) in enumerate(values, 1)]
    place.results(identity, {result.number: result for result in results})
    told = narrow(place, "show", "pair")
    assert "front       trial 1  loss 0.9  latency 0.1" in told
    assert [number for number in range(1, 7) if f"trial {number}  " in told] == [1, 2, 3, 6]
    assert "latency (minimize) over loss (minimize); the line is the front" in told


def test_the_pace_is_that_of_the_last_trials(place: Started) -> None:
    identity = place.start("rates")
    place.record(identity, 30)
    place.results(identity, {number: completed(number, accuracy=0.5) for number in range(1, 21)}, 31)
    ids = {trigger_id(Origin.SWEEP, trial_source(identity, number)): number for number in range(1, 21)}
    place.ended_ago({each: timedelta(minutes=(20 - number) / 2) for each, number in ids.items()})
    told = narrow(place, "show", "rates", "-n", "25")
    assert "2 trials a minute · about 10 min left · a run takes 1m" in told
    assert told.count("waiting") >= 5


def test_trials_that_ran_side_by_side_are_not_as_quick_as_their_ends(place: Started) -> None:
    identity = place.start("rates")
    place.results(identity, {number: completed(number, 60.0, accuracy=0.5) for number in range(1, 5)}, 5)
    ids = {trigger_id(Origin.SWEEP, trial_source(identity, number)): number for number in range(1, 5)}
    place.ended_ago({each: timedelta(milliseconds=4 - number) for each, number in ids.items()})
    shown = place("show", "rates", "-n", "5")
    assert "4 trials a minute" in shown.stdout
    assert shown.stderr == "There are 40 trials; the next ones: --from 6, or more of them: -n\n"


def test_a_sweep_without_a_metric_has_neither_best_nor_picture(place: Started) -> None:
    place.results(place.start("plain"), {1: completed(1), 2: completed(2)})
    told = narrow(place, "show", "plain")
    assert "best" not in told
    assert "┤" not in told
    assert "completed" in told


def test_a_new_sweep_says_that_nothing_is_recorded(place: Started) -> None:
    place.start("rates")
    told = narrow(place, "show", "rates", "-n", "2")
    assert "no trial is recorded yet" in told
    assert "planned" in told


def test_the_trials_of_a_backfill_are_fire_times(place: Started) -> None:
    identity = place.backfill(Backfill(schedule="nightly", fires=FIRES, priority=-1))
    place.results(identity, {1: completed(1), 2: failed(2)})
    rows = place.json("show", identity)
    assert [row["fire_time"][:10] for row in rows] == [f"2026-03-0{day}" for day in range(1, 5)]
    assert [row["status"] for row in rows] == ["completed", "failed", "planned", "planned"]
    told = narrow(place, "show", "nightly")
    assert "backfill of nightly" in told
    assert "01 Mar 02:00:00Z" in told
    # Its schedule may be gone.
    (place.folder / "a.yaml").write_text("schedules: []\n")
    assert place.json("show", identity) == rows


def test_the_trials_of_a_backfill_may_be_sweeps(make_started: Any) -> None:
    place: Started = make_started(FILE.replace("    method: grid\n", '    method: grid\n    cron: "0 2 * * *"\n'))
    identity = place.backfill(Backfill(schedule="plain", fires=FIRES, priority=-1))
    (schedule,) = [each for each in lint([place.folder]).schedules if each.name == "plain"]
    parts = [fired_sweep(schedule, fire, clock(), parent=identity) for fire in FIRES[:2]]
    for part in parts:
        place.write(lambda engine, part=part: engine.sweeps.begin(part))  # type: ignore[misc]
    place.results(parts[0].id, {number: completed(number) for number in (1, 2, 3)})
    place.write(lambda engine: ("HSET", engine.keys.sweep(identity), "next", 3))
    rows = place.json("show", identity)
    assert [row["status"] for row in rows] == ["completed", "running", "planned", "planned"]
    assert rows[0]["reason"] == f"sweep {parts[0].id}"
    (listed,) = [row for row in place.json("list") if row["sweep"] == parts[0].id]
    assert (listed["parent"], listed["fire_time"]) == (identity, "2026-03-01T02:00:00+00:00")


def test_what_a_run_calls_its_errors_cannot_move_the_cursor(place: Started) -> None:
    place.results(place.start("plain"), {1: failed(1, reason="\x1b[2J\x1b[31mred\nnext line")})
    told = narrow(place, "show", "plain", columns=160)
    assert "\x1b" not in told
    assert "red next line" in told


def test_numbers_that_are_none_are_null_and_do_not_count(place: Started) -> None:
    results = {
        1: completed(1, accuracy=float("nan")),
        2: completed(2, accuracy=0.5),
        3: completed(3, accuracy=float("inf")),
    }
    place.results(place.start("rates"), results)
    rows = json.loads(place("show", "rates", "-n", "3", "-o", "json").stdout)
    assert [row["metrics.accuracy"] for row in rows] == [None, 0.5, None]
    assert place("show", "rates").exit_code == 0
