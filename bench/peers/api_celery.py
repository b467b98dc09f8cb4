"""An HTTP API as one would write it with FastAPI and Celery alone: the body is checked, then sent to a worker.

The module is the API's application (`web`) and the worker's (`app`).
"""

from os import environ  # noqa: TID251 - a program of its own
from typing import Any

import httpx
from celery import Celery
from fastapi import FastAPI
from pydantic import BaseModel

URL = environ["BENCH_URL"] + "/api/v1/run_templates/00000000-0000-0000-0000-000000000002/runs"

app = Celery("api_celery", broker=environ["BENCH_REDIS"])
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True)
web = FastAPI()
client = httpx.Client(timeout=30)


class Wanted(BaseModel):
    """One run that is asked for."""

    pipeline: str
    template: str | None = None
    config: dict[str, Any] = {}


class Batch(BaseModel):
    """Many of them."""

    triggers: list[Wanted]


@app.task(name="start")
def start(pipeline: str, template: str | None, config: dict[str, Any]) -> None:  # noqa: ARG001 - one URL is enough here
    """Start a run."""
    client.post(URL, json=config, headers={"authorization": "Bearer stub"}).raise_for_status()


def send(wanted: Wanted) -> dict[str, str]:
    """Give it to a worker."""
    return {"id": app.send_task("start", kwargs=wanted.model_dump()).id}


@web.post("/one", status_code=202)
def one(wanted: Wanted) -> dict[str, str]:
    """Queue a run."""
    return send(wanted)


@web.post("/many", status_code=202)
def many(batch: Batch) -> list[dict[str, str]]:
    """Queue many."""
    return [send(wanted) for wanted in batch.triggers]
