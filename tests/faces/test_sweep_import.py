"""`sweep import`: the sweeps of W&B's documentation become files that lint."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from worker.cli import cli

# docs.wandb.ai: "Define sweep configuration" and "Sweep configuration options".
BASIC = """
program: train.py
name: sweepdemo
method: bayes
metric:
  goal: minimize
  name: validation_loss
parameters:
  learning_rate:
    min: 0.0001
    max: 0.1
  batch_size:
    values: [16, 32, 64]
  epochs:
    values: [5, 10, 15]
  optimizer:
    values: ["adam", "sgd"]
"""
NESTED = """
program: sweep_nest.py
name: nested sweep
method: random
metric:
  goal: minimize
  name: loss
parameters:
  optimizer:
    values: [adam, sgd]
  fc_layer_size:
    values: [128, 256, 512]
  dropout:
    values: [0.3, 0.4, 0.5]
  epochs:
    value: 1
  learning_rate:
    distribution: uniform
    min: 0
    max: 0.1
  batch_size:
    distribution: q_log_uniform_values
    q: 8
    min: 32
    max: 256
  nested_param:
    parameters:
      decay: {min: 0.01, max: 0.1}
"""
DISTRIBUTIONS = """
method: random
run_cap: 20
parameters:
  parameter_name:
    distribution: normal
    mu: 100
    sigma: 10
  other: {distribution: q_normal, mu: 5, sigma: 2, q: 1}
  rate: {distribution: log_uniform, min: -9.21034037, max: -2.30258509}
  inverse: {distribution: inv_log_uniform, min: 0, max: 2}
  size: {distribution: q_log_uniform, min: 2, max: 5, q: 4}
  choice: {values: [a, b, c], probabilities: [0.1, 0.2, 0.7]}
  width: {distribution: log_normal, mu: 0, sigma: 1}
  momentum: {min: 1e-5, max: 1}
"""
MIN_ITER = """
program: train.py
method: random
metric: {name: val_loss, goal: minimize, target: 0.1}
parameters: {lr: {min: 0.0, max: 1.0}}
early_terminate:
  type: hyperband
  min_iter: 3
"""
MAX_ITER = """
program: train.py
method: bayes
metric: {name: val_accuracy, goal: maximize}
parameters: {lr: {min: 0.0, max: 1.0}, layers: {min: 1, max: 4}}
run_cap: 10
early_terminate:
  type: hyperband
  max_iter: 27
  s: 2
  strict: true
"""
COMMAND = """
program: train.py
method: grid
entity: some-team
project: some-project
description: All of them.
metric: {name: loss}
parameters:
  batch_size: {values: [8, 16]}
  learning_rate: {values: [0.01, 0.001]}
command:
  - ${env}
  - python3
  - ${program}
  - ${args_no_boolean_flags}
