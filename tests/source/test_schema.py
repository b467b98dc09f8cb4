"""The JSON schema for editors says what the models say, and the examples in the repository keep to both."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import jsonschema_rs
import pytest

from worker.domain.notify import Notify
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
    assert {sweep.name: sweep.sweep.size for sweep in definitions.sweeps} == {
        "tuned": 24,
        "sizes": 18,
        "chosen": 3,
        "rates-of-the-day": 3,
        "learning-rate": 12,
        "coverage": 16,
    }


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


def test_the_chain_example() -> None:
    chain = {one.name: one for one in lint([ROOT / "schedules" / "chain.yaml"]).schedules}
    training, evaluation, report = (chain[name] for name in ("nightly-retraining", "evaluation", "monthly-report"))
    assert training.run_retry is not None
    assert (training.target.uses, training.notify) == ({"last_success", "fire_time"}, evaluation.notify)
    assert evaluation.when == "after nightly-retraining"
    assert report.when == "after all of month-close, month-scores (completed or failed) within 12h"
    assert report.notify == Notify(to=())


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
        {"name": "a", "pipeline": "p", "every": "1h", "after": {"schedule": "b"}},
        {"name": "a", "pipeline": "p", "after": "b"},
        {"name": "a", "pipeline": "p", "after": {}},
        {"name": "a", "pipeline": "p", "after": {"schedule": "b", "window": "6h"}},
        {"name": "a", "pipeline": "p", "after": {"schedule": "b", "project": "p"}},
        {"name": "a", "pipeline": "p", "after": {"pipeline": "b", "on": "done"}},
        {"name": "a", "pipeline": "p", "after": {"any_of": [{"schedule": "b"}], "all_of": [{"schedule": "c"}]}},
        {"name": "a", "pipeline": "p", "after": {"any_of": [{"project": "p"}]}},
        {"name": "a", "pipeline": "p", "every": "1h", "retry": {"run": {}}},
        {"name": "a", "pipeline": "p", "every": "1h", "retry": {"run": {"max_attempts": 1}}},
        {"name": "a", "pipeline": "p", "every": "1h", "retry": {"run": {"max_attempts": 2, "on": "completed"}}},
        {"name": "a", "pipeline": "p", "every": "1h", "deadline": "6am"},
        {"name": "a", "pipeline": "p", "every": "1h", "deadline": "25:00"},
        {"name": "a", "pipeline": "p", "every": "1h", "pause_after": 0},
        {"name": "a", "pipeline": "p", "every": "1h", "notify": "ops"},
        {"name": "a", "pipeline": "p", "every": "1h", "notify": {"on": "late"}},
        {"name": "a", "pipeline": "p", "every": "1h", "notify": {"to": "a b"}},
        {"name": "a", "pipeline": "p", "every": "1h", "notify": {"to": "ops", "quiet": "night"}},
    ],
)
def test_the_schema_refuses_what_the_models_refuse(entry: dict[str, object], folder: Path) -> None:
    assert not VALIDATOR.is_valid({"schedules": [entry]})
    (folder / "a.yaml").write_text(json.dumps({"schedules": [entry]}))
    assert lint([folder]).faults


@pytest.mark.parametrize(
    "more",
    [
        {"every": "1h", "deadline": "06:00", "notify": "none"},
        {"every": "1h", "deadline": "2h after fire", "notify": {"to": "ops", "on": "late", "quiet": "22:00-07:00"}},
        {"every": "1h", "deadline": 90, "notify": {"to": ["ops", "https://x.example/y"], "on": ["late", "success"]}},
        {"every": "1h", "retry": {"run": {"max_attempts": 2, "initial": "1m", "on": ["failed", "stopped"]}}},
        {"after": {"pipeline": "q", "project": "x", "on": ["failed", "completed"]}},
        {"after": {"any_of": [{"pipeline": "q", "on": "stopped"}]}},
        {"after": {"all_of": [{"pipeline": "q"}, {"pipeline": "r"}], "window": "6h"}},
    ],
)
def test_the_schema_takes_what_the_models_take(more: dict[str, object], folder: Path) -> None:
    value = {"notify": {"to": "ops"}, "schedules": [{"name": "a", "pipeline": "p", **more}]}
    VALIDATOR.validate(value)
    (folder / "a.yaml").write_text(json.dumps(value))
    assert lint([folder]).faults == ()


@pytest.mark.parametrize("sweep", [{"method": "grid"}, {"parameters": {"a": {"value": 1}}}])
def test_the_schema_refuses_half_a_sweep(sweep: dict[str, object]) -> None:
    assert not VALIDATOR.is_valid({"sweeps": [{"name": "a", "pipeline": "p", **sweep}]})


GRID: dict[str, object] = {"method": "grid", "parameters": {"a": {"values": [1, 2]}}}


@pytest.mark.parametrize(
    "more",
    [
        {"timezone": "UTC"},
        {"overlap": "skip"},
        {"cron": "* * * * *", "every": "1h"},
        {"every": "1h", "overlap": "buffer_one"},
        {"every": "1h", "max_runs": 1},
        {"after": {"schedule": "b"}},
        {"points": [{"a": 1}]},
        {"method": "custom"},
        {"zip": [["a"]]},
        {"where": 1},
        {"budget": {}},
        {"budget": {"hours": 0}},
        {"stop_when": {"failures": 0}},
        {"metrics": []},
        {"metric": {"name": "loss", "target": "low"}},
        {"metric": {"name": "loss"}, "early_terminate": {"type": "hyperband", "s": 2}},
        {"metric": {"name": "loss"}, "early_terminate": {"type": "asha", "eta": 1}},
        {"before": GRID},
    ],
    ids=str,
)
def test_the_schema_refuses_what_no_sweep_takes(more: dict[str, object], folder: Path) -> None:
    value = {"sweeps": [{"name": "a", "pipeline": "p", **GRID, **more}]}
    assert not VALIDATOR.is_valid(value)
    (folder / "a.yaml").write_text(json.dumps(value))
    assert lint([folder]).faults


@pytest.mark.parametrize(
    "more",
    [
        {"every": "1h", "timezone": "UTC", "overlap": "skip", "catchup": "all", "dst": {"gap": "skip"}, "jitter": "1m"},
        {"at": ["2026-12-01"], "where": ["a < 2", "a > 0"], "priority": 3},
        {
            "metrics": [{"name": "x"}, {"name": "y", "goal": "maximize"}],
            "budget": {"runs": 3},
            "stop_when": {"failures": 1},
        },
        {
            "metric": {"name": "x", "target": 1},
            "early_terminate": {"type": "median", "min_trials": 3, "resource": "epoch"},
        },
        {"method": "list", "parameters": None, "points": "p.csv"},
        {"method": "list", "parameters": None, "points": [{"a": 1}]},
        {"method": "bayes", "run_cap": 3, "metric": {"name": "x"}},
        {"method": "lhs", "run_cap": 3, "zip": []},
    ],
    ids=str,
)
def test_the_schema_takes_what_a_sweep_takes(more: dict[str, object], folder: Path) -> None:
    (folder / "p.csv").write_text("a\n1\n")
    entry = {"name": "a", "pipeline": "p", **GRID, **more}
    value = {"sweeps": [{key: part for key, part in entry.items() if part is not None}]}
    VALIDATOR.validate(value)
    (folder / "a.yaml").write_text(json.dumps(value))
    assert lint([folder]).faults == ()
