"""What people do with sweeps and backfills that were started: pause, resume, cancel, retry, extend."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.faces.started import Started, completed, failed
from worker.domain.trial import TrialResult
from worker.engine.definitions import Backfill

FILE = """\
schedules:
  - {name: nightly, pipeline: training, cron: "0 2 * * *"}
sweeps:
  - name: rates
    pipeline: training
    method: random
    run_cap: 10
    parameters:
      steps.model_trainer.parameters.lr: {min: 0.0, max: 1.0}
  - name: sizes
    pipeline: training
    method: grid
    parameters:
      steps.model_trainer.parameters.epochs: {values: [1, 2]}
"""
FIRES = [datetime(2026, 3, day, 2, tzinfo=UTC) for day in range(1, 4)]


@pytest.fixture
def place(make_started: Any) -> Started:
    started: Started = make_started(FILE)
    return started


def test_a_sweep_is_paused_and_goes_on(place: Started) -> None:
    identity = place.start("rates")
    paused = place("pause", "rates", "--by", "ann")
    assert (paused.exit_code, paused.stdout, paused.stderr) == (0, f"{identity}\n", "rates is paused.\n")
    assert place("pause", "rates", "--by", "bob").stderr == "rates is paused already, by ann.\n"
    assert "paused by ann" in place("show", "rates").stdout
    assert place.json("list")[0]["state"] == "paused"
    assert place("resume", "rates").stderr == "rates goes on.\n"
    assert place("resume", "rates").stderr == "rates was not paused.\n"
    assert place.json("list")[0]["state"] == "new"


@pytest.mark.parametrize("stop", [(), ("--stop-running",)])
def test_a_sweep_is_cancelled_by_somebody(place: Started, stop: tuple[str, ...]) -> None:
    identity = place.start("rates")
    place.record(identity, 4)
    place.results(identity, {1: completed(1)}, 5)
    ended = place("cancel", "rates", "--by", "ann", *stop)
    assert (ended.exit_code, ended.stdout) == (0, f"{identity}\n")
    assert "rates ends after 4 of 10 trials" in ended.stderr
    row = place.row(identity)
    assert row.ended == "cancelled by ann"
    assert row.stopping == ("its sweep was cancelled by ann" if stop else "")
    assert place.json("list")[0]["state"] == "ending"
    assert [trial["status"] for trial in place.json("show", "rates")][4:] == ["left out"] * 6


def test_what_is_over_can_neither_be_paused_nor_cancelled(place: Started) -> None:
    place.results(place.start("sizes"), {1: completed(1), 2: completed(2)})
    for command in ("pause", "cancel"):
        refused = place(command, "sizes", "--by", "ann")
        assert refused.exit_code == 2
        assert "sizes is over" in refused.stderr


def test_what_failed_is_run_again_and_what_was_stopped_if_asked(place: Started) -> None:
    identity = place.start("rates")
    stopped = TrialResult(number=3, fate="stopped", run_id="run-3")
    place.results(identity, {1: completed(1), 2: failed(2), 3: stopped, 4: failed(4, "vanished")})
    assert place("retry", "rates").stderr == "2 trials of rates will be run again.\n"
    statuses = [trial["status"] for trial in place.json("show", "rates", "-n", "4")]
    assert statuses == ["completed", "waiting", "stopped", "waiting"]
    assert place("retry", "rates", "--stopped").stderr == "1 trial of rates will be run again.\n"
    assert "Nothing of rates is to be run again. rates is running; 1 of 10" in place("retry", "rates").stderr


def test_a_backfill_is_paused_cancelled_and_run_again_by_its_id(place: Started) -> None:
    identity = place.backfill(Backfill(schedule="nightly", fires=FIRES, priority=-1))
    place.results(identity, {1: completed(1), 2: failed(2)})
    assert place("pause", identity, "--by", "ann").exit_code == 0
    assert place("resume", identity).stderr == "nightly goes on.\n"
    assert place("retry", identity).stderr == "1 trial of nightly will be run again.\n"
    refused = place("extend", identity)
    assert refused.exit_code == 2
    assert "a backfill is not extended" in refused.stderr
    assert place("cancel", identity, "--by", "ann").exit_code == 0
    assert place.row(identity).ended == "cancelled by ann"


def test_more_trials_by_a_number(place: Started) -> None:
    identity = place.start("rates")
    before = place.json("show", "rates")
    assert place("extend", "rates", "--by", "5").stderr == "rates has 5 more trials: 15 in all.\n"
    after = place.json("show", identity)
    assert len(after) == 15
    assert after[:10] == before
    place.start("sizes")
    refused = place("extend", "sizes", "--by", "5")
    assert refused.exit_code == 2
    assert "sizes is a grid sweep: edit its definition, and do not say how many more" in refused.stderr


def test_more_trials_by_what_the_file_says_now(place: Started) -> None:
    identity = place.start("sizes")
    (place.folder / "a.yaml").write_text(FILE.replace("values: [1, 2]", "values: [1, 2, 3]"))
    extended = place("extend", "sizes")
    assert (extended.stdout, extended.stderr) == (f"{identity}\n", "sizes has 1 more trial: 3 in all.\n")
    already = "sizes has all 3 trials of its definition already; raise run_cap, or add values.\n"
    assert place("extend", "sizes").stderr == already
    values = [row["params.steps.model_trainer.parameters.epochs"] for row in place.json("show", "sizes")]
    assert values == [1, 2, 3]
    (place.folder / "a.yaml").write_text(FILE.replace("values: [1, 2]", "values: [1]"))
    refused = place("extend", "sizes")
    assert refused.exit_code == 2
    assert "sizes cannot be extended: " in refused.stderr
    (place.folder / "a.yaml").write_text("sweeps: []\n")
    assert 'there is no sweep "sizes"' in place("extend", "sizes").stderr
