"""The main job on the real thing: beat and workers as users start them, against an unmodified ZenML server."""

import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from worker.zenml.client import ZenML
from worker.zenml.models import Run

from .api import ZenMLAPI
from .environment import HOME, locked
from .server import ZenMLServer

SCHEDULE = """\
schedules:
  - name: {name}
    pipeline: training
    {target}
    every: 5s
    config_template: body.yaml
    config:
      steps: {{model_trainer: {{parameters: {{lr: 0.01}}}}}}
"""

BODY = """\
steps:
  model_trainer:
    parameters:
      model_type: rf
      data_date: "{{ fire_time | date('%Y-%m-%d') }}"
"""


def prepared(make_stack: Callable[..., Any], server: ZenMLServer, name: str, target: str) -> Any:
    """Give an installation with one schedule, every 5 s."""
    stack = make_stack(server.url, server.api_key)
    (stack.folder / "schedules" / "body.yaml").write_text(BODY)
    stack.define(SCHEDULE.format(name=name, target=target))
    return stack


def due(stack: Any, schedule: str) -> dict[str, str]:
    """Give the fire times that fired, each with its trigger."""
    entries = map(json.loads, stack.redis.zrange(f"zenbeat:ledger:{schedule}", 0, -1))
    return {entry["fire_time"]: entry["trigger"] for entry in entries if entry["decision"] == "fired"}


def runs_of(api: ZenMLAPI, schedule: str) -> list[dict[str, Any]]:
    """Give the runs of a schedule as ZenML lists them, found by their tag."""
    return api.runs(tags=f"zenbeat:schedule={schedule}")


def test_a_schedule_starts_real_runs_by_the_template(
    make_stack: Any, zenml_server: ZenMLServer, zenml_api: ZenMLAPI, eventually: Any, finished: Any
) -> None:
    stack = prepared(make_stack, zenml_server, "by-template", "template: production")
    stack.start("worker")
    stack.start("beat")
    eventually(lambda: len(stack.outcomes("started")) >= 3, 90, "three runs")
    stack.end()
    outcomes = {outcome["run_id"]: outcome for outcome in stack.outcomes("started")}
    runs = {run["id"]: run for run in runs_of(zenml_api, "by-template")}
    assert set(outcomes) <= set(runs)
    for run_id, outcome in outcomes.items():
        assert runs[run_id]["name"] == outcome["run_name"]
        assert finished(zenml_api, run_id) == "completed"
    steps = zenml_api.steps(next(iter(outcomes)))
    parameters = steps["model_trainer"]["metadata"]["config"]["parameters"]
    assert (parameters["model_type"], parameters["lr"]) == ("rf", 0.01)
    assert parameters["data_date"] == outcome["fire_time"][:10]


def test_a_schedule_starts_real_runs_by_the_snapshot(
    make_stack: Any, zenml_server: ZenMLServer, zenml_api: ZenMLAPI, eventually: Any
) -> None:
    stack = prepared(make_stack, zenml_server, "by-snapshot", "snapshot: production")
    stack.start("worker")
    stack.start("beat")
    eventually(lambda: len(stack.outcomes("started")) >= 2, 90, "two runs")
    stack.end()
    wanted = {outcome["run_id"] for outcome in stack.outcomes("started")}
    assert wanted <= {run["id"] for run in runs_of(zenml_api, "by-snapshot")}


