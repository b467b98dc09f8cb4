"""The settings: read in one place, all faults at once, secrets never shown."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from worker import running
from worker.domain.errors import InvalidInput
from worker.settings import SECRETS, VARIABLES, load_settings


def test_defaults_need_nothing(tmp_path: Path) -> None:
    settings = load_settings({}, tmp_path)
    assert settings.redis == settings.broker == "redis://127.0.0.1:6379/0"
    assert settings.schedules_dir == Path("schedules")


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LOG_LEVEL=DEBUG\nZENBEAT_BATCH=7\n")
    settings = load_settings({"LOG_LEVEL": "ERROR", "ZENBEAT_LEASE": ""}, tmp_path)
    assert (settings.log_level, settings.batch, settings.lease) == ("ERROR", 7, 6.0)


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("ZENKEY_x\n")
    settings = load_settings({"ZENML_STORE_API_KEY_FILE": str(secret)}, tmp_path)
    assert settings.zenml_api_key is not None
    assert settings.zenml_api_key.get_secret_value() == "ZENKEY_x"
    assert {"REDIS_URL", "CELERY_BROKER_URL", "ZENML_STORE_API_KEY", "ZENML_STORE_API_TOKEN"} == SECRETS


@pytest.mark.parametrize(
    ("given", "redis", "zenml"),
    [
        ({}, "redis://up", "http://demo"),
        ({"REDIS_URL": "redis://mine"}, "redis://mine", "http://demo"),
        ({"ZENML_STORE_URL": "https://mine"}, "redis://up", "https://mine"),
    ],
)
def test_what_is_not_set_is_that_of_a_running_up(given: dict[str, str], redis: str, zenml: str, tmp_path: Path) -> None:
    folder = tmp_path / ".zenbeat"
    running.leave(folder, {"REDIS_URL": "redis://up", "ZENML_STORE_URL": "http://demo", "ZENML_STORE_API_KEY": "k"})
    settings = load_settings(given, tmp_path)
    assert (settings.redis, settings.zenml_url) == (redis, zenml)
    assert (settings.zenml_api_key is None) == (zenml == "https://mine"), "no key goes to another server"
    assert load_settings({}, tmp_path, join=False).redis == "redis://127.0.0.1:6379/0"
    running.take_away(folder)
    assert load_settings({}, tmp_path).zenml_url is None


def test_the_note_of_an_up_that_was_killed_is_not_believed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    running.leave(tmp_path / ".zenbeat", {"REDIS_URL": "redis://up"})
    note = tmp_path / ".zenbeat" / running.NOTE
    note.write_text(note.read_text().replace(str(os.getpid()), str(gone.pid)))
    assert load_settings({}, tmp_path).redis == "redis://127.0.0.1:6379/0"
    running.take_away(tmp_path / ".zenbeat")
    assert note.exists(), "it is not ours"


def test_all_faults_come_at_once_each_with_its_variable(tmp_path: Path) -> None:
    environment = {
        "ZENBEAT_BATHC": "3",
        "ZENBEAT_LEASE": "soon",
        "ZENML_STORE_URL": "zenml.example.com",
        "ZENML_STORE_API_KEY": "a",
        "ZENML_STORE_API_KEY_FILE": "/b",
        "REDIS_URL_FILE": str(tmp_path / "none"),
    }
    with pytest.raises(InvalidInput) as caught:
        load_settings(environment, tmp_path)
    told = {fault.path: fault.message for fault in caught.value.faults}
    assert told["ZENBEAT_BATHC"] == "unknown variable; did you mean ZENBEAT_BATCH?"
    assert "valid number" in told["ZENBEAT_LEASE"]
    assert "https://" in told["ZENML_STORE_URL"]
    assert "together with ZENML_STORE_API_KEY" in told["ZENML_STORE_API_KEY_FILE"]
    assert "cannot be read" in told["REDIS_URL_FILE"]


def test_an_address_with_a_password_in_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="ZENML_STORE_API_KEY"):
        load_settings({"ZENML_STORE_URL": "https://me:secret@zenml.example.com"}, tmp_path)


def test_no_secret_is_shown(tmp_path: Path) -> None:
    settings = load_settings({name: f"canary-{name}" for name in SECRETS}, tmp_path)
    assert "canary" not in repr(settings)
    assert "canary" not in settings.model_dump_json()


def test_every_field_has_a_variable_and_a_sentence() -> None:
    assert len(VARIABLES) == len(set(VARIABLES.values()))
    assert all(name.isupper() for name in VARIABLES)
