"""Triggers as JSON and back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from worker.domain.fate import Fate
from worker.domain.retry import RetryPolicy, RunRetry
from worker.domain.trigger import Origin, Trigger


def milliseconds(moment: datetime) -> int:
    """Give an instant as Redis keeps it: milliseconds since the epoch."""
    return round(moment.timestamp() * 1000)


def instant(value: float) -> datetime:
    """Give milliseconds since the epoch as an aware instant."""
    return datetime.fromtimestamp(value / 1000, UTC)


def duration_ms(duration: timedelta) -> int:
    """Give a duration as Redis keeps it."""
    return round(duration.total_seconds() * 1000)


def encode_retry(retry: RetryPolicy) -> dict[str, float]:
    """Give a retry policy as JSON values; durations in seconds."""
    return {
        "max_attempts": retry.max_attempts,
        "initial": retry.initial.total_seconds(),
        "max": retry.max.total_seconds(),
    }


def decode_retry(value: dict[str, Any]) -> RetryPolicy:
    """Read what `encode_retry` wrote."""
    return RetryPolicy(
        max_attempts=value["max_attempts"],
        initial=timedelta(seconds=value["initial"]),
        max=timedelta(seconds=value["max"]),
    )


def encode_run_retry(retry: RunRetry | None) -> dict[str, Any] | None:
    """Give the retry of runs as JSON values; durations in seconds."""
    if retry is None:
        return None
    return {
        "max_attempts": retry.max_attempts,
        "initial": retry.initial.total_seconds(),
        "max": retry.max.total_seconds(),
        "on": sorted(retry.on),
    }


def decode_run_retry(value: dict[str, Any] | None) -> RunRetry | None:
    """Read what `encode_run_retry` wrote."""
    if value is None:
        return None
    return RunRetry(
        max_attempts=value["max_attempts"],
        initial=timedelta(seconds=value["initial"]),
        max=timedelta(seconds=value["max"]),
        on=frozenset(map(Fate, value["on"])),
    )


def encode_trigger(trigger: Trigger) -> bytes:
    """Give a trigger as JSON. What is None is left out."""
    plain = {
        "id": trigger.id,
        "origin": trigger.origin.value,
        "source": trigger.source,
        "pipeline": trigger.pipeline,
        "template": trigger.template,
        "snapshot": trigger.snapshot,
        "project": trigger.project,
        "run_name": trigger.run_name,
        "body": trigger.body,
        "schedule": trigger.schedule,
        "sweep": trigger.sweep,
        "trial": trigger.trial,
        "fire_time": trigger.fire_time,
        "due": trigger.due,
        "priority": trigger.priority,
        "retry": encode_retry(trigger.retry),
        "run_retry": encode_run_retry(trigger.run_retry),
        "attempt": trigger.attempt if trigger.attempt > 1 else None,
    }
    return orjson.dumps({key: value for key, value in plain.items() if value is not None})


def decode_trigger(data: bytes) -> Trigger:
    """Read what `encode_trigger` wrote."""
    value = orjson.loads(data)
    fire_time = value.pop("fire_time", None)
    return Trigger(
        **{
            **value,
            "origin": Origin(value["origin"]),
            "retry": decode_retry(value["retry"]),
            "run_retry": decode_run_retry(value.get("run_retry")),
            "due": datetime.fromisoformat(value["due"]),
            "fire_time": datetime.fromisoformat(fire_time) if fire_time else None,
        }
    )
