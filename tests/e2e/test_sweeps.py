"""Sweeps on the real thing, by the command alone: each trial one run, whatever is killed, stopped or run again."""

import csv
import io
import json
import signal
from collections import Counter
from typing import Any

import pytest

from .api import ZenMLAPI
from .server import ZenMLServer

TRAINER = "steps.model_trainer.parameters"
LR, EPOCHS, SECONDS, FAIL = (f"{TRAINER}.{name}" for name in ("lr", "epochs", "seconds", "fail"))
METRIC = {"name": "accuracy", "goal": "maximize"}


def sweeps(*definitions: dict[str, Any]) -> str:
    """The text of a file with these sweeps of the training; each has a name, a method, parameters, …"""
    target = {"pipeline": "training", "template": "production"}
    return json.dumps({"sweeps": [target | each for each in definitions]}, indent=1)


def given(**parameters: Any) -> dict[str, Any]:
    """A run configuration that gives the trainer parameters."""
    return {"steps": {"model_trainer": {"parameters": parameters}}}


LONG = given(seconds=300)


def trials(stack: Any, wanted: str) -> list[dict[str, Any]]:
    """The trials as `sweep show` tells them."""
    return list(json.loads(stack.zenbeat("sweep", "show", wanted, "-o", "json")))


def runs(api: ZenMLAPI, sweep: str) -> list[dict[str, Any]]:
    """The runs of a sweep, as ZenML has them."""
    return api.runs(tags=f"zenbeat:sweep={sweep}")


def counted(stack: Any, sweep: str, word: str) -> int:
    """How many trials of a sweep are …; not by the command, which takes its time."""
    return int(stack.redis.hget(f"zenbeat:sweep:{sweep}", word) or 0)


def is_over(stack: Any, sweep: str) -> bool:
    """Nothing of a sweep is on its way or running, and that is known."""
    return bool(stack.redis.hexists(f"zenbeat:sweep:{sweep}", "finished"))


def parameters(api: ZenMLAPI, run_id: str) -> dict[str, Any]:
    """What ZenML gave to the trainer of a run."""
    found: dict[str, Any] = api.steps(run_id)["model_trainer"]["metadata"]["config"]["parameters"]
    return found


@pytest.fixture
def lab(make_stack: Any, zenml_server: ZenMLServer) -> Any:
    """An installation with a worker and a beat."""
    stack = make_stack(zenml_server.url, zenml_server.api_key)
    stack.define("schedules: []\n")
    stack.start("worker")
    stack.beat = stack.start("beat")
    return stack


def test_each_trial_is_one_run_with_the_parameters_of_the_plan_and_its_metric(lab: Any, zenml_api: ZenMLAPI) -> None:
    space = {LR: {"distribution": "log_uniform_values", "min": 0.0001, "max": 1.0}, EPOCHS: {"min": 1, "max": 12}}
    lab.define(sweeps({"name": "even", "method": "sobol", "run_cap": 8, "metric": METRIC, "parameters": space}))
    plan = json.loads(lab.zenbeat("sweep", "plan", "even", "-o", "json"))
    assert plan["trials"] == len(plan["first"]) == 8
    before = len(zenml_api.runs())
    begun = json.loads(lab.zenbeat("sweep", "run", "even", "--wait", "--timeout", "100", "-o", "json"))
    known = {run["id"]: run for run in runs(zenml_api, begun["sweep"])}
    assert len(known) == len(zenml_api.runs()) - before == 8
    shown = trials(lab, begun["sweep"])
    assert {each["run_id"] for each in shown} == set(known)
    for planned, each in zip(plan["first"], shown, strict=True):
        assert each["trial"] == planned.pop("trial")
        assert {name: each[f"params.{name}"] for name in (LR, EPOCHS)} == planned
        there = parameters(zenml_api, each["run_id"])
        assert (there["lr"], there["epochs"]) == (planned[LR], planned[EPOCHS])
        assert each["metrics.accuracy"] == known[each["run_id"]]["metadata"]["run_metadata"]["accuracy"]
        assert each["status"] == "completed"
    assert len({each[f"params.{LR}"] for each in shown}) == 8
    best = max(shown, key=lambda each: each["metrics.accuracy"])
    said = lab.zenbeat("sweep", "show", "even", "--sort", "metric", "-n", "1", "-o", "json")
    assert json.loads(said)[0] == best
    assert f"trial {best['trial']}" in lab.zenbeat("sweep", "show", "even")
    table = list(csv.DictReader(io.StringIO(lab.zenbeat("sweep", "export", "even", "--format", "csv"))))
    assert [(int(each["trial"]), float(each["metrics.accuracy"]), each["run_id"]) for each in table] == [
        (each["trial"], each["metrics.accuracy"], each["run_id"]) for each in shown
    ]


