"""A sweep as one would write it with Celery alone: a `group` of one task for each trial, with httpx.

As a program it sends the group at BENCH_DUE and waits to be ended; as a module it is the worker's application.
"""

import random
import signal
import time
from os import environ  # noqa: TID251 - a program of its own

import httpx
from celery import Celery, group

URL = environ["BENCH_URL"] + "/api/v1/run_templates/00000000-0000-0000-0000-000000000002/runs"

app = Celery("sweep_celery", broker=environ["BENCH_REDIS"])
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True)
client = httpx.Client(timeout=30)


@app.task(name="start")
def start(number: int, lr: float, epochs: int) -> None:
    """Start a trial's run."""
    body = {"run_name": f"bench-{number}", "steps": {"model_trainer": {"parameters": {"lr": lr, "epochs": epochs}}}}
    client.post(URL, json=body, headers={"authorization": "Bearer stub"}).raise_for_status()


def main() -> None:
    """Send the sweep."""
    draw = random.Random(7)
    time.sleep(max(0.0, float(environ["BENCH_DUE"]) - time.time()))  # noqa: TID251 - the clock of all processes
    trials = range(1, int(environ["BENCH_TRIALS"]) + 1)
    group(start.s(number, 10 ** draw.uniform(-4, -1), draw.randint(1, 9)) for number in trials).apply_async()
    signal.pause()


if __name__ == "__main__":
    main()
