"""APScheduler on asyncio with aiohttp: the quickest thing without a store."""

import asyncio
from datetime import UTC, datetime
from os import environ  # noqa: TID251 - a program of its own

import aiohttp
from apscheduler.schedulers.asyncio import AsyncIOScheduler

DUE = datetime.fromtimestamp(float(environ["BENCH_DUE"]), UTC)
URL = environ["BENCH_URL"] + "/api/v1/run_templates/00000000-0000-0000-0000-000000000002/runs"
PARAMETERS = {"epochs": 3, "data_date": f"{DUE:%Y-%m-%d}"}


async def main() -> None:
    """Schedule, and wait."""
    connector = aiohttp.TCPConnector(limit=64)
    async with aiohttp.ClientSession(connector=connector, headers={"authorization": "Bearer stub"}) as session:

        async def start(run_name: str) -> None:
            body = {"run_name": run_name, "steps": {"model_trainer": {"parameters": PARAMETERS}}}
            async with session.post(URL, json=body) as response:
                await response.read()
                response.raise_for_status()

        scheduler = AsyncIOScheduler(timezone=UTC, job_defaults={"misfire_grace_time": 120})
        for number in range(int(environ["BENCH_SCHEDULES"])):
            scheduler.add_job(start, "date", run_date=DUE, args=[f"s{number}-{DUE:%Y%m%d%H%M}"])
        scheduler.start()
        await asyncio.Event().wait()


asyncio.run(main())
