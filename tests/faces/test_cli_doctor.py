"""doctor, healthcheck, template and `schedule run`, against a real Redis and a ZenML server that speaks HTTP."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result as Invoked

from worker.cli import cli
from worker.cli.doors import with_engine
from worker.domain.results import Result
from worker.engine.runtime import Engine, clock
from worker.settings import load_settings
from worker.store.items import Item

PIPELINE = "11111111-1111-4111-8111-111111111111"
TEMPLATE = "22222222-2222-4222-8222-222222222222"
NOWHERE = "redis://127.0.0.1:1/0"
RUNS = "/api/v1/run_templates/{template_id}/runs"
ITEM = {
    "id": TEMPLATE,
    "name": "production",
    "body": {"runnable": True},
    "resources": {"pipeline": {"id": PIPELINE, "name": "training"}},
    "metadata": {
        "config_template": {"steps": {"trainer": {"parameters": {"lr": 0.1}}}},
        "config_schema": {
            "type": "object",
            "properties": {
                "steps": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"trainer": {"type": "object"}},
                }
            },
        },
    },
}
ANSWERS = {
    "/api/v1/info": {"version": "0.98.0"},
    "/api/v1/pipelines": {"index": 1, "total": 1, "items": [{"id": PIPELINE, "name": "training", "body": {}}]},
    "/api/v1/run_templates": {"index": 1, "total": 1, "items": [ITEM]},
    f"/api/v1/run_templates/{TEMPLATE}": ITEM,
    "/openapi.json": {"paths": {RUNS: {"post": {}}}},
}
FILE = """
schedules:
  - {{name: nightly, pipeline: training, template: production, cron: "0 2 * * *", config: {{steps: {{{step}: {{}}}}}}}}
"""

Zenbeat = Callable[..., Invoked]


class ZenMLStandIn(BaseHTTPRequestHandler):
    """Answers what `ANSWERS` has for a path; takes every login."""

    def do_GET(self) -> None:
        self._answer(ANSWERS.get(self.path.partition("?")[0]))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self._answer({"access_token": "t", "token_type": "bearer"})

    def _answer(self, value: object) -> None:
        content = json.dumps(value or {"detail": "Not Found"}).encode()
        self.send_response(200 if value else 404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def zenml_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), ZenMLStandIn) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def zenbeat(tmp_path: Path, redis_url: str, zenml_url: str) -> Zenbeat:
    """Run the command with everything there; environment variables by keyword."""
    (tmp_path / "a.yaml").write_text(FILE.format(step="trainer"))
    there = {
        "SCHEDULES_DIR": str(tmp_path),
        "REDIS_URL": redis_url,
        "ZENML_STORE_URL": zenml_url,
        "ZENML_STORE_API_KEY": "ZENKEY_x",
        "COLUMNS": "80",
    }
    return lambda *arguments, **changed: CliRunner().invoke(cli, arguments, env={**there, **changed})


def alive(redis_url: str, role: str, identity: str, **what: object) -> None:
    async def sign(engine: Engine) -> None:
        await engine.heartbeats.beat(role, identity, what)

    with_engine(sign, load_settings({"REDIS_URL": redis_url}))


def results(result: Invoked) -> dict[str, str]:
    return {row["check"]: row["result"] for row in json.loads(result.stdout)}


def test_doctor_finds_all_well(zenbeat: Zenbeat, redis_url: str) -> None:
    alive(redis_url, "beat", "h:1", leading=True)
    alive(redis_url, "beat", "h:2", leading=False)
    alive(redis_url, "worker", "h:3")
    result = zenbeat("doctor")
    assert result.exit_code == 0, result.output
    assert "✓ beat: h:1 leads, 1 standing by" in result.stdout
    assert '✓ schedule nightly: starts run template "production" of pipeline "training"' in result.stdout
    assert "✓ ZenML starts runs" in result.stdout
    assert result.stderr == "All is well.\n"


FOLLOWER = """
  - name: report
    pipeline: training
    template: production
    after: {all_of: [{schedule: nightly}, {pipeline: etl, on: [failed]}]}
    config: {run_name: "after {{ upstream.run_id }} and {{ upstreams[1].run_name }}"}
  - name: since
    pipeline: training
    template: production
    every: 1h
    config: {run_name: "since {{ last_success.run_id }}"}
