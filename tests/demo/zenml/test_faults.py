"""Faults on demand: each kind on the wire, and whether a run was started."""

import zlib
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from worker.demo.zenml import Kind, WrongFault

Make = Callable[..., Any]

LAUNCH = "POST .*/runs$"
# A connection that is cut is told in one of two ways, by how far the client had read.
CUT = (httpx.ReadError, httpx.RemoteProtocolError)


@pytest.mark.parametrize(
    ("kind", "status", "started"),
    [
        (Kind.STATUS, 503, 0),
        (Kind.STATUS_AFTER_ACCEPT, 503, 1),
        (Kind.RETRY_AFTER, 503, 0),
        (Kind.CAPACITY, 429, 0),
        (Kind.BUSY_BUT_RUNNING, 429, 1),
        (Kind.HTML_200, 200, 0),
        (Kind.HTML_200_AFTER_ACCEPT, 200, 1),
        (Kind.TRUNCATED_JSON, 200, 1),
        (Kind.GZIP_BOMB, 200, 0),
        (Kind.REDIRECT, 307, 0),
        (Kind.QUEUE_FAILS, 500, 1),
        (Kind.STAYS_INITIALIZING, 200, 1),
        (Kind.FAILS_TO_START, 200, 1),
    ],
)
def test_a_fault_that_is_answered(demo: Make, kind: Kind, status: int, started: int) -> None:
    here = demo()
    here.state.faults.add(kind, match=LAUNCH, size=1000)
    answer = here.post({"run_name": "a"})
    assert answer.status_code == status
    assert answer.headers["x-zenbeat-demo"] == "true"
    assert here.state.posts == 1
    assert len(here.state.runs) == started
    assert here.post({"run_name": "b"}).status_code == 200, "one fault, one request"


@pytest.mark.parametrize(
    ("kind", "started"),
    [
        (Kind.RESET_BEFORE, 0),
        (Kind.RESET_AFTER_ACCEPT, 1),
        (Kind.KILLED, 0),
        (Kind.HANG_BEFORE, 0),
        (Kind.CUT_OFF, 1),
    ],
)
def test_a_fault_that_breaks_the_connection(demo: Make, kind: Kind, started: int) -> None:
    here = demo()
    here.state.faults.add(kind, match=LAUNCH, seconds=0.05)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        here.post({"run_name": "a"})
    assert len(here.state.runs) == started
    assert here.get("/runs")["total"] == started


def test_a_status_with_its_body_and_headers(demo: Make) -> None:
    here = demo()
    for body, media in (("sorry", "text/plain"), ({"detail": "sorry"}, "application/json")):
        here.state.faults.add("status", status=502, body=body, headers={"X-Cache": "miss"})
        answer = here.post()
        assert (answer.status_code, answer.headers["x-cache"]) == (502, "miss")
        assert answer.headers["content-type"] == media
        assert (answer.text if isinstance(body, str) else answer.json()) == body


def test_retry_after_in_seconds_and_as_a_date(demo: Make) -> None:
    here = demo()
    here.state.faults.add("retry_after", seconds=17, status=429)
    assert here.post().headers["retry-after"] == "17"
    here.state.faults.add("retry_after", seconds=90, date=True)
    headers = here.post().headers
    wait = parsedate_to_datetime(headers["retry-after"]) - parsedate_to_datetime(headers["date"])
    assert wait.total_seconds() == 90


def test_the_two_kinds_of_429(demo: Make) -> None:
    here = demo()
    here.state.faults.add("429_capacity")
    assert here.post().json()["detail"][0] == "MaxConcurrentTasksError"
    here.state.faults.add("429_busy_but_running")
    assert here.post({"run_name": "a"}).json() == {"error": "Server too busy. Please try again later."}
    assert here.names("/runs") == ["a"]


def test_a_lost_answer_is_found_again_by_the_same_key(demo: Make) -> None:
    here, key = demo(), str(uuid4())
    here.state.faults.add("reset_after_accept", match=LAUNCH)
    with pytest.raises(CUT):
        here.post({"run_name": "a"}, key)
    assert here.post({"run_name": "a"}, key).status_code == 200
    assert here.post({"run_name": "a"}).status_code == 409


def test_a_killed_server_leaves_a_poisoned_key(demo: Make) -> None:
    here, key = demo(), str(uuid4())
    here.state.faults.add("killed", match=LAUNCH)
    with pytest.raises(CUT):
        here.post({"run_name": "a"}, key)
    assert here.post({"run_name": "a"}, key).json() == {"error": "Server too busy. Please try again later."}
    assert here.post({"run_name": "a"}, str(uuid4())).status_code == 200