def test_tokens_expire_and_the_server_restarts_and_no_fire_is_lost_or_doubled(
    make_stack: Any, make_zenml_server: Any, connect: Any, eventually: Any
) -> None:
    server = make_zenml_server(ZENML_SERVER_JWT_TOKEN_EXPIRE_MINUTES="1")
    stack = prepared(make_stack, server, "long", "template: production")
    stack.start("worker")
    stack.start("beat")
    eventually(lambda: len(stack.outcomes("started")) >= 2, 60, "two runs")
    server.kill()
    eventually(lambda: stack.outcomes("retrying"), 60, "a fire that cannot be sent")
    server.start()
    # 16 fires are 80 s: a token of one minute, and ZenML's leeway of 10 s, are over.
    eventually(lambda: len(due(stack, "long")) >= 16, 120, "fires for longer than a token lasts")
    stack.define("schedules: []")
    eventually(lambda: "schedule removed" in stack.logs(), what="an end")
    fired = set(due(stack, "long").values())
    eventually(lambda: {o["trigger"] for o in stack.outcomes("started")} == fired, 60, "a run for each fire")
    names = [run["name"] for run in runs_of(connect(server), "long")]
    assert len(names) == len(set(names)) == len(fired)
    assert not stack.outcomes("dead")


def test_a_template_made_anew_and_one_deleted(
    make_stack: Any, make_zenml_server: Any, connect: Any, eventually: Any
) -> None:
    server = make_zenml_server()
    api = connect(server)
    stack = prepared(make_stack, server, "moved", "template: production")
    stack.start("worker")
    stack.start("beat")
    eventually(lambda: stack.outcomes("started"), 60, "a run")
    # While there is none of that name, and a busy server takes its time, nothing is to ask for it.
    stack.zenbeat("schedule", "pause", "moved")
    on_the_way = ("zenbeat:ready:default", "zenbeat:inflight:default")
    eventually(lambda: not any(map(stack.redis.zcard, on_the_way)), 60, "an end of what is on the way")
    api.delete_template(api.templates()["production"])
    anew = api.create_template("production", api.snapshots("training")["production"])
    stack.zenbeat("schedule", "resume", "moved")
    eventually(
        lambda: any(run["metadata"]["template_id"] == anew for run in runs_of(api, "moved")), 60, "a run of the new one"
    )
    assert not stack.outcomes("dead")
    api.delete_template(anew)
    eventually(lambda: stack.outcomes("dead"), 60, "a dead letter")
    reason = stack.outcomes("dead")[0]["reason"]
    assert "production" in reason
    assert "training" in reason


def test_a_sweep_of_12_trials_starts_12_runs_through_two_slots(
    make_stack: Any, zenml_server: ZenMLServer, zenml_api: ZenMLAPI, eventually: Any
) -> None:
    stack = make_stack(zenml_server.url, zenml_server.api_key)
    stack.define(
        "sweeps:\n"
        "  - name: rates\n"
        "    pipeline: training\n"
        "    template: production\n"
        "    method: grid\n"
        "    parameters:\n"
        "      steps.model_trainer.parameters.lr: {values: [0.1, 0.01, 0.001, 0.0001]}\n"
        "      steps.model_trainer.parameters.model_type: {values: [rf, svm, linear]}\n"
    )
    stack.start("worker")
    stack.start("beat")
    sweep_id = stack.zenbeat("sweep", "run", "rates")
    eventually(lambda: len(stack.outcomes("started")) == 12, 180, "twelve runs")
    stack.end()
    runs = zenml_api.runs(tags=f"zenbeat:sweep={sweep_id}")
    assert len(runs) == 12
    assert not stack.outcomes("dead")


def test_a_deleted_run_frees_its_name(zenml_server: ZenMLServer, ask: Callable[..., Any]) -> None:
    async def scene(zenml: ZenML) -> tuple[Run, Run | None, Run]:
        launch = await zenml.prepare(await zenml.find_target("training", "production"), {"run_name": "freed"})
        first = await zenml.start(launch)
        await zenml.delete_run(first)
        await zenml.delete_run(first)
        return first, await zenml.find_run("freed"), await zenml.start(launch)

    first, between, second = ask(zenml_server, scene)
    assert between is None
    assert (second.name, second.id == first.id) == ("freed", False)