"""


def test_doctor_knows_what_expressions_know(zenbeat: Zenbeat, tmp_path: Path, redis_url: str) -> None:
    (tmp_path / "a.yaml").write_text(FILE.format(step="trainer") + FOLLOWER)
    told = results(zenbeat("doctor", "-o", "json"))
    assert (told["schedule report"], told["schedule since"]) == ("ok", "fault")
    at = clock()
    success = Result(trigger="t", fate="completed", ended=at, fire_time=at, run_id="run-1")

    async def succeeded(engine: Engine) -> None:
        await engine.triggers.record([Item(commands=engine.results.add("since", success, None))])

    with_engine(succeeded, load_settings({"REDIS_URL": redis_url}))
    assert results(zenbeat("doctor", "-o", "json"))["schedule since"] == "ok"


def test_doctor_says_what_to_do(zenbeat: Zenbeat, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(FILE.format(step="trainr"))
    result = zenbeat("doctor")
    assert result.exit_code == 1
    assert "✗ beat: none is alive" in result.stdout
    assert "→ start one: zenbeat worker" in result.stdout
    assert "✗ schedule nightly:" in result.stdout
    assert "trainr" in result.stdout
    told = results(zenbeat("doctor", "-o", "json"))
    assert (told["ZenML login"], told["beat"], told["schedule nightly"]) == ("ok", "fault", "fault")


def test_doctor_is_69_where_something_cannot_be_reached(zenbeat: Zenbeat) -> None:
    result = zenbeat("doctor", "-o", "json", REDIS_URL=NOWHERE)
    assert result.exit_code == 69
    assert results(result)["schedule nightly"] == "ok"
    result = zenbeat("doctor", "-o", "json", ZENML_STORE_URL="http://127.0.0.1:1")
    assert result.exit_code == 69
    assert results(result)["ZenML"] == "fault"


def test_doctor_shows_faults_of_files(zenbeat: Zenbeat, tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("schedules: 7\n")
    assert "✗ schedule files: " in zenbeat("doctor").stdout


def test_healthcheck(zenbeat: Zenbeat, redis_url: str) -> None:
    host = socket.gethostname()
    assert zenbeat("healthcheck", "beat").exit_code == 1
    alive(redis_url, "beat", "elsewhere:1", leading=True)
    result = zenbeat("healthcheck", "beat")
    assert result.exit_code == 1
    assert "elsewhere:1" in result.stderr
    assert zenbeat("healthcheck", "beat", "--any-host").stdout == "beat elsewhere:1 is alive (leader)\n"
    alive(redis_url, "beat", f"{host}:2", leading=False)
    alive(redis_url, "worker", f"{host}:3")
    assert zenbeat("healthcheck", "beat").stdout == f"beat {host}:2 is alive (standby)\n"
    assert zenbeat("healthcheck", "worker").exit_code == 0
    assert zenbeat("healthcheck", "worker", REDIS_URL=NOWHERE).exit_code == 69


def test_template_resolve(zenbeat: Zenbeat) -> None:
    found = json.loads(zenbeat("template", "resolve", "training", "-o", "json").stdout)
    assert (found["id"], found["route"]) == (TEMPLATE, "run_templates")
    assert found["parameters"] == {"trainer": {"lr": 0.1}}
    assert "lr: 0.1" in zenbeat("template", "resolve", "training", "--template", "production").stdout
    result = zenbeat("template", "resolve", "trainin")
    assert (result.exit_code, result.stdout) == (1, "")
    assert 'did you mean "training"?' in result.stderr
    assert zenbeat("template", "resolve", "training", "--template", "a", "--snapshot", "b").exit_code == 2
    assert zenbeat("template", "resolve", "training", ZENML_STORE_URL="http://127.0.0.1:1").exit_code == 69
