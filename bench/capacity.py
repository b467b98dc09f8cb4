"""A server that takes few launches at once: how much of it is used, beside a client that was told its limit."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import datetime

import httpx
from celery import Celery

from bench.clock import wait_until
from bench.figures import Figures, keep
from bench.installation import Installation, document
from worker.demo.zenml import DEMO_API_KEY, DemoServer

CAPACITY = 2
SUBMIT_SECONDS = 0.25
"""How long each launch holds its slot. A real server holds it for longer, which is easier: it is asked less often."""

PATIENCE_SECONDS = 600.0
POLL_SECONDS = 0.01
"""How often the client that knows the limit asks whether its slot is free again."""


def capacity(runs: int, triggers: int) -> None:
    """Measure both in turn, `runs` times, each against a fresh demo server."""
    systems: dict[str, Callable[[DemoServer, int], None]] = {"zenbeat": _zenbeat, "a client that knows": _knowing}
    found: dict[str, list[Figures]] = {name: [] for name in systems}
    for number in range(runs):
        for name, system in systems.items():
            print(f"run {number + 1} of {runs}: {name}", file=sys.stderr, flush=True)
            found[name].append(_measure(system, triggers))
    setting = {"triggers": triggers, "runs": runs, "capacity": CAPACITY, "slot held s": SUBMIT_SECONDS}
    keep("capacity", setting, found)


def _measure(system: Callable[[DemoServer, int], None], triggers: int) -> Figures:
    with DemoServer(capacity=CAPACITY, submit_seconds=SUBMIT_SECONDS, failure_rate=0) as server:
        system(server, triggers)
        runs = list(server.state.runs.values())
        times = sorted(run.created for run in runs)
        failed = sum(run.status(server.state.now()) == "failed" for run in runs)
        return {
            "launches a second": (len(times) - 1) / _seconds(times),
            "of the ideal %": (len(times) - 1) / _seconds(times) / (CAPACITY / SUBMIT_SECONDS) * 100,
            "POSTs refused %": (server.state.posts - len(runs)) / server.state.posts * 100,
            "requests a launch": sum(server.state.requests.values()) / len(runs),
            "failed runs": failed,
            "missing": triggers - len({run.name for run in runs}),
            "doubled": len(runs) - len({run.name for run in runs}),
        }


def _seconds(times: list[datetime]) -> float:
    return (times[-1] - times[0]).total_seconds()


def _zenbeat(server: DemoServer, triggers: int) -> None:
    """Queue all at once, as an application would; zenbeat knows nothing of the server yet."""
    nothing = document(schedules=[])
    with (
        Installation(server.url, nothing, DEMO_API_KEY) as zenbeat,
        Celery("somebody", broker=zenbeat.redis_url, set_as_current=False) as app,
    ):
        for number in range(triggers):
            request = {"pipeline": "training", "idempotency_key": str(number)}
            app.send_task("worker.trigger", kwargs=request, queue="zenbeat")
        wait_until(lambda: len(server.state.runs) >= triggers, PATIENCE_SECONDS)


def _knowing(server: DemoServer, triggers: int) -> None:
    asyncio.run(_as_many_as_fit(server.url, triggers))


async def _as_many_as_fit(url: str, triggers: int) -> None:
    """One loop for each slot: launch, wait until the run has given its slot back, launch the next."""
    async with httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=30) as client:
        login = await client.post("login", data={"grant_type": "zenml-api-key", "password": DEMO_API_KEY})
        client.headers["authorization"] = f"Bearer {login.json()['access_token']}"
        templates = await client.get("run_templates", params={"name": "equals:production", "size": 1})
        path = f"run_templates/{templates.json()['items'][0]['id']}/runs"
        numbers = iter(range(triggers))

        async def fill_slot() -> None:
            for number in numbers:
                await _launch(lambda number=number: client.post(path, json={"run_name": f"known-{number}"}), client)

        async with asyncio.TaskGroup() as slots:
            for _ in range(CAPACITY):
                slots.create_task(fill_slot())


async def _launch(post: Callable[[], Awaitable[httpx.Response]], client: httpx.AsyncClient) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while (answer := await post()).status_code == httpx.codes.TOO_MANY_REQUESTS and time.monotonic() < end:
        await asyncio.sleep(POLL_SECONDS)
    answer.raise_for_status()
    run = answer.json()["id"]
    while (await client.get(f"runs/{run}/status")).json() == "initializing":
        await asyncio.sleep(POLL_SECONDS)
