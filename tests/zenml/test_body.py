"""What one server's version gets of a run configuration."""

import json

import pytest

from worker.domain.errors import BodyRefused
from worker.zenml.body import merge, prepare
from worker.zenml.models import Resolution, Route, ServerInfo
from worker.zenml.versions import capabilities, parse


def server(text):
    version = parse(text)
    return ServerInfo(version=version, version_text=text, capabilities=capabilities(version))


def resolution(kit, route=Route.TEMPLATE):
    return Resolution(
        route=route,
        id=kit.template,
        name="production",
        pipeline_id=kit.pipeline,
        pipeline_name="training",
        project=kit.project,
        config_template=kit.config,
    )


BODY = {
    "run_name": "x",
    "tags": ["zenbeat"],
    "environment": {"A": "1"},
    "steps": {"loader": {"cache_policy": "no_cache", "enable_cache": True}},
}


@pytest.mark.parametrize(
    ("version", "left_out"),
    [
        ("0.63.0", ("tags", "environment", "steps.loader.cache_policy")),
        ("0.75.1", ("environment", "steps.loader.cache_policy")),
        ("0.82.1", ("environment", "steps.loader.cache_policy")),
        ("0.85.0", ("environment",)),
        ("0.98.0", ()),
        ("1.4.0", ()),
    ],
)
def test_what_a_server_does_not_know_is_left_out_and_named(kit, version, left_out):
    launch = prepare(resolution(kit), BODY, server(version))
    assert launch.left_out == left_out
    sent = json.loads(launch.content)
    assert ("environment" in sent) is ("environment" not in left_out)
    assert launch.url == f"/api/v1/run_templates/{kit.template}/runs"


@pytest.mark.parametrize(
    ("version", "field"),
    [
        ("0.70.0", "tags"),
        ("0.71.0", "substitutions"),
        ("0.81.0", "enable_pipeline_logs"),
        ("0.85.0", "execution_mode"),
        ("0.90.0", "secrets"),
        ("0.93.1", "enable_heartbeat"),
        ("0.95.0", "pause_hook_source"),
    ],
)
def test_a_field_is_sent_from_the_release_on_that_brought_it(kit, version, field):
    major, minor, micro = map(int, version.split("."))
    before = f"{major}.{minor}.{micro - 1}" if micro else f"{major}.{minor - 1}.9"
    assert prepare(resolution(kit), {field: None}, server(version)).left_out == ()
    assert prepare(resolution(kit), {field: None}, server(before)).left_out == (field,)


@pytest.mark.parametrize(("version", "whole"), [("0.82.0", True), ("0.82.1", False)])
def test_before_0_82_1_the_whole_configuration_is_sent(kit, version, whole):
    launch = prepare(resolution(kit), {"steps": {"model_trainer": {"parameters": {"lr": 0.5}}}}, server(version))
    sent = json.loads(launch.content)["steps"]["model_trainer"]["parameters"]
    assert sent == ({"lr": 0.5, "epochs": 3} if whole else {"lr": 0.5})


def test_the_snapshot_route_wants_it_wrapped(kit):
    launch = prepare(resolution(kit, Route.SNAPSHOT), {}, server("0.98.0"))
    assert launch.url == f"/api/v1/pipeline_snapshots/{kit.template}/runs"
    assert json.loads(launch.content) == {"run_configuration": {}, "step_run": None}


def test_the_same_body_gives_the_same_bytes(kit):
    assert prepare(resolution(kit), BODY, server("0.98.0")) == prepare(resolution(kit), BODY, server("0.98.0"))


def test_what_json_cannot_say(kit):
    with pytest.raises(BodyRefused, match="not JSON"):
        prepare(resolution(kit), {"extra": {"x": object()}}, server("0.98.0"))


def test_merge_leaves_both_sides_alone():
    below, above = {"a": {"b": 1, "c": [1]}, "d": 2}, {"a": {"c": [2]}, "d": {"e": 3}, "f": None}
    assert merge(below, above) == {"a": {"b": 1, "c": [2]}, "d": {"e": 3}, "f": None}
    assert below == {"a": {"b": 1, "c": [1]}, "d": 2}


@pytest.mark.parametrize(
    ("text", "version"),
    [("0.98.0", (0, 98, 0)), ("v0.83.1rc2", (0, 83, 1)), ("1.0", (1, 0, 0)), ("0.85.0.dev3", (0, 85, 0)), ("x", None)],
)
def test_versions(text, version):
    assert parse(text) == version


@pytest.mark.parametrize(
    ("version", "can"),
    [
        ((0, 63, 0), set()),
        ((0, 80, 0), {"projects"}),
        ((0, 82, 1), {"projects", "partial_parameters"}),
        ((0, 83, 1), {"projects", "partial_parameters", "idempotency_key"}),
        ((0, 90, 0), {"projects", "partial_parameters", "idempotency_key", "snapshots"}),
    ],
)
def test_what_versions_can(version, can):
    told = capabilities(version)
    names = ("projects", "partial_parameters", "idempotency_key", "snapshots")
    assert {name for name in names if getattr(told, name)} == can
