"""The harness itself: a server that behaves as ZenML does, or the other end-to-end tests prove nothing."""

import socket
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from .api import ZenMLAPI
from .server import ZenMLServer

pytestmark = pytest.mark.e2e

Finished = Callable[..., str]
Make = Callable[..., ZenMLServer]
Connect = Callable[..., ZenMLAPI]


def _trainer(**parameters: object) -> dict[str, object]:
    return {"steps": {"model_trainer": {"parameters": parameters}}}


def test_info_names_the_version_and_an_active_server(zenml_server: ZenMLServer) -> None:
    info = httpx.get(f"{zenml_server.url}/api/v1/info", trust_env=False).json()
    assert info["version"] == "0.98.0"
    assert info["active"] is True


def test_the_api_key_logs_in_and_another_does_not(zenml_server: ZenMLServer, connect: Connect) -> None:
    assert connect(zenml_server).login()
    with pytest.raises(httpx.HTTPStatusError, match="401"):
        connect(zenml_server, "ZENKEY_wrong")


def test_what_is_seeded_is_found_by_name(zenml_server: ZenMLServer, zenml_api: ZenMLAPI) -> None:
    assert zenml_api.pipelines() == zenml_server.seeded["pipelines"]
    assert zenml_api.templates() == zenml_server.seeded["templates"]
    assert set(zenml_api.templates()) == {"production", "staging", "nightly"}
    assert set(zenml_api.snapshots("training")) == {"production", "staging"}
    assert set(zenml_api.snapshots("scoring")) == {"production", "nightly"}


