"""From names to what can be started, whatever a server makes of the filters."""

import asyncio

import pytest

from worker.domain.errors import NotFound, NotSent, Refused
from worker.zenml.models import Resolution, Route, Run

OTHER = "77777777-7777-4777-8777-777777777777"


def play(kit, scripted, scene, **options):
    async def main():
        async with kit.connected(scripted, **options) as zenml:
            return await scene(zenml)

    return asyncio.run(main())


def target(kit, scripted, *names, **options):
    return play(kit, scripted, lambda zenml: zenml.find_target(*names), **options)


def page(*items):
    return {"total": len(items), "items": list(items)}


def queries(scripted, path):
    return [seen.query for seen in scripted.of(f"GET /api/v1/{path}")]


def test_a_template_by_name(kit):
    scripted = kit.Scripted()
    found = target(kit, scripted, "training", "production", None, "default")
    assert (found.route, found.id, found.name) == (Route.TEMPLATE, kit.template, "production")
    assert (found.pipeline_id, found.pipeline_name, found.project) == (kit.pipeline, "training", kit.project)
    assert found.config_template == kit.config
    assert found.config_schema == kit.schema
    assert queries(scripted, "pipelines") == [{"name": "equals:training", "project": "default"}]
    filters = {"name": "equals:production", "pipeline_id": kit.pipeline, "project": kit.project}
    assert queries(scripted, "run_templates") == [filters]
    assert Resolution.from_json(found.to_json()) == found


def test_a_snapshot_by_name_asks_for_its_schema_and_only_for_named_ones(kit):
    scripted = kit.Scripted()
    found = target(kit, scripted, "training", None, "champion")
    assert (found.route, found.id) == (Route.SNAPSHOT, kit.snapshot)
    (filters,) = queries(scripted, "pipeline_snapshots")
    assert filters == {
        "name": "equals:champion",
        "pipeline": kit.pipeline,
        "named_only": "true",
        "project": kit.project,
    }
    assert queries(scripted, f"pipeline_snapshots/{kit.snapshot}") == [{"include_config_schema": "true"}]


def test_ids_are_used_as_they_are(kit):
    scripted = kit.Scripted()
    found = target(kit, scripted, kit.pipeline, kit.template)
    assert found.config_schema
    assert not queries(scripted, "pipelines")
    assert not queries(scripted, "run_templates")


def test_the_newest_template_that_can_be_started(kit):
    scripted = kit.Scripted()
    hidden = {**scripted.template, "id": OTHER, "body": {"runnable": True, "hidden": True}}
    broken = {**scripted.template, "id": OTHER, "body": {"runnable": False}}
    foreign = {**scripted.template, "id": OTHER, "resources": {"pipeline": {"id": OTHER, "name": "scoring"}}}
    scripted.on("GET /api/v1/run_templates", page(hidden, broken, foreign, scripted.template))
    assert target(kit, scripted, "training").id == kit.template
    assert queries(scripted, "run_templates")[0]["sort_by"] == "desc:created"


def test_without_a_template_the_newest_named_snapshot(kit):
    scripted = kit.Scripted()
    scripted.on("GET /api/v1/run_templates", page())
    anonymous = {**scripted.snapshot, "id": OTHER, "name": None}
    scripted.on("GET /api/v1/pipeline_snapshots", page(anonymous, scripted.snapshot))
    assert target(kit, scripted, "training").id == kit.snapshot


def test_servers_that_cannot_filter_templates_by_pipeline(kit):
    scripted = kit.Scripted(version="0.66.0")
    path = f"workspaces/{kit.project}/run_templates"
    of_another = {**scripted.template, "name": "foreign", "resources": {"pipeline": {"id": OTHER, "name": "other"}}}
    scripted.on(f"GET /api/v1/{path}", page(of_another, scripted.template))
    assert target(kit, scripted, "training").id == kit.template
    (filters,) = queries(scripted, path)
    assert filters == {"sort_by": "desc:created", "size": "100"}
    with pytest.raises(NotFound, match=r"there is: production\)"):
        target(kit, scripted, "training", "xyz")


def test_nothing_that_can_be_started(kit):
    scripted = kit.Scripted(version="0.85.0")
    scripted.on("GET /api/v1/run_templates", page())
    with pytest.raises(NotFound, match="pipeline training has no run template that can be run; make one"):
        target(kit, scripted, "training")
    assert not queries(scripted, "pipeline_snapshots")


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (("trainin",), 'no pipeline is named "trainin"; did you mean "training"?'),
        (
            ("training", "prodution"),
            'no run template for pipeline training is named "prodution"; did you mean "production"?',
        ),
        (("training", "xyz"), r'no run template .* is named "xyz" \(there is: production\)'),
        (
            ("training", None, "campion"),
            'no snapshot for pipeline training is named "campion"; did you mean "champion"?',
        ),
    ],
)
def test_the_nearest_name(kit, names, sentence):
    with pytest.raises(NotFound, match=sentence.replace("?", r"\?")):
        target(kit, kit.Scripted(), *names)


