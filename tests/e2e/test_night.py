"""A night on the real thing: runs are followed, kept apart, started again, chained, stopped and told of."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

import pytest

from .api import ZenMLAPI
from .server import ZenMLServer

RUN = """
  - name: {name}
    pipeline: training
    template: production
    config: {{steps: {{model_trainer: {{parameters: {{seconds: {seconds}, fail: {fail}}}}}}}}}
"""


class Receiver(ThreadingHTTPServer):
    """Takes webhooks."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/zenbeat"

    def alerts(self, kind: str) -> list[dict[str, Any]]:
        return [message["data"] for message in self.got if message["type"] == f"zenbeat.{kind}"]


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self.server.got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def entry(name: str, *rules: str, seconds: float = 0, fail: bool = False) -> str:
    """One schedule, with the rules that make it what it is."""
    told = RUN.format(name=name, seconds=seconds, fail=str(fail).lower())
    return told + "".join(f"    {rule}\n" for rule in rules)


def ledger(stack: Any, schedule: str) -> list[dict[str, Any]]:
    return [json.loads(each) for each in stack.redis.zrange(f"zenbeat:ledger:{schedule}", 0, -1)]


def told(stack: Any, status: str, schedule: str) -> list[dict[str, str]]:
    return [each for each in stack.outcomes(status) if each.get("schedule") == schedule]


def overlaps(runs: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Give the runs of which one began before the one before it had ended."""
    spans = sorted((run["body"]["created"], run["metadata"]["end_time"] or "9", run["name"]) for run in runs)
    return [(one[2], other[2]) for one, other in pairwise(spans) if other[0] < one[1]]


@pytest.fixture
def night(make_stack: Any, zenml_server: ZenMLServer, receiver: Receiver) -> Any:
    """An installation with a beat and a worker, and somebody who is told."""
    stack = make_stack(zenml_server.url, zenml_server.api_key)
    stack.environment |= {"ZENBEAT_RECEIVERS": json.dumps({"ops": receiver.url}), "ZENBEAT_NOTIFY": "ops"}
    stack.define("schedules: []\n")
    stack.start("worker")
    stack.start("beat")
    return stack


def test_a_chain_with_a_run_that_is_started_again(
    night: Any, zenml_api: ZenMLAPI, receiver: Receiver, eventually: Any
) -> None:
    follow = 'config: {steps: {model_trainer: {parameters: {data_date: "{{ upstream.run_id }}"}}}}'
    evaluation = f"""
  - name: evaluation
    pipeline: training
    template: production
    after: {{schedule: nightly}}
    {follow}
"""
    rerun = "retry: {run: {max_attempts: 2, initial: 1s}}"
    night.define(
        "schedules:"
        + entry("nightly", "every: 5s", "max_runs: 1", seconds=1)
        + entry("ailing", "every: 5s", "max_runs: 1", rerun, fail=True)
        + evaluation
    )
    eventually(lambda: told(night, "completed", "evaluation"), 120, "the end of the chain")
    (first,) = told(night, "completed", "nightly")
    (second,) = told(night, "completed", "evaluation")
    steps = zenml_api.steps(second["run_id"])
    assert steps["model_trainer"]["metadata"]["config"]["parameters"]["data_date"] == first["run_id"]
    eventually(lambda: len(told(night, "failed", "ailing")) == 2, 120, "two runs of one fire")
    (fire,) = [each for each in ledger(night, "ailing") if each["decision"] == "fired"]
    assert [run["fate"] for run in fire["runs"]] == ["failed", "failed"]
    assert len({run["run"] for run in fire["runs"]}) == 2
    eventually(lambda: receiver.alerts("failure"), 60, "an alert")
    (alert,) = receiver.alerts("failure")
    assert alert["schedule"] == "ailing"
    assert alert["run_id"] == fire["runs"][1]["run"], "the last one is told of"
    assert len(zenml_api.runs(tags="zenbeat:schedule=evaluation")) == 1


@pytest.mark.parametrize("policy", ["buffer_one", "cancel_other"])
def test_runs_of_a_schedule_do_not_overlap(
    policy: str, night: Any, zenml_api: ZenMLAPI, eventually: Any, finished: Any
) -> None:
    name = f"apart-{policy.replace('_', '-')}"
    night.define("schedules:" + entry(name, "every: 3s", f"overlap: {policy}", seconds=4))
    eventually(lambda: len(told(night, "started", name)) >= 3, 180, "three runs")
    night.define("schedules: []\n")
    eventually(lambda: not night.redis.zcard("zenbeat:following:default"), 120, "their ends")
    runs = [zenml_api.run(each["run_id"]) for each in told(night, "started", name)]
    assert overlaps(runs) == []
    if policy == "cancel_other":
        assert told(night, "stopped", name)
    else:
        assert any(each["decision"] == "skipped_overlap" for each in ledger(night, name))


def test_a_run_that_is_deleted_has_vanished_and_its_schedule_goes_on(
    night: Any, zenml_api: ZenMLAPI, eventually: Any
) -> None:
    night.define("schedules:" + entry("gone", "every: 3s", "overlap: skip", seconds=300))
    eventually(lambda: told(night, "started", "gone"), 90, "a run")
    zenml_api.delete_run(told(night, "started", "gone")[0]["run_id"])
    eventually(lambda: told(night, "vanished", "gone"), 120, "that it has vanished")
    eventually(lambda: len(told(night, "started", "gone")) >= 2, 60, "the next one")


def test_runs_of_others_are_followed_and_what_is_late_or_paused_is_told(
    night: Any, zenml_api: ZenMLAPI, receiver: Receiver, eventually: Any
) -> None:
    follow = """
  - name: follower
    pipeline: training
    template: production
    after: {pipeline: scoring}
"""
    night.define("schedules:" + follow + entry("slow", "every: 3s", "overlap: skip", "deadline: 1s", seconds=6))
    eventually(lambda: night.redis.hexists("zenbeat:cursors:0", "follower"), what="that it is considered")
    other = zenml_api.start_snapshot(zenml_api.snapshots("scoring")["production"]).json()["id"]
    eventually(lambda: told(night, "started", "follower"), 120, "what follows a run of somebody else")
    (fire,) = ledger(night, "follower")
    assert other in fire["reason"]
    eventually(lambda: receiver.alerts("late"), 60, "an alert")
    assert receiver.alerts("late")[0]["schedule"] == "slow"
    night.zenbeat("schedule", "pause", "slow", "--why", "it is slow")
    eventually(lambda: ledger(night, "slow")[-1]["decision"] == "skipped_paused", 30, "that it is paused")
    assert "it is slow" in ledger(night, "slow")[-1]["reason"]
    night.zenbeat("schedule", "resume", "slow")
    started_before = len(told(night, "started", "slow"))
    eventually(lambda: len(told(night, "started", "slow")) > started_before, 60, "that it goes on")
    assert {each["decision"] for each in ledger(night, "slow")} == {"fired", "skipped_overlap", "skipped_paused"}
