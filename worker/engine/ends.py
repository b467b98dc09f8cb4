"""Ends of triggers and runs, and what others make of them: the schedule's result, the upstream of who waits for it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from worker.domain.results import Result
from worker.domain.trigger import Trigger
from worker.engine.following import Upstream
from worker.store.codec import instant
from worker.store.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The end of a trigger that zenbeat had on record."""

    event: Event
    trigger: Trigger
    fields: dict[str, str]
    """Of its hash."""

    @property
    def reason(self) -> str:
        """Why it ended so."""
        return self.fields.get("reason") or f"the run {self.event.kind}"

    @property
    def seconds(self) -> float | None:
        """How long its run took, from when it was accepted."""
        accepted, ended = self.moment("accepted"), self.moment("run_ended")
        return (ended - accepted).total_seconds() if ended and accepted else None

    def moment(self, name: str) -> datetime | None:
        """Read an instant of its hash."""
        return instant(int(self.fields[name])) if self.fields.get(name) else None


def result_of(end: End) -> Result:
    """Give what the end means for a schedule."""
    trigger, fields = end.trigger, end.fields
    return Result(
        trigger=trigger.id,
        fate=end.event.kind,
        ended=end.moment("run_ended") or end.event.at,
        fire_time=trigger.fire_time,
        seconds=end.seconds,
        lateness_ms=int(fields["lateness_ms"]) if "lateness_ms" in fields and trigger.attempt == 1 else None,
        run_id=fields.get("run_id"),
        run_name=trigger.run_name,
        pipeline=fields.get("run_pipeline") or trigger.pipeline,
        runs=trigger.attempt,
    )


def upstream_of(end: End) -> Upstream:
    """Give what the end means for those that wait for it."""
    trigger, fields = end.trigger, end.fields
    return Upstream(
        run_id=fields.get("run_id") or trigger.id,
        run_name=trigger.run_name,
        fire_time=trigger.fire_time,
        ended=end.moment("run_ended") or end.event.at,
        schedule=trigger.schedule,
        pipeline=fields.get("run_pipeline") or trigger.pipeline,
        status=end.event.kind,
    )


def upstream_of_other(event: Event) -> Upstream:
    """Give what the end of a run that zenbeat did not start means for those that wait for it."""
    fields = event.fields
    return Upstream(
        run_id=fields["run_id"],
        run_name=fields["run_name"],
        fire_time=None,
        ended=datetime.fromisoformat(fields["ended"]).astimezone(UTC),
        schedule=None,
        pipeline=fields["pipeline"] or fields["pipeline_id"],
        status=event.kind,
    )