def test_no_pipeline_at_all(kit):
    scripted = kit.Scripted()
    scripted.on("GET /api/v1/pipelines", page())
    with pytest.raises(NotFound, match="there is none at all"):
        target(kit, scripted, "training")


def test_a_server_that_ignores_the_filter_is_not_believed(kit):
    scripted = kit.Scripted()
    scripted.on("GET /api/v1/pipelines", page({**scripted.pipeline, "id": OTHER, "name": "scoring"}, scripted.pipeline))
    assert target(kit, scripted, "training", "production").pipeline_id == kit.pipeline
    scripted.on("GET /api/v1/pipelines", page({**scripted.pipeline, "name": "scoring"}))
    with pytest.raises(NotFound):
        target(kit, scripted, "training", "production")


def test_mysql_takes_upper_and_lower_case_alike(kit):
    scripted = kit.Scripted()
    scripted.on("GET /api/v1/pipelines", page(scripted.pipeline))
    assert target(kit, scripted, "Training", "production").pipeline_name == "training"


def test_a_template_of_another_pipeline(kit):
    scripted = kit.Scripted()
    foreign = {**scripted.template, "resources": {"pipeline": {"id": OTHER, "name": "scoring"}}}
    scripted.on(f"GET /api/v1/run_templates/{kit.template}", foreign)
    with pytest.raises(Refused, match='of pipeline "scoring" does not belong to pipeline training'):
        target(kit, scripted, "training", kit.template)


@pytest.mark.parametrize(
    "place",
    [
        {"body": {"pipeline": {"id": OTHER, "name": "scoring"}}},
        {"body": {"pipeline_id": OTHER}},
        {"resources": {"pipeline": {"id": OTHER}}},
    ],
)
def test_versions_put_the_pipeline_in_different_places(kit, place):
    scripted = kit.Scripted()
    bare = {"id": kit.template, "name": "production"}
    scripted.on(f"GET /api/v1/run_templates/{kit.template}", {**bare, **place})
    with pytest.raises(Refused, match="does not belong to pipeline training"):
        target(kit, scripted, "training", kit.template)
    scripted.on(f"GET /api/v1/run_templates/{kit.template}", bare)
    assert target(kit, scripted, "training", kit.template).pipeline_id == kit.pipeline


def test_a_template_that_cannot_run(kit):
    scripted = kit.Scripted()
    scripted.on(f"GET /api/v1/run_templates/{kit.template}", {**scripted.template, "body": {"runnable": False}})
    with pytest.raises(Refused, match="needs a build") as caught:
        target(kit, scripted, "training", "production")
    assert caught.value.code == "not_runnable"


def test_a_template_that_is_gone(kit):
    scripted = kit.Scripted()
    gone = kit.says(404, {"detail": ["KeyError", "\"Unable to get run template with ID 'x'\""]})
    scripted.on(f"GET /api/v1/run_templates/{kit.template}", gone)
    with pytest.raises(NotFound, match="Unable to get run template"):
        target(kit, scripted, "training", kit.template)


def test_snapshots_need_a_version(kit):
    with pytest.raises(Refused, match=r"ZenML 0\.85\.0 has no snapshots.*0\.90\.0"):
        target(kit, kit.Scripted(version="0.85.0"), "training", None, "champion")


def test_no_such_project(kit):
    scripted = kit.Scripted()
    unknown = kit.says(404, {"detail": ["KeyError", "\"No project with this name found: 'x'\""]})
    scripted.on("GET /api/v1/pipelines", unknown)
    with pytest.raises(NotFound, match="does not know the project") as caught:
        target(kit, scripted, "training", None, None, "x")
    assert caught.value.code == "no_project"


def test_the_settings_project_is_the_default(kit):
    scripted = kit.Scripted()
    play(kit, scripted, lambda zenml: zenml.find_pipeline("training"), project="ours")
    assert queries(scripted, "pipelines")[0]["project"] == "ours"


@pytest.mark.parametrize(
    ("status", "error"), [(400, Refused), (422, Refused), (429, NotSent), (500, NotSent), (503, NotSent)]
)
def test_questions_that_fail(kit, status, error):
    scripted = kit.Scripted()
    scripted.on("GET /api/v1/pipelines", kit.says(status, {"detail": "x"}))
    with pytest.raises(error) as caught:
        target(kit, scripted, "training")
    assert type(caught.value) is error


