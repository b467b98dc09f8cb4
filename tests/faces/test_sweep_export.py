"""`sweep export`: all trials, flat, in three formats."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.faces.started import Started, completed, failed
from worker.engine import trialexport
from worker.engine.definitions import Backfill

FILE = """\
sweeps:
  - name: rates
    pipeline: training
    method: random
    run_cap: 4500
    metric: {name: accuracy, goal: maximize}
    parameters:
      steps.model_trainer.parameters.lr: {min: 0.0, max: 1.0}
      steps.model_trainer.parameters.epochs: {min: 1, max: 9}
      steps.model_trainer.parameters.shuffle: {values: [true, false]}
      steps.model_trainer.parameters.layers: {values: [[1, 2], [3]]}
      steps.model_trainer.parameters.mixed: {values: [1, 0.5]}
schedules:
  - {name: nightly, pipeline: training, cron: "0 2 * * *"}
"""
STEM = "params.steps.model_trainer.parameters"


@pytest.fixture
def place(make_started: Any) -> Started:
    started: Started = make_started(FILE)
    started.results(
        started.start("rates"), {1: completed(1, accuracy=0.5), 2: failed(2), 3: completed(3, accuracy=float("nan"))}
    )
    return started


def test_csv_has_a_line_for_each_trial(place: Started) -> None:
    result = place("export", "rates")
    assert (result.exit_code, result.stderr) == (0, "")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["trial"] for row in rows] == [str(number) for number in range(1, 4501)]
    assert (rows[0]["status"], rows[0]["metrics.accuracy"]) == ("completed", "0.5")
    assert (rows[1]["status"], rows[1]["reason"]) == ("failed", "step trainer: out of memory")
    assert rows[2]["metrics.accuracy"] == "nan"
    assert rows[3]["status"] == "planned"
    assert {row[f"{STEM}.layers"] for row in rows} == {"[1,2]", "[3]"}
    assert {row[f"{STEM}.shuffle"] for row in rows} == {"true", "false"}


def test_json_lines_go_to_a_file(place: Started, tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    result = place("export", "rates", "--to", str(path))
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"4500 trials written to {path}.\n"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == 4500
    assert rows[0][f"{STEM}.layers"] in ([1, 2], [3])
    assert rows[2]["metrics.accuracy"] is None
    assert rows[0].keys() == rows[4499].keys()


def test_parquet_has_a_type_for_each_column(place: Started, tmp_path: Path) -> None:
    parquet: Any = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "out.parquet"
    assert place("export", "rates", "--to", str(path)).exit_code == 0
    table = parquet.read_table(path)
    assert table.num_rows == 4500
    kinds = {each.name.removeprefix(f"{STEM}."): str(each.type) for each in table.schema}
    assert (kinds["lr"], kinds["epochs"], kinds["shuffle"]) == ("double", "int64", "bool")
    assert (kinds["layers"], kinds["mixed"], kinds["metrics.accuracy"]) == ("string", "double", "double")
    assert table["status"][:4].to_pylist() == ["completed", "failed", "completed", "planned"]


def test_parquet_of_a_backfill_has_fire_times(place: Started, tmp_path: Path) -> None:
    parquet: Any = pytest.importorskip("pyarrow.parquet")
    fires = [datetime(2026, 3, day, 2, tzinfo=UTC) for day in (1, 2)]
    identity = place.backfill(Backfill(schedule="nightly", fires=fires, priority=-1))
    path = tmp_path / "out.parquet"
    assert place("export", identity, "--to", str(path)).exit_code == 0
    assert parquet.read_table(path)["fire_time"].to_pylist() == fires


def test_parquet_wants_a_file_and_pyarrow(place: Started, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = place("export", "rates", "--format", "parquet")
    assert refused.exit_code == 2
    assert "say with --to where to write it" in refused.stderr

    def missing(name: str) -> None:
        raise ModuleNotFoundError(name, name="pyarrow")

    monkeypatch.setattr(trialexport, "import_module", missing)
    path = tmp_path / "out.parquet"
    refused = place("export", "rates", "--to", str(path))
    assert (refused.exit_code, path.exists()) == (2, False)
    assert "Parquet needs pyarrow: pip install 'zenbeat[parquet]'" in refused.stderr


def test_a_file_is_there_when_it_is_complete_or_not_at_all(place: Started, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    assert place("export", "none", "--to", str(path)).exit_code == 2
    assert list(tmp_path.glob("out*")) == []
    refused = place("export", "rates", "--to", str(tmp_path / "none" / "out.csv"))
    assert refused.exit_code == 2
    assert "cannot be written: No such file or directory" in refused.stderr
