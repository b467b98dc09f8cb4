"""`zenbeat alert test`, and what `doctor` says of alerts: processes and a receiver on the wire."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from click.testing import CliRunner, Result

from worker.cli import cli
from worker.cli.examine_alerts import examine_alerts
from worker.settings import load_settings

KEY = "whsec_" + "a" * 32
CANARY = "canary"


class Hook(BaseHTTPRequestHandler):
    """Takes everything but what is sent to a path with `refuse` in it."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.seen.append((self.path, json.loads(body)))  # type: ignore[attr-defined]
        self.send_response(500 if "refuse" in self.path else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def hook() -> Iterator[Any]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        server.seen = []  # type: ignore[attr-defined]
        server.url = f"http://127.0.0.1:{server.server_address[1]}"  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def send() -> Callable[..., Result]:
    def run(*words: str, receivers: dict[str, object] | None = None, **environment: str) -> Result:
        given = {"ZENBEAT_RECEIVERS": json.dumps(receivers)} if receivers else {}
        return CliRunner().invoke(cli, ["alert", "test", *words], env={**given, **environment})

    return run


def test_all_receivers_get_it(hook: Any, send: Callable[..., Result]) -> None:
    people = hook.url.replace("http", "json") + f"/{CANARY}"
    result = send(receivers={"hook": f"{hook.url}/{CANARY}", "ops": [people, f"{hook.url}/2"]})
    assert result.exit_code == 0, result.output
    assert result.stdout == "✓ hook: delivered\n✓ ops#1: delivered\n✓ ops#2: delivered\n"
    assert {path for path, _ in hook.seen} == {f"/{CANARY}", "/2"}
    assert {message.get("type") for _, message in hook.seen} == {"zenbeat.success", "success"}


def test_one_that_does_not_take_it_is_exit_1(hook: Any, send: Callable[..., Result]) -> None:
    receivers = {"hook": hook.url, "bad": f"{hook.url}/refuse-{CANARY}"}
    result = send("bad", "hook", "opps", receivers=receivers)
    assert result.exit_code == 1
    assert "✓ hook: delivered" in result.stdout
    assert f"✗ bad: {hook.url}/… answered 500 Internal Server Error" in result.stdout
    assert '✗ opps: there is no receiver "opps"' in result.stdout
    assert CANARY not in result.output
    rows = json.loads(send("-o", "json", receivers=receivers).stdout)
    assert [(row["check"], row["result"]) for row in rows] == [("hook", "ok"), ("bad", "fault")]


def test_an_address_can_be_tried_before_it_has_a_name(hook: Any, send: Callable[..., Result]) -> None:
    result = send(f"{hook.url}/{CANARY}")
    assert (result.exit_code, result.stdout) == (0, f"✓ {hook.url}/…: delivered\n")


def test_nobody_to_send_to_is_wrong_usage(send: Callable[..., Result]) -> None:
    result = send()
    assert result.exit_code == 2
    assert "set ZENBEAT_RECEIVERS" in result.stderr
    assert send(ZENBEAT_RECEIVERS="{").exit_code == 2


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, []),
        ({"ZENBEAT_RECEIVERS": '{"ops": "json://localhost"}'}, ["✓ alerts: addresses: 1"]),
        ({"ZENBEAT_RECEIVERS": '{"hook": "https://x.example.com"}'}, ["! webhooks: they go unsigned"]),
        ({"ZENBEAT_NOTIFY": "https://x.example.com"}, ["! webhooks: they go unsigned"]),
        ({"ZENBEAT_NOTIFY": "https://x.example.com", "ZENBEAT_WEBHOOK_SECRET": KEY}, ["✓ alerts: addresses: 1"]),
        ({"ZENBEAT_RECEIVERS": '{"ops": "slcak://canary/b"}'}, ["! alerts to ops: slcak://… is for a service"]),
    ],
)
def test_doctor_looks_at_receivers_without_sending(environment: dict[str, str], told: list[str], tmp_path: Any) -> None:
    found = [str(finding) for finding in examine_alerts(load_settings(environment, tmp_path))]
    assert len(found) == len(told)
    assert all(line.startswith(beginning) for line, beginning in zip(found, told, strict=True))
    assert CANARY not in "".join(found)
