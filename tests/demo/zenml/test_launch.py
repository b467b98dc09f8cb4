"""Launches: what is started, and each of the odd ways to say no."""

from collections.abc import Callable
from typing import Any

import pytest

Make = Callable[..., Any]

UNKNOWN = "0b52e26d-b2ee-4f7b-9191-f028cfc82a17"


def trainer(**parameters: Any) -> dict[str, Any]:
    return {"steps": {"model_trainer": {"parameters": parameters}}}


def test_a_template_takes_a_bare_configuration_or_nothing(demo: Make) -> None:
    here = demo()
    answer = here.post({"run_name": "mine", "tags": ["a", {"name": "b"}], **trainer(lr=0.5)})
    assert answer.status_code == 200
    run = answer.json()
    assert (run["name"], run["body"]["status"], run["body"]["in_progress"]) == ("mine", "initializing", True)
    assert [tag["name"] for tag in run["resources"]["tags"]] == ["a", "b"]
    assert run["resources"]["pipeline"]["name"] == "training"
    assert run["metadata"]["template_id"] == here.template.rsplit("/", 1)[1]
    assert run["resources"]["source_snapshot"]["name"] == "production"
    assert here.http.post(f"{here.template}/runs").json()["name"].startswith("training-2026_03_01-12_00_00")
    assert here.http.post(f"{here.template}/runs", json=None).status_code == 409, "the clock stands, so does the name"
    assert here.state.runs.named("mine").configuration["steps"]["model_trainer"]["parameters"] == {"lr": 0.5}


def test_a_snapshot_takes_a_wrapped_configuration(demo: Make) -> None:
    here = demo()
    answer = here.http.post(f"{here.snapshot}/runs", json={"run_configuration": {"run_name": "w"}, "step_run": None})
    assert (answer.status_code, answer.json()["name"]) == (200, "w")
    assert answer.json()["metadata"]["template_id"] is None


def test_a_bare_configuration_on_the_snapshot_route_is_ignored(demo: Make) -> None:
    here = demo()
    answer = here.http.post(f"{here.snapshot}/runs", json={"run_name": "ignored", **trainer(lr=7.0)})
    assert answer.status_code == 200
    assert answer.json()["name"].startswith("training-")
    assert here.state.runs.values()[0].parameters("model_trainer")["lr"] == 0.1


def test_unknown_fields_steps_and_wrong_types_are_accepted_in_silence(demo: Make) -> None:
    here = demo()
    odd = {"nope": 1, "steps": {"nope": {"parameters": {"x": 1}}, "model_trainer": {"nope": 2}}}
    assert here.post(odd).status_code == 200
    answer = here.post({"run_name": "typed", **trainer(lr="much")})
    assert answer.status_code == 200
    here.clock.advance(60)
    run = here.get(f"/runs/{answer.json()['id']}")
    assert run["body"]["status"] == "failed"
    assert "model_trainer" in run["body"]["status_reason"]


@pytest.mark.parametrize(
    ("configuration", "status", "kind", "words"),
    [
        (
            trainer(nope=1),
            400,
            "ValueError",
            "contains the following unknown parameters for step model_trainer: {'nope'}.",
        ),
        ({"parameters": {"a": 1}}, 400, "ValueError", "Can't set pipeline parameters"),
        ({"build": UNKNOWN}, 400, "ValueError", "Can't set build when running pipeline via Rest API."),
        ({"schedule": {"cron_expression": "* * * * *"}}, 400, "ValueError", "Can't set schedule"),
        ({"settings": {"docker": {}}}, 400, "ValueError", "Can't set DockerSettings"),
        ({"secrets": ["nope"]}, 404, "KeyError", "Unable to get secret with name or ID 'nope'"),
        (
            {"run_name": "a-{nope}"},
            404,
            "KeyError",
            "Could not format the name template `a-{nope}`. Missing key: 'nope'",
        ),
        ({"run_name": "a-{0}"}, 500, "RuntimeError", "Replacement index 0 out of range for positional args tuple"),
        ({"run_name": "a-{"}, 400, "ValueError", "Single '{' encountered in format string"),
        ({"run_name": "x" * 256}, 422, "ValueError", "String should have at most 255 characters"),
    ],
)
def test_a_configuration_that_is_refused(
    demo: Make, configuration: dict[str, Any], status: int, kind: str, words: str
) -> None:
    here = demo()
    answer = here.post(configuration)
    assert answer.status_code == status
    assert answer.json()["detail"][0] == kind
    assert words in answer.json()["detail"][1]
    assert len(here.state.runs) == 0


