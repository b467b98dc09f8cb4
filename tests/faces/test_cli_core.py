"""The command line as a whole: help without imports, exit codes, sentences, and the ways to print data."""

import csv
import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import yaml
from click.testing import CliRunner

from worker.cli import COMMANDS, cli
from worker.cli.lazy import exit_code
from worker.cli.output import in_words, printable, show, show_one
from worker.domain.errors import AccessDenied, InvalidInput, NotSent, StoreUnavailable
from worker.domain.moments import distance

NOW = datetime(2026, 3, 28, 13, 0, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")
ROWS = [
    {"name": "a", "at": NOW, "why": None, "more": {"x": 1}},
    {"name": "b,\x1b[31m", "at": NOW, "why": "", "more": {}},
]


def imported(*arguments: str) -> tuple[int, set[str]]:
    """Run the command in a process of its own, and give its exit code and which modules it loaded."""
    code = (
        "import sys\nfrom worker.cli import main\ntry:\n    main()\n"
        "finally:\n    sys.stderr.write('\\n'.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60)
    return done.returncode, set(done.stderr.split())


def test_help_names_every_command_and_imports_none() -> None:
    code, modules = imported("--help")
    assert code == 0
    assert {name.split(".")[0] for name in modules}.isdisjoint({"celery", "redis", "httpx", "pydantic", "rich"})
    told = CliRunner().invoke(cli, ["--help"]).stdout
    assert all(f"  {name} " in told for name, door in COMMANDS.items() if not door.hidden)
    assert "reference" not in told
    assert max(map(len, told.splitlines())) <= 80


@pytest.mark.parametrize("arguments", [["schedule", "lint"], ["healthcheck", "--help"], ["cron", "* * * * *"]])
def test_what_need_not_load_celery_does_not(arguments: list[str]) -> None:
    code, modules = imported(*arguments)
    assert code in {0, 2}
    assert "celery" not in modules
    assert "click" in modules


def test_lint_loads_no_redis() -> None:
    assert {"redis", "httpx"}.isdisjoint(imported("schedule", "lint")[1])


def test_a_misspelt_command_is_answered_with_the_nearest() -> None:
    result = CliRunner().invoke(cli, ["shedule"])
    assert result.exit_code == 2
    assert 'there is no command "shedule"; did you mean "schedule"?' in result.stderr
    result = CliRunner().invoke(cli, ["schedule", "explian"])
    assert result.exit_code == 2
    assert 'did you mean "explain"?' in result.stderr


def test_an_unknown_option_is_wrong_usage() -> None:
    assert CliRunner().invoke(cli, ["cron", "--nope"]).exit_code == 2


def test_version() -> None:
    assert CliRunner().invoke(cli, ["--version"]).stdout.startswith("zenbeat, version ")


def test_a_wrong_setting_is_a_sentence_and_exit_2() -> None:
    result = CliRunner().invoke(cli, ["healthcheck", "beat"], env={"ZENBEAT_PREFX": "x:"})
    assert result.exit_code == 2
    assert result.stderr == "ZENBEAT_PREFX: unknown variable; did you mean ZENBEAT_PREFIX?\n"


def test_each_error_has_its_exit_code() -> None:
    errors = (InvalidInput("x"), StoreUnavailable("x"), NotSent("x"), AccessDenied("x"))
    assert [exit_code(error) for error in errors] == [2, 69, 69, 1]


def test_completing_a_command_imports_nothing() -> None:
    environment = {"_ZENBEAT_COMPLETE": "bash_complete", "COMP_WORDS": "zenbeat sch", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", "from worker.cli import main; main()"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "plain,schedule\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    assert "_ZENBEAT_COMPLETE" in CliRunner().invoke(cli, ["completion", shell]).stdout


def test_json_and_yaml_have_all_of_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    show(ROWS, ["name"], "json")
    assert json.loads(capsys.readouterr().out)[0] == {
        "name": "a",
        "at": "2026-03-28T13:00:00+00:00",
        "why": None,
        "more": {"x": 1},
    }
    show(ROWS, ["name"], "yaml")
    assert yaml.safe_load(capsys.readouterr().out)[1]["name"] == "b,\x1b[31m"


def test_csv_has_the_columns(capsys: pytest.CaptureFixture[str]) -> None:
    show(ROWS, ["name", "at"], "csv")
    assert list(csv.reader(io.StringIO(capsys.readouterr().out)))[1] == ["a", "2026-03-28T13:00:00+00:00"]


def test_a_table_hides_empty_columns_and_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    show(ROWS, ["name", "why", "at"], "table", words={"at": lambda at: f"{at:%H:%M}"})
    told = capsys.readouterr().out
    assert [line.split() for line in told.splitlines()] == [["NAME", "AT"], ["a", "13:00"], ["b,�[31m", "13:00"]]
    show([], ["name"], "table", empty="None there.")
    assert capsys.readouterr() == ("", "None there.\n")


def test_no_rows_are_an_empty_list_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    show([], ["name"], "json")
    assert capsys.readouterr() == ("[]\n", "")


def test_one_thing_in_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    show_one({"id": "x" * 200, "on": True, "none": None}, "table")
    told = capsys.readouterr().out
    assert max(map(len, told.splitlines())) <= 80
    assert told.count("x") == 200
    assert "none" not in told
    assert "yes" in told


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (timedelta(minutes=3), "in 3 min · today 14:03 CET"),
        (timedelta(), "now · today 14:00 CET"),
        (timedelta(seconds=-20), "20 s ago · today 13:59:40 CET"),
        (timedelta(hours=-15), "15 h ago · yesterday 23:00 CET"),
        (timedelta(hours=12), "in 12 h · tomorrow 03:00 CEST"),
        (timedelta(days=3), "in 3 d · Tue 15:00 CEST"),
        (timedelta(days=30), "in 30 d · 2026-04-27 15:00 CEST"),
    ],
)
def test_times_in_words(after: timedelta, words: str) -> None:
    assert in_words(NOW + after, NOW, ZONE) == words
    assert words.startswith(distance(after))


def test_printable_keeps_lines() -> None:
    assert printable("a\nb\tc\x1b\x07") == "a\nb\tc��"


def test_reference_has_every_variable_command_key_and_state() -> None:
    result = CliRunner().invoke(cli, ["reference"])
    assert result.exit_code == 0, result.output
    for word in (
        "### `zenbeat schedule lint`",
        "`REDIS_URL_FILE`",
        "`zenbeat:ledger:<schedule>`",
        "| `dispatched` | Its id",
    ):
        assert word in result.stdout
