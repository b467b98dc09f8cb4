"""`sweep plan` and `sweep run`: what would run, whether it would start, and how long it takes."""

import json
import signal
import subprocess
import sys
from typing import Any

import pytest

from tests.faces.started import Started, completed, failed
from worker.cli import sweep_end
from worker.demo.zenml import DEMO_API_KEY, DemoServer

NOWHERE = "redis://127.0.0.1:1/0"

FILE = """\
sweeps:
  - name: rates
    pipeline: training
    method: random
    run_cap: 60
    max_parallel: 4
    metric: {name: accuracy, goal: maximize}
    parameters:
      steps.model_trainer.parameters.lr: {min: 0.001, max: 0.1}
      steps.model_trainer.parameters.epochs: {min: 1, max: 9}
  - name: endless
    pipeline: training
    method: grid
    parameters:
      steps.model_trainer.parameters.epochs: {min: 1, max: 2000000}
"""

WRONG = """\
sweeps:
  - name: wrong
    pipeline: training
    method: grid
    parameters:
      steps.model_trainer.parameters.lrr: {values: [0.1]}
      steps.model_trainer.parameters.epochs: {values: [many]}
      parameters.size: {values: [1]}
      seed: {values: [1]}
"""


@pytest.fixture
def at_demo(make_started: Any, demo: DemoServer) -> Any:
    """Make a place whose ZenML is the demo server."""
    return lambda text: make_started(text, ZENML_STORE_URL=demo.url, ZENML_STORE_API_KEY=DEMO_API_KEY)


def test_a_plan_needs_neither_redis_nor_zenml(make_started: Any) -> None:
    place: Started = make_started(FILE)
    planned = place("plan", "rates", "-n", "2", REDIS_URL=NOWHERE)
    assert planned.exit_code == 0, planned.output
    lines = planned.stdout.splitlines()
    assert lines[:2] == [
        "training, random, to maximize accuracy",
        "60 trials, 4 at once; how long a run takes is not known yet",
    ]
    assert [line.split()[0] for line in lines[3:]] == ["TRIAL", "1", "2"]
    assert "Not checked against what it would start: no address of ZenML is set" in planned.stderr
    assert "Not asked about earlier sweeps: Redis cannot be reached" in planned.stderr


def test_zenml_that_is_away_is_said_and_no_failure(make_started: Any) -> None:
    place: Started = make_started(FILE, ZENML_STORE_URL="http://127.0.0.1:1", ZENML_STORE_API_KEY=DEMO_API_KEY)
    planned = place("plan", "rates")
    assert planned.exit_code == 0, planned.output
    assert "Not checked against what it would start: " in planned.stderr
    assert "Not asked about earlier runs: " in planned.stderr


def test_the_time_is_that_of_earlier_sweeps_of_the_name(make_started: Any) -> None:
    place: Started = make_started(FILE)
    identity = place.start("rates")
    place.results(identity, {1: completed(1, 780.0), 2: completed(2, 760.0), 3: completed(3, 9000.0), 4: failed(4)})
    planned = place.json("plan", "rates", "-n", "1")
    assert (planned["trials"], planned["at_once"], planned["seconds_each"]) == (60, 4, 780.0)
    assert planned["seconds"] == 15 * 780.0
    assert planned["learnt_from"] == "3 runs of earlier sweeps"
    assert "about 3 h 15 min: 60 trials, 4 at once, 13 min each" in place("plan", "rates").stdout


def test_a_budget_bounds_it_and_a_limit_of_launches_does_not(make_started: Any) -> None:
    place: Started = make_started(FILE.replace("    max_parallel: 4\n", "    budget: {runs: 30, hours: 2}\n"))
    place.results(place.start("rates"), {1: completed(1, 600.0)})
    assert "5 h of run time" not in place("plan", "rates").stdout

    async def capped(engine: Any) -> None:
        await engine.redis.hset(engine.keys.limit, mapping={"capped": "1", "window": "2.7"})

    place.ask(capped)  # so many launches at once; their runs go on beside the next ones
    planned = place("plan", "rates").stdout
    assert "30 trials, 10 min each, 2 h of run time; the server sets how many at once" in planned
    assert "It ends after 2 h of run time (budget)." in planned


def test_the_time_is_else_that_of_the_pipelines_last_runs(at_demo: Any, zenbeat: Any, stack: Any) -> None:
    place: Started = at_demo(FILE)
    assert place.json("plan", "rates")["seconds_each"] is None
    stack.define(FILE)
    stack.start("worker")
    stack.start("beat")
    for _ in range(2):
        ran = zenbeat(
            "trigger",
            "training",
            "-p",
            "model_trainer.seconds=0.5",
            "--wait",
            ZENML_STORE_URL=place.environment["ZENML_STORE_URL"],
        )
        assert ran.returncode == 0, ran.stderr
    planned = place.json("plan", "rates")
    assert planned["learnt_from"] == "2 runs of training"
    assert 0 < planned["seconds_each"] < 10


@pytest.mark.parametrize("command", ["plan", "run"])
def test_what_does_not_fit_the_template_is_told_with_its_place(at_demo: Any, command: str) -> None:
    place: Started = at_demo(WRONG)
    said = place(command, "wrong")
    assert (said.exit_code, said.stdout) == (2, "")
    file = place.folder / "a.yaml"
    told = {line.removeprefix(f"{file}:").split(": ", 2)[0]: line for line in said.stderr.splitlines()}
    assert list(told) == ["6:7", "7:7", "8:7"]
    assert "did you mean lr?" in told["6:7"]
    assert "is not a whole number" in told["7:7"]
    assert "cannot be given to a static pipeline" in told["8:7"]
    assert place("list").stderr == "No sweeps were started yet.\n"