# --- runs


def test_a_run_by_its_exact_name_with_its_tags(kit):
    scripted = kit.Scripted()
    run = play(kit, scripted, lambda zenml: zenml.find_run("training-1", "default"))
    assert run == Run(
        id=kit.run,
        name="training-1",
        status="initializing",
        project=kit.project,
        tags=("zenbeat",),
        url=f"{scripted.url}/projects/{kit.project}/runs/{kit.run}",
    )
    assert queries(scripted, "runs") == [{"name": "equals:training-1", "project": "default", "hydrate": "true"}]


def test_no_run_of_that_name_though_the_server_ignores_the_filter(kit):
    scripted = kit.Scripted()
    scripted.on("GET /api/v1/runs", page(scripted.run))
    assert play(kit, scripted, lambda zenml: zenml.find_run("training-2")) is None


def test_a_run_by_id_with_an_unknown_status_and_its_reason(kit):
    scripted = kit.Scripted()
    body = {"status": "pondering", "status_reason": "Snapshot execution queue is full."}
    scripted.on(f"GET /api/v1/runs/{kit.run}", {**scripted.run, "body": body})
    run = play(kit, scripted, lambda zenml: zenml.run(kit.run))
    assert (run.status, run.status_reason) == ("pondering", "Snapshot execution queue is full.")


def test_not_the_id_of_a_run(kit):
    with pytest.raises(NotFound, match="not the id of a run"):
        play(kit, kit.Scripted(), lambda zenml: zenml.run("../login"))


# --- the server


@pytest.mark.parametrize(
    ("answer", "can"),
    [
        ({"paths": {"/api/v1/run_templates/{template_id}/runs": {"post": {}}}}, True),
        ({"paths": {"/api/v1/pipeline_snapshots/{snapshot_id}/runs": {"post": {}}}}, True),
        ({"paths": {"/api/v1/run_templates/{template_id}": {"get": {}}}}, False),
        ({"paths": {}, "padding": "x" * 5_000_000}, False),
        (b"<html>", None),
        ({}, None),
        (404, None),
    ],
)
def test_whether_the_server_starts_runs_at_all(kit, answer, can):
    scripted = kit.Scripted()
    scripted.on("GET /openapi.json", answer)
    assert play(kit, scripted, lambda zenml: zenml.can_trigger()) is can


@pytest.mark.parametrize(
    ("info", "sentence"),
    [({"version": "0.62.0"}, r"zenbeat needs 0\.63\.0 or later"), ({"version": "dev"}, "cannot be read")],
)
def test_versions_that_cannot_be_served(kit, info, sentence):
    scripted = kit.Scripted()
    scripted.on("GET /api/v1/info", info)
    with pytest.raises(Refused, match=sentence) as caught:
        play(kit, scripted, lambda zenml: zenml.info())
    assert caught.value.code == "version"


def test_something_else_than_zenml(kit):
    scripted = kit.Scripted()
    scripted.on("GET /api/v1/info", b"<html>It works!</html>")
    with pytest.raises(NotSent, match="ZENML_STORE_URL"):
        play(kit, scripted, lambda zenml: zenml.info())


def test_info_is_read_every_five_minutes_and_kept_while_the_server_is_away(kit):
    scripted, clock = kit.Scripted(), kit.Clock()

    async def scene(zenml):
        await zenml.info()
        clock.now += 299
        await zenml.info()
        assert len(queries(scripted, "info")) == 1
        clock.now += 2
        scripted.on("GET /api/v1/info", 503)
        assert (await zenml.info()).version == (0, 98, 0)
        assert len(queries(scripted, "info")) == 2
        # Not asked at each call while it is away.
        await zenml.info()
        assert len(queries(scripted, "info")) == 2

    play(kit, scripted, scene, clock=clock)


def test_the_dashboard_of_pro(kit):
    scripted = kit.Scripted()
    info = {"version": "0.98.0", "deployment_type": "cloud", "dashboard_url": "https://cloud.zenml.io/workspaces/w/"}
    scripted.on("GET /api/v1/info", info)
    run = play(kit, scripted, lambda zenml: zenml.run(kit.run))
    assert run.url == f"https://cloud.zenml.io/workspaces/w/projects/{kit.project}/runs/{kit.run}"


def test_no_link_without_an_address(kit):
    scripted = kit.Scripted()
    scripted.on("GET /api/v1/info", {"version": "0.98.0", "server_url": None})

    async def scene(zenml):
        run = await zenml.find_run("training-1")
        return run.url

    assert play(kit, scripted, scene) is None
