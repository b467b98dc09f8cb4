"""Another application queues triggers, one after another: how long until each launch?"""

import sys

from celery import Celery

from bench.clock import now, sleep_until, wait_until
from bench.figures import Figures, keep, percentile
from bench.installation import Installation, document
from bench.processes import StubServer

WARM_UP = 10
PATIENCE_SECONDS = 30.0


def enqueue(runs: int, triggers: int, rate: float) -> None:
    """Measure, `runs` times, each with fresh processes."""
    found = []
    for number in range(runs):
        print(f"run {number + 1} of {runs}", file=sys.stderr, flush=True)
        found.append(_measure(triggers, rate))
    keep("enqueue", {"triggers": triggers, "a second": rate, "runs": runs}, {"zenbeat": found})


def _measure(triggers: int, rate: float) -> Figures:
    with StubServer() as stub, Installation(stub.url, document(schedules=[])) as zenbeat:
        app = Celery("somebody", broker=zenbeat.redis_url, set_as_current=False)
        # The first sending connects and imports; that is the caller's time, not zenbeat's.
        for number in range(WARM_UP):
            _send(app, f"warm{number}")
        wait_until(lambda: stub.count() >= WARM_UP, PATIENCE_SECONDS)
        stub.reset()
        before = zenbeat.group.cpu()
        begin, sent = now() + 0.2, {}
        for number in range(triggers):
            sleep_until(begin + number / rate)
            name = f"t{number:05}"
            sent[name] = now()
            _send(app, name)
        wait_until(lambda: stub.count() >= triggers, PATIENCE_SECONDS)
        after = zenbeat.group.cpu()
        app.close()
        record = stub.record()
        # zenbeat appends a short id to the run name that was asked for.
        took = [(when - sent[name[:6]]) * 1000 for when, name in record]
        return {
            "p50 ms": percentile(took, 0.5),
            "p90 ms": percentile(took, 0.9),
            "p99 ms": percentile(took, 0.99),
            "max ms": max(took),
            "CPU ms a trigger": sum(after[each] - before[each] for each in after) / triggers * 1000,
            "missing": triggers - len({name for _, name in record}),
            "doubled": len(record) - len({name for _, name in record}),
        }


def _send(app: Celery, name: str) -> None:
    request = {
        "pipeline": "training",
        "template": "production",
        "config": {"run_name": name, "steps": {"model_trainer": {"parameters": {"epochs": 3}}}},
        "idempotency_key": name,
    }
    app.send_task("worker.trigger", kwargs=request, queue="zenbeat", ignore_result=True)
