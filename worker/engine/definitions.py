"""Sweep definitions as JSON and back, so that a running sweep does not depend on its file."""

from collections.abc import Mapping
from typing import Any

from worker.domain.schedule import SweepDefinition, Target
from worker.domain.sweep import parse_sweep
from worker.store.codec import decode_retry, decode_run_retry, encode_retry, encode_run_retry


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
