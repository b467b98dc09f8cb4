"""Commands that ask for work, and look at it: against real workers, Redis and the demo server."""

import json
from collections.abc import Callable
from typing import Any

import pytest

SWEEP = """\
sweeps:
  - name: rates
    pipeline: training
    method: grid
    parameters:
      steps.model_trainer.parameters.lr: {values: [0.1, 0.01, 0.001]}
      steps.model_trainer.parameters.epochs: {values: [1, 2]}
"""


@pytest.fixture
def at_work(stack: Any, eventually: Callable[..., None]) -> Any:
    stack.define(SWEEP)
    stack.start("worker")
    stack.start("beat")
    eventually(lambda: stack.ready("worker") and stack.ready("beat"), what="beat and worker")
    return stack


def test_trigger_waits_for_the_end_and_its_exit_code_is_the_runs_status(
    at_work: Any, zenbeat: Any, eventually: Callable[..., None]
) -> None:
    good = zenbeat("trigger", "training", "--template", "production", "-p", "model_trainer.seconds=0.1", "--wait")
    assert good.returncode == 0, good.stderr
    assert "completed" in good.stderr
    eventually(lambda: at_work.state(good.stdout.strip()) == "completed", what="the beat sees its end")
    shown = json.loads(zenbeat("trigger", "show", good.stdout.strip(), "-o", "json").stdout)
    assert (shown["state"], shown["run_status"], shown["attempt"]) == ("completed", "completed", 1)
    assert shown["accepted"] <= shown["run_ended"]
    assert shown["body"]["steps"] == {"model_trainer": {"parameters": {"seconds": 0.1}}}

    bad = zenbeat("trigger", "training", "-p", "model_trainer.seconds=0.1", "-p", "model_trainer.fail=true", "--wait")
    assert bad.returncode == 1
    assert "failed" in bad.stderr


FLAKY = """\
schedules:
  - name: flaky
    pipeline: training
    cron: "0 2 1 1 *"
    retry: {run: {max_attempts: 2, initial: 1s}}
    config: {steps: {model_trainer: {parameters: {seconds: 0.1, fail: true}}}}
"""


def test_where_a_run_is_started_again_it_is_the_last_one_that_counts(at_work: Any, zenbeat: Any) -> None:
    at_work.define(FLAKY)
    run = zenbeat("schedule", "run", "flaky", "--wait", "--timeout", "50")
    assert run.returncode == 1
    first, second = [line for line in run.stderr.splitlines() if line.startswith("run ")]
    assert first.startswith("run 1 of 2: failed")
    assert first.endswith("; another one follows")
    assert second.startswith("run 2 of 2: failed")
    shown = json.loads(zenbeat("trigger", "show", run.stdout.strip(), "-o", "json").stdout)
    assert [each["attempt"] for each in shown["runs"]] == [1, 2]
    (newest, oldest) = json.loads(zenbeat("trigger", "list", "-o", "json").stdout)
    assert (newest["attempt"], newest["max_attempts"], oldest["attempt"]) == (2, 2, 1)
    assert zenbeat("trigger", "list", COLUMNS="160").stdout.count("of 2") == 2
    assert "1 of 2" in zenbeat("trigger", "show", run.stdout.strip()).stdout


def test_without_a_beat_nobody_waits_for_another_run(stack: Any, zenbeat: Any, eventually: Callable[..., None]) -> None:
    stack.define(FLAKY)
    stack.start("worker")
    eventually(lambda: stack.ready("worker"), what="a worker")
    run = zenbeat("schedule", "run", "flaky", "--wait", "--timeout", "50")
    assert run.returncode == 1
    assert "failed" in run.stderr
    assert "No beat is alive that could start it again." in run.stderr


def test_who_does_not_wait_for_ever_says_how_long(stack: Any, zenbeat: Any) -> None:
    run = zenbeat("trigger", "training", "--wait", "--timeout", "0.5")
    assert run.returncode == 1
    assert "Not ended within 0.5 s" in run.stderr


