"""The JSON schema for editors says what the models say, and the examples in the repository keep to both."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import jsonschema_rs
import pytest

from worker.render import compile_config, merge
from worker.source import lint
from worker.source.document import read_document
from worker.source.schema import schedule_schema

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "schedules").glob("*.yaml"))
VALIDATOR = jsonschema_rs.validator_for(json.loads(schedule_schema()))


def test_the_file_is_what_the_models_say() -> None:
    assert (ROOT / "schema" / "schedule.schema.json").read_text() == schedule_schema(), (
        "run: python -m worker.source.schema > schema/schedule.schema.json"
    )


def test_the_module_prints_it() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "worker.source.schema"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert run.stdout == schedule_schema()


def test_every_key_has_a_description() -> None:
    schema = json.loads(schedule_schema())
    for definition in (schema, *schema["$defs"].values()):
        for key, value in definition["properties"].items():
            assert "description" in value or "description" in str(value), key


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_keep_to_the_schema_and_name_it(path: Path) -> None:
    assert path.read_text().startswith("# yaml-language-server: $schema=../schema/schedule.schema.json\n")
    VALIDATOR.validate(read_document(path.read_bytes(), path.name).value)


def test_examples_have_no_faults_and_no_warnings() -> None:
    definitions = lint([ROOT / "schedules"])
    assert (definitions.faults, definitions.warnings) == ((), ())
    assert len(EXAMPLES) >= 4
    assert [sweep.sweep.size for sweep in definitions.sweeps] == [12]


def test_the_nightly_example_renders_the_day_before() -> None:
    nightly = next(s for s in lint([ROOT / "schedules"]).schedules if s.name == "nightly-training")
    fire_time = nightly.timing.next(datetime(2026, 3, 28, 12, tzinfo=UTC))
    assert fire_time == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)  # 02:00 does not exist on that day
    compiled = compile_config(merge(nightly.target.config_template, nightly.target.config))
    body = compiled.render({"fire_time": fire_time})
    assert body["run_name"] == "nightly-sun"
    assert body["steps"]["model_trainer"]["parameters"] == {
        "model_type": "rf",
        "lr": 0.01,
        "epochs": 10,
        "seconds": 2.0,
        "fail": False,
        "data_date": "2026-03-28",
    }


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "a", "pipeline": "p"},
        {"name": "a", "pipeline": "p", "cron": "* * * * *", "every": "1h"},
        {"name": "A", "pipeline": "p", "every": "1h"},
        {"name": "a", "pipeline": "p", "every": "soon"},
        {"name": "a", "pipeline": "p", "every": "1h", "crno": "x"},
        {"name": "a", "pipeline": "p", "cron": []},
        {"name": "a", "pipeline": "p", "every": "1h", "retry": {"max_attempts": 0}},
        {"name": "a", "pipeline": "p", "every": "1h", "catchup": "last"},
    ],
)
def test_the_schema_refuses_what_the_models_refuse(entry: dict[str, object], folder: Path) -> None:
    assert not VALIDATOR.is_valid({"schedules": [entry]})
    (folder / "a.yaml").write_text(json.dumps({"schedules": [entry]}))
    assert lint([folder]).faults


@pytest.mark.parametrize("sweep", [{"method": "grid"}, {"parameters": {"a": {"value": 1}}}])
def test_the_schema_refuses_half_a_sweep(sweep: dict[str, object]) -> None:
    assert not VALIDATOR.is_valid({"sweeps": [{"name": "a", "pipeline": "p", **sweep}]})