@pytest.mark.parametrize(
    ("content", "media", "words"),
    [
        (b"{nope", "application/json", "JSON decode error"),
        (b'{"run_name":"a"}', "text/plain", "valid dictionary"),
        (b"[1]", "application/json", "valid dictionary"),
        (b'{"run_name":5,"enable_cache":"maybe"}', "application/json", "2 validation errors"),
        (b'{"steps":{"model_trainer":{"parameters":5}}}', "application/json", "'model_trainer', 'parameters'"),
        (b'{"tags":"x"}', "application/json", "valid list"),
        (b'{"tags":[5]}', "application/json", "'Tag'"),
        (b'{"substitutions":{"a":5}}', "application/json", "valid string"),
        (b'{"execution_mode":"foo"}', "application/json", "fail_fast"),
    ],
)
def test_what_is_malformed_is_422_with_a_bare_list(demo: Make, content: bytes, media: str, words: str) -> None:
    here = demo()
    answer = here.http.post(f"{here.template}/runs", content=content, headers={"Content-Type": media})
    assert answer.status_code == 422
    kind, said = answer.json()
    assert kind == "ValueError"
    assert words in said


def test_a_snapshot_wants_a_body(demo: Make) -> None:
    here = demo()
    assert here.http.post(f"{here.snapshot}/runs").status_code == 422
    assert here.http.post(f"{here.snapshot}/runs", json={}).status_code == 200


def test_a_template_is_not_a_snapshot(demo: Make) -> None:
    here = demo()
    crossed = here.http.post(here.template.replace("run_templates", "pipeline_snapshots") + "/runs", json={})
    assert (crossed.status_code, crossed.json()["detail"][0]) == (404, "KeyError")
    assert here.http.post("/api/v1/run_templates/nope/runs", json={}).status_code == 422


def test_a_name_is_taken_once_for_the_whole_project(demo: Make) -> None:
    here = demo()
    assert here.post({"run_name": "once"}).status_code == 200
    wrapped = {"run_configuration": {"run_name": "once"}}
    for again in (here.post({"run_name": "once"}), here.http.post(f"{here.snapshot}/runs", json=wrapped)):
        assert again.status_code == 409
        kind, said = again.json()["detail"]
        assert kind == "EntityExistsError"
        assert said.startswith("Pipeline run name 'once' already exists in this project.")
    assert here.post({"run_name": "ONCE"}).status_code == 200
    here.http.delete(f"/api/v1/runs/{here.state.runs.named('once').id}")
    assert here.post({"run_name": "once"}).status_code == 200


def test_a_name_is_a_template(demo: Make) -> None:
    here = demo()
    answer = here.post({"run_name": "s-{foo}-{date}-{{x}}", "substitutions": {"foo": "bar"}})
    assert answer.json()["name"] == "s-bar-2026_03_01-{x}"
    # A width would be a way to use up all memory.
    assert here.post({"run_name": "{date:>999999999}"}).json()["name"] == "2026_03_01"


def test_a_third_submission_at_once_is_refused_and_its_name_stays_free(demo: Make) -> None:
    here = demo(submit_seconds=5)
    assert [here.post({"run_name": f"r{n}"}).status_code for n in range(3)] == [200, 200, 429]
    refused = here.post({"run_name": "r2"})
    said = "Maximum number of concurrent snapshot tasks reached."
    assert refused.json() == {"detail": ["MaxConcurrentTasksError", said]}
    assert "retry-after" not in refused.headers
    assert here.names("/runs") == ["r0", "r1"]
    here.clock.advance(5)
    assert here.post({"run_name": "r2"}).status_code == 200


def test_a_launch_that_fails_late_leaves_a_snapshot_behind(demo: Make) -> None:
    here = demo()
    for _ in range(2):
        here.post({"run_name": "once"})
    assert (len(here.state.runs), len(here.state.catalogue.anonymous)) == (1, 2)


def test_without_a_workload_manager_it_is_405(demo: Make) -> None:
    here = demo(can_trigger=False)
    for path in (here.template, here.snapshot):
        answer = here.http.post(f"{path}/runs", json={})
        assert (answer.status_code, answer.json()) == (405, {"detail": "Method Not Allowed"})
    assert "/api/v1/run_templates/{template_id}/runs" not in here.http.get("/openapi.json").json()["paths"]


def test_what_a_person_does_in_the_dashboard(demo: Make) -> None:
    here = demo()
    here.http.put(here.template, json={"name": "renamed"}).raise_for_status()
    assert here.names("/run_templates", pipeline="training") == ["staging", "renamed"]
    here.http.delete(here.snapshot).raise_for_status()
    assert here.http.get(here.template).json()["body"]["runnable"] is False
    answer = here.post()
    said = "This template can not be run because it has no source snapshot."
    assert (answer.status_code, answer.json()) == (400, {"detail": ["ValueError", said]})
    here.http.delete(here.template).raise_for_status()
    assert here.post().status_code == 404

    staging = here.get("/pipeline_snapshots", pipeline="training", name="staging")["items"][0]["id"]
    made = here.http.post("/api/v1/run_templates", json={"name": "anew", "source_snapshot_id": staging}).json()
    assert here.http.post(f"/api/v1/run_templates/{made['id']}/runs").status_code == 200
    here.http.delete(f"/api/v1/pipelines/{made['resources']['pipeline']['id']}").raise_for_status()
    assert here.http.post(f"/api/v1/run_templates/{made['id']}/runs").status_code == 400
