"""A server that takes few launches at once: how much of it is used, beside a client that was told its limit."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from celery import Celery

from bench.clock import wait_until
from bench.figures import Figures, keep
from bench.installation import Installation, document
from tests.e2e.api import ZenMLAPI
from tests.e2e.seeded import seeded_server
from worker.demo.zenml import DEMO_API_KEY, DemoServer

CAPACITY = 2
"""ZenML's default."""

DEMO_SUBMIT_SECONDS = 0.25
REAL_SUBMIT_SECONDS = 1.0
"""How long each launch holds its slot. The longer, the easier: the server is asked less often."""

PATIENCE_SECONDS = 600.0
POLL_SECONDS = 0.01
"""How often the client that knows the limit asks whether its slot is free again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A fresh server, and what it has to say: when each run was made, under which name, with which status."""

    url: str
    key: str
    runs: Callable[[], list[tuple[datetime, str, str]]]


System = Callable[[Server, int], int]
"""Launches so many runs; gives how many POSTs were refused."""


def capacity(runs: int, triggers: int, real: bool = False) -> None:  # noqa: FBT001, FBT002 - argparse names it
    """Measure both in turn, `runs` times, each against a fresh server: the demo, or ZenML itself."""
    make, held = (_real, REAL_SUBMIT_SECONDS) if real else (_demo, DEMO_SUBMIT_SECONDS)
    systems: dict[str, System] = {"zenbeat": _zenbeat, "a client that knows": _knowing}
    found: dict[str, list[Figures]] = {name: [] for name in systems}
    for number in range(runs):
        for name, system in systems.items():
            print(f"run {number + 1} of {runs}: {name}", file=sys.stderr, flush=True)
            with make() as server:
                refused = system(server, triggers)
                found[name].append(_figures(server.runs(), triggers, refused, CAPACITY / held))
    setting = {"triggers": triggers, "runs": runs, "capacity": CAPACITY, "slot held s": held}
    keep("capacity-real" if real else "capacity", setting, found)


def _figures(runs: list[tuple[datetime, str, str]], triggers: int, refused: int, ideal: float) -> Figures:
    times = sorted(made for made, _, _ in runs)
    rate = (len(times) - 1) / (times[-1] - times[0]).total_seconds()
    names = {name for _, name, _ in runs}
    return {
        "launches a second": rate,
        "of the ideal %": rate / ideal * 100,
        "POSTs refused %": refused / (refused + len(runs)) * 100,
        "failed runs": sum(status == "failed" for _, _, status in runs),
        "missing": triggers - len(names),
        "doubled": len(runs) - len(names),
    }


@contextmanager
def _demo() -> Iterator[Server]:
    with DemoServer(capacity=CAPACITY, submit_seconds=DEMO_SUBMIT_SECONDS, failure_rate=0) as demo:
        state = demo.state
        yield Server(
            url=demo.url,
            key=DEMO_API_KEY,
            runs=lambda: [(run.created, run.name, run.status(state.now())) for run in state.runs.values()],
        )


@contextmanager
def _real() -> Iterator[Server]:
    """Start the ZenML server of the end-to-end tests, whose runs hold their slots as long as they are told to."""
    with TemporaryDirectory(prefix="zenbeat-bench-") as folder:
        server = seeded_server(Path(folder) / "zenml", ZENBEAT_E2E_SUBMIT_SECONDS=str(REAL_SUBMIT_SECONDS))
        with closing(server):
            server.start()
            with closing(ZenMLAPI(server.url, server.api_key)) as api:
                api.login()
                yield Server(url=server.url, key=server.api_key, runs=lambda: [_made(run) for run in api.runs()])


def _made(run: dict[str, dict[str, str]]) -> tuple[datetime, str, str]:
    made = datetime.fromisoformat(run["body"]["created"]).replace(tzinfo=UTC)
    return made, str(run["name"]), run["body"]["status"]


def _zenbeat(server: Server, triggers: int) -> int:
    """Queue all at once, as an application would; zenbeat knows nothing of the server yet."""
    with (
        Installation(server.url, document(schedules=[]), server.key) as zenbeat,
        Celery("somebody", broker=zenbeat.redis_url, set_as_current=False) as app,
    ):
        for number in range(triggers):
            request = {"pipeline": "training", "template": "production", "idempotency_key": str(number)}
            app.send_task("worker.trigger", kwargs=request, queue="zenbeat")
        # Seldom: what counts them shares its process with the demo.
        wait_until(lambda: zenbeat.outcomes() >= triggers and zenbeat.quiet(), PATIENCE_SECONDS, every=1.0)
        return zenbeat.count_outcomes(code="at_capacity")


def _knowing(server: Server, triggers: int) -> int:
    return asyncio.run(_as_many_as_fit(server, triggers))


async def _as_many_as_fit(server: Server, triggers: int) -> int:
    """One loop for each slot: launch, wait until the run has given its slot back, launch the next."""
    async with httpx.AsyncClient(base_url=f"{server.url}/api/v1", timeout=30) as client:
        login = await client.post("login", data={"grant_type": "zenml-api-key", "password": server.key})
        client.headers["authorization"] = f"Bearer {login.json()['access_token']}"
        templates = await client.get("run_templates", params={"name": "equals:production", "size": 1})
        path = f"run_templates/{templates.json()['items'][0]['id']}/runs"
        numbers = iter(range(triggers))
        refused = 0

        async def fill_slot() -> None:
            nonlocal refused
            for number in numbers:
                refused += await _launch(client, path, f"known-{number}")

        async with asyncio.TaskGroup() as slots:
            for _ in range(CAPACITY):
                slots.create_task(fill_slot())
        return refused


async def _launch(client: httpx.AsyncClient, path: str, name: str) -> int:
    end = time.monotonic() + PATIENCE_SECONDS
    refused = 0
    while (answer := await client.post(path, json={"run_name": name})).status_code == httpx.codes.TOO_MANY_REQUESTS:
        refused += 1
        if time.monotonic() > end:
            break
        await asyncio.sleep(POLL_SECONDS)
    answer.raise_for_status()
    run = answer.json()["id"]
    while (await client.get(f"runs/{run}/status")).json() == "initializing":
        await asyncio.sleep(POLL_SECONDS)
    return refused
