"""Beat and workers as real processes: a schedule file starts runs."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from worker.demo.valkey import EmbeddedRedis

EVERY_SECOND = """\
schedules:
  - name: ticking
    pipeline: training
    template: production
    every: 1s
    config:
      steps: {model_trainer: {parameters: {data_date: "{{ fire_time | date('%Y-%m-%d') }}"}}}
"""


def fires(stack: Any) -> dict[str, str]:
    """Give the fire times on record, each with its trigger."""
    return {
        entry["fire_time"]: entry.get("trigger", "")
        for entry in map(json.loads, stack.redis.zrange("zenbeat:ledger:ticking", 0, -1))
        if entry["decision"] == "fired"
    }


def test_every_due_instant_starts_one_run_and_is_told(worker_ready: Any, eventually: Callable[..., None]) -> None:
    stack = worker_ready
    stack.define(EVERY_SECOND)
    stack.start("beat")
    eventually(lambda: len(stack.outcomes("started")) >= 4, what="four runs")
    stack.end()
    started = {outcome["trigger"] for outcome in stack.outcomes("started")}
    assert started <= set(fires(stack).values())
    names = [run.name for run in stack.demo.state.runs.values()]
    assert len(names) == len(set(names)) == len(started)
    assert "Traceback" not in stack.logs()


def test_both_end_within_seconds_of_a_signal_and_take_their_signs_away(
    worker_ready: Any, eventually: Callable[..., None]
) -> None:
    stack = worker_ready
    beat = stack.start("beat")
    eventually(lambda: stack.ready("beat"), what="a beat")
    for process in stack.processes:
        process.send_signal(signal.SIGTERM)
    assert beat.wait(5) == 0
    assert stack.processes[0].wait(5) == 0
    assert not stack.ready("beat")
    assert not stack.ready("worker")
    assert stack.redis.get("zenbeat:leader:0") is None


def test_signals_in_a_row_end_a_beat_all_the_same(stack: Any, eventually: Callable[..., None]) -> None:
    beats = [stack.start("beat") for _ in range(4)]
    eventually(lambda: len(stack.redis.keys("zenbeat:heartbeat:beat:*")) == 4, what="four beats")
    deadline = time.monotonic() + 10
    while any(beat.poll() is None for beat in beats) and time.monotonic() < deadline:
        for beat in beats:
            beat.send_signal(signal.SIGTERM)
        time.sleep(0.002)
    # One that is hit in its very last moments, when Python has put its handlers away, ends by the signal itself.
    assert {beat.poll() for beat in beats} <= {0, -signal.SIGTERM}


def test_a_beat_is_closed_once_however_often_it_is_told(stack: Any) -> None:
    program = (
        "import worker.beat, worker.celery, worker.process as process\n"
        "scheduler = worker.beat.Scheduler(app=worker.celery.app)\n"
        "scheduler.close()\n"
        "process.Runtime = None  # no other is made\n"
        "scheduler.close()\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], env=stack.environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert said.returncode == 0, said.stderr


def test_a_worker_killed_while_it_posts_costs_no_run_and_doubles_none(
    stack: Any, eventually: Callable[..., None]
) -> None:
    stack.demo.faults.add("hang_after_accept", match="POST .*/runs$", seconds=30, times=2)
    stack.define(EVERY_SECOND)
    first = stack.start("worker")
    beat = stack.start("beat")
    eventually(lambda: stack.demo.state.posts >= 2, what="two POSTs that hang, as many as an unknown server gets")
    first.kill()
    first.wait()
    stack.start("worker")
    eventually(lambda: len(stack.outcomes("started")) >= 6, what="six runs")
    beat.send_signal(signal.SIGTERM)
    beat.wait(10)
    due = fires(stack)
    eventually(lambda: len(stack.outcomes("started")) == len(due), what="all that was due")
    assert {outcome["trigger"] for outcome in stack.outcomes("started")} == set(due.values())
    assert len(stack.demo.state.runs) == len(due)


def test_a_beat_killed_loses_no_fire(worker_ready: Any, eventually: Callable[..., None]) -> None:
    stack = worker_ready
    stack.define(EVERY_SECOND)
    for _ in range(3):
        beat = stack.start("beat")
        before = len(fires(stack))
        eventually(lambda before=before: len(fires(stack)) >= before + 2, what="two more fires")
        os.kill(beat.pid, signal.SIGKILL)
        beat.wait()
    stack.start("beat")
    count = len(fires(stack))
    eventually(lambda: len(fires(stack)) > count + 1, what="fires of the last beat")
    stack.define("schedules: []")
    eventually(lambda: "schedule removed" in stack.logs(), what="an end")
    seconds = sorted(fires(stack))
    first, last = (datetime.fromisoformat(seconds[i]) for i in (0, -1))
    assert len(seconds) == (last - first) / timedelta(seconds=1) + 1, "no second between the first and the last is out"
    eventually(lambda: len(stack.demo.state.runs) == len(seconds), what="a run for each")


def test_messages_that_are_lost_are_rung_again(stack: Any, eventually: Callable[..., None]) -> None:
    stack.define(EVERY_SECOND)
    stack.start("beat")
    eventually(lambda: len(fires(stack)) >= 2, what="fires")
    stack.redis.delete("zenbeat.doorbell")
    stack.start("worker")
    eventually(lambda: len(stack.outcomes("started")) >= 3, what="runs")


def test_a_broker_that_is_away_holds_up_no_record_and_is_used_when_it_is_back(
    stack: Any, eventually: Callable[..., None], tmp_path: Any
) -> None:
    broker = EmbeddedRedis(tmp_path / "broker", persist=False)
    with broker as address:
        stack.define(EVERY_SECOND)
        stack.start("worker", CELERY_BROKER_URL=address)
        stack.start("beat", CELERY_BROKER_URL=address)
        eventually(lambda: stack.outcomes("started"), what="a run")
        os.kill(broker.pid, signal.SIGKILL)
        eventually(lambda: "workers not rung" in stack.logs(), what="a sentence")
        count = len(fires(stack))
        eventually(lambda: len(fires(stack)) >= count + 4, what="fires on record meanwhile")
        epoch = stack.redis.get("zenbeat:leader:0")
        broker.start()
        due = set(fires(stack).values())
        eventually(lambda: due <= {one["trigger"] for one in stack.outcomes("started")}, 60, "a run for each")
        assert stack.redis.get("zenbeat:leader:0") == epoch, "the lead was kept"
        stack.end()
    assert "Traceback" not in stack.logs()


def test_invalid_settings_end_both_with_exit_2_and_a_sentence(stack: Any) -> None:
    for role in ("worker", "beat"):
        said = subprocess.run(
            [sys.executable, "-m", "celery", "-A", "worker", role],
            env={**stack.environment, "ZENBEAT_BATHC": "3"},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert said.returncode == 2
        assert "ZENBEAT_BATHC: unknown variable; did you mean ZENBEAT_BATCH?" in said.stderr
        assert "Traceback" not in said.stderr
