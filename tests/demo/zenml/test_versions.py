"""What is there, and how it looks, by version."""

from collections.abc import Callable
from typing import Any

import pytest

from worker.demo.zenml import DemoOptions, demo_app

Make = Callable[..., Any]

ALL = {
    "steps": {
        "model_trainer": {
            "parameters": {
                "model_type": "rf",
                "data_date": "2026-01-01",
                "lr": 0.1,
                "epochs": 1,
                "seconds": 1.0,
                "fail": False,
            }
        }
    }
}


@pytest.mark.parametrize("version", ["0.63.0", "0.75.1", "0.85.0", "0.90.0", "0.98.0"])
def test_info_tells_the_version_and_that_it_is_a_demo(demo: Make, version: str) -> None:
    here = demo(version=version)
    info = here.get("/info")
    assert (info["version"], info["active"], info["auth_scheme"]) == (version, True, "OAUTH2_PASSWORD_BEARER")
    assert info["metadata"] == {"zenbeat_demo": "true"}
    assert ("pro_tenant_id" in info) is (version < "0.80")
    assert here.get("/version") == version
    assert here.http.get("/health").text == here.http.get("/ready").text == "ok"


def test_snapshots_came_with_0_90(demo: Make) -> None:
    for version, status in (("0.85.0", 404), ("0.90.0", 200)):
        assert demo(version=version).http.get("/api/v1/pipeline_snapshots").status_code == status


def test_before_0_80_the_scope_is_a_path(demo: Make) -> None:
    here = demo(version="0.75.1")
    assert here.names("/workspaces/default/pipelines") == ["training", "scoring", "etl"]
    assert here.http.get("/api/v1/workspaces/nope/runs").status_code == 404
    assert here.get("/runs", project="nope")["total"] == 0
    assert here.names("/workspaces") == ["default"]
    # The paths are still served where there are no workspaces any more.
    assert demo().names("/workspaces/default/pipelines") == ["training", "scoring", "etl"]


def test_before_0_67_templates_cannot_be_filtered_by_their_pipeline(demo: Make) -> None:
    for version, status in (("0.66.0", 500), ("0.67.0", 200)):
        here = demo(version=version)
        (training, *_) = here.get("/pipelines", name="training")["items"]
        asked = here.http.get("/api/v1/run_templates", params={"pipeline_id": training["id"]})
        assert asked.status_code == status
        assert here.names("/run_templates", name="equals:nightly") == here.names("/run_templates", name="nightly")


def test_before_0_70_there_is_no_one_of(demo: Make) -> None:
    for version, found in (("0.68.1", []), ("0.70.0", ["training"])):
        here = demo(version=version)
        assert here.names("/pipelines", name='oneof:["training"]') == found
        assert here.names("/pipelines", name="startswith:train") == ["training"]


def test_before_0_82_an_unknown_field_is_refused(demo: Make) -> None:
    here = demo(version="0.75.1")
    for extra in (
        {"nope": 1},
        {"environment": {}},
        {"steps": {"model_trainer": {**ALL["steps"]["model_trainer"], "x": 1}}},
    ):
        answer = here.post({**ALL, **extra})
        assert answer.status_code == 422
        assert "extra_forbidden" in answer.json()[1]
    assert demo(version="0.82.0").post({**ALL, "nope": 1}).status_code == 200


def test_before_0_82_1_all_parameters_are_wanted(demo: Make) -> None:
    here = demo(version="0.75.1")
    answer = here.post({"steps": {"model_trainer": {"parameters": {"lr": 0.1}}}})
    assert answer.status_code == 400
    assert "missing the following required parameters for step model_trainer" in answer.json()["detail"][1]
    assert here.post(ALL).status_code == 200
    assert demo(version="0.82.1").post({}).status_code == 200