def test_the_same_key_is_the_same_trigger_and_other_content_under_it_is_exit_2(at_work: Any, zenbeat: Any) -> None:
    first = zenbeat("trigger", "training", "--idempotency-key", "k")
    again = zenbeat("trigger", "training", "--idempotency-key", "k")
    other = zenbeat("trigger", "training", "--idempotency-key", "k", "-p", "model_trainer.lr=1")
    assert (first.returncode, again.returncode, other.returncode) == (0, 0, 2)
    assert first.stdout == again.stdout
    assert "before" in again.stderr
    assert "another key" in other.stderr


def test_dead_letters_are_listed_replayed_and_discarded(at_work: Any, zenbeat: Any) -> None:
    dead = zenbeat("trigger", "trainin", "--wait")
    assert dead.returncode == 1
    assert 'did you mean "training"?' in dead.stderr
    identity = dead.stdout.strip()
    (row,) = json.loads(zenbeat("dead", "list", "-o", "json").stdout)
    assert row["trigger"] == identity
    replayed = zenbeat("dead", "replay", identity)
    assert (replayed.returncode, replayed.stdout.strip()) == (0, identity)
    assert zenbeat("dead", "replay", "no-such").returncode == 1


def test_dead_letters_are_chosen_by_what_they_have_in_common_and_tell_their_whole_history(
    at_work: Any, zenbeat: Any
) -> None:
    first, second = (zenbeat("trigger", name, "--wait").stdout.strip() for name in ("trainin", "evaluatio"))
    assert [row["trigger"] for row in _dead(zenbeat, "--pipeline", "trainin")] == [first]
    assert {row["trigger"] for row in _dead(zenbeat, "--code", "not_found")} == {first, second}
    assert _dead(zenbeat, "--schedule", "none") == []
    shown = json.loads(zenbeat("dead", "show", first, "-o", "json").stdout)
    assert [entry["status"] for entry in shown["history"]] == ["dead"]
    assert 'did you mean "training"?' in shown["history"][0]["reason"]
    assert zenbeat("dead", "replay", "--pipeline", "trainin").stdout.split() == [first]
    assert zenbeat("dead", "discard", "--reason", "EVALUATIO", "--yes").stdout.split() == [second]
    assert zenbeat("dead", "discard", first, "--all", "--yes").returncode == 2