def test_a_template_runs_to_its_end_with_the_parameters_given(zenml_api: ZenMLAPI, finished: Finished) -> None:
    name = f"template-{uuid.uuid4()}"
    answer = zenml_api.start_template(
        zenml_api.templates()["production"],
        {"run_name": name, "tags": ["zenbeat"], **_trainer(lr=0.01, data_date="2026-02-03")},
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["body"]["status"] == "initializing"
    assert finished(zenml_api, answer.json()["id"]) == "completed"

    (run,) = zenml_api.runs(name=f"equals:{name}", tags="zenbeat")
    assert run["metadata"]["run_metadata"] == {
        "accuracy": 1.0,
        "loss": 0.0,
        "epoch": 3,
        "model_type": "rf",
    }
    steps = zenml_api.steps(run["id"])
    assert [step["body"]["status"] for step in steps.values()] == ["completed", "completed"]
    given = steps["model_trainer"]["metadata"]["config"]["parameters"]
    assert (given["lr"], given["data_date"], given["model_type"]) == (0.01, "2026-02-03", "rf")


def test_a_snapshot_runs_to_its_end_with_its_own_defaults(zenml_api: ZenMLAPI, finished: Finished) -> None:
    answer = zenml_api.start_snapshot(zenml_api.snapshots("training")["staging"], {})
    assert answer.status_code == 200, answer.text
    assert finished(zenml_api, answer.json()["id"]) == "completed"
    metadata = zenml_api.run(answer.json()["id"])["metadata"]["run_metadata"]
    assert metadata == {
        "accuracy": pytest.approx(0.5),
        "loss": pytest.approx(0.5),
        "epoch": 3,
        "model_type": "linear",
    }


def test_a_step_told_to_fail_makes_the_run_fail(
    zenml_api: ZenMLAPI, finished: Finished, eventually: Callable[..., None]
) -> None:
    answer = zenml_api.start_template(zenml_api.templates()["production"], _trainer(fail=True))
    run_id = answer.json()["id"]
    assert finished(zenml_api, run_id) == "failed"
    # The failed step makes the run fail; what an orchestrator says of it comes after that.
    eventually(lambda: zenml_api.run(run_id)["body"]["status_reason"], what="a reason")
    assert "model_trainer" in zenml_api.run(run_id)["body"]["status_reason"]
    assert zenml_api.steps(run_id)["model_trainer"]["body"]["status"] == "failed"


def test_a_parameter_of_the_wrong_type_is_accepted_and_fails_in_the_step(
    zenml_api: ZenMLAPI, finished: Finished
) -> None:
    answer = zenml_api.start_template(zenml_api.templates()["production"], _trainer(lr="much"))
    assert answer.status_code == 200
    assert finished(zenml_api, answer.json()["id"]) == "failed"


def test_a_taken_run_name_is_a_conflict(zenml_api: ZenMLAPI) -> None:
    name = f"taken-{uuid.uuid4()}"
    template = zenml_api.templates()["nightly"]
    assert zenml_api.start_template(template, {"run_name": name}).status_code == 200
    second = zenml_api.start_template(template, {"run_name": name})
    assert second.status_code == 409
    assert second.json()["detail"][0] == "EntityExistsError"


def test_an_idempotency_key_gives_the_same_run_again(zenml_api: ZenMLAPI) -> None:
    template = zenml_api.templates()["nightly"]
    # Set only now: the lists obey a key as well, and one that was used for another address is ignored.
    zenml_api.http.headers["Idempotency-Key"] = str(uuid.uuid4())
    first, second = (zenml_api.start_template(template).json()["id"] for _ in range(2))
    assert first == second


def test_a_running_run_can_be_stopped(zenml_api: ZenMLAPI, finished: Finished, eventually: Callable[..., None]) -> None:
    run_id = zenml_api.start_template(zenml_api.templates()["production"], _trainer(seconds=300)).json()["id"]
    eventually(lambda: zenml_api.status(run_id) == "running", what="the run runs")
    zenml_api.http.put(f"/runs/{run_id}", json={"status": "stopping"}).raise_for_status()
    assert finished(zenml_api, run_id) == "stopped"


def test_one_submission_too_many_is_told_so_and_leaves_no_run(make_zenml_server: Make, connect: Connect) -> None:
    server = make_zenml_server(ZENBEAT_E2E_SUBMIT_SECONDS="300")
    api = connect(server)
    template = api.templates()["production"]
    answers = [api.start_template(template, {"run_name": f"crowd-{number}"}) for number in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["detail"][0] == "MaxConcurrentTasksError"
    assert [run["name"] for run in api.runs()] == ["crowd-0", "crowd-1"]


def test_what_is_deleted_is_gone_and_can_be_made_anew(make_zenml_server: Make, connect: Connect) -> None:
    server = make_zenml_server()
    api = connect(server)
    template = api.templates()["production"]
    api.delete_template(template)
    assert api.start_template(template).status_code == 404

    api.rename_template(api.templates()["staging"], "production")
    assert set(api.templates()) == {"production", "nightly"}

    for pipeline in api.pipelines().values():
        api.delete_pipeline(pipeline)
    assert api.start_template(api.templates()["nightly"]).status_code == 400
    before = server.seeded
    server.seed(server.api_key)
    assert api.pipelines() == server.seeded["pipelines"]
    assert set(server.seeded["templates"]) == set(before["templates"])
    assert server.seeded["templates"] != before["templates"]


def test_tokens_and_runs_outlive_a_crash_and_nothing_answers_meanwhile(
    make_zenml_server: Make, connect: Connect, finished: Finished
) -> None:
    server = make_zenml_server()
    api = connect(server)
    run_id = api.start_template(api.templates()["nightly"]).json()["id"]
    assert finished(api, run_id) == "completed"
    server.kill()
    with pytest.raises(httpx.ConnectError):
        api.status(run_id)
    server.start()
    assert api.status(run_id) == "completed"
    server.restart()
    assert api.status(run_id) == "completed"


_STARTS_A_SERVER = """
import pathlib, sys, time
from tests.e2e.seeded import seeded_server

server = seeded_server(pathlib.Path(sys.argv[1]))
server.start()
print(server.url, flush=True)
time.sleep(600)
"""


def test_the_server_dies_with_whoever_started_it(tmp_path: Path, eventually: Callable[..., None]) -> None:
    command = [sys.executable, "-c", _STARTS_A_SERVER, str(tmp_path / "zenml")]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        url = httpx.URL(parent.stdout.readline().strip())
        address = (url.host, url.port)
        assert _accepts(address)
        parent.kill()
    eventually(lambda: not _accepts(address), what="the server is gone")


def _accepts(address: tuple[str, int | None]) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(address) == 0
