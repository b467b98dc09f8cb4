"""Looks at a live page as many people do: `python -m bench.viewers` reads a plan from stdin, prints what came of it.

A process of its own, as browsers are. An event's id has the instant at which Redis took the outcome in.
"""

import asyncio
import json
import re
import sys
from dataclasses import asdict, dataclass, field

import aiohttp

from bench.clock import now

EVENT = re.compile(rb"^id: (\d+)-\d+\nevent: outcome$", re.MULTILINE)

SEPARATOR = b"\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Who looks, at what, and for how long. `seconds` begin when all of them are there."""

    url: str
    viewers: int
    seconds: float


@dataclass(slots=True, kw_only=True)
class Seen:
    """What they saw."""

    delays: list[float] = field(default_factory=list)
    """Seconds from Redis to a viewer, of each event and viewer."""
    bytes: int = 0
    """What all were sent."""
    ended: int = 0
    """Streams that ended before their time."""


async def look(watch: Watch) -> Seen:
    """Open the streams, say so on stdout, and read them."""
    seen = Seen()
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as session:
        answers = await asyncio.gather(*(session.get(watch.url) for _ in range(watch.viewers)))
        for answer in answers:
            answer.raise_for_status()
        print("there", flush=True)
        tasks = [asyncio.create_task(_read(answer, seen)) for answer in answers]
        done, going = await asyncio.wait(tasks, timeout=watch.seconds)
        seen.ended = len(done)
        for task in going:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return seen


async def _read(answer: aiohttp.ClientResponse, seen: Seen) -> None:
    left = b""
    async for part in answer.content.iter_any():
        moment = now()
        seen.bytes += len(part)
        whole, found, left = (left + part).rpartition(SEPARATOR)
        if found:
            seen.delays += [moment - int(each) / 1000 for each in EVENT.findall(whole)]


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(look(Watch(**json.load(sys.stdin)))))))