def test_the_template_of_an_old_version_is_a_complete_body(demo: Make) -> None:
    here = demo(version="0.75.1")
    template = here.http.get(here.template).json()
    assert here.post(template["metadata"]["config_template"]).status_code == 200
    parameters = template["metadata"]["config_schema"]["$defs"]["model_trainer"]["properties"]["parameters"]
    assert parameters["required"] == list(ALL["steps"]["model_trainer"]["parameters"])
    assert "tags" in template["metadata"]["config_schema"]["properties"]
    assert "environment" not in template["metadata"]["config_schema"]["properties"]


def test_before_0_82_1_any_number_runs_at_once(demo: Make) -> None:
    here = demo(version="0.82.0", submit_seconds=10)
    assert {here.post(ALL | {"run_name": f"r{n}"}).status_code for n in range(5)} == {200}


def test_the_words_of_older_versions(demo: Make) -> None:
    old = demo(version="0.85.0", submit_seconds=10, capacity=1)
    old.post({"run_name": "a"})
    assert old.post({"run_name": "a"}).json()["detail"][1].endswith("with the same name in the 'default' project.")
    assert old.post({"run_name": "b"}).json()["detail"][1].endswith("concurrent run template tasks reached.")


def test_where_things_are_in_a_run(demo: Make) -> None:
    for version in ("0.75.1", "0.85.0", "0.98.0"):
        here = demo(version=version)
        run = here.post(ALL).json()
        modern = version == "0.98.0"
        assert ("pipeline" in run["body"]) is not modern
        assert ("pipeline" in run["resources"]) is modern
        assert ("user" in run["body"]) is (version == "0.75.1")
        assert ("workspace" in run["metadata"]) is (version == "0.75.1")
        here.clock.advance(0.5)
        assert here.get(f"/runs/{run['id']}/status") == ("initializing" if version == "0.75.1" else "provisioning")


@pytest.mark.parametrize(
    ("version", "tag", "tags"), [("0.75.1", 1, 2), ("0.85.0", 1, 1), ("0.94.3", 1, 1), ("0.98.0", 2, 1)]
)
def test_tag_filters(demo: Make, version: str, tag: int, tags: int) -> None:
    here = demo(version=version)
    here.post({**ALL, "tags": ["x"], "run_name": "a"})
    here.post({**ALL, "run_name": "b"})
    assert here.get("/runs", tag="x")["total"] == tag
    assert here.get("/runs", tags="x")["total"] == tags


def test_stopping_came_with_0_84(demo: Make) -> None:
    here = demo(version="0.83.1")
    assert here.http.post(f"/api/v1/runs/{here.start('a')}/stop").status_code == 405


@pytest.mark.parametrize(("version", "left"), [("0.95.0", []), ("0.96.0", ["b"]), ("0.96.1", ["b"]), ("0.96.2", [])])
def test_for_two_versions_a_429_left_a_failed_run(demo: Make, version: str, left: list[str]) -> None:
    here = demo(version=version, submit_seconds=10, capacity=1)
    here.post({"run_name": "a"})
    assert here.post({"run_name": "b"}).status_code == 429
    failed = here.get("/runs", status="failed")["items"]
    assert [run["name"] for run in failed] == left
    assert {run["body"]["status_reason"] for run in failed} <= {"Snapshot execution queue is full."}


@pytest.mark.parametrize("version", ["0.62.0", "new"])
def test_a_version_that_it_cannot_play(version: str) -> None:
    with pytest.raises(ValueError, match=r"0\.63\.0 and later|one looks like"):
        demo_app(DemoOptions(version=version))


def test_before_0_70_a_list_of_ids_breaks_the_list_of_runs(demo: Make) -> None:
    for version, status in (("0.68.1", 500), ("0.70.0", 200)):
        assert demo(version=version).http.get("/api/v1/runs", params={"id": "oneof:[]"}).status_code == status


def test_before_0_84_a_run_cannot_be_stopped(demo: Make) -> None:
    for version, status in (("0.83.1", 405), ("0.84.0", 403)):
        here = demo(version=version)
        run = here.post(ALL).json()["id"]
        assert here.http.post(f"/api/v1/runs/{run}/stop").status_code == status
