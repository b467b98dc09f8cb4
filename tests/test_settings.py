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
    assert {
        "REDIS_URL",
        "CELERY_BROKER_URL",
        "ZENML_STORE_API_KEY",
        "ZENML_STORE_API_TOKEN",
        "ZENBEAT_RECEIVERS",
        "ZENBEAT_WEBHOOK_SECRET",
        "ZENBEAT_NOTIFY",
        "ZENBEAT_HOOK_SECRETS",
    } == SECRETS


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
    canaries = {name: f"canary-{name}" for name in SECRETS}
    canaries["ZENBEAT_RECEIVERS"] = '{"ops": "slack://canary"}'
    canaries["ZENBEAT_WEBHOOK_SECRET"] = "whsec_" + "canary00" * 4
    canaries["ZENBEAT_NOTIFY"] = "ops,https://example.com/canary"
    canaries["ZENBEAT_HOOK_SECRETS"] = '{"pushed": "canary canary canary"}'
    settings = load_settings(canaries, tmp_path)
    assert "canary" not in repr(settings)
    assert "canary" not in settings.model_dump_json()
    assert "canary" not in repr(settings.receivers)


def test_receivers_of_alerts(tmp_path: Path) -> None:
    secret = tmp_path / "receivers.json"
    secret.write_text('{"ops": "slack://a/b/c", "hook": ["https://x.example.com/1", "mailto://a:b@example.com"]}\n')
    key = "whsec_" + "a" * 32
    environment = {"ZENBEAT_RECEIVERS_FILE": str(secret), "ZENBEAT_WEBHOOK_SECRET": f"{key} {key}"}
    settings = load_settings({**environment, "ZENBEAT_NOTIFY": "ops, https://y.example.com"}, tmp_path)
    assert settings.receivers.urls["ops"] == ("slack://a/b/c",)
    assert settings.receivers.urls["hook"] == ("https://x.example.com/1", "mailto://a:b@example.com")
    assert [len(one) for one in settings.receivers.secrets] == [24, 24]
    assert settings.notified == ("ops", "https://y.example.com")
    nobody = load_settings({}, tmp_path)
    assert (nobody.receivers.urls, nobody.receivers.secrets, nobody.notified) == ({}, (), ())


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("ZENBEAT_HOOK_SECRETS", "canary", "is not JSON such as"),
        ("ZENBEAT_HOOK_SECRETS", '["canary"]', "has to be a mapping"),
        (
            "ZENBEAT_HOOK_SECRETS",
            '{"pushed": ["canary canary canary", 7]}',
            '"pushed" has to be a text, or a list of texts',
        ),
        ("ZENBEAT_HOOK_SECRETS", '{"pushed": "canary"}', '"pushed" has a secret of less than 16 characters'),
        ("ZENBEAT_RECEIVERS", "slack://canary", "is not JSON (line 1, column 1)"),
        ("ZENBEAT_RECEIVERS", '["slack://canary"]', "is not a JSON object"),
        ("ZENBEAT_RECEIVERS", '{"ops": {"url": "canary"}}', "ops: is neither an address nor a list"),
        ("ZENBEAT_RECEIVERS", '{"ops": []}', "ops: is neither an address nor a list"),
        ("ZENBEAT_RECEIVERS", '{"ops": "canary"}', "ops: this is not an address"),
        ("ZENBEAT_RECEIVERS", '{"ops": "https:///canary"}', "ops: this is a web address without a host"),
        ("ZENBEAT_RECEIVERS", '{"ops": "https://a:99999/canary"}', "ops: this is a web address without a host"),
        ("ZENBEAT_RECEIVERS", '{"slack://canary": "ops"}', "slack://… is not a name"),
        ("ZENBEAT_RECEIVERS", '{"ops/1": "slack://canary"}', '"ops/1" is not a name'),
        ("ZENBEAT_WEBHOOK_SECRET", "canary", "is not whsec_ and 24 to 64 bytes"),
        ("ZENBEAT_WEBHOOK_SECRET", "whsec_canary", "is not whsec_ and 24 to 64 bytes"),
        ("ZENBEAT_WEBHOOK_SECRET", "whsec_canary" * 3, "is not whsec_ and 24 to 64 bytes"),
        ("ZENBEAT_WEBHOOK_SECRET", "whsec_" + "a" * 88, "is not whsec_ and 24 to 64 bytes"),
        ("ZENBEAT_WEBHOOK_SECRET", "a b c", "holds 3 secrets"),
        ("ZENBEAT_NOTIFY", "opps", '"opps" is not among ZENBEAT_RECEIVERS; did you mean "ops"?'),
        ("ZENBEAT_NOTIFY", "ops,,", '"" is not a name'),
        ("ZENBEAT_NOTIFY", "https://", "an address is a web address without a host"),
    ],
)
def test_receivers_that_cannot_be_used(variable: str, value: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_settings({"ZENBEAT_RECEIVERS": '{"ops": "slack://a/b/c"}', variable: value}, tmp_path)
    assert str(caught.value).startswith(f"{variable}: {told}")
    assert "canary" not in str(caught.value)


def test_every_field_has_a_variable_and_a_sentence() -> None:
    assert len(VARIABLES) == len(set(VARIABLES.values()))
    assert all(name.isupper() for name in VARIABLES)
