"""Celery's own beat and worker as one would write it: a task for each schedule, httpx, sixteen threads."""

from datetime import UTC, datetime
from os import environ  # noqa: TID251 - a program of its own

import httpx
from celery import Celery
from celery.schedules import crontab
from celery.signals import worker_ready

NUMBER = int(environ["BENCH_SCHEDULES"])
DUE = datetime.fromtimestamp(float(environ["BENCH_DUE"]), UTC)
URL = environ["BENCH_URL"] + "/api/v1/run_templates/00000000-0000-0000-0000-000000000002/runs"
PARAMETERS = {"epochs": 3, "data_date": f"{DUE:%Y-%m-%d}"}

app = Celery("celery_beat", broker=environ["BENCH_REDIS"])
app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=4, broker_connection_retry_on_startup=True)
app.conf.beat_schedule = {
    f"s{number}": {
        "task": "start",
        "schedule": crontab(minute=DUE.minute, hour=DUE.hour),
        "kwargs": {"run_name": f"s{number}-{DUE:%Y%m%d%H%M}"},
    }
    for number in range(NUMBER)
}
client = httpx.Client(timeout=30)


@app.task(name="start")
def start(run_name: str) -> None:
    """Start a run."""
    body = {"run_name": run_name, "steps": {"model_trainer": {"parameters": PARAMETERS}}}
    client.post(URL, json=body, headers={"authorization": "Bearer stub"}).raise_for_status()


@worker_ready.connect
def warm_up(**_: object) -> None:
    """Connect before the first launch."""
    client.get(environ["BENCH_URL"] + "/count")