def test_what_failed_is_run_again_under_its_number_and_the_sweep_is_extended(
    lab: Any, zenml_api: ZenMLAPI, eventually: Any
) -> None:
    ailing = {"name": "ailing", "method": "random", "run_cap": 3, "parameters": {LR: {"min": 0.001, "max": 0.1}}}
    lab.define(sweeps(ailing | {"metric": METRIC, "config": given(fail="{{ trial == 2 }}")}))
    identity = lab.zenbeat("sweep", "run", "ailing", "--wait", "--timeout", "100", code=1)
    first = trials(lab, identity)
    assert [each["status"] for each in first] == ["completed", "failed", "completed"]
    assert len(runs(zenml_api, identity)) == 3
    lab.zenbeat("sweep", "retry", identity)
    lab.zenbeat("sweep", "extend", identity, "--by", "2")
    eventually(lambda: is_over(lab, identity) and counted(lab, identity, "completed") == 4, 90, "that it is over again")
    second = trials(lab, identity)
    assert [each["status"] for each in second] == ["completed", "failed", "completed", "completed", "completed"]
    assert [second[0], second[2]] == [first[0], first[2]]
    assert second[1]["run_id"] != first[1]["run_id"]
    known = {run["id"]: run for run in runs(zenml_api, identity)}
    assert set(known) == {each["run_id"] for each in (*first, *second)}
    assert len(known) == 6
    once, again = (parameters(zenml_api, each[1]["run_id"]) for each in (first, second))
    assert once == again
    assert once["fail"] is True


def test_a_sweep_is_paused_goes_on_and_is_cancelled_with_its_runs(
    lab: Any, zenml_api: ZenMLAPI, eventually: Any, finished: Any
) -> None:
    space = {LR: {"min": 0.001, "max": 0.1}}
    lab.define(sweeps({"name": "long", "method": "random", "run_cap": 40, "parameters": space, "config": LONG}))
    identity = lab.zenbeat("sweep", "run", "long")
    eventually(lambda: len(lab.outcomes("started")) >= 2, 60, "some runs")
    lab.zenbeat("sweep", "pause", "long")
    aside = lambda: lab.redis.zcard(f"zenbeat:sweep:{identity}:parked")  # noqa: E731
    eventually(lambda: aside() + len(lab.outcomes("started")) == 40, 60, "that the others were put aside")
    before = len(lab.outcomes("started"))
    assert "paused" in lab.zenbeat("sweep", "show", "long")
    assert len(runs(zenml_api, identity)) == before < 40
    lab.zenbeat("sweep", "resume", "long")
    eventually(lambda: len(lab.outcomes("started")) > before, 60, "that it goes on")
    lab.zenbeat("sweep", "cancel", "long", "--stop-running")
    eventually(lambda: is_over(lab, identity), 90, "that it is over")
    known = runs(zenml_api, identity)
    assert {finished(zenml_api, run["id"]) for run in known} == {"stopped"}
    statuses = Counter(each["status"] for each in trials(lab, identity))
    assert statuses == {"stopped": len(known), "cancelled": 40 - len(known)}
    assert "cancelled by" in lab.zenbeat("sweep", "show", identity)


def test_a_beat_that_is_killed_doubles_no_trial_and_forgets_no_report(
    lab: Any, zenml_api: ZenMLAPI, eventually: Any
) -> None:
    """A sampler that learns, and runs of which the worst, which would take minutes, is stopped early."""
    space = {LR: {"distribution": "log_uniform_values", "min": 0.0001, "max": 1.0}}
    learning = {"method": "bayes", "run_cap": 6, "max_parallel": 2, "metric": METRIC, "config": given(seconds=1)}
    tuned = {"name": "tuned", "seed": 1, **learning, "parameters": space}
    points = {LR: {"values": [0.009, 0.011, 0.0001]}} | {name: {"values": [20, 20, 240]} for name in (EPOCHS, SECONDS)}
    rule = {"type": "median", "resource": "epoch", "min_iter": 3, "min_trials": 2}
    race = {"name": "race", "method": "grid", "metric": METRIC, "parameters": points, "zip": [[LR, EPOCHS, SECONDS]]}
    lab.define(sweeps(tuned, race | {"early_terminate": rule}))
    first, second = (lab.zenbeat("sweep", "run", name, "--key", "k") for name in ("tuned", "race"))
    eventually(lambda: counted(lab, first, "completed") >= 1 and counted(lab, second, "started") == 3, 90, "the middle")
    lab.beat.send_signal(signal.SIGKILL)
    lab.beat.wait()
    lab.start("beat")
    for name, identity in (("tuned", first), ("race", second)):
        assert lab.zenbeat("sweep", "run", name, "--key", "k", "--wait", "--timeout", "110") == identity
    learnt, raced = trials(lab, first), trials(lab, second)
    assert [each["trial"] for each in learnt if each["metrics.accuracy"] is not None] == [1, 2, 3, 4, 5, 6]
    assert {run["id"] for run in runs(zenml_api, first)} == {each["run_id"] for each in learnt}
    assert len({each["run_id"] for each in learnt}) == 6
    assert len(lab.outcomes("started")) == 9
    assert [parameters(zenml_api, each["run_id"])["lr"] for each in learnt] == [each[f"params.{LR}"] for each in learnt]
    assert [each["status"] for each in raced] == ["completed", "completed", "stopped"]
    assert "is worse than the median" in raced[2]["reason"]
    worst = zenml_api.run(raced[2]["run_id"])
    assert worst["body"]["status"] == "stopped"
    assert 3 <= worst["metadata"]["run_metadata"]["epoch"] < 240


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (f"{TRAINER}.learning", "no such parameter"),
        ("steps.trainer.parameters.lr", "did you mean model_trainer"),
        ("parameters.lr", "cannot be given to a static pipeline"),
    ],
)
def test_a_parameter_that_leads_nowhere_is_told_with_its_place(
    name: str, said: str, make_stack: Any, zenml_server: ZenMLServer, zenml_api: ZenMLAPI
) -> None:
    stack = make_stack(zenml_server.url, zenml_server.api_key)
    stack.define(
        "sweeps:\n"
        "  - name: wrong\n"
        "    pipeline: training\n"
        "    method: grid\n"
        "    parameters:\n"
        f"      {name}: {{values: [0.1, 0.2]}}\n"
    )
    before = len(zenml_api.runs())
    told = stack.complaint("sweep", "run", "wrong")
    assert "s.yaml:6:7: " in told
    assert said in told
    assert len(zenml_api.runs()) == before
    assert not stack.redis.keys("zenbeat:sweep*")


