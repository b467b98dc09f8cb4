"""From a definition and an origin to the complete trigger: names derived, body rendered."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from worker.domain.retry import RetryPolicy
from worker.domain.schedule import Schedule, SweepDefinition, Target
from worker.domain.sweep import overlay
from worker.domain.trigger import (
    Origin,
    Trigger,
    complete_body,
    run_name,
    schedule_source,
    tags,
    trial_source,
    trigger_id,
)
from worker.render import compile_config, merge

LOOK_BACK = timedelta(days=366)
"""How far back the previous fire time is looked for."""


def render(target: Target, context: Mapping[str, Any]) -> dict[str, Any]:
    """Render a target's configuration: `config` laid over the config template.

    Raises RenderError with the dotted path of what cannot be rendered.
    """
    return compile_config(merge(target.config_template, target.config)).render(context)


def schedule_context(schedule: Schedule, fire_time: datetime) -> dict[str, Any]:
    """Give what expressions of a schedule know at a fire time; what is costly is a function, asked only if used."""
    zone = ZoneInfo(schedule.timezone)
    return {
        "fire_time": fire_time.astimezone(zone),
        "previous_fire_time": partial(_previous, schedule, fire_time, zone),
        "schedule": {"name": schedule.name, "pipeline": schedule.target.pipeline, "timezone": schedule.timezone},
    }


def for_schedule(schedule: Schedule, fire_time: datetime) -> Trigger:
    """Make the trigger of one due instant. The same instant gives the same trigger."""
    return _trigger(
        Origin.SCHEDULE,
        schedule_source(schedule.name, fire_time),
        target=schedule.target,
        config=render(schedule.target, schedule_context(schedule, fire_time)),
        due=schedule.timing.jittered(fire_time, schedule.name),
        priority=schedule.priority,
        retry=schedule.retry,
        schedule=schedule.name,
        fire_time=fire_time,
    )


def _previous(schedule: Schedule, fire_time: datetime, zone: ZoneInfo) -> datetime | None:
    found = schedule.timing.last(fire_time - timedelta(microseconds=1), fire_time - LOOK_BACK)
    return found.astimezone(zone) if found else None


def for_trial(sweep_id: str, definition: SweepDefinition, number: int, due: datetime) -> Trigger:
    """Make the trigger of trial `number` (from 1) of a sweep: computed from the definition, never looked up."""
    params = definition.sweep.trial(number)
    context = {
        "sweep": {"name": definition.name, "id": sweep_id, "pipeline": definition.target.pipeline},
        "trial": number,
        "params": params,
    }
    source = trial_source(sweep_id, number)
    return _trigger(
        Origin.SWEEP,
        source,
        target=definition.target,
        config=overlay(render(definition.target, context), params),
        due=due,
        priority=definition.priority,
        retry=definition.retry,
        sweep=sweep_id,
        trial=number,
        stem=f"{trial_stem(definition.name, sweep_id)}{number}",
    )


def trial_stem(name: str, sweep_id: str) -> str:
    """Give what the run names of a sweep begin with: of this sweep alone, so that its runs can be counted."""
    return f"{name}-{sweep_id[:6]}-"


def for_request(
    origin: Origin,
    key: str,
    target: Target,
    *,
    due: datetime,
    priority: int = 0,
    retry: RetryPolicy | None = None,
    schedule: str | None = None,
) -> Trigger:
    """Make the trigger that a person or program asked for. `key` is the caller's idempotency key."""
    config = merge(target.config_template, target.config)
    return _trigger(
        origin,
        key,
        target=target,
        config=config,
        due=due,
        priority=priority,
        retry=retry or RetryPolicy(),
        schedule=schedule,
    )


def _trigger(
    origin: Origin,
    source: str,
    *,
    target: Target,
    config: Mapping[str, Any],
    due: datetime,
    priority: int,
    retry: RetryPolicy,
    schedule: str | None = None,
    sweep: str | None = None,
    trial: int | None = None,
    fire_time: datetime | None = None,
    stem: str = "",
) -> Trigger:
    identity = trigger_id(origin, source)
    # The runs of a sweep are counted by their names, so that a run_name of its own gives way.
    wanted = stem or config.get("run_name") or schedule or target.pipeline
    name = run_name(str(wanted), identity, fire_time)
    return Trigger(
        id=identity,
        origin=origin,
        source=source,
        pipeline=target.pipeline,
        template=target.template,
        snapshot=target.snapshot,
        project=target.project,
        run_name=name,
        body=complete_body(config, name, tags(identity, schedule=schedule, sweep=sweep)),
        schedule=schedule,
        sweep=sweep,
        trial=trial,
        fire_time=fire_time,
        due=due,
        priority=priority,
        retry=retry,
    )
