"""Lists: pages, filters, sorting, and the traps in them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

Make = Callable[..., Any]


def three_runs(demo: Make, **options: Any) -> Any:
    here = demo(**options)
    for number, tags in enumerate((["x"], ["x", "y"], []), start=1):
        here.post({"run_name": f"Sweep-1-{number}", "tags": tags})
        here.clock.advance(10)
    return here


def test_what_is_seeded(demo: Make) -> None:
    here = demo()
    assert here.names("/pipelines") == ["training", "scoring", "etl"]
    assert here.names("/run_templates", pipeline="training") == ["staging", "production"]
    assert here.names("/pipeline_snapshots", pipeline="etl", named_only="true") == ["staging", "production"]
    assert here.names("/projects") == ["default"]
    assert here.get("/projects/default")["id"] == here.get("/projects")["items"][0]["id"]


def test_an_empty_page(demo: Make) -> None:
    assert demo().get("/runs") == {"index": 1, "max_size": 20, "total_pages": 1, "total": 0, "items": []}


def test_pages_begin_with_the_oldest_unless_told(demo: Make) -> None:
    here = three_runs(demo)
    page = here.get("/runs", size=2)
    assert (page["total"], page["total_pages"], page["max_size"]) == (3, 2, 2)
    assert [run["name"] for run in page["items"]] == ["Sweep-1-1", "Sweep-1-2"]
    assert here.names("/runs", size=2, page=2) == ["Sweep-1-3"]
    assert here.names("/runs", sort_by="desc:created", size=1) == ["Sweep-1-3"]
    assert here.names("/runs", sort_by="foo:created", size=1) == ["Sweep-1-1"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"name": "equals:Sweep-1-1"}, [1]),
        ({"name": "Sweep-1-1"}, [1]),
        ({"name": "equals:sweep-1-1"}, []),
        ({"name": "startswith:sweep-1-"}, [1, 2, 3]),
        ({"name": "endswith:-2"}, [2]),
        ({"name": "contains:1-3"}, [3]),
        ({"name": "notcontains:1-3"}, [1, 2]),
        ({"name": "notequals:Sweep-1-1"}, [2, 3]),
        ({"name": 'oneof:["Sweep-1-1","Sweep-1-3"]'}, [1, 3]),
        ({"name": 'notoneof:["Sweep-1-1","Sweep-1-3"]'}, [2]),
        ({"name": "foo:Sweep-1-1"}, []),
        ({"name": ["Sweep-1-1", "Sweep-1-2"]}, []),
        ({"name": ["Sweep-1-1", "Sweep-1-2"], "logical_operator": "or"}, [1, 2]),
        ({"created": "gte:2026-03-01 12:00:10"}, [2, 3]),
        ({"created": "lt:2026-03-01 12:00:10"}, [1]),
        ({"created": "in:2026-03-01 12:00:05,2026-03-01 12:00:15"}, [2]),
        ({"end_time": "isnull:", "status": "running"}, []),
        ({"tags": "x"}, [1, 2]),
        ({"tags": ["x", "y"]}, [2]),
        ({"tags": "startswith:Y"}, [2]),
        ({"tag": "x"}, [1, 2, 3]),
        ({"no_such_filter": "x"}, [1, 2, 3]),
        ({"id": "nope"}, []),
        ({"status": "nope"}, []),
        ({"index": "gt:1"}, [2, 3]),
        ({"pipeline": "startswith:train"}, [1, 2, 3]),
        ({"pipeline": "etl"}, []),
        ({"pipeline_name": "training"}, [1, 2, 3]),
    ],
)
def test_a_filter(demo: Make, query: dict[str, Any], found: list[int]) -> None:
    here = three_runs(demo, run_seconds=(0, 0))
    assert here.names("/runs", **query) == [f"Sweep-1-{number}" for number in found]


def test_runs_by_id_status_and_metadata(demo: Make) -> None:
    here = demo()
    good, other = here.start("good", lr=0.01, seconds=1), here.start("other", lr=10.0, seconds=100)
    here.clock.advance(5)
    assert here.names("/runs", id=f"oneof:{json.dumps([good, other])}") == ["good", "other"]
    assert here.names("/runs", status='oneof:["running"]') == ["other"]
    assert here.names("/runs", in_progress="true") == ["other"]
    here.clock.advance(100)
    assert here.names("/runs", run_metadata="accuracy:gte:0.5") == ["good"]
    (run,) = here.get("/runs", name="good", hydrate="true")["items"]
    assert run["metadata"]["run_metadata"]["accuracy"] == 0.805


def test_snapshots_without_a_name_are_in_the_way(demo: Make) -> None:
    here = three_runs(demo)
    assert here.get("/pipeline_snapshots", named_only="true")["total"] == 6
    assert here.names("/pipeline_snapshots", pipeline="training")[-3:] == [None] * 3
    # It is not a filter of snapshots, so it matches everything.
    etl = here.get("/pipelines", name="etl")["items"][0]["id"]
    assert here.get("/pipeline_snapshots", pipeline_id=etl)["total"] == 9
    assert here.get("/run_templates", pipeline_id=etl)["total"] == 2


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"size": 10_001}, 422, "less than or equal to 10000"),
        ({"size": "x"}, 422, "valid integer"),
        ({"page": 0}, 422, "greater than or equal to 1"),
        ({"hydrate": "foo"}, 422, "valid boolean"),
        ({"logical_operator": "foo"}, 422, "'or' or 'and'"),
        ({"page": 99}, 400, "Invalid page 99."),
        ({"sort_by": "nope"}, 422, "You can only sort by valid fields"),
        ({"name": "oneof:foo"}, 422, "json formatted list"),
        ({"created": "gte:2026-01-01T00:00:00"}, 422, "%Y-%m-%d %H:%M:%S"),
        ({"name": "gt:a"}, 400, "must be numeric"),
        ({"project": "nope"}, 404, "no project with this name exists"),
    ],
)
def test_a_query_that_is_refused(demo: Make, query: dict[str, Any], status: int, words: str) -> None:
    answer = demo().http.get("/api/v1/runs", params=query)
    assert answer.status_code == status
    body = answer.json()
    kind, said = body if isinstance(body, list) else body["detail"]
    assert kind == ("KeyError" if status == 404 else "ValueError")
    assert words in said


def test_what_is_malformed_is_a_bare_list(demo: Make) -> None:
    here = demo()
    assert isinstance(here.http.get("/api/v1/runs", params={"page": 0}).json(), list)
    assert isinstance(here.http.get("/api/v1/runs/nope").json(), list)
    assert isinstance(here.http.get("/api/v1/runs", params={"page": 2}).json()["detail"], list)


@pytest.mark.parametrize("kind", ["run_templates", "pipeline_snapshots", "pipelines", "runs"])
def test_an_id_that_is_not_there(demo: Make, kind: str) -> None:
    unknown = "0b52e26d-b2ee-4f7b-9191-f028cfc82a17"
    things = {"run_templates": "run template", "pipeline_snapshots": "pipeline snapshot", "runs": "pipeline run"}
    thing = things.get(kind, "pipeline")
    answer = demo().http.get(f"/api/v1/{kind}/{unknown}", headers={"X-Request-ID": "mine"})
    assert answer.status_code == 404
    said = f"\"Unable to get {thing} with ID '{unknown}': No {thing} with this ID found\""
    assert answer.json() == {"detail": ["KeyError", said]}
    assert answer.headers["x-request-id"] == "mine"


def test_paths_that_are_not_there(demo: Make) -> None:
    here = demo()
    assert here.http.get("/api/v1/nope").json() == {"detail": "Not Found"}
    assert here.http.get("/api/v1/runs/").status_code == 404
    assert here.http.post("/api/v1/nope").status_code == 405
    assert here.http.delete("/api/v1/runs").json() == {"detail": "Method Not Allowed"}
    # Like ZenML's dashboard: any other address is a page, and 200.
    assert here.http.get("/wrong/base/path").headers["content-type"].startswith("text/html")


def test_a_template_tells_its_body_and_the_schema_of_it(demo: Make) -> None:
    here = demo()
    template = here.http.get(here.template).json()
    assert template["body"]["runnable"] is True
    assert template["resources"]["pipeline"]["name"] == "training"
    config, schema = template["metadata"]["config_template"], template["metadata"]["config_schema"]
    assert set(config["steps"]["model_trainer"]["parameters"]) == {
        "model_type",
        "data_date",
        "lr",
        "epochs",
        "seconds",
        "fail",
    }
    parameters = schema["$defs"]["model_trainer"]["properties"]["parameters"]
    assert parameters["additionalProperties"] is False
    assert {name: one["type"] for name, one in parameters["properties"].items()} == {
        "model_type": "string",
        "data_date": "string",
        "lr": "number",
        "epochs": "integer",
        "seconds": "number",
        "fail": "boolean",
    }
    assert schema["required"] == ["steps"]
    assert here.http.get(here.template, params={"hydrate": "false"}).json()["metadata"] is None


def test_a_snapshot_tells_its_schema_only_when_asked(demo: Make) -> None:
    here = demo()
    assert here.http.get(here.snapshot).json()["metadata"]["config_schema"] is None
    asked = here.http.get(here.snapshot, params={"include_config_schema": "true"}).json()
    assert asked["metadata"]["config_schema"]["title"] == "Result"
    assert asked["metadata"]["config_template"]["run_name"] == "training-{date}-{time}"
