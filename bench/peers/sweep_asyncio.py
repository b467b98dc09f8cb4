"""A sweep as a plain loop on asyncio with aiohttp: 64 requests at once, no store, no record."""

import asyncio
import random
import time
from os import environ  # noqa: TID251 - a program of its own

import aiohttp

URL = environ["BENCH_URL"] + "/api/v1/run_templates/00000000-0000-0000-0000-000000000002/runs"
AT_ONCE = 64


async def main() -> None:
    """Start every trial's run, and wait to be ended."""
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    async with aiohttp.ClientSession(connector=connector, headers={"authorization": "Bearer stub"}) as session:
        room, draw = asyncio.Semaphore(AT_ONCE), random.Random(7)

        async def start(number: int, lr: float, epochs: int) -> None:
            parameters = {"lr": lr, "epochs": epochs}
            body = {"run_name": f"bench-{number}", "steps": {"model_trainer": {"parameters": parameters}}}
            async with room, session.post(URL, json=body) as response:
                await response.read()
                response.raise_for_status()

        await asyncio.sleep(max(0.0, float(environ["BENCH_DUE"]) - time.time()))  # noqa: TID251 - the clock of all
        trials = range(1, int(environ["BENCH_TRIALS"]) + 1)
        await asyncio.gather(*(start(number, 10 ** draw.uniform(-4, -1), draw.randint(1, 9)) for number in trials))
        await asyncio.Event().wait()


asyncio.run(main())