def test_an_answer_that_hangs(demo: Make) -> None:
    here = demo()
    here.state.faults.add("hang_after_accept", match=LAUNCH, seconds=60)
    with pytest.raises(httpx.ReadTimeout):
        here.http.post(f"{here.template}/runs", json={"run_name": "a"}, timeout=0.2)
    assert here.names("/runs") == ["a"]
    here.state.faults.add("hang_after_accept", match=LAUNCH, seconds=0.05)
    assert here.post({"run_name": "b"}).json()["name"] == "b"


def test_an_answer_that_drips(demo: Make) -> None:
    here = demo()
    here.state.faults.add("slow_drip_body", match="/version", seconds=0.01)
    assert here.get("/version") == "0.98.0"
    here.state.faults.add("slow_drip_body", match=LAUNCH, seconds=60)
    with pytest.raises(httpx.ReadTimeout):
        here.http.post(f"{here.template}/runs", json={"run_name": "a"}, timeout=0.2)
    assert here.names("/runs") == ["a"]


def test_half_an_answer_and_a_bomb(demo: Make) -> None:
    here = demo()
    here.state.faults.add("truncated_json", match=LAUNCH)
    with pytest.raises(ValueError, match=r"."):
        here.post().json()
    here.state.faults.add("gzip_bomb", match="/info", size=32 * 1024 * 1024)
    with here.http.stream("GET", "/api/v1/info") as answer:
        packed = b"".join(answer.iter_raw())
    assert len(packed) < 100_000
    assert len(zlib.decompress(packed, zlib.MAX_WBITS | 16)) == 32 * 1024 * 1024


def test_a_redirect_goes_where_it_is_told(demo: Make) -> None:
    here = demo()
    here.state.faults.add("redirect", match="/info", location="https://elsewhere.example/login")
    answer = here.http.get("/api/v1/info")
    assert (answer.status_code, answer.headers["location"]) == (307, "https://elsewhere.example/login")


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        ("stays_initializing", "initializing", None),
        ("fails_to_start", "failed", "Failed to start run."),
        ("queue_fails", "failed", "Failed to queue run."),
    ],
)
def test_runs_that_never_run(demo: Make, kind: str, status: str, reason: str | None) -> None:
    here = demo()
    here.state.faults.add(kind, match=LAUNCH)
    here.post({"run_name": "a"})
    here.clock.advance(100_000)
    (run,) = here.get("/runs")["items"]
    assert (run["body"]["status"], run["body"]["status_reason"]) == (status, reason)
    # Such a run stays in progress for ever.
    assert run["body"]["in_progress"] is True


def test_faults_meet_what_they_match_as_often_as_they_are_told(demo: Make) -> None:
    here = demo()
    here.state.faults.add("status", match="GET .*/runs", times=2)
    statuses = [here.http.get("/api/v1/runs").status_code for _ in range(3)]
    assert statuses == [503, 503, 200]
    assert here.http.get("/api/v1/info").status_code == 200
    assert here.state.requests["GET /api/v1/runs"] == 3


def test_faults_over_http(demo: Make) -> None:
    here = demo()
    armed = here.http.post("/demo/faults", json={"kind": "status", "status": 418, "times": 2, "match": "/info"})
    assert (armed.status_code, armed.json()["left"]) == (201, 2)
    assert here.http.get("/api/v1/info").status_code == 418
    assert [(one["kind"], one["left"]) for one in here.http.get("/demo/faults").json()] == [("status", 1)]
    here.http.delete("/demo/faults")
    assert here.http.get("/api/v1/info").status_code == 200


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"kind": "statu"}, 'there is no fault "statu"; did you mean "status"?'),
        ({"kind": "status", "time": 1}, 'a fault has no "time"; did you mean "times"?'),
        ({"kind": "status", "times": "many"}, "\"times\" cannot be 'many'"),
        ({"kind": "status", "match": "("}, '"match" is no regular expression'),
        ([], 'a fault is a mapping with a "kind"'),
    ],
)
def test_a_fault_that_cannot_be(demo: Make, fault: Any, words: str) -> None:
    answer = demo().http.post("/demo/faults", json=fault)
    assert answer.status_code == 422
    assert words in answer.json()["error"]


def test_a_form_cannot_arm_a_fault(demo: Make) -> None:
    here = demo()
    assert here.http.post("/demo/faults", content='{"kind": "status"}').status_code == 415
    with pytest.raises(WrongFault, match="did you mean"):
        here.state.faults.add("reset_befor")
