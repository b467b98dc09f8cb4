"""Idempotency-Key: the same answer for 300 s, and all that is odd about it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

Make = Callable[..., Any]


@pytest.fixture
def key() -> str:
    return str(uuid4())


def test_the_same_key_gives_the_same_answer_whatever_the_body(demo: Make, key: str) -> None:
    here = demo()
    first, again = here.post({"run_name": "a"}, key), here.post({"run_name": "b"}, key)
    assert again.status_code == 200
    assert again.content == first.content
    assert here.names("/runs") == ["a"]


def test_after_300_seconds_it_runs_again(demo: Make, key: str) -> None:
    here = demo()
    first = here.post({}, key).json()["id"]
    here.clock.advance(299)
    assert here.post({}, key).json()["id"] == first
    here.clock.advance(1)
    assert here.post({}, key).json()["id"] != first


def test_another_address_makes_the_key_void(demo: Make, key: str) -> None:
    here = demo()
    first = here.post({}, key).json()["id"]
    here.clock.advance(1)
    other = here.http.post(f"{here.template}/runs?x=1", json={}, headers={"Idempotency-Key": key})
    assert other.json()["id"] != first


def test_errors_are_not_kept(demo: Make, key: str) -> None:
    here = demo(submit_seconds=1, capacity=1)
    here.start("in the way")
    assert here.post({"run_name": "a"}, key).status_code == 429
    here.clock.advance(1)
    assert here.post({"run_name": "a"}, key).status_code == 200


def test_two_at_once_are_one_run(demo: Make, key: str) -> None:
    here = demo(latency=0.3)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: here.post({}, key), range(2))
    assert first.content == second.content
    assert len(here.state.runs) == 1


def test_who_waits_too_long_is_told_busy_and_the_work_goes_on(demo: Make, key: str) -> None:
    here = demo(latency=0.3, request_seconds=0.05)
    busy = here.post({"run_name": "slow"}, key)
    assert (busy.status_code, busy.json()) == (429, {"error": "Server too busy. Please try again later."})
    answers = [busy]
    while answers[-1].status_code == 429:
        answers.append(here.post({"run_name": "slow"}, key))
    assert answers[-1].json()["name"] == "slow"
    assert len(here.state.runs) == 1


def test_a_key_of_a_server_that_died_is_poisoned(demo: Make, key: str) -> None:
    here = demo()
    here.state.replays.poison(key, f"POST {here.server.url}{here.template}/runs")
    for _ in range(2):
        assert here.post({"run_name": "a"}, key).json() == {"error": "Server too busy. Please try again later."}
        here.clock.advance(1000)
    assert here.post({"run_name": "a"}, str(uuid4())).status_code == 200


def test_a_key_that_is_no_uuid_is_a_500(demo: Make) -> None:
    answer = demo().post({}, "nope")
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")


def test_before_0_83_1_the_key_is_ignored(demo: Make, key: str) -> None:
    here = demo(version="0.83.0")
    first = here.post({"run_name": "a"}, key)
    assert here.post({"run_name": "a"}, key).status_code == 409
    assert first.status_code == 200
