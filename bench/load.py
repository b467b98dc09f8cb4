"""Calls an HTTP API as many callers do: `python -m bench.load` reads a plan from stdin and prints what came of it.

A process of its own, so that it stands in the way of what is measured no more than any caller would. Who gets no
answer, or is told to come again, comes again with the same Idempotency-Key.
"""

import asyncio
import json
import sys
from dataclasses import asdict, dataclass, field
from typing import Any

import aiohttp

from bench.clock import now

AGAIN_SECONDS = 0.1
PATIENCE_SECONDS = 60.0
TRANSIENT = frozenset({429, 503})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which calls are made. `rate` is how many a second; 0 makes the next when the last one was answered."""

    url: str
    key: str
    stem: str
    calls: int
    connections: int = 1
    batch: int = 0
    """Triggers in one call; 0 is one that stands alone."""
    rate: float = 0.0


@dataclass(slots=True, kw_only=True)
class Came:
    """What came of it."""

    accepted: list[str] = field(default_factory=list)
    """Names of the runs whose call got 202."""
    sent: dict[str, float] = field(default_factory=dict)
    """When each call was first sent, by its name."""
    took: list[float] = field(default_factory=list)
    """Seconds from the sending to the 202, with all that was between."""
    again: int = 0
    """Calls that were made again."""
    refused: dict[str, int] = field(default_factory=dict)
    """Other answers than 202, and calls without one."""
    begin: float = 0.0
    end: float = 0.0


def wanted(name: str) -> dict[str, Any]:
    """Ask for one run."""
    return {
        "pipeline": "training",
        "template": "production",
        "config": {"run_name": name, "steps": {"model_trainer": {"parameters": {"epochs": 3}}}},
    }


class Callers:
    """All callers of one plan."""

    def __init__(self, plan: Plan, session: aiohttp.ClientSession) -> None:
        self._plan = plan
        self._session = session
        self._left = iter(range(plan.calls))
        self.came = Came()

    async def call_all(self) -> None:
        """Make every call."""
        self.came.begin = now()
        if self._plan.rate:
            await self._evenly()
        else:
            await asyncio.gather(*(self._one_after_another() for _ in range(self._plan.connections)))
        self.came.end = now()

    async def _one_after_another(self) -> None:
        for number in self._left:
            await self._call(number)

    async def _evenly(self) -> None:
        begin = now()
        async with asyncio.TaskGroup() as group:
            for number in self._left:
                await asyncio.sleep(max(0.0, begin + number / self._plan.rate - now()))
                group.create_task(self._call(number))

    async def _call(self, number: int) -> None:
        stem, batch = f"{self._plan.stem}{number:05}", self._plan.batch
        names = [f"{stem}-{each:04}" for each in range(batch)] if batch else [stem]
        body = json.dumps({"triggers": list(map(wanted, names))} if batch else wanted(stem)).encode()
        sent = self.came.sent[stem] = now()
        while await self._post(stem, body) != "202":
            if now() - sent > PATIENCE_SECONDS:
                return
            self.came.again += 1
            await asyncio.sleep(AGAIN_SECONDS)
        self.came.took.append(now() - sent)
        self.came.accepted += names

    async def _post(self, key: str, body: bytes) -> str:
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        if self._plan.key:
            headers["Authorization"] = f"Bearer {self._plan.key}"
        try:
            async with self._session.post(self._plan.url, data=body, headers=headers) as answer:
                said = await answer.read()
                status = answer.status
        except (aiohttp.ClientError, OSError, TimeoutError):
            said, status = b"", 0
        if status != 202:
            word = str(status or "no answer")
            self.came.refused[word] = self.came.refused.get(word, 0) + 1
            if status and status not in TRANSIENT and status < 500:
                raise RuntimeError(f"answered {status}: {said[:500]!r}")
        return str(status)


async def call(plan: Plan) -> Came:
    """Make the calls of a plan."""
    connector = aiohttp.TCPConnector(limit=0 if plan.rate else plan.connections)
    timeout = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        callers = Callers(plan, session)
        await callers.call_all()
    return callers.came


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(call(Plan(**json.load(sys.stdin)))))))