def test_an_application_with_nothing_but_celery_queues_a_trigger(
    make_stack: Any, zenml_server: ZenMLServer, zenml_api: ZenMLAPI, eventually: Any
) -> None:
    stack = make_stack(zenml_server.url, zenml_server.api_key)
    stack.start("worker")
    program = (
        "import sys; from celery import Celery; app = Celery(broker=sys.argv[1]);"
        "app.send_task('worker.trigger', queue='zenbeat', kwargs={'pipeline': 'training', 'template': 'staging',"
        " 'config': {'steps': {'model_trainer': {'parameters': {'lr': 0.5}}}}, 'idempotency_key': 'upload-1'})"
    )
    for _ in range(2):
        subprocess.run([_celery_alone(), "-c", program, stack.environment["REDIS_URL"]], check=True, timeout=60)
    eventually(lambda: stack.outcomes("started"), 60, "a run")
    eventually(lambda: "known already" in stack.logs(), what="the repeat noticed")
    (outcome,) = stack.outcomes("started")
    assert zenml_api.run(outcome["run_id"])["name"] == outcome["run_name"]


def _celery_alone() -> str:
    """Make an environment that has only `celery[redis]`, once; gives its Python."""
    home = HOME / "celery-alone"
    python = home / "bin" / "python"
    with locked(HOME / "celery-alone.lock"):
        stamp = home / "ready"
        if not stamp.exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(home)], check=True)
            base = Path(sys.base_prefix) / "bin" / "python3"
            install = [str(base), "-m", "pip", "--python", str(python), "install", "-q", "celery[redis]==5.7.0"]
            subprocess.run(install, check=True)
            stamp.touch()
    return str(python)


def test_a_redis_that_lost_everything_is_rebuilt_from_zenml(
    make_stack: Any, zenml_server: ZenMLServer, zenml_api: ZenMLAPI, eventually: Any
) -> None:
    stack = prepared(make_stack, zenml_server, "forgotten", "template: production")
    stack.start("worker")
    stack.start("beat")
    eventually(lambda: len(stack.outcomes("started")) >= 3, 90, "three runs")
    before = {run["name"] for run in runs_of(zenml_api, "forgotten")}
    stack.redis.flushall()
    eventually(lambda: len(runs_of(zenml_api, "forgotten")) >= len(before) + 3, 90, "runs after the loss")
    stack.end()
    assert "rebuilt from ZenML" in stack.logs()
    names = [run["name"] for run in runs_of(zenml_api, "forgotten")]
    instants = sorted(datetime.strptime(name.split("-")[-2], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) for name in names)
    assert len(names) == len(set(names)), "none was started again"
    steps = {later - earlier for earlier, later in itertools.pairwise(instants)}
    assert steps == {timedelta(seconds=5)}, "and none is missing"


def test_a_server_that_takes_two_at_once_is_filled_and_hardly_ever_refuses(
    make_stack: Any, make_zenml_server: Any, connect: Any, eventually: Any, bare_app: Any, record_property: Any
) -> None:
    server = make_zenml_server(ZENBEAT_E2E_SUBMIT_SECONDS="1")
    stack = make_stack(server.url, server.api_key)
    stack.start("worker")
    stack.start("beat")
    eventually(lambda: stack.ready("worker"), what="a worker")
    for number in range(40):
        request = {"pipeline": "training", "template": "production", "idempotency_key": str(number)}
        bare_app.send_task("worker.trigger", kwargs=request, queue="zenbeat")
    eventually(lambda: len(stack.outcomes("started")) == 40, 120, "all runs")
    refused = [outcome for outcome in stack.outcomes("retrying") if outcome["code"] == "at_capacity"]
    assert len(refused) / (40 + len(refused)) < 0.05
    runs = connect(server).runs()
    assert len(runs) == 40
    assert not [run for run in runs if run["body"]["status"] == "failed"]
    moments = sorted(datetime.fromisoformat(outcome["at"]) for outcome in stack.outcomes("started"))
    record_property("refused", len(refused))
    record_property("seconds", (moments[-1] - moments[0]).total_seconds())
