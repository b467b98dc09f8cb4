"""What is refused before it is sent, in which words; and what must pass."""

import copy
import json
from pathlib import Path

import pytest

from worker.domain.errors import BodyRefused
from worker.zenml.check import check
from worker.zenml.models import Resolution, Route


def resolution(kit, **changes):
    given = {
        "route": Route.TEMPLATE,
        "id": kit.template,
        "name": "production",
        "pipeline_id": kit.pipeline,
        "pipeline_name": "training",
        "project": kit.project,
        "config_template": kit.config,
        "config_schema": kit.schema,
    }
    return Resolution(**{**given, **changes})


def trainer(**parameters):
    return {"steps": {"model_trainer": {"parameters": parameters}}}


PASSES = [
    {},
    {"run_name": "x", "tags": ["zenbeat", {"name": "own"}], "enable_cache": False, "substitutions": {"a": "b"}},
    trainer(),
    trainer(lr=0.5),
    trainer(lr=1, epochs=3, model_type="svm", note=None),
    {"steps": {"loader": {"enable_cache": True}}},
    {"cache_policy": "no_cache"},
    {"settings": {"resources": {"cpu_count": 4}, "orchestrator.kubernetes": {"pod": 1}}},
    {"build": None, "schedule": None, "parameters": {}},
    {"execution_mode": "fail_fast", "environment": {"A": 1}},  # known to ZenML, not to this template's server
    {"steps": {"model_trainer": {"experiment_tracker": "mlflow", "settings": {"docker": None}}}},
]


@pytest.mark.parametrize("body", PASSES)
def test_partial_configurations_pass(kit, body):
    check(resolution(kit), body)


REFUSED = [
    ({"stepz": {}}, ["stepz: no such field; did you mean steps?"]),
    (
        {"steps": {"model_trainr": {}}},
        ["steps.model_trainr: no such step; did you mean model_trainer? (steps: model_trainer, loader)"],
    ),
    (trainer(lr="abc"), ['steps.model_trainer.parameters.lr: "abc" is not a number']),
    (trainer(epochs=1.5), ["steps.model_trainer.parameters.epochs: 1.5 is not a whole number"]),
    (trainer(epochs=0), ["steps.model_trainer.parameters.epochs: 0 is less than the minimum of 1"]),
    (trainer(model_type="xgb"), ['steps.model_trainer.parameters.model_type: "xgb" is not one of ["rf","svm"]']),
    (trainer(note=5), ["steps.model_trainer.parameters.note: 5 is not a text"]),
    (trainer(api_key=12345), ["steps.model_trainer.parameters.api_key: the value is not a text"]),
    (
        trainer(learning_rate=1, epoch=2),
        ["parameters.learning_rate: no such parameter", "parameters.epoch: no such parameter; did you mean epochs?"],
    ),
    (
        {"steps": {"loader": {"parameters": {"x": 1}}}},
        ["steps.loader.parameters.x: no such parameter (step loader has none)"],
    ),
    (
        {"steps": {"loader": {"enable_cach": True}}},
        ["steps.loader.enable_cach: no such field; did you mean enable_cache?"],
    ),
    ({"enable_cache": "yes"}, ['enable_cache: "yes" is not true or false']),
    ({"tags": [7]}, ["tags.0: 7 is not a text or a mapping"]),
    ({"steps": []}, ["steps: [] is not a mapping"]),
    ({"steps": {"loader": 3}}, ["steps.loader: 3 is not a mapping"]),
    ({"build": "x"}, ["build: cannot be given"]),
    ({"schedule": {"cron_expression": "* * * * *"}}, ["zenbeat is the schedule"]),
    ({"parameters": {"lr": 1}}, ["parameters: cannot be given to a static pipeline"]),
    ({"settings": {"docker": {"a": 1}}}, ["settings.docker: docker settings cannot"]),
    ({"steps": {"loader": {"settings": {"docker": {"a": 1}}}}}, ["steps.loader.settings.docker"]),
    (
        {"steps": {"loader": {"enable_cache": "yes", "name": 1, "enable_step_logs": "no"}}},
        ["steps.loader.enable_cache: ", "steps.loader.name: no such field", "steps.loader.enable_step_logs: "],
    ),
    ({"stepz": 1, "build": 1, **trainer(lr="x", nope=1)}, ["stepz", "build", "lr", "nope"]),
]


@pytest.mark.parametrize(("body", "sentences"), REFUSED)
def test_every_fault_is_named(kit, body, sentences):
    with pytest.raises(BodyRefused) as caught:
        check(resolution(kit), body)
    lines = str(caught.value).split("\n")
    assert 'run template "production" of pipeline "training"' in lines[0]
    assert len(lines) == 1 + len(sentences), lines
    for sentence in sentences:
        assert any(sentence in line for line in lines[1:]), lines
    assert "12345" not in str(caught.value)


