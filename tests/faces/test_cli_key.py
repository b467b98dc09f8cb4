"""`zenbeat key`, `zenbeat audit`, and what `doctor` says of keys."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.faces.place import Place
from worker.domain.apikey import FORM
from worker.domain.errors import CallRefused
from worker.engine.keyring import Keyring
from worker.engine.refusing import Call
from worker.engine.runtime import Engine

NOTHING = "schedules: []\n"


@pytest.fixture
def zenbeat(make_place: Callable[..., Place]) -> Place:
    return make_place(NOTHING)


def admitted(zenbeat: Place, text: str) -> bool:
    """Tell whether a key opens the door."""

    async def knock(engine: Engine) -> bool:
        try:
            return await Keyring(engine).admit(text, Call(address="10.0.0.1", what="GET /x")) is not None
        except CallRefused:
            return False

    return bool(zenbeat.ask(knock))


def test_a_key_is_printed_alone_and_opens_the_door(zenbeat: Place) -> None:
    made = zenbeat("key", "create", "ci", "-s", "read", "--scope", "trigger:train*", "--expires", "90d", "--by", "ann")
    assert made.exit_code == 0, made.output
    assert FORM.fullmatch(made.stdout.removesuffix("\n"))
    assert "shown only now" in made.stderr
    assert "ci is good until 20" in made.stderr
    assert made.stdout.strip() not in made.stderr
    assert admitted(zenbeat, made.stdout.strip())
    (key,) = zenbeat.json("key", "list")
    assert (key["name"], key["state"], key["by"], key["rate"]) == ("ci", "active", "ann", "600/min")
    assert key["scopes"] == ["read", "trigger:train*"]
    assert key["last_used"]
    assert made.stdout.strip()[16:] not in zenbeat("key", "list", "-o", "yaml").stdout


def test_a_key_may_be_good_for_ever_and_call_as_often_as_it_likes(zenbeat: Place) -> None:
    made = zenbeat("key", "create", "ci", "-s", "admin", "--rate", "none")
    assert "until it is revoked" in made.stderr
    (key,) = zenbeat.json("key", "list")
    assert (key["rate"], key["expires"]) == ("none", None)
    assert re.fullmatch(r"cli:\S+", key["by"])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["ci", "-s", "raed"], 'scopes.0: "raed" is no scope; did you mean "read"?'),
        (["ci"], "Missing option '-s' / '--scope'"),
        (["C I", "-s", "read"], '"C I" is no name for a key'),
        (["ci", "-s", "read", "--rate", "600"], "write one such as 600/min"),
        (["ci", "-s", "read", "--expires", "soon"], '--expires: "soon" is not a length of time'),
        (["ci", "-s", "read", "--expires", "0s"], "--expires: 0s is too long or too short"),
        (["ci", "-s", "read", "--expires", "40000d"], "--expires: 40000d is too long or too short"),
    ],
)
def test_what_is_refused_makes_no_key(words: list[str], told: str, zenbeat: Place) -> None:
    result = zenbeat("key", "create", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr
    assert "There is no key" in zenbeat("key", "list").stderr


def test_a_key_is_changed_for_a_new_one_without_a_gap(zenbeat: Place) -> None:
    old = zenbeat("key", "create", "ci", "-s", "read").stdout.strip()
    rotated = zenbeat("key", "rotate", "ci", "--overlap", "1h")
    assert f"The old one, {old[3:15]}, is good until" in rotated.stderr
    assert admitted(zenbeat, old)
    assert admitted(zenbeat, rotated.stdout.strip())
    last = zenbeat("key", "rotate", "ci", "--overlap", "0s").stdout.strip()
    assert not admitted(zenbeat, rotated.stdout.strip())
    assert admitted(zenbeat, last)
    assert len(zenbeat.json("key", "list")) == 2
    assert [key["state"] for key in zenbeat.json("key", "list", "--all")] == ["active", "expired", "active"]


def test_a_key_is_taken_back_by_its_name_or_id(zenbeat: Place) -> None:
    text = zenbeat("key", "create", "ci", "-s", "read").stdout.strip()
    assert zenbeat("key", "revoke", "c1").exit_code == 2
    assert zenbeat("key", "revoke", text[3:15]).stdout == f"{text[3:15]}\n"
    again = zenbeat("key", "revoke", "ci")
    assert (again.exit_code, again.stdout) == (0, "")
    assert "ci was revoked before" in again.stderr
    assert not admitted(zenbeat, text)
    assert zenbeat("key", "list").stdout == ""
    assert "revoked" in zenbeat("key", "list", "--all").stdout


def test_the_audit_log_has_every_change_and_refused_call(zenbeat: Place) -> None:
    assert "no entries" in zenbeat("audit", "list").stderr
    text = zenbeat("key", "create", "ci", "-s", "read", "--by", "cli:ann").stdout.strip()
    zenbeat("key", "revoke", "ci", "--by", "cli:bob")
    assert not admitted(zenbeat, text)
    refused, revoked, created = zenbeat.json("audit", "list")
    assert [entry["action"] for entry in (refused, revoked, created)] == ["call.unknown", "key.revoke", "key.create"]
    assert (refused["result"], refused["address"], refused["reason"]) == ("refused", "10.0.0.1", "the key is revoked")
    assert (revoked["before"][0]["revoked"], bool(revoked["after"][0]["revoked"])) == (None, True)
    assert text[16:] not in json.dumps([refused, revoked, created])
    assert "call.unknown" in zenbeat("audit", "list").stdout


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--who", "cli:ann"], ["key.create"]),
        (["--action", "key"], ["key.revoke", "key.create"]),
        (["--action", "key.create"], ["key.create"]),
        (["--action", "ke"], []),
        (["--refused"], ["call.unknown"]),
        (["-n", "1"], ["call.unknown"]),
    ],
)
def test_the_audit_log_can_be_asked(words: list[str], found: list[str], zenbeat: Place) -> None:
    zenbeat("key", "create", "ci", "-s", "read", "--by", "cli:ann")
    zenbeat("key", "revoke", "ci", "--by", "cli:bob")
    assert not admitted(zenbeat, "nonsense")
    assert [entry["action"] for entry in zenbeat.json("audit", "list", *words)] == found


def findings(zenbeat: Place) -> list[dict[str, Any]]:
    said = zenbeat("doctor", "-o", "json", ZENML_STORE_URL="")
    return [finding for finding in json.loads(said.stdout) if finding["check"] == "API keys"]


def test_doctor_tells_of_keys_that_will_be_missed_soon(zenbeat: Place) -> None:
    assert "none: the HTTP API listens on this machine only" in findings(zenbeat)[0]["found"]
    zenbeat("key", "create", "long", "-s", "read", "--expires", f"{timedelta(days=15).days}d")
    assert findings(zenbeat)[0]["found"] == "1 in use, none expires within 14 days"
    zenbeat("key", "create", "short", "-s", "read", "--expires", "13d")
    (finding,) = findings(zenbeat)
    assert finding["result"] == "warning"
    assert finding["found"].startswith("short is good until 20")
    assert "zenbeat key rotate short" in finding["hint"]
    zenbeat("key", "rotate", "long", "--overlap", "1h")
    zenbeat("key", "revoke", "short")
    assert findings(zenbeat)[0]["result"] == "ok", "a key whose successor is there may expire"