"""
DOCUMENTED = {
    "basic": BASIC,
    "nested": NESTED,
    "distributions": DISTRIBUTIONS,
    "min_iter": MIN_ITER,
    "max_iter": MAX_ITER,
    "command": COMMAND,
}


@pytest.fixture
def zenbeat(tmp_path: Path) -> Any:
    def run(*words: str) -> Result:
        return CliRunner().invoke(cli, words, env={"SCHEDULES_DIR": str(tmp_path)})

    return run


def imported(zenbeat: Any, folder: Path, text: str, *words: str) -> tuple[dict[str, Any], list[str]]:
    """Import a sweep and lint what it becomes; gives the entry and what was said."""
    (folder / "wandb.yaml").write_text(text)
    made = zenbeat("sweep", "import", str(folder / "wandb.yaml"), *words)
    assert made.exit_code == 0, made.output
    (folder / "ours").mkdir()
    (folder / "ours" / "a.yaml").write_text(made.stdout)
    linted = zenbeat("schedule", "lint", str(folder / "ours"))
    assert linted.exit_code == 0, linted.output
    (entry,) = yaml.safe_load(made.stdout)["sweeps"]
    return entry, made.stderr.splitlines()


@pytest.mark.parametrize("words", [(), ("--pipeline", "training", "--step", "trainer", "--name", "ours")])
@pytest.mark.parametrize("text", DOCUMENTED.values(), ids=DOCUMENTED)
def test_what_wb_documents_becomes_a_file_that_lints(
    zenbeat: Any, tmp_path: Path, text: str, words: tuple[str, ...]
) -> None:
    entry, _ = imported(zenbeat, tmp_path, text, *words)
    if words:
        assert (entry["name"], entry["pipeline"]) == ("ours", "training")
        assert all(name.startswith("steps.trainer.parameters.") for name in entry["parameters"])


def test_what_is_added_or_guessed_is_said(zenbeat: Any, tmp_path: Path) -> None:
    entry, said = imported(zenbeat, tmp_path, NESTED)
    assert (entry["name"], entry["pipeline"], entry["run_cap"]) == ("nested-sweep", "sweep_nest", 50)
    assert entry["parameters"]["nested_param"] == {"parameters": {"decay": {"min": 0.01, "max": 0.1}}}
    assert said == [
        "it is named nested-sweep; --name gives it another name",
        "pipeline: sweep_nest is a guess; --pipeline says which one a trial runs",
        "run_cap: 50 was added; at W&B such a sweep goes on until somebody stops it",
        "parameters keep their names, which only expressions know (params.<name>); --step leads there",
        "program is left out: a trial starts a run of a pipeline",
    ]


def test_exponents_become_the_values_themselves(zenbeat: Any, tmp_path: Path) -> None:
    entry, said = imported(zenbeat, tmp_path, DISTRIBUTIONS, "--pipeline", "training")
    rate, inverse, size = (entry["parameters"][name] for name in ("rate", "inverse", "size"))
    assert rate["distribution"] == "log_uniform_values"
    assert (rate["min"], rate["max"]) == (pytest.approx(1e-4, rel=1e-8), pytest.approx(0.1, rel=1e-8))
    assert (inverse["min"], inverse["max"]) == (pytest.approx(0.135335283237), 1.0)
    assert (size["distribution"], size["q"]) == ("q_log_uniform_values", 4)
    assert entry["parameters"]["momentum"] == {"min": 1e-5, "max": 1}
    assert any(
        line.startswith("rate: log_uniform from -9.21034037 to -2.30258509, which are exponents,") for line in said
    )


def test_hyperband_becomes_asha(zenbeat: Any, tmp_path: Path) -> None:
    entry, said = imported(zenbeat, tmp_path, MAX_ITER)
    assert entry["early_terminate"] == {"type": "asha", "min_iter": 3}
    assert "early_terminate: max_iter 27 with s 2 is min_iter 3" in said
    assert any(line.startswith("early_terminate.strict is left out") for line in said)


def test_each_word_that_is_left_out_is_named_with_the_reason(zenbeat: Any, tmp_path: Path) -> None:
    entry, said = imported(zenbeat, tmp_path, COMMAND + "metod: grid\n", "--step", "trainer", "--pipeline", "p")
    assert set(entry) == {"name", "pipeline", "method", "metric", "parameters"}
    left = [line.partition(" is left out: ")[0] for line in said if " is left out: " in line]
    assert left == ["program", "entity", "project", "description", "command", "metod"]
    assert 'did you mean "method"?' in said[-1]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("method: grid\nparameters: {lr: {min: 0.0, max: 1.0}}\n", "uniform has no values that a grid could count"),
        ("method: custom\nparameters: {lr: {value: 1}}\n", "custom is not supported"),
        ("parameters: {lr: {value: 1}}\n", "method"),
        ("method: bayes\nparameters: {lr: {distribution: log_uniform, min: 0, max: 1000}}\n", "exp(1000)"),
        ("- 1\n", "has to be a mapping"),
        ("a: [\n", "is not YAML"),
    ],
)
def test_what_cannot_be_used_is_exit_2_with_a_sentence(zenbeat: Any, tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "wandb.yaml"
    path.write_text(text)
    result = zenbeat("sweep", "import", str(path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr
    assert zenbeat("sweep", "import", str(tmp_path / "none.yaml")).exit_code == 2
