"""Sweeps over points that are written in a file beside the schedules."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from worker.source import Source, files, lint, points

Check = Callable[[str], list[str]]

HEAD = """\
sweeps:
  - name: best
    pipeline: training
    method: list
"""


@pytest.fixture
def read(folder: Path) -> Callable[[str, str], Any]:
    """Give the trials of a file of points, or its faults as lines."""

    def check(name: str, text: str) -> Any:
        (folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))
        (folder / "a.yaml").write_text(f"{HEAD}    points: {name}\n")
        found = lint([folder])
        if found.faults:
            return [str(fault).replace(f"{folder}/", "") for fault in found.faults]
        return found.sweeps[0].sweep.head(1000)

    return check


WORDS = "its parts between dots have to be words, without spaces around them"
Read = Callable[[str, str], Any]


def test_a_table(read: Read) -> None:
    text = (
        'name,steps.t.parameters.lr,flag,"with, comma"\r\n'
        'rf,0.1,true,"a ""quoted"" one"\r\n'
        "\r\n"
        " svm , 3 ,null,\r\n"
        "007,-1e-3,TRUE,NaN\r\n"
        '"3",,,x\n'
    )
    assert read("p.csv", text) == [
        {"name": "rf", "steps.t.parameters.lr": 0.1, "flag": True, "with, comma": 'a "quoted" one'},
        {"name": "svm", "steps.t.parameters.lr": 3, "flag": None},
        {"name": "007", "steps.t.parameters.lr": -0.001, "flag": "TRUE", "with, comma": "NaN"},
        {"name": 3, "with, comma": "x"},
    ]
    assert read("p.csv", "\ufeffa\n1") == [{"a": 1}]


def test_json_lines(read: Read) -> None:
    text = '{"a": 1, "b": [1, {"c": null}]}\n\n{"a": "x"}\r\n'
    assert read("p.jsonl", text) == [{"a": 1, "b": [1, {"c": None}]}, {"a": "x"}]


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("p.csv", "", ["p.csv:1:1: there are no points in it"]),
        ("p.csv", "a,b\n\n", ["p.csv:1:1: there are no points in it"]),
        (
            "p.csv",
            "a,b\n1\n1,2,3\n",
            [
                "p.csv:2:1: has 1 values, and the header has 2 names",
                "p.csv:3:5: has 3 values, and the header has 2 names",
            ],
        ),
        ("p.csv", "a,,a\n", ["p.csv:1:3: a name is missing in the header", "p.csv:1:4: a is there already"]),
        ("p.csv", "a;b\n1;2\n", ["p.csv:1:1: values are separated by commas"]),
        ("p.csv", 'a\n"1\n', ["p.csv:2:1: a quote is opened here and not closed, or something stands behind it"]),
        ("p.csv", 'a,b\n1,x"y"\n', ["p.csv:2:3: a quote is opened here and not closed, or something stands behind it"]),
        ("p.csv", "a,b\n,\n", ["p.csv:2:1: has no values"]),
        ("p.csv", "a,b\n1,2\n1,  1e999\n", ["p.csv:3:5: b: has to be a finite number"]),
        ("p.csv", f"a\n{'9' * 9999}\n", ["p.csv:2:1: a: does not fit into 64 bits"]),
        ("p.csv", "x,a..b\n1,2\n", [f'p.csv:2:3: a..b: "a..b" is not a name; {WORDS}']),
        (
            "p.csv",
            "a.b,a.b.c\n1,2\n",
            ["p.csv:2:3: a.b.c: leads through a.b, which is a parameter itself; keep one of them"],
        ),
        ("p.csv", "a\n1\n\udcff\n", ["p.csv:3:1: is not UTF-8; save the file with that encoding"]),
        ("p.jsonl", "{\n", ["p.jsonl:1:2: is not JSON: Expecting property name enclosed in double quotes"]),
        ("p.jsonl", '{"a": 1}\n[1]\n', ["p.jsonl:2:1: has to be an object, such as {…}"]),
        ("p.jsonl", '{"a": NaN}', ["p.jsonl:1:1: NaN is not possible in JSON"]),
        ("p.jsonl", '{"a": 1, "a": 2}', ['p.jsonl:1:1: the key "a" stands there twice']),
        ("p.jsonl", "[" * 100_000, ["p.jsonl:1:1: is nested too deep"]),
        ("p.jsonl", '{"b": 1, "a" : 1e999}', ["p.jsonl:1:16: a: has to be a finite number"]),
        ("p.jsonl", '{"a": ' + "9" * 9999 + "}", ["p.jsonl:1:7: a: does not fit into 64 bits"]),
        ("p.jsonl", "{}", ["p.jsonl:1:1: has no values"]),
        ("p.txt", "a", ['a.yaml:5:13: sweeps.0.points: "p.txt" is neither .csv nor .jsonl']),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_what_is_wrong_in_a_file(read: Read, name: str, text: str, lines: list[str]) -> None:
    assert read(name, text) == lines


def test_a_file_that_cannot_be_had(faults: Check, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    (folder / "points.csv").write_text("a\n1\n")
    for name, sentence in (
        ("poinst.csv", 'poinst.csv: there is no such file; did you mean "points.csv"?'),
        ("../secret.csv", '"../secret.csv" leads out of the folder; write a path such as points/best.csv'),
        (
            str(tmp_path / "secret.csv"),
            f'"{tmp_path}/secret.csv" leads out of the folder; write a path such as points/best.csv',
        ),
        ("link.csv", "link.csv: is a link that leads out of the folder"),
    ):
        assert faults(f"{HEAD}    points: {name}\n") == [f"a.yaml:5:13: sweeps.0.points: {sentence}"]


def test_there_is_a_largest_file(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(read("p.csv", "a\n" + "1\n" * 600_000)) == 1000
    monkeypatch.setattr(points, "MOST_POINTS", 3)
    assert read("p.csv", "a\n1\n2\n3\n4\n") == ["p.csv:5:1: there are more than 3 points"]
    monkeypatch.setattr(files, "LARGEST_POINTS", 10)
    assert read("p.csv", "a\n" + "1\n" * 6) == ["a.yaml:5:13: sweeps.0.points: p.csv: the file is larger than 64 MiB"]


def test_a_wrong_header_is_not_reported_for_ever(read: Read) -> None:
    assert len(read("p.csv", "a\n" + "1,2\n" * 10_000)) == 100


def test_it_is_read_again_when_it_changes(folder: Path) -> None:
    source = Source(folder, settle=False)
    (folder / "a.yaml").write_text(f"{HEAD}    points: points.csv\n")
    assert len(source.read().faults) == 1
    (folder / "points.csv").write_text("a\n1\n")
    first = source.read()
    assert (first.faults, first.sweeps[0].sweep.size) == ((), 1)
    assert source.read() is first
    (folder / "points.csv").write_text("a\n1\n2\n")
    assert source.read().sweeps[0].sweep.size == 2
    (folder / "points.csv").write_text("a\n1,2\n")
    broken = source.read()
    assert (len(broken.faults), broken.sweeps[0].sweep.size) == (1, 2)


def test_where_parameters_are(folder: Path) -> None:
    (folder / "p.csv").write_text("a,b\n1,\n1, 2\n")
    (folder / "p.jsonl").write_text('{"a": 1}\n{"steps.t.parameters.lr": 2}\n')
    (folder / "a.yaml").write_text(
        """\
