"""The way of a run, by a clock that the test moves."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from worker.demo.zenml.catalogue import Step
from worker.demo.zenml.course import chance, plan

Make = Callable[..., Any]


def statuses(here: Any, run: str, *instants: float) -> list[str]:
    """Give the status at each number of seconds after now."""
    found, passed = [], 0.0
    for instant in instants:
        here.clock.advance(instant - passed)
        passed = instant
        found.append(here.get(f"/runs/{run}/status"))
    return found


def test_a_run_goes_through_its_states(demo: Make) -> None:
    here = demo(submit_seconds=2)
    run = here.start("good", seconds=10, lr=0.1)
    expected = ["initializing", "initializing", "provisioning", "running", "running", "completed"]
    assert statuses(here, run, 0, 1.9, 2, 3, 12.9, 13) == expected
    told = here.get(f"/runs/{run}")
    assert told["body"]["in_progress"] is False
    assert told["body"]["updated"] == told["metadata"]["end_time"] == "2026-03-01T12:00:13.000000"
    assert told["metadata"]["run_metadata"]["epoch"] == 3


def test_a_step_that_is_told_to_fail(demo: Make) -> None:
    here = demo()
    run = here.start("bad", seconds=4, fail=True)
    assert statuses(here, run, 5, 5.1) == ["running", "failed"]
    told = here.get(f"/runs/{run}")
    assert told["body"]["status_reason"] == "Step `model_trainer` failed: The parameter `fail` asked for it."
    assert told["metadata"]["run_metadata"] == {}
    steps = here.get("/steps", pipeline_run_id=run, hydrate="true")["items"]
    assert [(step["name"], step["body"]["status"]) for step in steps] == [
        ("data_loader", "completed"),
        ("model_trainer", "failed"),
    ]
    assert steps[1]["metadata"]["config"]["parameters"]["seconds"] == 4


def reported(here: Any, run: str) -> dict[str, Any]:
    return here.get(f"/runs/{run}", hydrate="true")["metadata"]["run_metadata"]


def test_a_run_reports_after_each_epoch(demo: Make) -> None:
    here = demo(submit_seconds=0)
    run = here.start("trained", seconds=10, epochs=4, lr=0.01)
    here.clock.advance(1.1)  # on its way
    seen = []
    for seconds in (0, 2, 1, 2.5, 5, 100):
        here.clock.advance(seconds)
        seen.append(reported(here, run))
    assert [one.get("epoch") for one in seen] == [None, None, 1, 2, 4, 4]
    assert seen[:2] == [{}, {}]
    assert [one["accuracy"] for one in seen[2:4]] == [0.46, 0.69]
    assert seen[-1] == seen[-2] == {"epoch": 4, "accuracy": 0.8625, "loss": 0.14792, "model_type": "rf"}
    # Only to whom asks for everything.
    assert here.get(f"/runs/{run}", hydrate="false")["metadata"] is None
    assert here.get("/runs")["items"][0]["metadata"] is None


def test_what_a_run_reports_depends_on_its_parameters(demo: Make) -> None:
    here = demo(run_seconds=(0, 0))
    changes: list[dict[str, Any]] = [{}, {"lr": 0.02}, {"lr": 0.005}, {"lr": 0.2}, {"epochs": 9}, {"model_type": "svm"}]
    runs = [here.start(f"r{number}", **{"lr": 0.01, **change}) for number, change in enumerate(changes)]
    twin = here.start("twin", lr=0.01)
    here.clock.advance(10)
    found = [reported(here, run) for run in runs]
    best, near, under, far, longer, other = (one["accuracy"] for one in found)
    assert far < near == under < best < longer
    assert other < best
    assert reported(here, twin) == found[0]
    losses = [one["loss"] for one in found]
    assert sorted(found, key=lambda one: one["accuracy"]) == sorted(found, key=lambda one: -one["loss"])
    assert min(losses) > 0


def test_a_run_that_is_stopped_or_fails_halfway_keeps_what_it_has_reported(demo: Make) -> None:
    here = demo(submit_seconds=0)
    stopped, failed, done = (here.start(name, seconds=100, epochs=100) for name in ("stopped", "failed", "done"))
    wrong, none = here.start("wrong", lr="high"), here.start("none", epochs=0)
    here.clock.advance(51.2)
    assert here.http.post(f"/api/v1/runs/{stopped}/stop").status_code == 200
    here.state.end(failed, "failed")
    here.state.end(done, "completed")
    here.clock.advance(100)
    assert [reported(here, run).get("epoch") for run in (stopped, failed, done)] == [51, 50, 100]
    assert reported(here, wrong) == reported(here, none) == {}


@pytest.mark.parametrize("version", ["0.63.0", "0.68.1", "0.70.0", "0.98.0"])
def test_something_is_reported_by_hand(demo: Make, version: str) -> None:
    here = demo(version=version)
    defaults = {"model_type": "rf", "data_date": "", "lr": 0.01, "epochs": 3, "fail": False}
    run = here.start("by-hand", **defaults, seconds=100)
    here.state.report(run, {"accuracy": 0.1, "good": True})
    here.state.report(run, {"accuracy": 0.9})
    told = reported(here, run)
    if version < "0.70":
        assert told["accuracy"]["body"]["type"] == "float"
        told = {key: one["body"]["value"] for key, one in told.items()}
    assert told == {"accuracy": 0.9, "good": True}
    with pytest.raises(KeyError):
        here.state.report("0b52e26d-b2ee-4f7b-9191-f028cfc82a17", {})


def test_steps_are_there_when_they_have_begun(demo: Make) -> None:
    here = demo()
    run = here.start("steps", seconds=10)
    assert here.get(f"/runs/{run}/steps")["items"] == []
    here.clock.advance(5)
    assert [one["body"]["status"] for one in here.get(f"/runs/{run}/steps")["items"]] == ["completed", "running"]


def test_what_is_not_told_follows_from_the_name() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    steps = (Step(name="one"), Step(name="two"))

    def course(name: str, rate: float = 0.0) -> Any:
        return plan(name, steps, {}, submitted=now, run_seconds=(3, 15), failure_rate=rate)

    assert course("a") == course("a")
    lasts = [(course(f"run {n}").ended - now).total_seconds() - 1 for n in range(200)]
    assert all(3 <= seconds < 15 for seconds in lasts)
    assert max(lasts) - min(lasts) > 8
    failed = [n for n in range(1000) if course(f"run {n}", 0.2).end == "failed"]
    assert 150 < len(failed) < 250
    assert all(chance(f"run {n}", "fail") < 0.2 for n in failed)


def test_a_run_is_stopped(demo: Make) -> None:
    here = demo()
    run = here.start("long", seconds=100)
    early = here.http.post(f"/api/v1/runs/{run}/stop")
    assert (early.status_code, early.json()["detail"][0]) == (403, "IllegalOperationError")
    here.clock.advance(10)
    stopped = here.http.post(f"/api/v1/runs/{run}/stop")
    assert (stopped.status_code, stopped.json()) == (200, None)
    assert here.http.post(f"/api/v1/runs/{run}/stop").status_code == 403
    assert statuses(here, run, 0, 1) == ["stopping", "stopped"]
    assert here.get(f"/runs/{run}")["body"]["status_reason"] == "Manual stop requested."


@pytest.mark.parametrize(("graceful", "status"), [("false", 501), ("true", 200)])
def test_an_orchestrator_that_cannot_stop_lets_the_step_finish(demo: Make, graceful: str, status: int) -> None:
    here = demo(can_stop=False)
    run = here.start("long", seconds=100)
    here.clock.advance(10)
    assert here.http.post(f"/api/v1/runs/{run}/stop", params={"graceful": graceful}).status_code == status
    assert statuses(here, run, 0, 90, 91.2) == ["stopping", "stopping", "stopped"]


def test_before_0_93_such_an_orchestrator_stops_nothing(demo: Make) -> None:
    here = demo(can_stop=False, version="0.92.0")
    run = here.start("long", seconds=100)
    for seconds in (0, 10):
        here.clock.advance(seconds)
        answer = here.http.post(f"/api/v1/runs/{run}/stop", params={"graceful": "true"})
        assert (answer.status_code, answer.json()["detail"][0]) == (501, "NotImplementedError")
    assert here.get(f"/runs/{run}/status") == "running"


def test_a_run_is_changed(demo: Make) -> None:
    here = demo()
    run = here.start("tagged", seconds=1)
    changed = here.http.put(f"/api/v1/runs/{run}", json={"add_tags": ["q"]}).json()
    assert [tag["name"] for tag in changed["resources"]["tags"]] == ["q"]
    here.clock.advance(10)
    refused = here.http.put(f"/api/v1/runs/{run}", json={"status": "stopping"})
    said = "Cannot update the status of a finished run."
    assert (refused.status_code, refused.json()["detail"]) == (403, ["IllegalOperationError", said])


def test_only_the_newest_runs_are_kept(demo: Make) -> None:
    here = demo(keep_runs=3)
    runs = [here.start(f"r{n}") for n in range(5)]
    assert here.names("/runs") == ["r2", "r3", "r4"]
    assert here.http.get(f"/api/v1/runs/{runs[0]}").status_code == 404
    assert here.post({"run_name": "r0"}).status_code == 200


def test_the_latest_run_is_told_of_pipeline_and_template(demo: Make) -> None:
    here = demo()
    here.start("first")
    latest = here.start("second")
    assert here.http.get(here.template).json()["resources"]["latest_run_id"] == latest
    pipeline = here.get("/pipelines", name="training")["items"][0]
    assert pipeline["resources"]["latest_run_id"] == latest
    assert pipeline["resources"]["latest_run_status"] == "initializing"


def test_a_run_is_ended_from_outside(demo: Make) -> None:
    here = demo(run_seconds=(100, 100))
    waiting, running = here.start("waiting"), here.start("running")
    here.state.end(waiting, "failed", reason="out of memory")
    here.clock.advance(10)
    told = here.get(f"/runs/{waiting}")["body"]
    assert (told["status"], told["status_reason"]) == ("failed", "out of memory")
    assert told["updated"] == "2026-03-01T12:00:00.000000", "what it was on its way to never came"
    assert here.get(f"/runs/{waiting}/steps")["items"] == []

    asked = here.http.post(f"/demo/runs/{running}/end", json={"status": "completed"})
    assert (asked.status_code, asked.json()) == (200, {"id": running, "status": "completed"})
    assert here.names("/runs", updated="gte:2026-03-01 12:00:10") == ["running"]


@pytest.mark.parametrize(
    ("end", "status", "sentence"),
    [
        ({"status": "running"}, 422, "a run cannot end as"),
        ({}, 422, "a run cannot end as"),
        ([], 422, "a mapping"),
        ({"status": "failed"}, 422, "the run has ended already: stopped"),
    ],
)
def test_an_end_that_cannot_be(demo: Make, end: Any, status: int, sentence: str) -> None:
    here = demo()
    run = here.start("one")
    if end == {"status": "failed"}:
        here.state.end(run, "stopped")
    answer = here.http.post(f"/demo/runs/{run}/end", json=end)
    assert answer.status_code == status
    assert sentence in answer.json()["error"]
    assert here.http.post(f"/demo/runs/{run}/end", content="status=failed").status_code == 415
    unknown = "0b52e26d-b2ee-4f7b-9191-f028cfc82a17"
    assert here.http.post(f"/demo/runs/{unknown}/end", json={"status": "failed"}).status_code == 404


def test_runs_by_their_last_change(demo: Make) -> None:
    here = demo()
    slow, quick = here.start("slow", seconds=100), here.start("quick", seconds=5)
    here.clock.advance(8)
    assert here.names("/runs", sort_by="asc:updated") == ["slow", "quick"]
    assert here.names("/runs", updated="gte:2026-03-01 12:00:02") == ["quick"]
    here.http.put(f"/api/v1/runs/{slow}", json={"add_tags": ["q"]})
    assert here.names("/runs", sort_by="asc:updated", updated="gte:2026-03-01 12:00:02") == ["quick", "slow"]
    here.http.delete(f"/api/v1/runs/{quick}")
    assert here.names("/runs", updated="gte:2026-03-01 12:00:02") == ["slow"]


def test_the_runs_of_a_pipeline_go_with_it(demo: Make) -> None:
    here = demo()
    run = here.start("one")
    (training,) = here.get("/pipelines", name="training")["items"]
    assert here.http.delete(f"/api/v1/pipelines/{training['id']}").status_code == 200
    assert here.http.get(f"/api/v1/runs/{run}").status_code == 404
