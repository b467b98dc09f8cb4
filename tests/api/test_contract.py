"""The OpenAPI is true: schemathesis calls every route as it says, and as it does not, and believes no answer."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.door import SWEEPS

EXAMPLES = 15
"""Calls of each kind for each route; the seed makes them the same ones each time."""

SCHEDULES = f"""
schedules:
  - name: nightly-training
    pipeline: training
    cron: "0 2 * * *"
{SWEEPS}"""


RULES = """
[auth.openapi.key]
bearer = "{key}"

[[operations]]
include-path-regex = "/schedules"
# What a schedule means, a schema cannot say (422); nor what the caller has seen of it (412, 428).
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", 401, 403, 404, 409, 412, 422, 428, 429, "5xx"]

[[operations]]
include-path-regex = "/sweeps|/cron"
# Nor what a search space or a cron expression means.
[operations.checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", 401, 403, 404, 409, 422, 429, "5xx"]

[[operations]]
include-path-regex = "/triggers/.identity./"
[operations.parameters]
identity = "{trigger}"

[[operations]]
include-path-regex = "/sweeps/.identity./"
[operations.parameters]
identity = "{sweep}"
"""


@pytest.fixture
def address(stack: Any, eventually: Callable[..., None]) -> Iterator[str]:
    """A whole API, as users start it, behind a proxy on this machine."""
    stack.define(SCHEDULES)
    log = stack.folder / "api.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "worker", "api", "--port", "0"],
            env={**stack.environment, "LOG_FORMAT": "json", "ZENBEAT_TRUSTED_PROXIES": "127.0.0.1"},
            cwd=stack.folder,
            stdout=said,
            stderr=said,
        )
    stack.processes.append(process)
    for role in ("worker", "beat"):
        stack.start(role)
    found: list[str] = []

    def listens() -> bool:
        found[:] = re.findall(r'"url":"(http[^"]+)"', log.read_text())
        return bool(found) and all(stack.ready(role) for role in ("worker", "beat"))

    eventually(listens, what="an API that listens")
    yield found[0]
    assert "Traceback" not in log.read_text()


@pytest.mark.doors
@pytest.mark.timeout(900)
def test_every_route_does_as_the_openapi_says(stack: Any, address: str, tmp_path: Path) -> None:
    key = stack.zenbeat("key", "create", "schemathesis", "--scope", "admin", "--rate", "none")
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}) as http:
        described = http.get("/openapi.json").raise_for_status()
        trigger = http.post("/api/v1/triggers", json={"pipeline": "training"}).json()["id"]
        sweep = http.post("/api/v1/sweeps", json={"name": "learning-rates"}).json()["id"]
    (tmp_path / "openapi.json").write_bytes(described.content)
    (tmp_path / "schemathesis.toml").write_text(RULES.format(key=key, trigger=trigger, sweep=sweep))
    # A stream of events does not end by itself: test_events.py has it.
    words = ["--checks", "all", "--seed", "1", "--max-examples", str(EXAMPLES), "--exclude-path", "/api/v1/events"]
    here = Path(__file__).parent
    said = subprocess.run(
        [Path(sys.executable).with_name("schemathesis"), "run", "openapi.json", "--url", address, *words, "--no-color"],
        env={**os.environ, "SCHEMATHESIS_HOOKS": "contract", "PYTHONPATH": str(here)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stdout[-20_000:] + said.stderr[-2000:]