sweeps:
  - {name: csv, pipeline: p, method: list, points: p.csv}
  - {name: jsonl, pipeline: p, method: list, points: p.jsonl}
  - name: inline
    pipeline: p
    method: list
    points:
      - {a: 1}
      - {a: 1, b: 2}
  - name: grid
    pipeline: p
    method: grid
    parameters:
      a: {value: 1}
      steps.t:
        parameters:
          parameters.lr: {value: 1}
"""
    )
    definitions = lint([folder])
    assert (definitions.faults, definitions.warnings) == ((), ())
    places = [
        {name: place.replace(f"{folder}/", "") for name, place in one.places.items()} for one in definitions.sweeps
    ]
    assert places == [
        {"a": "p.csv:2:1", "b": "p.csv:3:4"},
        {"a": "p.jsonl:1:7", "steps.t.parameters.lr": "p.jsonl:2:27"},
        {"a": "a.yaml:8:10", "b": "a.yaml:9:16"},
        {"a": "a.yaml:14:7", "steps.t.parameters.lr": "a.yaml:17:11"},
    ]


GRID = "sweeps:\n  - name: g\n    pipeline: p\n    method: grid\n    parameters:\n"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("stesp.t.parameters.lr", 'ZenML does not know "stesp" here, and may ignore it; did you mean "steps"?'),
        ("steps.t.paramters.lr", 'ZenML does not know "paramters" here, and may ignore it; did you mean "parameters"?'),
        ("optimizer.lr", 'ZenML does not know "optimizer" here, and may ignore it'),
        ("parameters.x", ""),
        ("steps.t.parameters.lr", ""),
        ("enable_cache", ""),
        ("stesp", ""),
    ],
)
def test_paths_that_lead_nowhere_are_doubtful(warnings: Check, name: str, sentence: str) -> None:
    expected = [f"a.yaml:6:7: sweeps.0.parameters.{name}: {sentence}"] if sentence else []
    assert warnings(f"{GRID}      {name}: {{value: 1}}\n") == expected


def test_paths_that_zenml_would_not_take(faults: Check, folder: Path) -> None:
    assert faults(f"{GRID}      schedule.x: {{value: 1}}\n") == [
        "a.yaml:6:7: sweeps.0.parameters.schedule.x: ZenML takes no schedule here; zenbeat does the scheduling"
    ]
    (folder / "p.csv").write_text("optimizer.lr\n1\n")
    (folder / "a.yaml").write_text(f"{HEAD}    points: p.csv\n")
    [warning] = lint([folder]).warnings
    assert str(warning).startswith(f"{folder}/p.csv:2:1: optimizer.lr: ZenML does not know")


def test_expressions_know_that_some_trials_lack_a_parameter(warnings: Check) -> None:
    parameters = "      a: {values: [1, 2]}\n      b: {values: [1], when: a == 2}\n"
    config = "    config: {extra: {x: '{{ params.a }}', y: '{{ params.b }}'}}\n"
    assert warnings(GRID + parameters + config) == ["a.yaml:8:46: sweeps.0.config.extra.y: not every trial has b"]
    points = "    points: [{a: 1}, {a: 2, b: 1}]\n"
    assert warnings(HEAD + points + config) == ["a.yaml:6:46: sweeps.0.config.extra.y: not every trial has b"]


def test_a_bayes_sweep_is_checked_with_a_sample(faults: Check) -> None:
    text = GRID.replace("grid", "bayes\n    run_cap: 3\n    metric: {name: loss}")
    text += "      lr: {distribution: log_uniform_values, min: 0.1, max: 1}\n"
    assert faults(text + "    config: {extra: {x: '{{ params.lr * 2 }}'}}\n") == []
    [fault] = faults(text + "    config: {extra: {x: '{{ params.lrr }}'}}\n")
    assert fault.startswith('a.yaml:9:25: sweeps.0.config.extra.x: there is no "lrr"')
