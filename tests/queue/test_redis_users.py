"""The example of one Redis user for each role: with it everything works, and nobody does more than its part."""

import re
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

USERS = (Path(__file__).parents[2] / "examples" / "redis" / "users.acl").read_text()
ROLES = ("beat", "worker", "api", "cli")
TOKEN = "a-token-of-a-hook-that-is-long-enough-0123456789"

SCHEDULES = """
schedules:
  - name: often
    pipeline: training
    every: 2s
    overlap: allow
sweeps:
  - name: rates
    pipeline: training
    method: grid
    parameters:
      steps.model_trainer.parameters.lr: {values: [0.01, 0.1]}
hooks:
  - name: bucket
    pipeline: training
    signature: bearer
"""


def rules() -> dict[str, list[str]]:
    """Give the words for each user of the example."""
    lines = [line.split() for line in USERS.splitlines() if line and not line.startswith("#")]
    return {words[1]: words[2:] for words in lines}


@pytest.fixture
def users(stack: Any) -> Any:
    """Make the users, with their names as passwords; gives an address for each."""
    admin = stack.redis
    for name, words in rules().items():
        if name not in {"default", "admin"}:
            digest = sha256(name.encode()).hexdigest()
            given = [re.sub("^#SECRET-.*", f"#{digest}", word) for word in words]
            assert admin.execute_command("ACL", "SETUSER", name, "reset", *given) in {True, "OK"}
    admin.acl_log_reset()
    place = stack.environment["REDIS_URL"].rpartition("@")[2]
    yield {role: f"redis://zenbeat-{role}:zenbeat-{role}@{place}" for role in ROLES}
    for role in ROLES:
        admin.acl_deluser(f"zenbeat-{role}")


def refused(stack: Any) -> list[str]:
    """Give what Redis has refused to our users."""
    return [f"{entry['username']}: {entry['reason']} {entry['object']}" for entry in stack.redis.acl_log()]


def start_api(stack: Any, address: str) -> Path:
    log: Path = stack.folder / "api.log"
    variables = {"REDIS_URL": address, "LOG_FORMAT": "json", "ZENBEAT_HOOK_SECRETS": f'{{"bucket": "{TOKEN}"}}'}
    with log.open("wb") as said:
        stack.processes.append(
            subprocess.Popen(
                [sys.executable, "-m", "worker", "api", "--port", "0"],
                env={**stack.environment, **variables},
                cwd=stack.folder,
                stdout=said,
                stderr=said,
            )
        )
    return log


def use_all(stack: Any, url: str) -> str:
    """Go through what callers and people do; gives the id of a trigger."""
    key = stack.zenbeat("key", "create", "ci", "--scope", "admin")
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as http:
        assert http.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401
        late = http.post("/api/v1/triggers", json={"pipeline": "training", "not_before": "2100-01-01T00:00:00Z"}).json()
        assert http.post(f"{late['url']}/cancel").status_code == 200
        made = http.post("/api/v1/schedules", json={"name": "late", "pipeline": "training", "every": "3s"})
        assert made.status_code == 201, made.text
        assert http.delete("/api/v1/schedules/late", headers={"If-Match": made.headers["etag"]}).status_code < 300
        assert http.post("/api/v1/schedules/often/pause", json={"why": "a test"}).status_code == 200
        assert http.post("/api/v1/schedules/often/resume", json={}).status_code == 200
        hooked = http.post("/hooks/bucket", json={}, headers={"Authorization": f"Bearer {TOKEN}"})
        assert hooked.status_code == 202, hooked.text
        assert http.get("/metrics").status_code == 200
        assert http.get("/readyz").status_code == 200
        assert http.post("/login", data={"key": key}).status_code == 303
        assert http.get("/cron").status_code == 200
        stack.zenbeat("sweep", "run", "rates")
        stack.zenbeat("metrics")
        stack.zenbeat("audit", "list")
        identity: str = http.post("/api/v1/triggers", json={"pipeline": "training"}).json()["id"]
        return identity


def test_each_role_can_do_its_part(stack: Any, users: Any, eventually: Callable[..., None]) -> None:
    stack.define(SCHEDULES)
    log = start_api(stack, users["api"])
    for role in ("worker", "beat"):
        stack.start(role, REDIS_URL=users[role])
    found: list[str] = []

    def up() -> bool:
        found[:] = re.findall(r'"url":"(http[^"]+)"', log.read_text())
        return bool(found) and all(map(stack.ready, ("worker", "beat", "api")))

    eventually(up, what="all roles")
    stack.environment["REDIS_URL"] = users["cli"]
    identity = use_all(stack, found[0])
    eventually(lambda: stack.redis.hget(f"zenbeat:trigger:{identity}", "run_id"), what=f"a run; {refused(stack)}")
    eventually(lambda: len(stack.outcomes("started")) > 5, what="starts")
    eventually(lambda: stack.outcomes("completed"), what=f"ends; {refused(stack)}")
    assert refused(stack) == []


HARM = ("FLUSHALL", "FLUSHDB", "CONFIG GET *", "KEYS *", "ACL LIST", "CLIENT LIST", "SHUTDOWN", "MONITOR")

NOT_THEIRS = {
    "beat": (
        "HGETALL zenbeat:api-keys",
        "GET zenbeat:api-session:x",
        "XTRIM zenbeat:audit MAXLEN 0",
        "DEL zenbeat:booked:0",
        "BRPOP zenbeat 1",
    ),
    "worker": (
        "HSET zenbeat:api-keys a b",
        "SET zenbeat:api-session:x y",
        "DEL zenbeat:audit",
        "GET zenbeat:guesses:a",
        "HGETALL zenbeat:booked:0",
    ),
    "api": ("BRPOP zenbeat.doorbell 1", "GET somebody:else", "EVAL return 0"),
    "cli": ("BRPOP zenbeat.doorbell 1", "GET somebody:else"),
}


@pytest.mark.parametrize("role", ROLES)
def test_no_role_can_do_more(role: str, users: Any) -> None:
    with redis.Redis.from_url(users[role]) as client:
        assert client.ping()
        for command in (*HARM, *NOT_THEIRS[role]):
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.execute_command(*command.split())


def test_who_gives_no_name_is_nobody() -> None:
    assert rules()["default"] == ["off"]
    for name, words in rules().items():
        assert name == "default" or any(word.startswith("#SECRET-") for word in words)
        assert "nopass" not in words
