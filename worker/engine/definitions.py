"""Definitions as JSON and back, so that a sweep or backfill that is going on does not depend on its file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson

from worker.domain.schedule import SweepDefinition, Target
from worker.domain.sweep import parse_sweep
from worker.render import merge
from worker.store.codec import decode_retry, decode_run_retry, encode_retry, encode_run_retry, instant, milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """A range of a schedule's past that is to be run. Its trials are the fire times, in the order in which they go."""

    schedule: str
    fires: Sequence[datetime]
    priority: int
    max_parallel: int | None = None
    """The most runs at once; None is as many as the limits allow."""
    window_start: datetime | None = None
    """With it, there is one run for all of the range, from here to the only fire."""
    coalesced: Sequence[datetime] = ()
    """The fires that this run stands for, besides its own."""
    forced: str = ""
    """Not empty: a fire time that has had its run gets another one, once for each such mark."""

    @property
    def mark(self) -> str:
        """Give what tells its triggers from those of the fire times themselves; "" where they are the same.

        A run for all of the range is none of its last fire time alone, and once there for each such range.
        """
        window = str(milliseconds(self.window_start)) if self.window_start else ""
        return "!".join(each for each in (window, self.forced) if each)


def encode_sweep(definition: SweepDefinition) -> dict[str, Any]:
    """Give a definition as JSON values."""
    target = definition.target
    return {
        "name": definition.name,
        "target": {
            "pipeline": target.pipeline,
            "template": target.template,
            "snapshot": target.snapshot,
            "project": target.project,
            "config_template": target.config_template,
            "config": target.config,
        },
        "sweep": definition.sweep.definition(),
        "priority": definition.priority,
        "retry": encode_retry(definition.retry),
        "run_retry": encode_run_retry(definition.run_retry),
    }


def as_written(data: Mapping[str, Any]) -> dict[str, Any]:
    """Give what `encode_sweep` gave in the words of a schedule file; how often a start is tried is left out.

    What its config template held is part of the configuration: that file may be another one by now.
    """
    target, sweep = data["target"], data["sweep"]
    given = {
        "name": data["name"],
        **{word: target[word] for word in ("pipeline", "template", "snapshot", "project")},
        **{word: value for word, value in sweep.items() if word not in {"name", "before"}},
        "priority": data["priority"],
        "config": merge(target["config_template"], target["config"]) or None,
    }
    return {word: value for word, value in given.items() if value is not None}


def decode_sweep(data: Mapping[str, Any]) -> SweepDefinition:
    """Read what `encode_sweep` gave."""
    return SweepDefinition(
        name=data["name"],
        target=Target(**data["target"]),
        sweep=parse_sweep(data["sweep"]),
        priority=data["priority"],
        retry=decode_retry(data["retry"]),
        run_retry=decode_run_retry(data.get("run_retry")),
    )


def encode_backfill(backfill: Backfill) -> dict[str, Any]:
    """Give a backfill as JSON values; instants are milliseconds since the epoch."""
    return {
        "schedule": backfill.schedule,
        "fires": [milliseconds(fire) for fire in backfill.fires],
        "priority": backfill.priority,
        "max_parallel": backfill.max_parallel,
        "window_start": milliseconds(backfill.window_start) if backfill.window_start else None,
        "coalesced": [milliseconds(fire) for fire in backfill.coalesced],
        "forced": backfill.forced,
    }


def decode_backfill(data: Mapping[str, Any]) -> Backfill:
    """Read what `encode_backfill` gave."""
    instants = {name: tuple(instant(each) for each in data[name]) for name in ("fires", "coalesced")}
    begin = data["window_start"]
    return Backfill(**{**data, **instants, "window_start": None if begin is None else instant(begin)})


def mark_of(data: Mapping[str, Any]) -> tuple[bytes, str]:
    """Give a definition's JSON, and its fingerprint: the same for the same definition, in the order of the file."""
    content = orjson.dumps(data)
    return content, sha256(content).hexdigest()