REAL = json.loads((Path(__file__).parent / "config_schema_0_98.json").read_text())
"""Made by ZenML 0.98.0's own generator, for four steps: typed parameters, untyped ones, none, and a hidden name."""


def test_a_schema_as_zenml_makes_it(kit):
    real = resolution(kit, config_schema=REAL)
    top = {"extra": {"a": 1}, "retry": {"max_retries": 1}, "model": {"name": "m"}, "secrets": ["s"]}
    check(real, {**top, "cache_policy": "default", "failure_hook_source": "hooks.fail", "tags": ["a", {"name": "b"}]})
    check(real, {"steps": {"old_trainer": {"parameters": {"lr": "any"}}, "_hidden": {"parameters": {"_p": 1}}}})
    check(real, {"steps": {"model_trainer": {"parameters": {"epochs": 5}}}})
    wrong = {"parameters": {"lr": "x", "nope": 1}, "enable_cache": "no"}
    with pytest.raises(BodyRefused) as caught:
        check(real, {"retry": {"max_retries": "x"}, "steps": {"model_trainer": wrong, "loder": {}}})
    assert sorted(line.split(": ")[0].strip() for line in str(caught.value).split("\n")[1:]) == [
        "retry.max_retries",
        "steps.loder",
        "steps.model_trainer.enable_cache",
        "steps.model_trainer.parameters.lr",
        "steps.model_trainer.parameters.nope",
    ]


def test_without_a_schema_the_template_tells_the_steps(kit):
    bare = resolution(kit, config_schema=None)
    check(bare, trainer(lr="anything"))
    with pytest.raises(BodyRefused, match="no such step; did you mean model_trainer"):
        check(bare, {"steps": {"model_trainr": {}}})
    with pytest.raises(BodyRefused, match="steps: is not a mapping"):
        check(bare, {"steps": 3})
    with pytest.raises(BodyRefused, match="parameters: cannot be given to a static pipeline"):
        check(bare, {"parameters": {"lr": 1}})
    check(
        resolution(kit, config_schema=None, config_template={**kit.config, "parameters": {"lr": 0.1}}),
        {"parameters": {"lr": 1}},
    )


def test_without_anything_only_the_fields_are_known(kit):
    nothing = resolution(kit, config_schema=None, config_template={})
    check(nothing, {"steps": {"anything": {}}})
    check(nothing, {"parameters": {"lr": 1}})
    with pytest.raises(BodyRefused, match="no such field"):
        check(nothing, {"stepz": {}})


def test_dynamic_pipelines_take_parameters(kit):
    schema = copy.deepcopy(kit.schema)
    schema["properties"]["parameters"] = {"$ref": "#/$defs/Parameters"}
    schema["$defs"]["Parameters"] = {"type": "object", "required": ["day"], "properties": {"day": {"type": "string"}}}
    dynamic = resolution(kit, config_schema=schema)
    check(dynamic, {"parameters": {"day": "2026-11-23"}})
    with pytest.raises(BodyRefused, match=r"parameters\.dya: no such parameter; did you mean day"):
        check(dynamic, {"parameters": {"dya": "x"}})


def test_schemas_of_before_0_85_have_parameters_by_reference_and_untyped(kit):
    schema = copy.deepcopy(kit.schema)
    schema["$defs"]["model_trainer"]["properties"]["parameters"] = {"$ref": "#/$defs/model_trainer_parameters"}
    untyped = {"type": "object", "required": ["lr"], "properties": {"lr": {"title": "Lr"}, "epochs": {}}}
    schema["$defs"]["model_trainer_parameters"] = untyped
    old = resolution(kit, config_schema=schema)
    check(old, trainer(epochs="anything"))
    with pytest.raises(BodyRefused, match="no such parameter; did you mean epochs"):
        check(old, trainer(epoch=1))


def test_steps_that_take_any_parameter(kit):
    schema = copy.deepcopy(kit.schema)
    schema["$defs"]["model_trainer"]["properties"]["parameters"]["additionalProperties"] = True
    check(resolution(kit, config_schema=schema), trainer(whatever=1))


@pytest.mark.parametrize(
    "broken",
    [
        {"type": "nonsense"},
        {"$ref": "http://127.0.0.1:1/schema.json"},
        {"$ref": "file:///etc/hostname"},
        {"properties": {"run_name": {"pattern": "(("}}},
        {"properties": {"steps": {"$ref": "#/$defs/Steps"}}, "$defs": {"Steps": {"$ref": "#/$defs/Steps"}}},
    ],
)
def test_a_schema_that_is_none_is_left_aside(kit, broken):
    check(resolution(kit, config_schema=broken), {"run_name": "x"})


def test_what_is_not_json_is_said(kit):
    with pytest.raises(BodyRefused, match="not JSON"):
        check(resolution(kit), trainer(note=object()))
