"""Thousands of runs that go on: what following them costs the server and the beat, and how soon an end is known."""

import asyncio
import socket
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid4

import httpx

from bench.clock import now, wait_until
from bench.figures import Figures, keep, percentile
from bench.installation import KEYS, Installation, document
from bench.processes import Group
from tests.e2e.seeded import seeded_server
from worker.demo.zenml import DEMO_API_KEY
from worker.domain.outcome import Status
from worker.domain.trigger import Origin, Trigger, trigger_id
from worker.store.attempts import Settlement
from worker.store.connection import connect
from worker.store.items import Entry, Item
from worker.store.limits import Limits
from worker.store.triggers import TriggerStore

SETTLE_SECONDS = 20.0
ENDS = 40
BETWEEN_SECONDS = 1.0
PATIENCE_SECONDS = 300.0
OLDEST = timedelta(hours=4)
AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server of its own process, on which so many runs go on."""

    url: str
    key: str
    pid: int
    project: str
    runs: Sequence[tuple[str, str]]
    """Id and name."""
    end: Callable[[str], None]


def following(counts: Sequence[int], seconds: int, real: bool = False) -> None:  # noqa: FBT001, FBT002 - argparse names it
    """Measure with each number of runs, against the demo or ZenML itself."""
    found: dict[str, list[Figures]] = {}
    for count in counts:
        print(f"{count} runs", file=sys.stderr, flush=True)
        with (_real if real else _demo)(count) as server:
            found[f"{count} runs"] = [_measure(server, seconds)]
    keep("following-real" if real else "following", {"seconds": seconds, "ends": ENDS}, found)


def _measure(server: Server, seconds: int) -> Figures:
    with Installation(server.url, document(schedules=[]), server.key) as zenbeat:
        zenbeat.group.count("server", server.pid)
        asyncio.run(_adopt(zenbeat.redis_url, server))
        time.sleep(SETTLE_SECONDS)
        before, begun = zenbeat.group.cpu(), time.monotonic()
        time.sleep(seconds)
        after, passed = zenbeat.group.cpu(), time.monotonic() - begun
        shares = {f"CPU % {name}": (after[name] - before[name]) / passed * 100 for name in ("server", "beat", "redis")}
        waits = _ends(zenbeat, server)
        zenbeat.group.alive()
    return {**shares, "end known p50 s": percentile(waits, 0.5), "p95 s": percentile(waits, 0.95), "max s": max(waits)}


def _ends(zenbeat: Installation, server: Server) -> list[float]:
    """End some runs one after the other; gives the seconds until each was known."""
    ended: dict[str, float] = {}
    for run, _ in Random(1).sample(list(server.runs), ENDS):
        server.end(run)
        ended[run] = now()
        time.sleep(BETWEEN_SECONDS)

    def known() -> dict[str, float]:
        rows: Any = zenbeat.redis.xrange(KEYS.outcomes)
        ends = [(identity, row) for identity, row in rows if row["status"] == "completed"]
        return {row["run_id"]: int(identity.partition("-")[0]) / 1000 for identity, row in ends}

    if not wait_until(lambda: ended.keys() <= known().keys(), PATIENCE_SECONDS, every=1.0):
        raise RuntimeError(f"{len(ended.keys() - known().keys())} ends are not known")
    return [max(0.0, known()[run] - when) for run, when in ended.items()]


async def _adopt(url: str, server: Server) -> None:
    """Let zenbeat know the runs as its own, as if it had started them within the last hours."""
    redis, random = connect(url), Random(1)
    store = TriggerStore(redis, KEYS, Limits())
    runs = list(server.runs)
    for begin in range(0, len(runs), AT_ONCE):
        await _adopt_some(store, runs[begin : begin + AT_ONCE], server.project, random)
    await redis.aclose()


async def _adopt_some(store: TriggerStore, runs: Sequence[tuple[str, str]], project: str, random: Random) -> None:
    moment = datetime.now(UTC)  # noqa: TID251 - as the server's clock
    entries, results = [], []
    for run, name in runs:
        identity = trigger_id(Origin.CLI, name)
        trigger = Trigger(id=identity, origin=Origin.CLI, source=name, pipeline="training", run_name=name, due=moment)
        entries.append(Entry(trigger=trigger, ready=moment + OLDEST))
        fields = {"run_id": run, "run_status": "running", "run_project": project}
        outcome = {"trigger": identity, "run_id": run}
        results.append(Settlement(id=identity, status=Status.STARTED, outcome=outcome, fields=fields, changed=moment))
    await store.record([Item(entries=entries)])
    await store.settle(results, "bench", 0)
    async with store.redis.pipeline(transaction=False) as pipe:
        for result in results:
            age = random.random() * OLDEST
            looked = moment - min(age, timedelta(minutes=30)) * random.random()
            told = {
                name: round(when.timestamp() * 1000)
                for name, when in (("accepted", moment - age), ("verified", looked))
            }
            pipe.hset(store.keys.trigger(result.id), mapping=told)
        await pipe.execute()


# --- servers


@contextmanager
def _demo(count: int) -> Iterator[Server]:
    with TemporaryDirectory(prefix="zenbeat-bench-") as folder:
        group = Group(Path(folder))
        port = _free_port()
        program = (
            "from worker.demo.zenml import DemoOptions, run_demo; "
            f"run_demo(port={port}, options=DemoOptions(capacity=None, failure_rate=0, keep_runs=100_000))"
        )
        pid = group.start("demo", [sys.executable, "-c", program], {})
        url = f"http://127.0.0.1:{port}"
        try:
            wait_until(lambda: _answers(url), 30)
            with httpx.Client(base_url=url, timeout=60) as client:
                runs, project = _start(client, count, DEMO_API_KEY)

                def end(run: str) -> None:
                    client.post(f"/demo/runs/{run}/end", json={"status": "completed"}).raise_for_status()

                yield Server(url=url, key=DEMO_API_KEY, pid=pid, project=project, runs=runs, end=end)
        finally:
            group.end()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=5).is_success
    except httpx.TransportError:
        return False


def _start(client: httpx.Client, count: int, key: str) -> tuple[list[tuple[str, str]], str]:
    """Start runs that go on for a day; gives them, and their project."""
    login = client.post("/api/v1/login", data={"grant_type": "zenml-api-key", "password": key})
    client.headers["authorization"] = f"Bearer {login.json()['access_token']}"
    item = client.get("/api/v1/run_templates", params={"name": "equals:production"}).json()["items"][0]
    steps = {"model_trainer": {"parameters": {"seconds": 80_000}}}
    runs = []
    for number in range(count):
        name = f"bench-{number}"
        answer = client.post(f"/api/v1/run_templates/{item['id']}/runs", json={"run_name": name, "steps": steps})
        answer.raise_for_status()
        runs.append((answer.json()["id"], name))
    return runs, answer.json()["body"]["project_id"]


@contextmanager
def _real(count: int) -> Iterator[Server]:
    """Start the ZenML server of the end-to-end tests, start one run, and write as many like it into its database."""
    with TemporaryDirectory(prefix="zenbeat-bench-") as folder:
        server = seeded_server(Path(folder) / "zenml")
        database = server.directory / "zenml.db"
        with closing(server):
            server.start()
            with httpx.Client(base_url=server.url, timeout=60) as client:
                ((first, _),), project = _start(client, 1, server.api_key)
                running = f"/api/v1/runs/{first}/status"
                wait_until(lambda: client.get(running).json() == "running", 60)
            runs = _multiply(database, UUID(first).hex, count)

            def end(run: str) -> None:
                moment = _plain(datetime.now(UTC))  # noqa: TID251 - what the server would write
                change = "UPDATE pipeline_run SET status='completed', in_progress=0, end_time=?, updated=? WHERE id=?"
                with closing(sqlite3.connect(database, timeout=30)) as db, db:
                    db.execute(change, (moment, moment, UUID(run).hex))

            assert server.pid is not None
            yield Server(url=server.url, key=server.api_key, pid=server.pid, project=project, runs=runs, end=end)


def _multiply(database: Path, first: str, count: int) -> list[tuple[str, str]]:
    """Write runs like the first one, which have changed last within the last hours."""
    random, moment = Random(1), datetime.now(UTC)  # noqa: TID251
    runs = [(str(uuid4()), f"bench-row-{number}") for number in range(count)]
    with closing(sqlite3.connect(database, timeout=30)) as db, db:
        db.row_factory = sqlite3.Row
        pattern = dict(db.execute("SELECT * FROM pipeline_run WHERE id=?", (first,)).fetchone())
        names = ", ".join(f'"{name}"' for name in pattern)
        for number, (run, name) in enumerate(runs):
            when = _plain(moment - random.random() * OLDEST)
            new = {"id": UUID(run).hex, "name": name, "orchestrator_run_id": run, "index": number + 2}
            row = {**pattern, **new, "created": when, "updated": when, "root_run_id": UUID(run).hex}
            marks = ", ".join("?" for _ in row)
            db.execute(f"INSERT INTO pipeline_run ({names}) VALUES ({marks})", list(row.values()))  # noqa: S608
    return runs


def _plain(moment: datetime) -> str:
    """Write an instant as SQLAlchemy does."""
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")