def test_a_sweep_on_the_clock_is_one_sweep_at_each_fire_time(lab: Any, zenml_api: ZenMLAPI, eventually: Any) -> None:
    config = given(data_date="{{ fire_time | date('%H:%M:%S') }}")
    clocked = {"every": "4s", "timezone": "UTC", "method": "grid", "parameters": {LR: {"values": [0.1, 0.2]}}}
    lab.define(sweeps({"name": "nightly", **clocked, "config": config}))
    eventually(lambda: len(lab.outcomes("started")) >= 3, 90, "two sweeps")
    lab.zenbeat("schedule", "pause", "nightly")
    begun = json.loads(lab.zenbeat("sweep", "list", "-o", "json"))
    assert len({each["fire_time"] for each in begun}) == len(begun) >= 2
    eventually(lambda: all(is_over(lab, each["sweep"]) for each in begun), 90, "that they are over")
    for each in begun:
        given_to = [parameters(zenml_api, run["id"]) for run in runs(zenml_api, each["sweep"])]
        assert sorted(one["lr"] for one in given_to) == [0.1, 0.2]
        assert {one["data_date"] for one in given_to} == {each["fire_time"][11:19]}


def test_a_backfill_runs_each_fire_time_once(lab: Any, zenml_api: ZenMLAPI) -> None:
    day = given(data_date="{{ fire_time | date('%Y-%m-%d') }}")
    daily = {"name": "daily", "pipeline": "training", "template": "production", "config": day}
    lab.define(json.dumps({"schedules": [daily | {"cron": "0 2 * * *", "timezone": "Europe/Berlin"}]}))
    command = ("schedule", "backfill", "daily", "--from", "2025-03-29", "--to", "2025-03-31", "--overlap", "allow")
    before = json.loads(lab.zenbeat(*command, "--dry-run", "-o", "json"))
    assert [(each["utc"], each["runs"], each["becomes"]) for each in before] == [
        ("2025-03-29T01:00:00+00:00", True, "runs"),
        ("2025-03-30T01:00:00+00:00", True, "runs"),  # 02:00 does not exist on that day
        ("2025-03-31T00:00:00+00:00", True, "runs"),
    ]
    assert zenml_api.runs(tags="zenbeat:schedule=daily") == []
    identity = lab.zenbeat(*command, "--wait")
    known = {run["id"] for run in zenml_api.runs(tags="zenbeat:schedule=daily")}
    shown = trials(lab, identity)
    assert {each["run_id"] for each in shown} == known
    days = [parameters(zenml_api, each["run_id"])["data_date"] for each in shown]
    assert days == ["2025-03-29", "2025-03-30", "2025-03-31"]
    assert lab.zenbeat(*command, "--wait") == identity
    after = json.loads(lab.zenbeat(*command, "--dry-run", "-o", "json"))
    assert [each["runs"] for each in after] == [False] * 3
    assert "had its run" in after[0]["becomes"]
    # What Redis has forgotten, ZenML knows by its name.
    (forgotten,) = [each["trigger"] for each in lab.outcomes("started") if each["run_id"] == shown[1]["run_id"]]
    lab.redis.delete(f"zenbeat:trigger:{forgotten}")
    other = lab.zenbeat(*command, "--key", "other", "--wait")
    assert other != identity
    assert {run["id"] for run in zenml_api.runs(tags="zenbeat:schedule=daily")} == known
    assert trials(lab, other)[1]["run_id"] == shown[1]["run_id"]