def _dead(zenbeat: Any, *words: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(zenbeat("dead", "list", *words, "-o", "json").stdout)
    return rows


def test_discard_and_cancel_say_what_they_did(stack: Any, zenbeat: Any) -> None:
    waiting = zenbeat("trigger", "training", "--not-before", "2099-01-01T00:00").stdout.strip()
    (row,) = json.loads(zenbeat("trigger", "list", "--state", "waiting", "-o", "json").stdout)
    assert (row["trigger"], row["due"][:10]) == (waiting, "2099-01-01")
    assert zenbeat("trigger", "cancel", waiting).returncode == 0
    again = zenbeat("trigger", "cancel", waiting)
    assert again.returncode == 1
    assert "the trigger is cancelled" in again.stderr
    assert zenbeat("dead", "discard", waiting, "--yes").returncode == 1
    (outcome,) = json.loads(zenbeat("outcome", "list", "-o", "json").stdout)
    assert (outcome["status"], outcome["trigger"]) == ("cancelled", waiting)


def test_a_sweep_is_planned_run_shown_and_known_again(at_work: Any, zenbeat: Any) -> None:
    planned = json.loads(zenbeat("sweep", "plan", "rates", "-o", "json").stdout)
    assert (planned["trials"], planned["at_once"], planned["seconds_each"]) == (6, None, None)
    assert [trial["steps.model_trainer.parameters.epochs"] for trial in planned["first"]] == [1, 2, 1, 2, 1, 2]
    run = zenbeat("sweep", "run", "rates", "--key", "tonight", "--wait")
    assert run.returncode == 0, run.stderr
    assert "rates is over; 6 of 6 trials are through: 6 completed" in run.stderr
    assert len(at_work.demo.state.runs) == 6
    again = zenbeat("sweep", "run", "rates", "--key", "tonight")
    assert again.stdout == run.stdout
    shown = json.loads(zenbeat("sweep", "show", "rates", "-o", "json").stdout)
    assert {trial["status"] for trial in shown} == {"completed"}
    rates = [trial["params.steps.model_trainer.parameters.lr"] for trial in shown]
    assert rates == [0.1, 0.1, 0.01, 0.01, 0.001, 0.001]
    (row,) = json.loads(zenbeat("sweep", "list", "-o", "json").stdout)
    assert (row["state"], row["kind"], row["total"], row["completed"]) == ("over", "sweep", 6, 6)
    planned = json.loads(zenbeat("sweep", "plan", "rates", "-o", "json").stdout)
    assert planned["learnt_from"] == "6 runs of earlier sweeps"
    assert planned["seconds_each"] > 0


def test_a_trial_that_fails_is_exit_1_and_can_be_run_again(at_work: Any, zenbeat: Any) -> None:
    at_work.define(SWEEP.replace("epochs: {values: [1, 2]}", "fail: {values: [true, false]}"))
    run = zenbeat("sweep", "run", "rates", "--wait")
    assert run.returncode == 1, run.stderr
    assert "3 completed, 3 failed" in run.stderr
    failed = json.loads(zenbeat("sweep", "show", "rates", "--failed", "-o", "json").stdout)
    assert [trial["trial"] for trial in failed] == [1, 3, 5]
    again = zenbeat("sweep", "retry", "rates")
    assert "3 trials of rates will be run again." in again.stderr, again.stderr


def test_a_sweep_can_be_ended_before_its_trials_are_sent(stack: Any, zenbeat: Any) -> None:
    stack.define(SWEEP)
    identity = zenbeat("sweep", "run", "rates").stdout.strip()
    ended = zenbeat("sweep", "cancel", identity)
    assert ended.returncode == 0
    assert ended.stdout.strip() == identity
    assert "ends after 0 of 6 trials" in ended.stderr


def test_outcomes_are_told_a_line_each(at_work: Any, zenbeat: Any) -> None:
    zenbeat("trigger", "training", "-p", "model_trainer.seconds=0.1", "--wait")
    lines = zenbeat("outcome", "tail", "-o", "json").stdout.splitlines()
    assert json.loads(lines[0])["status"] == "started"
    assert "started" in zenbeat("outcome", "tail").stdout
    assert json.loads(zenbeat("outcome", "list", "--schedule", "none", "-o", "json").stdout) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("trigger", "training", "-p", "lr=1"), "STEP.PARAM=VALUE"),
        (("trigger", "training", "--template", "a", "--snapshot", "b"), "exclude each other"),
        (("trigger", "training", "--config", "none.yaml"), "none.yaml: cannot be read"),
        (("trigger", "show", "no-such"), "there is no trigger no-such"),
        (("sweep", "plan", "rate"), 'did you mean "rates"?'),
        (("sweep", "show", "rate"), 'there is no sweep "rate"'),
        (("dead", "replay"), "--all"),
        (("outcme", "list"), "outcome"),
    ],
)
def test_what_cannot_be_meant_is_exit_2_with_a_sentence(
    words: tuple[str, ...], said: str, stack: Any, zenbeat: Any
) -> None:
    stack.define(SWEEP)
    result = zenbeat(*words)
    assert result.returncode == 2, result.stderr
    assert said in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("words", [("trigger", "training"), ("outcome", "list"), ("sweep", "list"), ("dead", "list")])
def test_without_redis_it_is_exit_69(words: tuple[str, ...], zenbeat: Any) -> None:
    result = zenbeat(*words, REDIS_URL="redis://127.0.0.1:9/0")
    assert result.returncode == 69
    assert "Redis cannot be reached" in result.stderr
    assert "Traceback" not in result.stderr


def test_templates_are_listed_and_resolved(stack: Any, zenbeat: Any) -> None:
    rows = json.loads(zenbeat("template", "list", "--pipeline", "scoring", "-o", "json").stdout)
    listed = {(row["name"], row["kind"], row["pipeline"]) for row in rows}
    kinds = ("run template", "snapshot")
    assert listed == {(name, kind, "scoring") for name in ("production", "staging") for kind in kinds}
    assert len(json.loads(zenbeat("template", "list", "-o", "json").stdout)) == 12
    resolved = json.loads(zenbeat("template", "resolve", "training", "-o", "json").stdout)
    assert (resolved["name"], resolved["pipeline"]) == ("production", "training")
    assert "lr" in resolved["parameters"]["model_trainer"]
