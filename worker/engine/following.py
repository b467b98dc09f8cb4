"""Schedules that follow others: who waits for whom, and what comes of it when one has ended."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from worker.domain.after import After
from worker.domain.fate import Fate, matches
from worker.domain.schedule import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """A run that has ended, as those know it that follow it."""

    run_id: str
    run_name: str
    fire_time: datetime | None
    """None for a run that no schedule fired."""
    ended: datetime
    schedule: str | None
    pipeline: str
    status: str
    """A `Fate`."""

    def __str__(self) -> str:
        whose = f"schedule {self.schedule}" if self.schedule else f"pipeline {self.pipeline}"
        return f"run {self.run_id} of {whose} ({self.status})"

    def plain(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return {name: _plain(getattr(self, name)) for name in Upstream.__slots__}

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> "Upstream":
        """Read what `plain` gave."""
        fire_time = plain["fire_time"]
        return cls(
            **{
                **plain,
                "fire_time": datetime.fromisoformat(fire_time) if fire_time else None,
                "ended": datetime.fromisoformat(plain["ended"]),
            }
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """A pipeline whose runs others follow, by name or id, and its project."""

    pipeline: str
    project: str | None


@dataclass(frozen=True, slots=True)
class Follower:
    """A schedule that waits for something, and which of its upstreams that is."""

    schedule: str
    index: int
    on: frozenset[Fate]
    wanted: Wanted | None = None
    """The pipeline that it waits for; None where it waits for a schedule."""


@dataclass(slots=True)
class Followers:
    """Who waits for which schedule, and for which pipeline."""

    of_schedule: dict[str, list[Follower]] = field(default_factory=dict)
    of_pipeline: dict[str, list[Follower]] = field(default_factory=dict)

    @classmethod
    def among(cls, schedules: Iterable[Schedule]) -> "Followers":
        """Find them among all schedules."""
        found = cls()
        for schedule in schedules:
            for index, upstream in enumerate(schedule.after.upstreams if schedule.after else ()):
                if upstream.schedule:
                    follower = Follower(schedule.name, index, upstream.on)
                    found.of_schedule.setdefault(upstream.schedule, []).append(follower)
                elif upstream.pipeline:
                    wanted = Wanted(upstream.pipeline, upstream.project)
                    follower = Follower(schedule.name, index, upstream.on, wanted)
                    found.of_pipeline.setdefault(upstream.pipeline, []).append(follower)
        return found

    def waiting_for(self, schedule: str | None, pipelines: Sequence[str], fate: Fate) -> list[Follower]:
        """Give those that wait for a run of a schedule or of a pipeline, named or by id, that ended so."""
        listed = list(self.of_schedule.get(schedule, ())) if schedule else []
        for name in dict.fromkeys(pipelines):
            listed += self.of_pipeline.get(name, ())
        # One that names its own pipeline by its id would start itself for ever; a file cannot tell.
        return [each for each in listed if matches(fate, each.on) and each.schedule != schedule]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def examples(after: After, now: datetime) -> tuple[Upstream, ...]:
    """Make up the runs that a schedule follows, to see what it would start."""
    listed = after.upstreams if after.together else after.upstreams[:1]
    return tuple(
        Upstream(
            run_id=f"example-{number}",
            run_name=f"example-{number}",
            fire_time=now if each.schedule else None,
            ended=now,
            schedule=each.schedule,
            pipeline=each.pipeline or "example",
            status=min(each.on),
        )
        for number, each in enumerate(listed, 1)
    )
