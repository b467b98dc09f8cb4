"""From a definition and an origin to the complete trigger: names derived, body rendered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from worker.domain.results import Result
from worker.domain.retry import RetryPolicy, RunRetry
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
from worker.engine.following import Upstream
from worker.render import LastSuccess, UpstreamRun, compile_config, merge

NO_SWEEP = "00000000-0000-0000-0000-000000000000"
"""Stands for the id of a sweep where there is none."""

LOOK_BACK = timedelta(days=366)
"""How far back the previous fire time is looked for."""


def render(target: Target, context: Mapping[str, Any]) -> dict[str, Any]:
    """Render a target's configuration: `config` laid over the config template.

    Raises RenderError with the dotted path of what cannot be rendered.
    """
    return compile_config(merge(target.config_template, target.config)).render(context)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a schedule's past when it fires, beyond its definition."""

    last_success: Result | None = None
    upstreams: tuple[Upstream, ...] = ()
    """The runs that it was waiting for, in the order of the file."""
    window_start: datetime | None = None
    """Where one run makes up for several fires: the fire before the first of them."""


NOTHING = Known()


def schedule_context(schedule: Schedule, fire_time: datetime, known: Known = NOTHING) -> dict[str, Any]:
    """Give what expressions of a schedule know at a fire time; what is costly is a function, asked only if used."""
    zone = ZoneInfo(schedule.timezone)
    before = partial(_previous, schedule, fire_time, zone)
    context = {
        "fire_time": fire_time.astimezone(zone),
        "previous_fire_time": before,
        "window_start": known.window_start.astimezone(zone) if known.window_start else before,
        "window_end": fire_time.astimezone(zone),
        "last_success": _success(known.last_success, zone),
        "schedule": {"name": schedule.name, "pipeline": schedule.target.pipeline, "timezone": schedule.timezone},
    }
    if schedule.after is not None:
        upstreams = [_upstream(each, zone) for each in known.upstreams]
        last = max(upstreams, key=lambda each: each["ended"], default=None)
        context |= {"upstreams": upstreams, "upstream": last}
    return context


def _success(result: Result | None, zone: ZoneInfo) -> LastSuccess | None:
    if result is None or result.fire_time is None:
        return None
    return {
        "fire_time": result.fire_time.astimezone(zone),
        "ended": result.ended.astimezone(zone),
        "run_id": result.run_id or "",
        "run_name": result.run_name or "",
    }


def _upstream(upstream: Upstream, zone: ZoneInfo) -> UpstreamRun:
    return {
        "run_id": upstream.run_id,
        "run_name": upstream.run_name,
        "fire_time": upstream.fire_time.astimezone(zone) if upstream.fire_time else None,
        "ended": upstream.ended.astimezone(zone),
        "schedule": upstream.schedule,
        "pipeline": upstream.pipeline,
        "status": upstream.status,
    }


def for_schedule(schedule: Schedule, fire_time: datetime, known: Known = NOTHING) -> Trigger:
    """Make the trigger of one due instant, or of the runs that a schedule was waiting for: the same for the same."""
    follows = ",".join(upstream.run_id for upstream in known.upstreams)
    return _trigger(
        Origin.EVENT if follows else Origin.SCHEDULE,
        f"{schedule.name}<{follows}" if follows else schedule_source(schedule.name, fire_time),
        target=schedule.target,
        config=render(schedule.target, schedule_context(schedule, fire_time, known)),
        due=schedule.timing.jittered(fire_time, schedule.name),
        priority=schedule.priority,
        retry=schedule.retry,
        run_retry=schedule.run_retry,
        schedule=schedule.name,
        fire_time=fire_time,
    )


def example(schedule: Schedule, fire_time: datetime, known: Known = NOTHING) -> Mapping[str, Any]:
    """Give the body of a run that a fire time would start; of a sweep, that of its first trial."""
    if schedule.sweep is None:
        return for_schedule(schedule, fire_time, known).body
    return sample(schedule.sweep, fire_time, schedule.timezone)


def sample(definition: SweepDefinition, fire_time: datetime, zone: str = "") -> Mapping[str, Any]:
    """Give the body of a sweep's first trial; of a sampler that learns, of any that it may choose."""
    occasion = Occasion(id=NO_SWEEP, fire_time=fire_time, zone=zone)
    return for_trial(occasion, definition, 1, fire_time, definition.sweep.example()).body


def previous(schedule: Schedule, fire_time: datetime) -> datetime | None:
    """Give the fire time before one; None if there was none for a year."""
    return schedule.timing.last(fire_time - timedelta(microseconds=1), fire_time - LOOK_BACK)


def _previous(schedule: Schedule, fire_time: datetime, zone: ZoneInfo) -> datetime | None:
    found = previous(schedule, fire_time)
    return found.astimezone(zone) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Which of the sweeps of a definition a trial belongs to."""

    id: str
    fire_time: datetime | None = None
    """When its schedule was due; None for a sweep that a person has begun."""
    zone: str = ""
    """The time zone of that schedule."""


def for_trial(
    occasion: Occasion, definition: SweepDefinition, number: int, due: datetime, params: Mapping[str, Any]
) -> Trigger:
    """Make the trigger of trial `number` (from 1) of a sweep: the same for the same."""
    context: dict[str, Any] = {
        "sweep": {"name": definition.name, "id": occasion.id, "pipeline": definition.target.pipeline},
        "trial": number,
        "params": params,
    }
    if occasion.fire_time is not None:
        context["fire_time"] = occasion.fire_time.astimezone(ZoneInfo(occasion.zone or "UTC"))
    return _trigger(
        Origin.SWEEP,
        trial_source(occasion.id, number),
        target=definition.target,
        config=overlay(render(definition.target, context), params),
        due=due,
        priority=definition.priority,
        retry=definition.retry,
        run_retry=definition.run_retry,
        sweep=occasion.id,
        trial=number,
        stem=f"{trial_stem(definition.name, occasion.id)}{number}",
    )


def for_backfill(
    schedule: Schedule, fire_time: datetime, due: datetime, known: Known, *, priority: int, mark: str = ""
) -> Trigger:
    """Make the trigger of a fire time of the past: the schedule's own, so that a fire that had its run gets no other.

    A `mark` makes it another one all the same.
    """
    return _trigger(
        Origin.BACKFILL,
        schedule_source(schedule.name, fire_time, mark),
        target=schedule.target,
        config=render(schedule.target, schedule_context(schedule, fire_time, known)),
        due=due,
        priority=priority,
        retry=schedule.retry,
        run_retry=schedule.run_retry,
        schedule=schedule.name,
        fire_time=fire_time,
    )


def trial_stem(name: str, sweep_id: str) -> str:
    """Give what the run names of a sweep begin with: of this sweep alone, so that its runs can be found."""
    return f"{name}-{sweep_id[:6]}-"


def for_request(
    origin: Origin,
    key: str,
    target: Target,
    *,
    due: datetime,
    priority: int = 0,
    retry: RetryPolicy | None = None,
    run_retry: RunRetry | None = None,
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
        run_retry=run_retry,
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
    run_retry: RunRetry | None,
    schedule: str | None = None,
    sweep: str | None = None,
    trial: int | None = None,
    fire_time: datetime | None = None,
    stem: str = "",
) -> Trigger:
    identity = trigger_id(origin, source)
    # The runs of a sweep are found by their names, so that a run_name of its own gives way.
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
        run_retry=run_retry,
    )
