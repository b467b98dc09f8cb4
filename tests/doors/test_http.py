"""The callers over HTTP that stand in the document, each against a whole installation."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
import zenbeat_client

from .conftest import Site
from .document import CALLERS, SERVER, block
from .places import program, run

CLIENT = CALLERS.parents[1] / "clients" / "python"
README = CLIENT / "README.md"

MODULES_OF_AIRFLOW = """
class Named:
    dag_id = "night"
    task_id = "train"

def get_current_context():
    return {"dag": Named, "ti": Named, "run_id": "scheduled__2026-12-01"}

def task(**_):
    return lambda function: function
"""
"""In Airflow's place, which is a large thing to install: the two names that the task uses."""


def environment(site: Site, **more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "ZB_KEY": site.key, **more}


def one_run(site: Site, key: str) -> dict[str, Any]:
    """Give the one trigger that there is, which has that key and its run."""
    headers = {"Authorization": f"Bearer {site.key}"}
    with httpx.Client(base_url=site.url, headers=headers, timeout=60) as client:
        (row,) = client.get("/api/v1/triggers").raise_for_status().json()["items"]
        shown: dict[str, Any] = client.get(f"/api/v1/triggers/{row['id']}", params={"wait": 30}).json()
        same = client.post(
            "/api/v1/triggers",
            json={"pipeline": "training", "config": {"tags": ["another request"], "steps": {}}},
            headers={"Idempotency-Key": key},
        )
    assert same.status_code == 409, "the key is that of the run"
    assert (shown["state"], shown["asked_by"]) == ("completed", "caller")
    assert len(site.stack.demo.state.runs) == 1
    return shown


def python(site: Site, text: str, **more: str) -> str:
    """Run a program with httpx and the client, twice: the second one finds what the first one asked for."""
    given = environment(site, PYTHONPATH=str(CLIENT), **more)
    first = run([sys.executable, "-W", "error", "-c", text], env=given)
    assert run([sys.executable, "-W", "error", "-c", text], env=given) == first
    return first


def test_python_with_httpx(site: Site) -> None:
    text = block("HTTP from Python", "python", {SERVER: site.url})
    assert python(site, text).startswith("completed http")
    shown = one_run(site, "upload-4711")
    assert shown["config"]["steps"]["model_trainer"]["parameters"] == {"model_type": "rf"}


def test_fifteen_lines_of_it_are_enough() -> None:
    _imports, _, program = block("HTTP from Python", "python").partition("import httpx\n")
    assert len(program.strip().splitlines()) <= 15


@pytest.mark.parametrize(("heading", "path"), [("The client for Python", CALLERS), ("zenbeat-client", README)])
def test_the_client_for_python(heading: str, path: Path, site: Site) -> None:
    assert python(site, block(heading, "python", {SERVER: site.url}, path)).startswith("completed")
    one_run(site, "upload-4711")


def test_the_client_over_all_that_it_can(site: Site, eventually: Callable[..., None]) -> None:
    later = {"pipeline": "training", "not_before": "2100-01-01T00:00:00Z"}
    reader = site.stack.zenbeat("key", "create", "reader", "--scope", "read")
    site.stack.define('schedules:\n  - {name: nightly, pipeline: training, cron: "0 2 * * *"}\n')
    with zenbeat_client.Zenbeat(site.url, site.key) as zenbeat, zenbeat_client.Zenbeat(site.url, reader) as looking:
        one, two = zenbeat.trigger_many([{"pipeline": "training", "idempotency_key": "a"}, later])
        assert zenbeat.wait(one.id, timeout=60).succeeded
        assert zenbeat.get(two.id).state == "waiting"
        assert zenbeat.cancel(two.id).state == zenbeat.cancel(two.id).state == "cancelled"
        with pytest.raises(zenbeat_client.Conflict):
            zenbeat.cancel(one.id)
        events = looking.events(after="0", statuses=["started", "cancelled"])
        told = {next(events).data["trigger"] for _ in range(2)}
        assert told == {one.id, two.id}
        assert not zenbeat.trigger("training", idempotency_key="a").new
        eventually(lambda: [schedule.name for schedule in looking.schedules()] == ["nightly"])
        with pytest.raises(zenbeat_client.InvalidRequest) as wrong:
            zenbeat.trigger_many([{"pipeline": "training"}, {"pipelin": "training"}])
        assert "/triggers/1/pipelin" in {fault.pointer for fault in wrong.value.faults}
        with pytest.raises(zenbeat_client.NotLetIn):
            zenbeat.trigger("scoring")
        with pytest.raises(zenbeat_client.NotFound):
            zenbeat.get("no-such")


def test_curl(site: Site) -> None:
    text = block("curl", "sh", {SERVER: site.url})
    answers = [run(["bash", "-euc", text], env=environment(site)) for _ in range(2)]
    assert answers[0] == answers[1]
    one_run(site, "upload-4711")


def test_curl_tells_what_is_refused(site: Site) -> None:
    text = block("curl", "sh", {SERVER: site.url, '"pipeline"': '"pipelin"'})
    said = subprocess.run(
        ["bash", "-euc", text], env=environment(site), capture_output=True, text=True, check=False, timeout=60
    )
    assert said.returncode == 22
    assert "did you mean pipeline?" in said.stdout


def test_javascript(site: Site, tmp_path: Path) -> None:
    script = tmp_path / "ask.mjs"
    script.write_text(block("JavaScript", "js", {SERVER: site.url}))
    first = run([program("node"), str(script)], env=environment(site))
    assert run([program("node"), str(script)], env=environment(site)) == first
    assert one_run(site, "upload-4711")["id"] == first.strip()


def test_a_step_of_github_actions(site: Site) -> None:
    (step,) = yaml.safe_load(block("GitHub Actions", "yaml", {SERVER: site.url}))
    known = {
        "${{ secrets.ZB_KEY }}": site.key,
        "${{ github.repository }}": "acme/models",
        "${{ github.run_id }}": "1658821493",
        "${{ github.sha }}": "ffac537e6cbbf934b08745a378932722df287a53",
    }
    given = step["env"]
    for expression, value in known.items():
        given = {name: text.replace(expression, value) for name, text in given.items()}
    assert "${{" not in step["run"] + "".join(given.values()), "an expression in a script could be somebody's commands"
    run(["bash", "-e", "-o", "pipefail", "-c", step["run"]], env={"PATH": os.environ["PATH"], **given})
    assert known["${{ github.sha }}"] in one_run(site, "acme/models/1658821493")["config"]["tags"]


def test_a_task_of_airflow(site: Site, tmp_path: Path, eventually: Callable[..., None]) -> None:
    (tmp_path / "airflow").mkdir()
    (tmp_path / "airflow" / "sdk.py").write_text(MODULES_OF_AIRFLOW)
    text = block("Airflow", "python", {SERVER: site.url}) + "\nprint(train())"
    told = [run([sys.executable, "-c", text], env=environment(site, PYTHONPATH=str(tmp_path))) for _ in range(2)]
    assert told[0] == told[1]
    assert one_run(site, "night/scheduled__2026-12-01/train")["run_id"] == told[0].strip()