def test_a_pipeline_that_is_not_there_is_told_with_the_place_of_the_sweep(at_demo: Any) -> None:
    place: Started = at_demo(FILE.replace("pipeline: training", "pipeline: trainin"))
    said = place("plan", "rates")
    assert said.exit_code == 2
    assert said.stderr.startswith(f"{place.folder / 'a.yaml'}:2")
    assert "training" in said.stderr


OTHERS = """\
sweeps:
  - name: tuned
    pipeline: training
    method: bayes
    run_cap: 8
    metric: {name: accuracy, goal: maximize}
    parameters:
      steps.model_trainer.parameters.lr: {min: 0.001, max: 0.1}
  - name: chosen
    pipeline: training
    method: list
    points: [{steps.model_trainer.parameters.lr: 0.1}, {steps.model_trainer.parameters.epochs: 2}]
  - name: at-night
    pipeline: training
    cron: "0 2 * * *"
    timezone: Europe/Berlin
    method: grid
    parameters:
      steps.model_trainer.parameters.lr: {values: [0.1]}
"""


def test_what_is_chosen_on_the_way_is_not_shown(make_started: Any) -> None:
    planned = make_started(OTHERS)("plan", "tuned")
    assert planned.exit_code == 0, planned.output
    assert "8 trials, 4 at once" in planned.stdout
    assert "Each trial is chosen by what came of the ones before." in planned.stdout


def test_points_have_the_parameters_that_they_name(make_started: Any) -> None:
    place: Started = make_started(OTHERS)
    assert [line.split() for line in place("plan", "chosen").stdout.splitlines()[3:]] == [
        ["TRIAL", "LR", "EPOCHS"],
        ["1", "0.1"],
        ["2", "2"],
    ]


def test_a_sweep_of_a_schedule_is_started_as_if_it_were_due(make_started: Any) -> None:
    place: Started = make_started(OTHERS)
    assert "at each fire time of at-night" in place("plan", "at-night").stdout
    row = place.row(place("run", "at-night").stdout.strip())
    assert (row.zone, row.fire_time is not None) == ("Europe/Berlin", True)


def test_a_million_trials_want_a_yes(make_started: Any) -> None:
    place: Started = make_started(FILE)
    refused = place("run", "endless")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "endless has 2,000,000 trials; give --yes if that is meant" in refused.stderr
    assert place("run", "endless", "--yes").exit_code == 0
    assert "sweep run endless --yes" in place("plan", "endless").stderr


def test_a_wait_ends_when_its_time_is_up(make_started: Any) -> None:
    place: Started = make_started(FILE)
    waited = place("run", "rates", "--wait", "--timeout", "0.2")
    assert waited.exit_code == 1
    assert "No beat is alive; it goes on when there is one." in waited.stderr
    assert f"Not over within 0.2 s; see: zenbeat sweep show {waited.stdout.strip()}" in waited.stderr


def test_a_log_is_told_now_and_then_how_far_it_is(make_started: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_end, "EVERY_SECONDS", 0.01)
    monkeypatch.setattr(sweep_end, "TELL_EVERY", 2)
    waited = make_started(FILE)("run", "rates", "--wait", "--timeout", "0.5")
    assert waited.stderr.count("rates is new; 0 of 60 trials are through\n") == 1


def test_the_exit_code_of_a_wait_tells_whether_a_trial_failed(make_started: Any) -> None:
    place: Started = make_started(FILE)
    identity = place("run", "rates", "--key", "tonight").stdout.strip()
    place.results(identity, {number: completed(number) for number in range(1, 61)})
    over = place("run", "rates", "--key", "tonight", "--wait")
    assert over.exit_code == 0, over.stderr
    assert "It was started before with this key; nothing new was started." in over.stderr
    assert "rates is over; 60 of 60 trials are through: 60 completed" in over.stderr
    place.write(lambda engine: engine.sweeps.end(identity, "cancelled by ann"))
    assert "rates ended: cancelled by ann; 60 of 60" in place("retry", "rates").stderr
    place.results(identity, {60: failed(60, "vanished")})
    assert place("run", "rates", "--key", "tonight", "--wait").exit_code == 1


def test_interrupted_it_ends_the_waiting_and_not_the_sweep(stack: Any) -> None:
    stack.define(FILE)
    # Where tests run in the background, SIGINT is ignored from the start.
    begin = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from worker.cli import main; main()"
    )
    command = [sys.executable, "-c", begin, "sweep", "run", "rates", "--wait"]
    environment = {**stack.environment, "ZENML_STORE_URL": ""}
    process = subprocess.Popen(
        command, env=environment, cwd=stack.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    identity = process.stdout.readline().strip()
    assert process.stderr is not None
    while "No beat is alive" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert f"It goes on; end it with: zenbeat sweep cancel {identity}" in said
    assert "Traceback" not in said
    listed = json.loads(stack.zenbeat("sweep", "list", "-o", "json"))
    assert [(row["sweep"], row["state"]) for row in listed] == [(identity, "new")]
